package model_test

import (
	"testing"

	"github.com/cardea-auth/cardea/internal/authz/model"
)

// settle puts a model that was read from strangers through everything that can be done with it.
func settle(t *testing.T, m *model.Model) {
	raw, err := m.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if back, err := model.ParseJSON(raw); err != nil || !back.Equal(m) {
		t.Fatalf("the JSON of it is another model: %v\n%s", err, raw)
	}
	if m.Check() != nil {
		return
	}
	m.Advice()
	if d := model.Compare(m, m); len(d) > 0 {
		t.Fatalf("it differs from itself:\n%s", d)
	}
	if text, err := model.Format(m); err == nil {
		back, err := model.Parse(text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		for i := range m.Types { // which a text of its own does not say
			m.Types[i].Origin = model.Origin{}
			for j := range m.Types[i].Relations {
				m.Types[i].Relations[j].Origin = model.Origin{}
			}
		}
		for i := range m.Conditions {
			m.Conditions[i].Origin = model.Origin{}
		}
		if !back.Equal(m) {
			t.Fatalf("the text of it is another model\n%s", text)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(drive)
	f.Add("module core\n\nextend type user\n  relations\n    define a: ([user] and b) but not c from d\n")
	f.Add("model\n  schema 1.2\n\t# note\ntype a.b/c-d\n  relations\n    define or-else: [a.b/c-d:*, x#y with $expression\n ]\ncondition c(m: map<string>) { m[\"}\"] == '''a\nb''' // note\n}\n")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := model.Parse(text)
		if err != nil {
			if len(model.Diagnostics(err)) == 0 {
				t.Fatal("a refusal without a reason")
			}
			if m, err = model.Join(model.Schema12, []model.File{{Name: "a.fga", Text: text}}); err != nil {
				return
			}
		}
		settle(t, m)
	})
}

func FuzzParseJSON(f *testing.F) {
	raw, err := parse(f, drive).MarshalJSON()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte(`{"type_definitions":[{"type":"a","metadata":{"module":"m","source_info":{"file":"m.fga"},"relations":null}}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if m, err := model.ParseJSON(raw); err == nil {
			settle(t, m)
		} else if len(model.Diagnostics(err)) == 0 {
			t.Fatal("a refusal without a reason")
		}
	})
}

func FuzzParseManifest(f *testing.F) {
	f.Add("schema: \"1.2\"\ncontents:\n  - core.fga\n")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := model.ParseManifest(text)
		if err != nil {
			if len(model.Diagnostics(err)) == 0 {
				t.Fatal("a refusal without a reason")
			}
		} else if m.Schema != model.Schema12 {
			t.Fatal("a manifest without a schema")
		}
	})
}
