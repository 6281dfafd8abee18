package contract_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cardea-auth/cardea/internal/flow"
	"github.com/cardea-auth/cardea/internal/httpapi/browser"
	"github.com/cardea-auth/cardea/internal/httpapi/contract"
	"github.com/cardea-auth/cardea/internal/httpapi/decision"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/httpapi/oidc"
	"github.com/cardea-auth/cardea/internal/httpapi/openfga"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
)

func routes() []edge.Route {
	var out []edge.Route
	for _, part := range [][]edge.Route{
		new(oidc.Door).Routes(), new(decision.Door).Routes(), new(openfga.Door).Routes(), new(browser.Flows).Routes(), new(browser.Session).Routes(),
	} {
		out = append(out, part...)
	}
	return out
}

// TestEveryRouteIsDescribed: and every description compiles to a part of the document.
func TestEveryRouteIsDescribed(t *testing.T) {
	ops, err := contract.Operations(routes())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rest.Routes(ops); err != nil {
		t.Fatal(err)
	}
	text, err := rest.Document(contract.About(), ops)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range routes() {
		if !strings.Contains(string(text), "operationId: "+r.Name+"\n") {
			t.Errorf("%s is not in the document", r.Name)
		}
	}
}

// TestMissingDescriptions: neither side can be forgotten.
func TestMissingDescriptions(t *testing.T) {
	if _, err := contract.Operations(routes()[1:]); err == nil || !strings.Contains(err.Error(), "oauth.token") {
		t.Errorf("a description without a route: %v", err)
	}
	odd := edge.Route{Method: "GET", Path: "/odd", Name: "odd.one"}
	if _, err := contract.Operations(append(routes(), odd)); err == nil || !strings.Contains(err.Error(), "odd.one") {
		t.Errorf("a route without a description: %v", err)
	}
	if _, err := contract.Operations(append(routes(), edge.Route{Name: "page.home"}, edge.Route{Name: "asset.page_js"})); err != nil {
		t.Errorf("pages are not part of the contract: %v", err)
	}
}

// TestWrittenDownAsItIs: types that are repeated here have the members of those that are sent.
func TestWrittenDownAsItIs(t *testing.T) {
	for _, pair := range [][2]any{
		{browser.Start{}, contract.FlowStart{}}, {browser.Flow{}, contract.FlowState{}},
		{flow.View{}, contract.FlowStep{}}, {flow.Field{}, contract.FlowField{}}, {decision.Evaluations{}, contract.EvaluationQuestions{}},
	} {
		if diff := cmp.Diff(members(reflect.TypeOf(pair[0])), members(reflect.TypeOf(pair[1]))); diff != "" {
			t.Errorf("%T and %T differ:\n%s", pair[0], pair[1], diff)
		}
	}
}

func members(t reflect.Type) []string {
	var out []string
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			out = append(out, members(f.Type)...)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		out = append(out, name)
	}
	return out
}
