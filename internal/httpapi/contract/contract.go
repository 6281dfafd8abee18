// Package contract puts the end points of protocols into the published contract. Those doors read and
// answer by themselves, in the words of their standards, so what they read and answer is written down
// here, next to nothing that runs:
//
//	oauth.go     OAuth 2.0 and OpenID Connect          decision.go  AuthZEN
//	browser.go   flows and the session of a browser    store.go     OpenFGA
//
// The management API needs none of this: rest declares it. A route without a description is an error,
// and so is a description without a route, so neither can be forgotten. Pages and their assets are not
// part of the contract. The package must not know a domain's rules.
package contract

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
)

// About is the head of the contract.
func About() rest.About {
	return rest.About{
		Title: "Cardea", Version: "1",
		Description: `Authentication, sessions, OAuth 2.0, OpenID Connect, authorization and their administration.

Paths are relative to an issuer: the default tenant lives at the root, another one below /t/ and its name. Every refusal
is a problem document (RFC 9457) with a stable code; the codes are explained in errors.md. The end points of OAuth
answer with the errors of RFC 6749 instead.

/api takes a bearer token or an API key, and never a cookie. /account, /flow and /session serve our own pages and take
the session cookie too; a write by the power of a cookie repeats the token of the csrf cookie in X-CSRF-Token.

Lists are cut into pages: next of one page is the cursor of the following one, and the last page has no next. A page may
hold fewer items than asked for and still have a next.`,
	}
}

// Operations describes routes. Routes of pages and assets are left out.
func Operations(routes []edge.Route) ([]rest.Operation, error) {
	var out []rest.Operation
	var all []error
	open := descriptions()
	for _, r := range routes {
		if isPage(r.Name) {
			continue
		}
		describe, known := open[r.Name]
		if !known {
			all = append(all, fmt.Errorf("contract: the route %s %s (%s) is not described", r.Method, r.Path, r.Name))
			continue
		}
		delete(open, r.Name)
		out = append(out, describe(r))
	}
	for _, name := range slices.Sorted(maps.Keys(open)) {
		all = append(all, fmt.Errorf("contract: there is no route %s, which is described", name))
	}
	return out, errors.Join(all...)
}

func isPage(name string) bool {
	noun, _, _ := strings.Cut(name, ".")
	return noun == "page" || noun == "asset" || noun == "dev"
}

// description turns a route into an operation.
type description func(edge.Route) rest.Operation

// descriptions are all of them, by the names of their routes.
func descriptions() map[string]description {
	all := map[string]description{}
	for _, part := range []map[string]description{oauthRoutes(), browserRoutes(), decisionRoutes(), storeRoutes()} {
		maps.Copy(all, part)
	}
	return all
}

// says is the text of a description.
type says struct {
	group, summary, details string
	status                  int
	media                   string // of the answer; default application/json
	lax                     bool   // unknown members are ignored, as the specification demands
}

// endpoint is the description of a route that reads an In and answers an Out.
func endpoint[In, Out any](s says) description {
	return func(r edge.Route) rest.Operation {
		if s.media == "" {
			s.media = "application/json"
		}
		e := rest.Endpoint{Route: r, Group: s.group, Summary: s.summary, Details: s.details, Status: s.status, Lax: s.lax}
		return rest.Describe[In, Out](e, s.media, r.Handle)
	}
}
