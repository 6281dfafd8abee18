package rest

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/cardea-auth/cardea/internal/httpapi/credential"
	"github.com/cardea-auth/cardea/internal/httpapi/problem"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// About is the head of a contract.
type About struct{ Title, Version, Description string }

// Document writes the OpenAPI 3.1 document of operations, sorted by path and method, so that the
// same declarations always give the same bytes.
func Document(a About, ops []Operation) ([]byte, error) {
	doc := mapping("openapi", "3.1.0")
	doc.set("info", mapping("title", a.Title, "version", a.Version, "description", a.Description,
		"license", mapping("name", "Apache-2.0", "identifier", "Apache-2.0")))
	doc.set("servers", []any{
		mapping("url", "/", "description", "The default tenant"),
		mapping("url", "/t/{tenant}", "description", "Another tenant on the same host",
			"variables", mapping("tenant", mapping("default", "acme"))),
	})
	s := newSchemas(ops)
	doc.set("tags", groups(ops))
	paths, err := describePaths(s, ops)
	doc.set("paths", paths)
	components := mapping("schemas", s.out, "responses", refusals(s), "securitySchemes", securitySchemes())
	doc.set("components", components)
	if err := errors.Join(err, s.err); err != nil {
		return nil, err
	}
	return doc.bytes()
}

func groups(ops []Operation) []any {
	var names []string
	for _, o := range ops {
		if !slices.Contains(names, o.Group) {
			names = append(names, o.Group)
		}
	}
	slices.Sort(names)
	out := make([]any, len(names))
	for i, n := range names {
		out[i] = mapping("name", n)
	}
	return out
}

func describePaths(s *schemas, ops []Operation) (*tree, error) {
	sorted := slices.Clone(ops)
	slices.SortFunc(sorted, func(a, b Operation) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method))
	})
	paths := mapping()
	var all []error
	for _, o := range sorted {
		if o.err != nil {
			all = append(all, fmt.Errorf("endpoint %s %s: %w", o.Method, o.Path, o.err))
			continue
		}
		paths.get(strings.ReplaceAll(o.Path, "...}", "}")).set(strings.ToLower(o.Method), o.describe(s))
	}
	return paths, errors.Join(all...)
}

func (o Operation) describe(s *schemas) *tree {
	s.lax = o.Lax
	t := mapping("operationId", o.Name, "tags", []string{o.Group}, "summary", o.Summary, "description", o.details())
	if a := o.Access.Action(); a != "" {
		t.set("x-cardea-permission", string(a))
	}
	t.set("security", o.security())
	if params := o.describeParams(s); params != nil {
		t.set("parameters", params)
	}
	if o.in.body != nil {
		media := "application/json"
		if o.in.form {
			media = "application/x-www-form-urlencoded"
		}
		t.set("requestBody", mapping("required", true, "content", mapping(media, mapping("schema", s.of(o.in.body.node, true)))))
	}
	return t.set("responses", o.responses(s))
}

func (o Operation) details() string {
	parts := []string{}
	for _, p := range []string{o.Details, o.Access.Why()} {
		if p != "" {
			parts = append(parts, strings.ToUpper(p[:1])+strings.TrimSuffix(p[1:], ".")+".")
		}
	}
	return strings.Join(parts, "\n\n")
}

func (o Operation) describeParams(s *schemas) []any {
	var out []any
	for _, p := range o.in.params {
		t := mapping("name", p.name, "in", string(p.place), "description", p.doc)
		if p.required {
			t.set("required", true)
		}
		t.set("schema", s.of(p.node, true))
		if p.node.shape == list {
			t.set("style", "form").set("explode", false)
		}
		out = append(out, t)
	}
	return out
}

// security lists the ways to be known to the route, each by itself enough; {} is nobody.
func (o Operation) security() []any {
	out := []any{}
	none := []string{}
	if o.Access.Accepts(credential.Header) {
		out = append(out, mapping("bearer", none), mapping("apiKey", none))
	}
	if o.Access.Accepts(credential.ClientCert) {
		out = append(out, mapping("certificate", none))
	}
	if o.Access.Accepts(credential.Cookie) {
		t := mapping("session", none)
		if o.Access.CSRF() && o.Method != http.MethodGet {
			t.set("csrf", none)
		}
		out = append(out, t)
	}
	if o.Access.Anonymous() {
		out = append(out, mapping())
	}
	return out
}

func securitySchemes() *tree {
	return mapping(
		"bearer", mapping("type", "http", "scheme", "bearer", "description", "An access token with the scope that the operation needs."),
		"apiKey", mapping("type", "apiKey", "in", "header", "name", "X-API-Key"),
		"certificate", mapping("type", "mutualTLS"),
		"session", mapping("type", "apiKey", "in", "cookie", "name", credential.Jar{}.Full(credential.SessionCookie, "default"),
			"description", "The session of a browser; the name ends with the tenant."),
		"csrf", mapping("type", "apiKey", "in", "header", "name", credential.CSRFHeader,
			"description", "The value of the cookie "+credential.Jar{}.Full(credential.CSRFCookie, "default")+"."),
	)
}

func (o Operation) responses(s *schemas) *tree {
	success := mapping("description", http.StatusText(o.Status))
	if o.out != nil {
		success.set("content", mapping(o.outType, mapping("schema", s.of(o.out, false))))
	}
	out := mapping(strconv.Itoa(o.Status), success)
	for _, k := range o.kinds() {
		status := problem.ByKind(k)
		out.set(strconv.Itoa(status), mapping("$ref", "#/components/responses/"+refusalName(status)))
	}
	return out
}

// kinds are the refusals that follow from the declaration, and those that it names.
func (o Operation) kinds() []errs.Kind {
	kinds := []errs.Kind{errs.Invalid, errs.RateLimited, errs.Internal, errs.Unavailable}
	a := o.Access
	if !a.Anonymous() || a.Accepts(credential.Header) {
		kinds = append(kinds, errs.Unauthenticated)
	}
	if a.Action() != "" || a.CSRF() {
		kinds = append(kinds, errs.Denied)
	}
	if len(wildcards(o.Path)) > 0 {
		kinds = append(kinds, errs.NotFound)
	}
	for _, k := range o.Errors {
		if !slices.Contains(kinds, k) {
			kinds = append(kinds, k)
		}
	}
	slices.SortFunc(kinds, func(a, b errs.Kind) int { return cmp.Compare(problem.ByKind(a), problem.ByKind(b)) })
	return kinds
}

func refusalName(status int) string {
	return strings.NewReplacer(" ", "", "-", "").Replace(http.StatusText(status))
}

// refusals are the answers that operations share.
func refusals(s *schemas) *tree {
	n, err := (&compiler{seen: map[reflect.Type]*node{}}).compile(reflect.TypeFor[problem.Problem](), "")
	if err != nil {
		s.err = errors.Join(s.err, err)
		return nil
	}
	schema := s.of(n, false)
	out := mapping()
	for k := errs.Internal; k <= errs.Unsupported; k++ {
		status := problem.ByKind(k)
		r := mapping("description", problem.Title(status))
		headers := mapping()
		switch k {
		case errs.Unauthenticated, errs.Denied:
			headers.set("WWW-Authenticate", header("What would be good enough (RFC 6750, RFC 9470)."))
		case errs.RateLimited, errs.Unavailable:
			headers.set("Retry-After", header("Seconds to wait."))
		}
		if len(headers.keys) > 0 {
			r.set("headers", headers)
		}
		out.set(refusalName(status), r.set("content", mapping(problem.ContentType, mapping("schema", schema))))
	}
	return out
}

func header(description string) *tree {
	return mapping("description", description, "schema", mapping("type", "string"))
}

// Patterns are "METHOD /path" of all operations, sorted: what a router serves.
func Patterns(ops []Operation) []string {
	out := make([]string, len(ops))
	for i, o := range ops {
		out[i] = o.Method + " " + o.Path
	}
	slices.Sort(out)
	return out
}
