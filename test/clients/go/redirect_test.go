package clients_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// contract is as much of the OpenAPI document as is needed to find parameters.
type contract struct {
	Paths      map[string]map[string]operation
	Components struct{ Schemas map[string]schema }
}

type operation struct {
	Parameters []struct{ Name, In string }
	Body       struct {
		Content map[string]struct{ Schema schema }
	} `yaml:"requestBody"`
}

type schema struct {
	Ref        string `yaml:"$ref"`
	Properties map[string]schema
	All        []schema `yaml:"allOf"`
}

// members are the names of a schema's members.
func (c *contract) members(s schema) []string {
	if s.Ref != "" {
		return c.members(c.Components.Schemas[s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]])
	}
	var out []string
	for name := range s.Properties {
		out = append(out, name)
	}
	for _, part := range s.All {
		out = append(out, c.members(part)...)
	}
	return out
}

// target matches names of parameters that could say where to go on.
var target = regexp.MustCompile(`(?i)(uris?|urls?|next|return_to|redirect|continue|dest|target|to)$`)

// evil are addresses elsewhere, in every spelling that has fooled somebody.
func evil() []string {
	return []string{
		"https://evil.example/", "//evil.example/", `/\evil.example/`, `\\evil.example`, "https:evil.example", "https:///evil.example",
		"/\t/evil.example", "%2f%2fevil.example", "javascript:alert(1)//evil.example", "https://127.0.0.1:9@evil.example/callback",
	}
}

// probe is one parameter of an end point.
type probe struct{ method, path, in, name string }

// probes are the parameters of the contract that could say where to go on.
func (c *contract) probes() (out []probe) {
	for path, methods := range c.Paths {
		for method, op := range methods {
			for _, p := range op.Parameters {
				if p.In == "query" && target.MatchString(p.Name) {
					out = append(out, probe{method, path, "query", p.Name})
				}
			}
			for media, content := range op.Body.Content {
				for _, name := range c.members(content.Schema) {
					if target.MatchString(name) {
						out = append(out, probe{method, path, media, name})
					}
				}
			}
		}
	}
	return out
}

// request makes a request with an evil value; base is what the end point needs besides.
func (p probe) request(b *browser, base url.Values, value string) *http.Request {
	path := regexp.MustCompile(`\{[a-z_]+\}`).ReplaceAllString(p.path, "x")
	values := url.Values{}
	for name, v := range base {
		values[name] = v
	}
	values.Set(p.name, value)
	method := strings.ToUpper(p.method)
	switch p.in {
	case "query":
		return b.request(method, path+"?"+values.Encode(), nil)
	case "application/x-www-form-urlencoded":
		r := b.request(method, path, nil)
		r.Header.Set("Content-Type", p.in)
		text := values.Encode()
		r.Body, r.ContentLength = readCloser{strings.NewReader(text)}, int64(len(text))
		return r
	}
	body := map[string]any{}
	for name := range values {
		body[name] = values.Get(name)
	}
	if strings.HasSuffix(p.name, "s") {
		body[p.name] = []string{value}
	}
	return b.request(method, path, body)
}

type readCloser struct{ *strings.Reader }

// Close implements io.Closer.
func (readCloser) Close() error { return nil }

// TestRegress_015_NoParameterLeadsAway walks over every parameter of every end point in the contract whose
// name says that it could lead somewhere, and over the same names where nobody has declared them. No
// answer sends anybody to another host, by header or in its body.
func TestRegress_015_NoParameterLeadsAway(t *testing.T) {
	t.Parallel()
	s := theWorld(t).server.newTenant(t, "leads")
	admin := s.admin(t, "admin@leads.example")
	text := s.with(t, "GET", "/api/openapi.yaml", "", "")
	var c contract
	if err := yaml.Unmarshal(text.body, &c); err != nil {
		t.Fatal(err)
	}
	all := c.probes()
	for _, must := range []string{"return_to", "redirect_uri", "post_logout_redirect_uri"} {
		if !slices.ContainsFunc(all, func(p probe) bool { return p.name == must }) {
			t.Fatalf("the contract names no parameter %s", must)
		}
	}
	for path := range c.Paths { // what is not declared must not be looked at
		for _, name := range []string{"next", "url", "return_to", "redirect_uri", "continue"} {
			if _, gets := c.Paths[path]["get"]; gets && !slices.Contains(all, probe{"get", path, "query", name}) {
				all = append(all, probe{"get", path, "query", name})
			}
		}
	}
	last := func(p probe) string { // what signs out comes last
		return fmt.Sprint(strings.Contains(p.path, "logout"), p)
	}
	slices.SortFunc(all, func(a, b probe) int { return strings.Compare(last(a), last(b)) })
	u := s.addUser(t, "led@leads.example")
	web := s.addApp(t, "web", "--post-logout", "http://127.0.0.1:9/goodbye")
	p := s.newParty(t, web, "openid")
	b := s.browser(t, u)
	got := p.login(b)
	good, err := url.Parse(p.request())
	if err != nil {
		t.Fatal(err)
	}
	base := map[string]url.Values{
		"/oauth/authorize": good.Query(),
		"/oauth/logout":    {"id_token_hint": {got.rawID}, "client_id": {web.id}},
		"/flows":           {"kind": {"sign_in"}},
	}
	base["/oauth/logout/confirm"] = base["/oauth/logout"]
	asked := 0
	for _, p := range all {
		if p.path == "/oauth/revocations" || p.path == "/revocations" || strings.HasSuffix(p.path, "/tail") {
			continue // never ends; asked for below without anybody
		}
		for _, value := range evil() {
			r := p.request(b, base[p.path], value)
			if strings.HasPrefix(p.path, "/api") || strings.HasPrefix(p.path, "/access") {
				r.Header.Del("Cookie")
				r.Header.Set("Authorization", "Bearer "+admin)
			}
			a := s.send(t, r)
			asked++
			if a.status >= 500 {
				t.Errorf("%v=%q: %s", p, value, a)
			}
			if where := a.leads(); leadsAway(s, where) {
				t.Errorf("%v=%q leads to %q (%d)", p, value, where, a.status)
			}
		}
	}
	t.Logf("%d parameters, %d requests", len(all), asked)
}

// leads are the places to which an answer sends whoever asked.
func (a answer) leads() []string {
	var out []string
	for _, name := range []string{"Location", "Content-Location", "Refresh", "Link"} {
		out = append(out, a.header.Values(name)...)
	}
	var body map[string]any
	if json.Unmarshal(a.body, &body) == nil {
		for _, name := range []string{"location", "next", "return_to"} {
			if text, ok := body[name].(string); ok && text != "" {
				out = append(out, text)
			}
		}
	}
	return out
}

// leadsAway reports whether a place is neither ours nor a registered address of an application.
func leadsAway(s *server, all []string) bool {
	return slices.ContainsFunc(all, func(where string) bool {
		ours := strings.HasPrefix(where, s.issuer+"/") || strings.HasPrefix(where, "http://127.0.0.1:9/callback?") || where == "http://127.0.0.1:9/goodbye"
		path := strings.HasPrefix(where, "/") && !strings.HasPrefix(where, "//") && !strings.ContainsAny(where, "\\\t")
		return !ours && !path
	})
}
