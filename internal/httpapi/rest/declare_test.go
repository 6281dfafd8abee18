package rest_test

import (
	"context"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/secret"
)

var update = flag.Bool("update", false, "rewrite golden files")

func declared[In, Out any](e rest.Endpoint) error {
	_, err := rest.Routes([]rest.Operation{rest.Handle(e, func(context.Context, access.Caller, In) (Out, error) {
		return *new(Out), nil
	})})
	return err
}

// TestDeclarations: what cannot be meant does not build.
func TestDeclarations(t *testing.T) {
	type n = rest.None
	get, post := endpoint("GET", "/x", "x.get"), endpoint("POST", "/x", "x.create")
	nameless := post
	nameless.Summary = ""
	for name, err := range map[string]error{
		"path parameter that is not read": declared[n, n](endpoint("GET", "/x/{id}", "x.get")),
		"path parameter that is not there": declared[struct {
			ID string `path:"id"`
		}, n](get),
		"field without a place": declared[struct{ A string }, n](get),
		"two bodies": declared[struct {
			A person `body:"json"`
			B person `body:"json"`
		}, n](post),
		"form": declared[struct {
			A person `body:"form"`
		}, n](post),
		"required boolean": declared[struct {
			B struct {
				A bool `json:"a"`
			} `body:"json"`
		}, n](post),
		"required number": declared[struct {
			B struct {
				A int `json:"a"`
			} `body:"json"`
		}, n](post),
		"member without a name": declared[struct {
			B struct{ A string } `body:"json"`
		}, n](post),
		"open pattern": declared[struct {
			A string `query:"a" pattern:"[a-z]+"`
		}, n](get),
		"broken pattern": declared[struct {
			A string `query:"a" pattern:"^[$"`
		}, n](get),
		"unknown format": declared[struct {
			A string `query:"a" format:"emial"`
		}, n](get),
		"broken bound": declared[struct {
			A string `query:"a" max:"ten"`
		}, n](get),
		"half a bound": declared[struct {
			A int `query:"a" min:"1"`
		}, n](get),
		"constraint of another type": declared[struct {
			A bool `query:"a" max:"1"`
		}, n](get),
		"struct as parameter": declared[struct {
			A person `query:"a"`
		}, n](get),
		"type without JSON": declared[struct {
			A chan int `query:"a"`
		}, n](get),
		"no summary": declared[n, n](nameless),
	} {
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestRegress_133_SecretsInAnswers: an answer cannot hold a secret, except one that a POST creates.
func TestRegress_133_SecretsInAnswers(t *testing.T) {
	type client struct {
		ID     string `json:"id"`
		Secret string `json:"client_secret,omitzero"`
	}
	type created struct {
		ID     string `json:"id"`
		Secret string `json:"client_secret" secret:"once"`
	}
	type hidden struct {
		Value secret.Value `json:"value"`
	}
	type nested struct {
		Clients []map[string]client `json:"clients"`
	}
	type fine struct {
		TokenType string `json:"token_type"`
		Endpoint  string `json:"token_endpoint"`
	}
	get, post := endpoint("GET", "/x", "x.get"), endpoint("POST", "/x", "x.create")
	for name, err := range map[string]error{
		"read": declared[rest.None, client](get), "read, declared": declared[rest.None, created](get), "created, not declared": declared[rest.None, client](post),
		"hidden": declared[rest.None, hidden](post), "nested": declared[rest.None, nested](get),
	} {
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for name, err := range map[string]error{"created": declared[rest.None, created](post), "harmless": declared[rest.None, fine](get)} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDocument(t *testing.T) {
	ops := (&recorder{}).operations()
	evaluate := endpoint("POST", "/token", "token.issue")
	evaluate.Access, evaluate.Errors = edge.Open("the client authenticates in the body"), []errs.Kind{errs.Unauthenticated}
	own := endpoint("PATCH", "/account", "account.update")
	own.Access, own.Details = edge.Own("user.update"), "More about it"
	ops = append(ops,
		rest.Describe[struct {
			Body struct {
				GrantType string `json:"grant_type"`
			} `body:"form"`
		}, struct {
			AccessToken string `json:"access_token"`
		}](evaluate, "application/json", func(*edge.Exchange, access.Caller) error { return nil }),
		rest.Handle(own, func(context.Context, access.Caller, struct {
			Body person `body:"json"`
		}) (person, error) {
			return person{}, nil
		}))
	about := rest.About{Title: "Test", Version: "1", Description: "Only a test."}
	got, err := rest.Document(about, ops)
	if err != nil {
		t.Fatal(err)
	}
	again, _ := rest.Document(about, ops)
	if string(again) != string(got) {
		t.Error("the same declarations give different documents")
	}
	const golden = "testdata/document.yaml"
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("run with -update if this is meant:\n%s", diff)
	}
}

func TestTwoTypesOfOneName(t *testing.T) {
	type person struct {
		Other string `json:"other"`
	}
	ops := append((&recorder{}).operations(), rest.Handle(endpoint("GET", "/other", "other.get"),
		func(context.Context, access.Caller, rest.None) (person, error) { return person{}, nil }))
	if _, err := rest.Document(rest.About{}, ops); err == nil {
		t.Error("two different schemas of one name")
	}
}
