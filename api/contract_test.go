package api_test

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/cardea-auth/cardea/internal/httpapi/browser"
	"github.com/cardea-auth/cardea/internal/httpapi/contract"
	"github.com/cardea-auth/cardea/internal/httpapi/decision"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/httpapi/manage"
	"github.com/cardea-auth/cardea/internal/httpapi/oidc"
	"github.com/cardea-auth/cardea/internal/httpapi/openfga"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
)

var update = flag.Bool("update", false, "rewrite openapi.yaml")

const file = "openapi.yaml"

// operations are those of every door. Doors say what they serve without being put together.
func operations(t *testing.T) []rest.Operation {
	t.Helper()
	var routes []edge.Route
	for _, part := range [][]edge.Route{
		new(oidc.Door).Routes(), new(decision.Door).Routes(), new(openfga.Door).Routes(), new(browser.Flows).Routes(), new(browser.Session).Routes(),
	} {
		routes = append(routes, part...)
	}
	ops, err := contract.Operations(routes)
	if err != nil {
		t.Fatal(err)
	}
	return append(ops, new(manage.API).Operations()...)
}

// TestContract: the published document is what the declarations say.
func TestContract(t *testing.T) {
	made, err := rest.Document(contract.About(), operations(t))
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, made, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(have), "\n"), strings.Split(string(made), "\n")); diff != "" {
		t.Errorf("openapi.yaml is not what the declarations say; run go test ./api -update and look at the difference:\n%s", diff)
	}
}

// TestContractAndRouter: what the document names is served, and what is served is named.
func TestContractAndRouter(t *testing.T) {
	if *update {
		t.Skip("the document is being rewritten")
	}
	var document struct {
		Paths map[string]map[string]any `yaml:"paths"`
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	var written []string
	for path, methods := range document.Paths {
		for method := range methods {
			written = append(written, strings.ToUpper(method)+" "+path)
		}
	}
	slices.Sort(written)
	if diff := cmp.Diff(written, rest.Patterns(operations(t))); diff != "" {
		t.Error(diff)
	}
}
