package model_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/cardea-auth/cardea/internal/authz/condition"
	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/model"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

func parse(t testing.TB, text string) *model.Model {
	t.Helper()
	m, err := model.Parse(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return m
}

// names are few, so that rules meet, and include words that have a meaning elsewhere.
var names = []string{"user", "group", "type", "model", "extend", "a-b", "a.b/c", "_", "from-here", "viewer"}

// anyModel makes a model that has the form of one; what it says need not make sense.
func anyModel() *rapid.Generator[*model.Model] {
	return rapid.Custom(func(t *rapid.T) *model.Model {
		m := &model.Model{Schema: rapid.SampledFrom([]model.Schema{model.Schema11, model.Schema12}).Draw(t, "schema")}
		name := rapid.SampledFrom(names)
		for _, n := range rapid.SliceOfNDistinct(name, 1, 4, rapid.ID).Draw(t, "types") {
			one := model.Type{Name: n}
			for _, n := range rapid.SliceOfNDistinct(name, 0, 4, rapid.ID).Draw(t, "relations") {
				r := model.Relation{Name: n}
				if rapid.Bool().Draw(t, "direct") {
					r.Subjects = rapid.SliceOfN(anySubject(), 1, 3).Draw(t, "subjects")
				}
				r.Rewrite = anyRule(t, len(r.Subjects) > 0, 3)
				one.Relations = append(one.Relations, r)
			}
			m.Types = append(m.Types, one)
		}
		for _, n := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"c", "in_region", "c-1"}), 0, 2, rapid.ID).Draw(t, "conditions") {
			m.Conditions = append(m.Conditions, model.Condition{
				Name:       n,
				Parameters: []model.Parameter{{Name: "x", Type: model.ParameterType{Name: "int"}}, {Name: "from", Type: model.ParameterType{Name: "map", Element: &model.ParameterType{Name: "string"}}}},
				Expression: rapid.SampledFrom([]string{"x < 1", "x < 1 ||\n    from[\"}\"] == 'a'", `x == 2 && "\"}" != r"\"`, "x\n\n  != 3"}).Draw(t, "expression"),
			})
		}
		return m
	})
}

func anySubject() *rapid.Generator[model.Subject] {
	return rapid.Custom(func(t *rapid.T) model.Subject {
		s := model.Subject{Type: rapid.SampledFrom(names).Draw(t, "subject"), Condition: rapid.SampledFrom([]string{"", "", "c", model.Inline}).Draw(t, "with")}
		switch rapid.IntRange(0, 2).Draw(t, "kind") {
		case 0:
			s.Wildcard = true
		case 1:
			s.Relation = rapid.SampledFrom(names).Draw(t, "userset")
		}
		return s
	})
}

// anyRule makes a rule whose direct subjects, if it has any, come first.
func anyRule(t *rapid.T, direct bool, depth int) model.Rewrite {
	name := rapid.SampledFrom(names)
	operator := rapid.SampledFrom([]model.Operator{model.Computed, model.From, model.Union, model.Intersection, model.Exclusion}).Draw(t, "operator")
	if depth == 0 && operator > model.From {
		operator = model.Computed
	}
	switch {
	case operator <= model.From && direct:
		return model.Rewrite{Operator: model.Direct}
	case operator == model.Computed:
		return model.Rewrite{Operator: operator, Relation: name.Draw(t, "relation")}
	case operator == model.From:
		return model.Rewrite{Operator: operator, Relation: name.Draw(t, "relation"), Tupleset: name.Draw(t, "tupleset")}
	}
	out := model.Rewrite{Operator: operator, Parts: []model.Rewrite{anyRule(t, direct, depth-1), anyRule(t, false, depth-1)}}
	if operator != model.Exclusion && rapid.Bool().Draw(t, "third") {
		out.Parts = append(out.Parts, anyRule(t, false, depth-1))
	}
	return out
}

// TestRoundTrips: what is written, as text or as JSON, is read as the same model in the same order,
// and has the same digest.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := anyModel().Draw(t, "model")
		text, err := model.Format(m)
		if err != nil {
			t.Fatal(err)
		}
		fromText, err := model.Parse(text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		raw, err := fromText.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		fromJSON, err := model.ParseJSON(raw)
		if err != nil {
			t.Fatalf("%v\n%s", err, raw)
		}
		again, err := model.Format(fromJSON)
		if err != nil || again != text || !fromText.Equal(m) || !fromJSON.Equal(m) {
			t.Fatalf("%v\nfirst\n%s\nthen\n%s", err, text, again)
		}
		if digest(t, m) != digest(t, fromJSON) {
			t.Fatal("the digest has changed on the way")
		}
		full, err := m.MarshalFull()
		if err != nil {
			t.Fatal(err)
		}
		if fromFull, err := model.ParseJSON(full); err != nil || digest(t, m) != digest(t, fromFull) {
			t.Fatalf("with what is empty it says something else: %v\n%s", err, full)
		}
		if d := model.Compare(m, fromJSON); len(d) > 0 {
			t.Fatalf("a difference between equal models:\n%s", d)
		}
	})
}

func digest(t rapid.TB, m *model.Model) string {
	t.Helper()
	d, err := m.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestOrderDoesNotCount: a model in another order is Equal and has the same digest; one that says
// something else is and has not.
func TestOrderDoesNotCount(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := anyModel().Draw(t, "model")
		other := *m
		other.Types = slices.Clone(m.Types)
		slices.Reverse(other.Types)
		for i := range other.Types {
			other.Types[i].Relations = slices.Clone(other.Types[i].Relations)
			slices.Reverse(other.Types[i].Relations)
		}
		other.Conditions = slices.Clone(m.Conditions)
		slices.Reverse(other.Conditions)
		if !m.Equal(&other) || digest(t, m) != digest(t, &other) || len(model.Compare(m, &other)) > 0 {
			t.Fatal("order counts")
		}
		other.Types[0].Name += "x"
		if m.Equal(&other) || digest(t, m) == digest(t, &other) || len(model.Compare(m, &other)) == 0 {
			t.Fatal("a name does not count")
		}
	})
}

// TestDigestIsForever: a stored digest must mean the same in every later version.
func TestDigestIsForever(t *testing.T) {
	t.Parallel()
	m := parse(t, drive)
	const want = "435de0b956005df986dfa1d3567766c8e769d55f6becb61feb9a0668a87280a8"
	if got := digest(t, m); got != want {
		t.Errorf("the digest of a model was %s and is %s: stored digests lose their meaning", want, got)
	}
}

// all has every condition there can be.
var all = condition.Config{Inline: true}

const drive = `model
  schema 1.1

type user

type group
  relations
    define member: [user, user:*, group#member with weekday]

type doc
  relations
    define parent: [doc]
    define owner: [user]
    define viewer: ([user, group#member] or owner or viewer from parent) but not blocked
    define blocked: [user]

condition weekday(day: int, days: list<int>) {
  day in days
}
`

// TestJSONForm pins the members of the OpenFGA API.
func TestJSONForm(t *testing.T) {
	t.Parallel()
	raw, err := parse(t, drive).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"schema_version":"1.1","type_definitions":[{"type":"user"},` +
		`{"type":"group","relations":{"member":{"this":{}}},"metadata":{"relations":{"member":{"directly_related_user_types":[{"type":"user"},{"type":"user","wildcard":{}},{"type":"group","relation":"member","condition":"weekday"}]}}}},` +
		`{"type":"doc","relations":{"parent":{"this":{}},"owner":{"this":{}},"viewer":{"difference":{"base":{"union":{"child":[{"this":{}},{"computedUserset":{"relation":"owner"}},{"tupleToUserset":{"tupleset":{"relation":"parent"},"computedUserset":{"relation":"viewer"}}}]}},"subtract":{"computedUserset":{"relation":"blocked"}}}},"blocked":{"this":{}}},` +
		`"metadata":{"relations":{"parent":{"directly_related_user_types":[{"type":"doc"}]},"owner":{"directly_related_user_types":[{"type":"user"}]},"viewer":{"directly_related_user_types":[{"type":"user"},{"type":"group","relation":"member"}]},"blocked":{"directly_related_user_types":[{"type":"user"}]}}}}],` +
		`"conditions":{"weekday":{"name":"weekday","expression":"day in days","parameters":{"day":{"type_name":"TYPE_NAME_INT"},"days":{"type_name":"TYPE_NAME_LIST","generic_types":[{"type_name":"TYPE_NAME_INT"}]}}}}}`
	if diff := cmp.Diff(want, string(raw)); diff != "" {
		t.Error(diff)
	}
}

// TestBadJSON: a document that is no model is refused with the place and without being repeated.
func TestBadJSON(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ raw, want string }{
		{``, "1:1: The model is not valid JSON."},
		{"{\n  \"schema_version\": 1}", "2:21: A member has the wrong type."},
		{`{"schema_version":"1.1","schema_version":"1.1"}`, "1:25: An object names a member twice."},
		{`{"type_definitions":[{"type":"secret:%"}]}`, "The name of a type begins with a letter or _, goes on with letters, digits and _, may have single - / . between, and is no word of the language."},
		{`{"type_definitions":[{"type":"doc","relations":{"a":{}}}]}`, "doc#a: A rule needs exactly one of this, computedUserset, tupleToUserset, union, intersection and difference."},
		{`{"type_definitions":[{"type":"doc","relations":{"a":{"this":{},"union":{"child":[]}}}}]}`, "doc#a: A rule needs exactly one of this, computedUserset, tupleToUserset, union, intersection and difference."},
		{`{"type_definitions":[{"type":"doc","relations":{"a":{"this":{}}}}]}`, "doc#a: The relation can be given directly, but to no type of subject. Name the types in [..]."},
		{`{"type_definitions":[{"type":"user"}],"conditions":{"c":{"name":"d","expression":"true"}}}`, "condition c: The condition bears another name than the member that holds it."},
		{`{"type_definitions":[{"type":"user"}],"conditions":{"c":{"name":"c","expression":"true","parameters":{"x":{"type_name":"TYPE_NAME_LIST"}}}}}`, "condition c: A list or map needs one type of its elements."},
		{strings.Repeat(`[`, 20_000), "1:1: A member has the wrong type."},
		{strings.Repeat(` `, model.MaxBytes+1), "The model is longer than 262144 bytes."},
	} {
		m, err := model.ParseJSON([]byte(c.raw))
		if err == nil {
			err = m.Check()
		}
		if err == nil || err.Error() != c.want {
			t.Errorf("%.80s\ngot  %v\nwant %s", c.raw, err, c.want)
			continue
		}
		if e := errs.From(err); e.Kind != errs.Invalid || e.Code != "invalid_model" || len(e.Fields) == 0 || strings.Contains(e.Text, "secret") {
			t.Errorf("%.80s: %+v", c.raw, e)
		}
	}
}

// TestUnwritable: what only the JSON form can say is refused by Format, and compiles all the same.
func TestUnwritable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ types, conditions, want string }{
		{`{"difference":{"base":{"computedUserset":{"relation":"b"}},"subtract":{"this":{}}}}`, ``, "doc#a: The language writes the subjects in [..] once, and first; this rule has them elsewhere."},
		{`{"this":{}}`, `"c":{"name":"c","expression":"true"}`, "condition c: The language needs a parameter in every condition."},
		{`{"this":{}}`, `"c":{"name":"c","expression":"x == 1","parameters":{"x":{"type_name":"TYPE_NAME_ANY"}}}`, "condition c: The language cannot write the type of the parameter x."},
		{`{"this":{}}`, `"c":{"name":"c","expression":"{x: 1} == {1: 1}","parameters":{"x":{"type_name":"TYPE_NAME_INT"}}}`, "condition c: The language cannot write this expression: it has a brace, a comment or \" #\" in it."},
		{`{"this":{}}`, `"c":{"name":"c","expression":"x == \" #\"","parameters":{"x":{"type_name":"TYPE_NAME_STRING"}}}`, "condition c: The language cannot write this expression: it has a brace, a comment or \" #\" in it."},
	} {
		m, err := model.ParseJSON([]byte(`{"type_definitions":[{"type":"user"},{"type":"doc","relations":{"a":` + c.types + `,"b":{"this":{}}},"metadata":{"relations":{` +
			`"a":{"directly_related_user_types":[{"type":"user"}]},"b":{"directly_related_user_types":[{"type":"user"}]}}}}],"conditions":{` + c.conditions + `}}`))
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Check(); err != nil {
			t.Error(err)
		}
		if _, err := model.Format(m); err == nil || err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
}

// TestCompile: what was compiled decides as the text says, with conditions and repeated subjects.
func TestCompile(t *testing.T) {
	t.Parallel()
	rules, _, err := parse(t, strings.Replace(drive, "[user, group#member]", "[user, user, group#member]", 1)).Compile(all)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"group#member with weekday", "user", "user:*"}, rules.Allowed("group", "member")); diff != "" {
		t.Error(diff)
	}
	for text, want := range map[string]bool{
		"doc:a#viewer@user:anne": true, "doc:a#viewer@group:g#member": true, "doc:a#viewer@user:*": false, "group:g#member@group:h#member": false,
	} {
		if err := rules.Accepts(tuple(t, text)); (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
	conditional := tuple(t, "group:g#member@group:h#member")
	conditional.Condition = graph.Condition{Name: "weekday", Context: `{"days":[1,2]}`}
	if err := rules.Accepts(conditional); err != nil {
		t.Error(err)
	}
}
