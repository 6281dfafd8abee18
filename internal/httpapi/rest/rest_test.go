package rest_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/httpapi/credential"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/httpapi/problem"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/limit"
)

type address struct {
	Email string `json:"email" format:"email" max:"20"`
	Kind  string `json:"kind,omitzero" enum:"home,work"`
}

type newPerson struct {
	Name      string                    `json:"name" min:"2" max:"10" pattern:"^[a-z]+$" doc:"what to call them"`
	Password  secret.Value              `json:"password" min:"8" max:"64"`
	Age       *int                      `json:"age,omitzero" min:"0" max:"150"`
	Admin     *bool                     `json:"admin"`
	Home      *address                  `json:"home,omitzero"`
	Main      address                   `json:"main"`
	Others    []address                 `json:"others,omitzero" max:"2"`
	Tags      []string                  `json:"tags,omitzero" enum:"a,b"`
	Labels    map[string]string         `json:"labels,omitzero" max:"2"`
	ByName    map[string]address        `json:"by_name,omitzero"`
	Born      time.Time                 `json:"born,omitzero"`
	Extra     map[string]jsontext.Value `json:"extra,omitzero"`
	Anything  jsontext.Value            `json:"anything,omitzero"`
	Biography string                    `json:"biography,omitzero" format:"text"`
	Site      string                    `json:"site,omitzero" format:"uri"`
}

type paging struct {
	Limit  int    `query:"limit" min:"1" max:"500" doc:"items on a page"`
	Cursor string `query:"cursor" max:"40"`
}

type createIn struct {
	Group string    `path:"group" max:"26"`
	Body  newPerson `body:"json"`
}

type listIn struct {
	paging
	Group  string    `path:"group" max:"26"`
	State  string    `query:"state" enum:"active,locked"`
	Since  time.Time `query:"since"`
	Deep   bool      `query:"deep"`
	Kinds  []string  `query:"kinds" enum:"x,y"`
	Must   string    `query:"must,required"`
	Wanted string    `header:"If-Match" max:"40"`
}

type person struct {
	Name string  `json:"name"`
	Home address `json:"home,omitzero"`
}

type anyone struct{}

func (anyone) Authenticate(_ context.Context, t id.Tenant, _ credential.Credential, from access.Origin) (access.Caller, error) {
	return access.Authenticated(t, access.User("alice"), access.Proof{}, from), nil
}

func (anyone) Listed(context.Context, id.Tenant, edge.CORS, string) (bool, error) { return false, nil }

func endpoint(method, path, name string) rest.Endpoint {
	return rest.Endpoint{
		Route: edge.Route{Method: method, Path: path, Name: name, Access: edge.Needs("person.create")},
		Group: "People", Summary: "It is only a test",
	}
}

// recorder keeps what handlers got.
type recorder struct {
	http.Handler
	created createIn
	listed  listIn
	calls   int
}

func (r *recorder) operations() []rest.Operation {
	return []rest.Operation{
		rest.Handle(endpoint("POST", "/groups/{group}/people", "person.create"), func(_ context.Context, _ access.Caller, in createIn) (person, error) {
			r.created = in
			r.calls++
			return person{Name: in.Body.Name}, nil
		}),
		rest.Handle(endpoint("GET", "/groups/{group}/people", "person.list"), func(_ context.Context, _ access.Caller, in listIn) (page.Page[person], error) {
			r.listed = in
			r.calls++
			return page.Page[person]{Items: []person{{Name: "x"}}}, nil
		}),
		rest.Handle(endpoint("DELETE", "/people", "person.delete"), func(context.Context, access.Caller, rest.None) (rest.None, error) {
			r.calls++
			return rest.None{}, nil
		}),
	}
}

func newRecorder(t testing.TB) *recorder {
	t.Helper()
	r := &recorder{}
	routes, err := rest.Routes(r.operations())
	if err != nil {
		t.Fatal(err)
	}
	dir, err := edge.NewSharedHost("http://example.com", nil, func(context.Context, id.Tenant) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	r.Handler, err = edge.New(edge.Config{
		Directory: dir, Authenticator: anyone{}, Origins: anyone{}, Now: time.Now, Metrics: prometheus.NewRegistry(),
		Gate: limit.NewGate(limit.NewLimiter(limit.Config{Now: time.Now}), nil, limit.Defaults()),
		Log:  slog.New(slog.NewTextHandler(io.Discard, nil)),
	}, routes)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *recorder) do(method, target, body string, lines ...string) (int, problem.Problem, string) {
	req := httptest.NewRequest(method, target, strings.NewReader(body))
	if body == "" {
		req.Body, req.ContentLength = http.NoBody, 0
	} else {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Authorization", "Bearer abc")
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ": ")
		if name == "Content-Type" {
			req.Header.Set(name, value)
			continue
		}
		req.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	var p problem.Problem
	_ = json.Unmarshal(w.Body.Bytes(), &p)
	return w.Code, p, w.Body.String()
}

// whole is a body that is as it should be; with replaces a member of it or adds one.
func with(member, value string) string {
	members := map[string]string{"name": `"alice"`, "password": `"longenough"`, "admin": `false`, "main": `{"email":"a@b.example"}`}
	if value == "" {
		delete(members, member)
	} else {
		members[member] = value
	}
	var parts []string
	for _, n := range []string{"name", "password", "admin", "main", "age", "home", "others", "tags", "labels", "by_name", "born", "extra", "anything", "biography", "site"} {
		if v, ok := members[n]; ok {
			parts = append(parts, `"`+n+`":`+v)
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func TestGoodBodies(t *testing.T) {
	for _, body := range []string{
		with("", ""), with("age", "0"), with("age", "150"), with("admin", "true"), with("home", `{"email":"x@y.z","kind":"work"}`),
		with("others", `[{"email":"x@y.z"}]`), with("others", `[]`), with("tags", `["a","b"]`), with("labels", `{"k":"v"}`),
		with("by_name", `{"bob":{"email":"x@y.z"}}`), with("born", `"2001-02-03T04:05:06Z"`), with("extra", `{"deep":{"null":null}}`),
		with("anything", `[1,null,{"a":null}]`), with("biography", `"two\nlines"`), with("site", `"https://x.example/a?b#c"`),
		" " + with("", "") + "\n",
	} {
		r := newRecorder(t)
		status, p, _ := r.do("POST", "/groups/g1/people", body)
		if status != 200 || r.created.Group != "g1" || r.created.Body.Name != "alice" || r.created.Body.Password.Reveal() != "longenough" {
			t.Errorf("%s: %d %+v", body, status, p)
		}
	}
}

func TestBadBodies(t *testing.T) {
	r := newRecorder(t)
	tests := []struct {
		name, body string
		pointer    string
		detail     string
		rule       errs.Rule
		params     errs.Params
	}{
		{"missing", with("name", ""), "/name", "is missing", errs.Required, nil},
		{"missing secret", with("password", ""), "/password", "is missing", errs.Required, nil},
		{"missing boolean", with("admin", ""), "/admin", "is missing", errs.Required, nil},
		{"missing struct", with("main", ""), "/main/email", "is missing", errs.Required, nil},
		{"missing in optional struct", with("home", "{}"), "/home/email", "is missing", errs.Required, nil},
		{"empty", with("name", `""`), "/name", "is missing", errs.Required, nil},
		{"too short", with("name", `"a"`), "/name", "must have 2 to 10 characters", errs.Length, errs.Between(2, 10)},
		{"too long, in characters", with("name", `"`+strings.Repeat("é", 11)+`"`), "/name", "must have 2 to 10 characters", errs.Length, errs.Between(2, 10)},
		{"pattern", with("name", `"Alice"`), "/name", "must match ^[a-z]+$", errs.Pattern, nil},
		{"secret too short", with("password", `"short"`), "/password", "must have 8 to 64 characters", errs.Length, errs.Between(8, 64)},
		{"number", with("age", "151"), "/age", "must lie between 0 and 150", errs.Range, errs.Between(0, 150)},
		{"number as text", with("age", `"5"`), "/age", "has the wrong type", errs.Unnamed, nil},
		{"fraction", with("age", `5.5`), "/age", "has the wrong type", errs.Unnamed, nil},
		{"enum", with("home", `{"email":"x@y.z","kind":"boat"}`), "/home/kind", "must be one of home, work", errs.OneOf, nil},
		{"enum in list", with("tags", `["a","z"]`), "/tags/1", "must be one of a, b", errs.OneOf, nil},
		{"too many items", with("others", `[{"email":"x@y.z"},{"email":"x@y.z"},{"email":"x@y.z"}]`), "/others", "must have 0 to 2 items", errs.Items, errs.Between(0, 2)},
		{"deep in a list", with("others", `[{"email":"x@y.z"},{"email":"nothing"}]`), "/others/1/email", "must be of the form email", errs.MailAddress, nil},
		{"in a map", with("by_name", `{"bob":{"email":"nothing"}}`), "/by_name/email", "must be of the form email", errs.MailAddress, nil},
		{"uri", with("site", `"example.com"`), "/site", "must be of the form uri", errs.URI, nil},
		{"control character", with("main", `{"email":"a@b\u0000"}`), "/main/email", "must not hold control characters", errs.Control, nil},
		{"time", with("born", `"yesterday"`), "/born", "has the wrong type", errs.Unnamed, nil},
		{"null", with("age", "null"), "/age", "must not be null; leave it out instead", errs.Unnamed, nil},
		{"null in list", with("tags", `["a",null]`), "/tags/1", "must not be null; leave it out instead", errs.Unnamed, nil},
		{"null as a whole", "null", "body", "must not be null; leave it out instead", errs.Unnamed, nil},
		{"no object", "[]", "body", "has the wrong type", errs.Unnamed, nil},
		{"no JSON", "{", "body", "is not valid JSON", errs.Unnamed, nil},
		{"two values", "{}{}", "body", "is not valid JSON", errs.Unnamed, nil},
		{"unknown in struct", with("home", `{"email":"x@y.z","hunter2":1}`), "/home", "holds a member that is not known here; known are: email, kind", errs.Unnamed, nil},
		{"unknown in map", with("by_name", `{"hunter2":{"hunter2":1}}`), "/by_name", "holds a member that is not known here; known are: email, kind", errs.Unnamed, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, p, body := r.do("POST", "/groups/g1/people", tt.body)
			want := []errs.Field{{Pointer: tt.pointer, Rule: tt.rule, Params: tt.params, Detail: tt.detail}}
			if diff := cmp.Diff(want, p.Errors); diff != "" || status != 400 {
				t.Errorf("status %d\n%s", status, diff)
			}
			if strings.Contains(body, "hunter2") {
				t.Errorf("the request is repeated: %s", body)
			}
		})
	}
	if r.calls != 0 {
		t.Errorf("%d bad bodies reached the handler", r.calls)
	}
}

// TestTwoReadings: what made other layers validate one reading and use another is refused.
func TestTwoReadings(t *testing.T) {
	r := newRecorder(t)
	good := with("", "")
	for name, body := range map[string]string{
		"duplicate":          strings.Replace(good, `"name":`, `"name":"bobby","name":`, 1),
		"escaped duplicate":  strings.Replace(good, `"name":`, `"n\u0061me":"bobby","name":`, 1),
		"other case":         strings.Replace(good, `"name":`, `"NAME":"bobby","name":`, 1),
		"duplicate in depth": with("home", `{"email":"x@y.z","kind":"home","kind":"boat"}`),
		"invalid UTF-8":      strings.Replace(good, "alice", "al\xffce", 1),
		"lone surrogate":     strings.Replace(good, "alice", `al\ud800ce`, 1),
		"byte order mark":    "\ufeff" + good,
		"comment":            "/* */" + good,
		"trailing comma":     strings.Replace(good, "}", ",}", 1),
		"too deep":           with("anything", strings.Repeat("[", 40)+strings.Repeat("]", 40)),
	} {
		if status, p, body := r.do("POST", "/groups/g1/people", body); status != 400 || p.Code != "invalid_input" || strings.Contains(body, "bobby") {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	if r.calls != 0 {
		t.Errorf("%d reached the handler", r.calls)
	}
}

func TestManyFindings(t *testing.T) {
	r := newRecorder(t)
	_, p, _ := r.do("POST", "/groups/g1/people", `{"name":"A","tags":["z"]}`)
	if len(p.Errors) != 5 || p.Detail != "The request is not valid in 5 places." {
		t.Errorf("%s %+v", p.Detail, p.Errors)
	}
	many := with("tags", "["+strings.Repeat(`"z",`, 99)+`"z"]`)
	if _, p, _ := r.do("POST", "/groups/g1/people", many); len(p.Errors) != 20 {
		t.Errorf("%d findings", len(p.Errors))
	}
}

func TestMediaType(t *testing.T) {
	r := newRecorder(t)
	for ct, want := range map[string]int{
		"application/json": 200, "application/json; charset=utf-8": 200, "Application/JSON": 200,
		"text/plain": 415, "": 415, "application/json; charset=utf-16": 415, "application/x-www-form-urlencoded": 415, "application/json, text/plain": 415,
	} {
		if status, _, _ := r.do("POST", "/groups/g1/people", with("", ""), "Content-Type: "+ct); status != want {
			t.Errorf("%q: %d, want %d", ct, status, want)
		}
	}
}

func TestParameters(t *testing.T) {
	r := newRecorder(t)
	status, p, body := r.do("GET", "/groups/g1/people?limit=7&cursor=abc&state=active&since=2020-01-02T03:04:05.6789Z&deep=true&kinds=x,y&must=1", "", "If-Match: v1")
	want := listIn{paging: paging{7, "abc"}, Group: "g1", State: "active", Since: time.Date(2020, 1, 2, 3, 4, 5, 678e6, time.UTC),
		Deep: true, Kinds: []string{"x", "y"}, Must: "1", Wanted: "v1"}
	if diff := cmp.Diff(want, r.listed, cmp.AllowUnexported(listIn{}, paging{})); diff != "" || status != 200 {
		t.Errorf("%d %+v\n%s", status, p, diff)
	}
	if body != `{"items":[{"name":"x"}]}` {
		t.Errorf("body %s", body)
	}
	for query, pointer := range map[string]string{
		"must=1&limit=0": "limit", "must=1&limit=501": "limit", "must=1&limit=x": "limit", "must=1&limit=1e2": "limit", "must=1&limit=": "limit",
		"must=1&limit=99999999999999999999": "limit", "must=1&state=gone": "state", "must=1&deep=1": "deep", "must=1&deep=TRUE": "deep",
		"must=1&since=today": "since", "must=1&kinds=x,z": "kinds/1", "": "must", "must=1&hunter2=1": "query", "must=1&LIMIT=1": "query",
		"must=1&limit=1&limit=1": "", "must=1&limit=%zz": "", "must=1;limit=1": "", "must=1&cursor=" + strings.Repeat("a", 41): "cursor",
		"must=1&access_token=x": "query", "must=%00": "", "must=%0a": "must",
	} {
		status, p, body := r.do("GET", "/groups/g1/people?"+query, "")
		if status != 400 || pointer != "" && (len(p.Errors) != 1 || p.Errors[0].Pointer != pointer) || strings.Contains(body, "hunter2") {
			t.Errorf("%s: %d %s, want one finding at %q", query, status, body, pointer)
		}
	}
	if status, _, _ := r.do("GET", "/groups/"+strings.Repeat("g", 27)+"/people?must=1", ""); status != 400 {
		t.Errorf("a long path parameter: %d", status)
	}
	if status, _, _ := r.do("GET", "/groups/g1/people?must=1", "", "If-Match: a", "If-Match: b"); status != 400 {
		t.Errorf("a header twice: %d", status)
	}
}

func TestNone(t *testing.T) {
	r := newRecorder(t)
	if status, _, body := r.do("DELETE", "/people", ""); status != 204 || body != "" {
		t.Errorf("%d %q", status, body)
	}
	if status, p, _ := r.do("DELETE", "/people", "{}"); status != 400 || p.Errors[0].Pointer != "body" {
		t.Errorf("a body that nobody asked for: %d", status)
	}
	if status, _, _ := r.do("DELETE", "/people?force=true", ""); status != 400 {
		t.Errorf("a parameter that nobody asked for: %d", status)
	}
}

func FuzzBody(f *testing.F) {
	for _, body := range []string{with("", ""), with("age", "null"), with("by_name", `{"a":{"b":1}}`), "null", "[", `{"a":1}`, with("extra", `{"x":null}`)} {
		f.Add(body)
	}
	r := newRecorder(f)
	f.Fuzz(func(t *testing.T, body string) {
		r.created = createIn{}
		status, _, answer := r.do("POST", "/groups/g1/people", body, "Content-Type: application/json")
		if status >= 500 {
			t.Fatalf("%d %s", status, answer)
		}
		if b := r.created.Body; status == 200 && (len(b.Name) < 2 || len(b.Password.Reveal()) < 8 || b.Admin == nil || b.Main.Email == "") {
			t.Fatalf("%q was accepted as %+v", body, b)
		}
	})
}
