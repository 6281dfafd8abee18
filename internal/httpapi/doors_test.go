package httpapi_test

import (
	"bytes"
	"context"
	"flag"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.yaml.in/yaml/v3"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/httpapi/browser"
	"github.com/cardea-auth/cardea/internal/httpapi/contract"
	"github.com/cardea-auth/cardea/internal/httpapi/credential"
	"github.com/cardea-auth/cardea/internal/httpapi/decision"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/httpapi/manage"
	"github.com/cardea-auth/cardea/internal/httpapi/oidc"
	"github.com/cardea-auth/cardea/internal/httpapi/openfga"
	"github.com/cardea-auth/cardea/internal/httpapi/page"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/limit"
)

var update = flag.Bool("update", false, "write api/errors.md anew")

// golden compares what was made with a file, or writes it.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
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
		t.Errorf("%s is not what the source says; run go generate ./internal/httpapi if this is meant:\n%.3000s", path, diff)
	}
}

// operations are the endpoints of all doors. An empty door can be described, not served.
func operations(t *testing.T) []rest.Operation {
	t.Helper()
	var plain []edge.Route
	for _, part := range [][]edge.Route{
		new(browser.Flows).Routes(), new(browser.Session).Routes(), new(oidc.Door).Routes(), new(decision.Door).Routes(), new(openfga.Door).Routes(),
	} {
		plain = append(plain, part...)
	}
	described, err := contract.Operations(plain)
	if err != nil {
		t.Fatal(err)
	}
	return append(new(manage.API).Operations(), described...)
}

type nobody struct{}

func (nobody) Authenticate(_ context.Context, t id.Tenant, _ credential.Credential, from access.Origin) (access.Caller, error) {
	return access.Anonymous(t, from), nil
}

func (nobody) Listed(context.Context, id.Tenant, edge.CORS, string) (bool, error) { return false, nil }

// TestRegress_131_EveryRouteFits builds the doorstep from the routes of all doors: every route says
// who may call it, and no two patterns are in each other's way.
func TestRegress_131_EveryRouteFits(t *testing.T) {
	routes, err := rest.Routes(operations(t))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := page.New()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := edge.NewSharedHost("https://id.example", nil, func(context.Context, id.Tenant) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	_, err = edge.New(edge.Config{
		Directory: dir, Authenticator: nobody{}, Origins: nobody{}, Now: time.Now, Metrics: prometheus.NewRegistry(),
		Gate: limit.NewGate(limit.NewLimiter(limit.Config{Now: time.Now}), nil, limit.Policy{}),
		Log:  slog.New(slog.DiscardHandler),
	}, append(routes, pages.Routes()...))
	if err != nil {
		t.Fatal(err)
	}
}

// TestCookieTable holds the table of cookies, CSRF and CORS over the real routes.
func TestCookieTable(t *testing.T) {
	for _, o := range operations(t) {
		reads := o.Access.Accepts(credential.Cookie)
		machine := strings.HasPrefix(o.Path, "/api/") || strings.HasPrefix(o.Path, "/access/") || strings.HasPrefix(o.Path, "/.well-known/") ||
			slices.Contains([]string{"/oauth/token", "/oauth/introspect", "/oauth/revoke", "/oauth/userinfo", "/oauth/jwks", "/revocations"}, o.Path)
		if reads && machine {
			t.Errorf("%s %s reads cookies", o.Method, o.Path)
		}
		// The first two change nothing by the power of a cookie; the last has no cookie to be bound to.
		exempt := o.Path == "/oauth/authorize" || o.Path == "/oauth/logout" || o.Name == "flow.start"
		if reads && o.Method != "GET" && !exempt && !o.Access.CSRF() {
			t.Errorf("%s %s writes by the power of a cookie without a CSRF token", o.Method, o.Path)
		}
		if reads && o.CORS != edge.NoCORS {
			t.Errorf("%s %s reads cookies and is open to other origins", o.Method, o.Path)
		}
		if strings.HasPrefix(o.Path, "/api/") && o.Access.Action() == "" && o.Access.Accepts(credential.Header) {
			t.Errorf("%s %s takes a credential and names no permission", o.Method, o.Path)
		}
	}
}

// TestContractIsWellFormed looks at the published document as a reader of OpenAPI would.
func TestContractIsWellFormed(t *testing.T) {
	text, err := os.ReadFile("../../api/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		OpenAPI    string                               `yaml:"openapi"`
		Paths      map[string]map[string]operation      `yaml:"paths"`
		Components map[string]map[string]map[string]any `yaml:"components"`
	}
	if err := yaml.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	if d.OpenAPI != "3.1.0" || len(d.Paths) < 50 {
		t.Fatalf("version %s, %d paths", d.OpenAPI, len(d.Paths))
	}
	for _, ref := range regexp.MustCompile(`\$ref: '#/components/([a-zA-Z]+)/(\w+)'`).FindAllSubmatch(text, -1) {
		if _, ok := d.Components[string(ref[1])][string(ref[2])]; !ok {
			t.Errorf("nothing is behind %s", ref[0])
		}
	}
	ids := map[string]bool{}
	for path, methods := range d.Paths {
		for method, o := range methods {
			if ids[o.ID] || o.ID == "" || o.Summary == "" || o.Security == nil || len(o.Responses) < 2 {
				t.Errorf("%s %s: id %q, summary %q, security %v", method, path, o.ID, o.Summary, o.Security)
			}
			ids[o.ID] = true
			if wild, named := wildcards(path), o.pathParameters(); !slices.Equal(wild, named) {
				t.Errorf("%s %s: path parameters %v, described %v", method, path, wild, named)
			}
		}
	}
}

type operation struct {
	ID         string         `yaml:"operationId"`
	Summary    string         `yaml:"summary"`
	Security   []any          `yaml:"security"`
	Responses  map[string]any `yaml:"responses"`
	Parameters []struct {
		Name string `yaml:"name"`
		In   string `yaml:"in"`
	} `yaml:"parameters"`
}

func (o operation) pathParameters() []string {
	var out []string
	for _, p := range o.Parameters {
		if p.In == "path" {
			out = append(out, p.Name)
		}
	}
	slices.Sort(out)
	return out
}

func wildcards(path string) []string {
	var out []string
	for _, m := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(path, -1) {
		out = append(out, m[1])
	}
	slices.Sort(out)
	return out
}
