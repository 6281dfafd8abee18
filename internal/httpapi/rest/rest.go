// Package rest makes endpoints out of declarations: a method, a path, who may call it, a struct that
// is read and a struct that is answered. From the same declaration come the route, the checks of the
// input and the page of the contract, so none of the three can say something else than the others.
//
//	request ──▶ strict JSON, path, query ──▶ In ──▶ constraints of In ──▶ handler ──▶ Out ──▶ JSON
//
// What is validated is what is used: the input is decoded once, into the struct that the handler
// gets, and it is that struct which is checked. Duplicate, unknown and differently spelled names,
// repeated parameters, nulls and bodies that nobody asked for are refused. No error repeats a value.
//
// Constraints are struct tags of In and of the structs inside:
//
//	path, query, header:"name"  where a field of In stands; body:"json" marks the one that is the body
//	json:"name,omitzero"        with omitzero (or a pointer) a member may be missing, else it is required
//	min, max:"8"                length of a text in characters, of a list in items; value of a number
//	pattern, enum, format       regular expression; words separated by commas; email, uri, or text for
//	                            texts of several lines; seconds for a number that is a span of time
//	doc:"…"                     one line for the contract
//	secret:"once"               in Out: a secret that is shown this one time, in the answer to a POST
//
// A text without max has at most 1024 characters, a list or map at most 100 items.
package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// None is an In that reads nothing, and an Out that answers 204 without a body.
type None struct{}

// Endpoint declares an endpoint. Its route part is what the doorstep must know.
type Endpoint struct {
	edge.Route
	Group   string      // heading in the contract
	Summary string      // one line for the contract
	Details string      // more, if one line is not enough
	Status  int         // of success; default 200, or 204 where Out is None
	Errors  []errs.Kind // refusals to expect besides those that follow from the declaration
	// Lax says, of an endpoint that is only described, that unknown members of the body are ignored,
	// because the specification of its protocol demands it.
	Lax bool
}

// Operation is an endpoint that is ready to be served and described.
type Operation struct {
	Endpoint
	in      *input
	out     *node // nil if there is no body
	outType string
	err     error
}

// Handle declares an endpoint that is a plain function.
func Handle[In, Out any](e Endpoint, f func(context.Context, access.Caller, In) (Out, error)) Operation {
	return HandleWith(e, func(x *edge.Exchange, c access.Caller, in In) (Out, error) {
		return f(x.R.Context(), c, in)
	})
}

// HandleWith is Handle for a function that also needs the exchange: to set cookies, or to know the site.
func HandleWith[In, Out any](e Endpoint, f func(*edge.Exchange, access.Caller, In) (Out, error)) Operation {
	o := declare[In, Out](e)
	if o.in != nil && o.in.form || e.Lax {
		o.err = errors.Join(o.err, errors.New("only JSON is read here, and only strictly"))
	}
	if o.out != nil {
		o.err = errors.Join(o.err, o.out.refuseSecrets(e.Method == http.MethodPost, map[*node]bool{}))
	}
	in, status := o.in, o.Status
	o.Handle = func(x *edge.Exchange, c access.Caller) error {
		var v In
		if err := in.read(x, &v); err != nil {
			return err
		}
		out, err := f(x, c, v)
		if err != nil {
			return err
		}
		if status == http.StatusNoContent {
			x.WriteHeader(status)
			return nil
		}
		return x.JSON(status, out)
	}
	return o
}

// Describe declares an endpoint that reads and answers by itself, as hot ones and those of protocols
// do. In and Out are only for the contract; outType is the media type of the answer.
func Describe[In, Out any](e Endpoint, outType string, h edge.Handler) Operation {
	o := declare[In, Out](e)
	o.Handle, o.outType = h, outType
	return o
}

func declare[In, Out any](e Endpoint) Operation {
	o := Operation{Endpoint: e, outType: "application/json"}
	var errIn, errOut error
	if o.in, errIn = compileInput[In](e.Path); errIn == nil {
		o.in.max = e.MaxBody
	}
	_, none := any(*new(Out)).(None)
	if !none {
		o.out, errOut = (&compiler{seen: map[reflect.Type]*node{}}).compile(reflect.TypeFor[Out](), "")
	}
	if o.Status == 0 {
		o.Status = http.StatusOK
		if none {
			o.Status = http.StatusNoContent
		}
	}
	o.err = errors.Join(errIn, errOut)
	if e.Summary == "" || e.Group == "" {
		o.err = errors.Join(o.err, errors.New("it has no summary or no group"))
	}
	return o
}

// Routes are the routes of operations, or all that is wrong with their declarations.
func Routes(ops []Operation) ([]edge.Route, error) {
	var all []error
	routes := make([]edge.Route, len(ops))
	for i, o := range ops {
		if o.err != nil {
			all = append(all, fmt.Errorf("endpoint %s %s: %w", o.Method, o.Path, o.err))
		}
		routes[i] = o.Route
	}
	return routes, errors.Join(all...)
}
