package httpapi_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.yaml.in/yaml/v3"

	"github.com/cardea-auth/cardea/api"
	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/httpapi"
	"github.com/cardea-auth/cardea/internal/httpapi/credential"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/httpapi/page"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/limit"
)

var update = flag.Bool("update", false, "write api/ anew")

// golden compares what was made with a file under api/, or writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := "../../api/" + name
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, got) {
		diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n"))
		t.Errorf("%s is not what the source says; run go generate ./internal/httpapi if this is meant:\n%.3000s", name, diff)
	}
}

func TestContract(t *testing.T) {
	doc, err := httpapi.Document()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "openapi.yaml", doc)
}

type document struct {
	OpenAPI    string                               `yaml:"openapi"`
	Paths      map[string]map[string]operation      `yaml:"paths"`
	Components map[string]map[string]map[string]any `yaml:"components"`
}

type operation struct {
	ID         string         `yaml:"operationId"`
	Summary    string         `yaml:"summary"`
	Permission string         `yaml:"x-cardea-permission"`
	Security   []any          `yaml:"security"`
	Responses  map[string]any `yaml:"responses"`
	Parameters []struct {
		Name string `yaml:"name"`
		In   string `yaml:"in"`
	} `yaml:"parameters"`
}

func contract(t *testing.T) document {
	t.Helper()
	var d document
	if err := yaml.Unmarshal([]byte(api.OpenAPI), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestRouterAndContractAgree compares the routes of all doors with the committed file, both ways.
func TestRouterAndContractAgree(t *testing.T) {
	ops, err := httpapi.Operations()
	if err != nil {
		t.Fatal(err)
	}
	var described []string
	for path, methods := range contract(t).Paths {
		for method := range methods {
			described = append(described, strings.ToUpper(method)+" "+path)
		}
	}
	slices.Sort(described)
	if diff := cmp.Diff(rest.Patterns(ops), described); diff != "" {
		t.Errorf("served and described differ:\n%s", diff)
	}
}

func TestContractIsWellFormed(t *testing.T) {
	d := contract(t)
	if d.OpenAPI != "3.1.0" || len(d.Paths) < 50 {
		t.Fatalf("version %s, %d paths", d.OpenAPI, len(d.Paths))
	}
	for _, ref := range regexp.MustCompile(`\$ref: '#/components/([a-z]+)/(\w+)'`).FindAllStringSubmatch(api.OpenAPI, -1) {
		if _, ok := d.Components[ref[1]][ref[2]]; !ok {
			t.Errorf("nothing is behind %s", ref[0])
		}
	}
	ids := map[string]bool{}
	for path, methods := range d.Paths {
		for method, o := range methods {
			at := method + " " + path
			if ids[o.ID] || o.ID == "" || o.Summary == "" || o.Security == nil || len(o.Responses) < 2 {
				t.Errorf("%s: id %q, summary %q, security %v", at, o.ID, o.Summary, o.Security)
			}
			ids[o.ID] = true
			var wild, named []string
			for _, m := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(path, -1) {
				wild = append(wild, m[1])
			}
			for _, p := range o.Parameters {
				if p.In == "path" {
					named = append(named, p.Name)
				}
			}
			slices.Sort(wild)
			slices.Sort(named)
			if !slices.Equal(wild, named) {
				t.Errorf("%s: path parameters %v, described %v", at, wild, named)
			}
			if strings.HasPrefix(path, "/api/") && path != httpapi.PathContract && o.Permission == "" {
				t.Errorf("%s names no permission", at)
			}
		}
	}
}

type nobody struct{}

func (nobody) Authenticate(_ context.Context, t id.Tenant, _ credential.Credential, from access.Origin) (access.Caller, error) {
	return access.Anonymous(t, from), nil
}

func (nobody) Listed(context.Context, id.Tenant, edge.CORS, string) (bool, error) { return false, nil }

// door is the doorstep with every route of every door.
func door(t *testing.T) *edge.Door {
	t.Helper()
	ops, err := httpapi.Operations()
	if err != nil {
		t.Fatal(err)
	}
	routes, err := rest.Routes(ops)
	if err != nil {
		t.Fatal(err)
	}
	pages, err := page.New()
	if err != nil {
		t.Fatal(err)
	}
	routes = append(routes, pages.Routes()...)
	dir, err := edge.NewSharedHost("https://id.example", func(context.Context, id.Tenant) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	d, err := edge.New(edge.Config{
		Directory: dir, Authenticator: nobody{}, Origins: nobody{}, Now: time.Now, Metrics: prometheus.NewRegistry(),
		Gate: limit.NewGate(limit.NewLimiter(limit.Config{Now: time.Now}), limit.Policy{}),
		Log:  slog.New(slog.DiscardHandler),
	}, routes)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestEveryRouteFits builds the whole doorstep: no two patterns are in each other's way and every
// route says who may call it.
func TestEveryRouteFits(t *testing.T) {
	d := door(t)
	r, _ := http.NewRequest("GET", "https://id.example"+httpapi.PathContract, nil)
	w := &answer{header: http.Header{}}
	d.ServeHTTP(w, r)
	if w.status != 200 || !strings.HasPrefix(w.body.String(), "openapi: 3.1.0") {
		t.Errorf("the contract: %d %.60s", w.status, w.body.String())
	}
}

// TestCookieTableOfRoutes is the table of oauth.md over the real routes: what never reads a cookie.
func TestCookieTableOfRoutes(t *testing.T) {
	ops, err := httpapi.Operations()
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range ops {
		reads := o.Access.Accepts(credential.Cookie)
		machine := strings.HasPrefix(o.Path, "/api/") || strings.HasPrefix(o.Path, "/access/") || strings.HasPrefix(o.Path, "/.well-known/") ||
			slices.Contains([]string{"/oauth/token", "/oauth/introspect", "/oauth/revoke", "/oauth/userinfo", "/oauth/jwks", "/revocations"}, o.Path)
		if reads && machine {
			t.Errorf("%s %s reads cookies", o.Method, o.Path)
		}
		writes := o.Method != "GET" && !strings.HasPrefix(o.Path, "/oauth/authorize") && o.Path != "/oauth/logout" && o.Name != "flow.start"
		if reads && writes && !o.Access.CSRF() {
			t.Errorf("%s %s writes by the power of a cookie without a CSRF token", o.Method, o.Path)
		}
		if reads && o.CORS != edge.NoCORS {
			t.Errorf("%s %s reads cookies and is open to other origins", o.Method, o.Path)
		}
	}
}

type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }
func (a *answer) String() string              { return fmt.Sprint(a.status, a.body.String()) }
