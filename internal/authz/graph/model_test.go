package graph_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/google/go-cmp/cmp"
)

// model makes types user, folder (parent: [folder], viewer: [user]) and doc with the given relations.
func model(relations ...graph.Relation) (*graph.Model, error) {
	return graph.NewModel(
		graph.Type{Name: "user"},
		graph.Type{Name: "folder", Relations: []graph.Relation{
			{Name: "parent", Rewrite: graph.This("folder")}, {Name: "viewer", Rewrite: graph.This("user")},
		}},
		graph.Type{Name: "doc", Relations: relations})
}

func TestModelRefused(t *testing.T) {
	t.Parallel()
	deep := graph.Computed("y")
	for range 25 {
		deep = graph.Union(deep)
	}
	x := func(w graph.Rewrite) []graph.Relation {
		return []graph.Relation{
			{Name: "x", Rewrite: w}, {Name: "y", Rewrite: graph.This("user")}, {Name: "w", Rewrite: graph.This("user:*", "user")},
			{Name: "p", Rewrite: graph.This("folder", "doc")}, {Name: "pw", Rewrite: graph.This("folder", "folder:*")},
			{Name: "pu", Rewrite: graph.This("folder", "doc#y")}, {Name: "pc", Rewrite: graph.Computed("p")},
			{Name: "pp", Rewrite: graph.Union(graph.This("folder"), graph.Computed("p"))},
		}
	}
	cases := map[string]struct {
		relations []graph.Relation
		reason    string
	}{
		"zero rewrite":                   {x(graph.Rewrite{}), "empty rewrite"},
		"empty union":                    {x(graph.Union()), "operator without parts"},
		"too deep":                       {x(deep), "nested deeper than 25"},
		"unknown computed":               {x(graph.Computed("z")), "refers to a relation"},
		"no subject":                     {x(graph.This()), "no direct subject"},
		"unknown type":                   {x(graph.This("nobody")), "does not have"},
		"unknown userset":                {x(graph.This("folder#z")), "does not have"},
		"wildcard userset":               {x(graph.This("folder#viewer:*")), "does not have"},
		"malformed subject":              {x(graph.This("folder#viewer#viewer")), "does not have"},
		"subject twice":                  {x(graph.This("user", "user")), "twice"},
		"direct twice":                   {x(graph.Union(graph.This("user"), graph.This("user:*"))), "twice"},
		"unknown tupleset":               {x(graph.From("z", "viewer")), "goes along a relation"},
		"nothing has it":                 {x(graph.From("p", "z")), "nothing in doc#p has"},
		"wildcard tupleset":              {x(graph.From("pw", "viewer")), "plain objects only"},
		"userset tupleset":               {x(graph.From("pu", "viewer")), "plain objects only"},
		"computed tupleset":              {x(graph.From("pc", "viewer")), "plain objects only"},
		"mixed tupleset":                 {x(graph.From("pp", "viewer")), "plain objects only"},
		"itself":                         {x(graph.Computed("x")), "refers to itself on the same object"},
		"itself in a union":              {x(graph.Union(graph.This("user"), graph.Computed("x"))), "refers to itself on the same object"},
		"subtracts itself":               {x(graph.Exclusion(graph.This("user"), graph.From("p", "x"))), "depends on itself through what it subtracts"},
		"subtracts itself by a userset":  {x(graph.Exclusion(graph.Computed("y"), graph.This("user", "doc#x"))), "depends on itself through what it subtracts"},
		"subtracts itself twice removed": {x(graph.Exclusion(graph.Computed("y"), graph.Exclusion(graph.Computed("w"), graph.From("p", "x")))), "depends on itself"},
		"only usersets of itself":        {x(graph.This("doc#x")), "can never hold"},
		"only its parents":               {x(graph.From("p", "x")), "can never hold"},
		"intersection with itself":       {x(graph.Intersection(graph.This("user"), graph.From("p", "x"))), "can never hold"},
		"name twice":                     {append(x(graph.This("user")), graph.Relation{Name: "x", Rewrite: graph.This("user")}), "declared twice"},
		"name malformed":                 {append(x(graph.This("user")), graph.Relation{Name: "a#b", Rewrite: graph.This("user")}), "malformed"},
	}
	for name, c := range cases {
		_, err := model(c.relations...)
		if err == nil || !strings.Contains(err.Error(), c.reason) || errs.CodeOf(err) != "invalid_model" || !errs.Is(err, errs.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := model(x(graph.From("p", "viewer"))...); err != nil {
		t.Error("the sound one:", err)
	}
}

func TestModelTypesRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "a b", "a:b", "a#b", "a@b", "a*", "a|b", "a,b", "a%b", "a\x00", "\xff", "\u202e", strings.Repeat("a", 255)} {
		if _, err := graph.NewModel(graph.Type{Name: name}); err == nil {
			t.Errorf("the type %q was accepted", name)
		}
	}
	if _, err := graph.NewModel(graph.Type{Name: "a"}, graph.Type{Name: "a"}); err == nil {
		t.Error("a type twice was accepted")
	}
	if _, err := graph.NewModel(graph.Type{Name: strings.Repeat("é", 127)}); err != nil {
		t.Error(err)
	}
}

func TestAccepts(t *testing.T) {
	t.Parallel()
	m, err := graph.NewModel(named("public")...)
	if err != nil {
		t.Fatal(err)
	}
	user := graph.Subject{Type: "user", ID: "ann"}
	doc := graph.Object{Type: "doc", ID: "1"}
	cases := map[string]struct {
		tuple graph.Tuple
		code  string
	}{
		"plain":                {graph.Tuple{Object: doc, Relation: "viewer", Subject: user}, ""},
		"wildcard":             {graph.Tuple{Object: doc, Relation: "viewer", Subject: graph.Subject{Type: "user", ID: "*"}}, ""},
		"userset":              {graph.Tuple{Object: doc, Relation: "viewer", Subject: graph.Subject{Type: "group", ID: "g", Relation: "member"}}, ""},
		"no type":              {graph.Tuple{Relation: "viewer", Subject: user}, "unknown_type"},
		"no relation":          {graph.Tuple{Object: doc, Subject: user}, "unknown_relation"},
		"unknown relation":     {graph.Tuple{Object: doc, Relation: "z", Subject: user}, "unknown_relation"},
		"empty object id":      {graph.Tuple{Object: graph.Object{Type: "doc"}, Relation: "viewer", Subject: user}, "invalid_id"},
		"wildcard object":      {graph.Tuple{Object: graph.Object{Type: "doc", ID: "*"}, Relation: "viewer", Subject: user}, "invalid_id"},
		"empty subject":        {graph.Tuple{Object: doc, Relation: "viewer"}, "unknown_type"},
		"empty subject id":     {graph.Tuple{Object: doc, Relation: "viewer", Subject: graph.Subject{Type: "user"}}, "invalid_id"},
		"unknown subject type": {graph.Tuple{Object: doc, Relation: "viewer", Subject: graph.Subject{Type: "z", ID: "1"}}, "unknown_type"},
		"unknown userset":      {graph.Tuple{Object: doc, Relation: "viewer", Subject: graph.Subject{Type: "group", ID: "1", Relation: "z"}}, "unknown_relation"},
		"wildcard userset":     {graph.Tuple{Object: doc, Relation: "viewer", Subject: graph.Subject{Type: "group", ID: "*", Relation: "member"}}, "invalid_id"},
		"computed":             {graph.Tuple{Object: doc, Relation: "read", Subject: user}, "relation_not_assignable"},
		"type not allowed":     {graph.Tuple{Object: doc, Relation: "viewer", Subject: graph.Subject{Type: "bot", ID: "1"}}, "subject_not_allowed"},
		"wildcard not allowed": {graph.Tuple{Object: graph.Object{Type: "group", ID: "g"}, Relation: "member", Subject: graph.Subject{Type: "user", ID: "*"}}, "subject_not_allowed"},
		"group itself":         {graph.Tuple{Object: doc, Relation: "viewer", Subject: graph.Subject{Type: "group", ID: "g"}}, "subject_not_allowed"},
	}
	for name, c := range cases {
		if err := m.Accepts(c.tuple); errs.CodeOf(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestModelTellsWhatItHas(t *testing.T) {
	t.Parallel()
	m, err := graph.NewModel(named("public")...)
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(m.Types(), m.Relations("doc"), m.Relations("z"), m.Allowed("doc", "viewer"), m.Allowed("doc", "read"), m.Allowed("z", "z"))
	want := "[user bot group notary doc] [desk viewer blocked read shelf see sign] [] [group#member user user:*] [] []"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
