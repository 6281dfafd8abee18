package scenario_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cardea-auth/cardea/internal/authz/model"
	"github.com/cardea-auth/cardea/internal/authz/scenario"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

const documents = `model
  schema 1.1
type user
type group
  relations
    define member: [user]
type doc
  relations
    define owner: [user]
    define viewer: [user, user:*, group#member, user with in_office] or owner
condition in_office(hour: int) {
  hour >= 8 && hour < 18
}
`

// moment is when all questions of these tests are asked.
var moment = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// indented is a text as a member of YAML.
func indented(text string) string { return "|\n  " + strings.ReplaceAll(text, "\n", "\n  ") + "\n" }

func run(t *testing.T, file string) []scenario.Outcome {
	t.Helper()
	out, err := scenario.Options{Now: moment}.RunText(t.Context(), "model: "+indented(documents)+file)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// short is an outcome in a line.
func short(all []scenario.Outcome) (out []string) {
	for _, o := range all {
		verdict := "failed"
		if o.Passed {
			verdict = "passed"
		}
		out = append(out, o.Test+": "+o.Question+": want "+o.Want+", got "+o.Got+": "+verdict)
	}
	return out
}

func same(t *testing.T, got []scenario.Outcome, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, short(got)); diff != "" {
		t.Error(diff)
	}
}

const tuples = `
tuples:
  - {user: "user:anne", relation: owner, object: "doc:plan"}
  - {user: "group:staff#member", relation: viewer, object: "doc:plan"}
  - {user: "user:bob", relation: member, object: "group:staff"}
  - {user: "user:*", relation: viewer, object: "doc:news"}
  - {user: "user:carl", relation: viewer, object: "doc:plan", condition: {name: in_office}}
`

// Every user is asked about every object, every relation in the order of its name, and a wrong expectation fails.
func TestChecks(t *testing.T) {
	t.Parallel()
	got := run(t, tuples+`
tests:
  - name: owners
    check:
      - {user: "user:anne", users: ["user:bob"], objects: ["doc:plan", "doc:news"], assertions: {viewer: true, owner: true}}
`)
	same(t, got,
		"owners: user:anne owner doc:plan: want true, got true: passed",
		"owners: user:anne viewer doc:plan: want true, got true: passed",
		"owners: user:anne owner doc:news: want true, got false: failed",
		"owners: user:anne viewer doc:news: want true, got true: passed",
		"owners: user:bob owner doc:plan: want true, got false: failed",
		"owners: user:bob viewer doc:plan: want true, got true: passed",
		"owners: user:bob owner doc:news: want true, got false: failed",
		"owners: user:bob viewer doc:news: want true, got true: passed",
	)
}

// A condition is judged with the context of the question; without it the answer is neither true nor false.
func TestConditions(t *testing.T) {
	t.Parallel()
	got := run(t, tuples+`
tests:
  - name: hours
    check:
      - {user: "user:carl", object: "doc:plan", context: {hour: 9}, assertions: {viewer: true}}
      - {user: "user:carl", object: "doc:plan", context: {hour: 20}, assertions: {viewer: false}}
      - {user: "user:carl", object: "doc:plan", assertions: {viewer: false}}
    list_objects:
      - {user: "user:carl", type: doc, context: {hour: 9}, assertions: {viewer: ["doc:plan", "doc:news"]}}
      - {user: "user:carl", type: doc, assertions: {viewer: ["doc:news"]}}
`)
	same(t, got,
		"hours: user:carl viewer doc:plan: want true, got true: passed",
		"hours: user:carl viewer doc:plan: want false, got false: passed",
		"hours: user:carl viewer doc:plan: want false, got depends on hour: failed",
		"hours: objects of type doc that user:carl is viewer of: want [doc:news doc:plan], got [doc:news doc:plan]: passed",
		"hours: objects of type doc that user:carl is viewer of: want [doc:news], got depends on hour: failed",
	)
}

// Lists are sets: complete, in no order, and each filter of users is asked by itself.
func TestLists(t *testing.T) {
	t.Parallel()
	got := run(t, tuples+`
tests:
  - name: lists
    list_objects:
      - {user: "user:bob", type: doc, assertions: {viewer: ["doc:plan", "doc:news", "doc:plan"], owner: []}}
    list_users:
      - {object: "doc:plan", user_filter: [{type: user}, {type: group, relation: member}], context: {hour: 9},
         assertions: {viewer: {users: ["user:carl", "user:anne", "user:bob"]}}}
      - {object: "doc:news", user_filter: [{type: user}], assertions: {viewer: {users: ["user:*"]}}}
`)
	same(t, got,
		"lists: objects of type doc that user:bob is owner of: want [], got []: passed",
		"lists: objects of type doc that user:bob is viewer of: want [doc:news doc:plan], got [doc:news doc:plan]: passed",
		"lists: users of type user that are viewer of doc:plan: want [user:anne user:bob user:carl], got [user:anne user:bob user:carl]: passed",
		"lists: users of type group that are viewer of doc:plan: want [user:anne user:bob user:carl], got [group:staff#member]: failed",
		"lists: users of type user that are viewer of doc:news: want [user:*], got [user:*]: passed",
	)
}

// The tuples of a test are its own: no other test sees them.
func TestOwnTuples(t *testing.T) {
	t.Parallel()
	const question = `check: [{user: "user:dora", object: "doc:plan", assertions: {owner: true}}]`
	got := run(t, tuples+`
tests:
  - name: with
    tuples: [{user: "user:dora", relation: owner, object: "doc:plan"}]
    `+question+`
  - name: without
    `+question+`
`)
	same(t, got, "with: user:dora owner doc:plan: want true, got true: passed", "without: user:dora owner doc:plan: want true, got false: failed")
}

// A question that cannot be answered is an outcome with the reason, and fails whatever was expected.
func TestUnknownRelation(t *testing.T) {
	t.Parallel()
	got := run(t, `
tests:
  - name: typo
    check: [{user: "user:anne", object: "doc:plan", assertions: {reader: false}}]
    list_objects: [{user: "user:anne", type: doc, assertions: {reader: []}}]
`)
	if len(got) != 2 || got[0].Passed || got[1].Passed || !strings.Contains(got[0].Got, "no such relation") || !strings.Contains(got[1].Got, "no such relation") {
		t.Errorf("%q", short(got))
	}
}

// Models and tuples may stand in files of their own, beside the store file.
func TestFiles(t *testing.T) {
	t.Parallel()
	parsed, err := model.Parse(documents)
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(parsed)
	if err != nil {
		t.Fatal(err)
	}
	dir := fstest.MapFS{
		"a/model.fga":   {Data: []byte(documents)},
		"a/model.json":  {Data: asJSON},
		"a/m/fga.mod":   {Data: []byte("schema: \"1.2\"\ncontents:\n  - core.fga\n  - docs.fga\n")},
		"a/m/core.fga":  {Data: []byte("module core\n\ntype user\n")},
		"a/m/docs.fga":  {Data: []byte("module docs\n\ntype doc\n  relations\n    define owner: [user]\n")},
		"a/one.yaml":    {Data: []byte(`[{user: "user:anne", relation: owner, object: "doc:1"}]`)},
		"a/two.yaml":    {Data: []byte(`[{user: "user:anne", relation: owner, object: "doc:2"}]`)},
		"elsewhere.fga": {Data: []byte(documents)},
	}
	for _, m := range []string{"model.fga", "model.json", "m/fga.mod", "../elsewhere.fga"} {
		dir["a/store.fga.yaml"] = &fstest.MapFile{Data: []byte("model_file: " + m + `
tuple_file: one.yaml
tests:
  - name: files
    tuple_files: [two.yaml]
    list_objects: [{user: "user:anne", type: doc, assertions: {owner: ["doc:1", "doc:2"]}}]
`)}
		got, err := scenario.Options{Now: moment}.Run(t.Context(), dir, "a/store.fga.yaml")
		if err != nil {
			t.Errorf("%s: %v", m, err)
			continue
		}
		same(t, got, "files: objects of type doc that user:anne is owner of: want [doc:1 doc:2], got [doc:1 doc:2]: passed")
	}
	dir["a/store.fga.yaml"] = &fstest.MapFile{Data: []byte("model_file: ../../passwd\n")}
	if _, err := (scenario.Options{Now: moment}).Run(t.Context(), dir, "a/store.fga.yaml"); err == nil {
		t.Error("a file outside the folder was read")
	}
}

// A file without a model is about the one that is given.
func TestGivenModel(t *testing.T) {
	t.Parallel()
	m, err := model.Parse(documents)
	if err != nil {
		t.Fatal(err)
	}
	got, err := scenario.Options{Now: moment, Model: m}.RunText(t.Context(), tuples+`
tests: [{name: given, check: [{user: "user:anne", object: "doc:plan", assertions: {owner: true}}]}]
`)
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, "given: user:anne owner doc:plan: want true, got true: passed")
}

// What cannot be asked is refused as a whole, with a reason that names where.
func TestRefused(t *testing.T) {
	t.Parallel()
	own := "model: " + indented(documents)
	for name, x := range map[string]struct{ file, code, says string }{
		"a misspelled member":             {own + "tests:\n  - name: t\n    chek: []\n", "invalid_store_file", "line"},
		"no YAML":                         {"{", "invalid_store_file", "cannot be read"},
		"a file that is not there":        {"model_file: model.fga\n", "file_not_at_hand", "not at hand"},
		"tuples that are not there":       {own + "tuple_file: t.yaml\n", "file_not_at_hand", "not at hand"},
		"a model with an unknown type":    {"model: " + indented("model\n  schema 1.1\ntype doc\n  relations\n    define owner: [nobody]\n"), "invalid_model", "nobody"},
		"a tuple that does not fit":       {own + `tuples: [{user: "doc:1", relation: owner, object: "doc:2"}]` + "\ntests: [{name: t}]\n", "", "doc:1"},
		"a tuple of an unknown relation":  {own + `tuples: [{user: "user:a", relation: reader, object: "doc:2"}]` + "\ntests: [{name: t}]\n", "", "reader"},
		"a tuple without a colon":         {own + `tuples: [{user: anne, relation: owner, object: "doc:2"}]` + "\n", "", "anne"},
		"a context that is no JSON":       {own + "tests: [{name: t, check: [{user: 'user:a', object: 'doc:1', context: {hour: .nan}, assertions: {owner: true}}]}]\n", "invalid_store_file", "JSON"},
		"a check of nobody":               {own + "tests: [{name: t, check: [{object: 'doc:1', assertions: {owner: true}}]}]\n", "invalid_store_file", "user and object"},
		"a check of nothing":              {own + "tests: [{name: t, check: [{user: 'user:a', assertions: {owner: true}}]}]\n", "invalid_store_file", "user and object"},
		"a list of objects for nobody":    {own + "tests: [{name: t, list_objects: [{type: doc, assertions: {owner: []}}]}]\n", "", ""},
		"a list of users without a type":  {own + "tests: [{name: t, list_users: [{object: 'doc:1', assertions: {owner: {users: []}}}]}]\n", "invalid_store_file", "user_filter"},
		"more questions than are allowed": {own + "tests: [{name: t, check: [{users: ['user:a', 'user:b', 'user:c'], object: 'doc:1', assertions: {owner: false}}]}]\n", "too_many_questions", "At most 2"},
	} {
		out, err := scenario.Options{Now: moment, Most: 2}.RunText(t.Context(), x.file)
		e := errs.From(err)
		if err == nil || e.Kind != errs.Invalid || x.code != "" && e.Code != x.code || !strings.Contains(e.Text, x.says) {
			t.Errorf("%s: %d outcomes, %v (%s)", name, len(out), err, errs.CodeOf(err))
		}
	}
}

// Who has gone away is not answered to the end.
func TestCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := scenario.Options{Now: moment}.RunText(ctx, "model: "+indented(documents)+"tests: [{name: t}]\n")
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
