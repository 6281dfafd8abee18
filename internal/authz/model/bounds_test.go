package model_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/internal/authz/model"
)

// TestRegress_154_DearModels: texts made to be dear are refused or read, and neither takes a stack or
// a minute.
func TestRegress_154_DearModels(t *testing.T) {
	t.Parallel()
	const head = "model\n  schema 1.1\ntype user\ntype doc\n  relations\n"
	many := func(format string, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i, i+1)
		}
		return b.String()
	}
	for name, c := range map[string]struct {
		text string
		code model.Code // of the first finding, or none
	}{
		"long":                {head + strings.Repeat(" ", model.MaxBytes), model.CodeLimit},
		"not UTF-8":           {head + "\xff", model.CodeSyntax},
		"parentheses":         {head + "    define a: " + strings.Repeat("(", 100_000), model.CodeLimit},
		"types":               {"model\n  schema 1.1\n" + many("type t%d_%d\n", model.MaxTypes+1), model.CodeLimit},
		"conditions":          {head + "    define a: [user]\n" + many("condition c%d(x: int) {\n  x > %d\n}\n", 26), model.CodeLimit},
		"parameters":          {head + "    define a: [user]\ncondition c(" + many("p%d_%d: int, ", 26) + "z: int) {\n  z > 1\n}\n", model.CodeLimit},
		"expression":          {head + "    define a: [user]\ncondition c(z: int) {\n  z > 1" + strings.Repeat(" && z > 1", 60) + "\n}\n", model.CodeLimit},
		"nested expression":   {head + "    define a: [user]\ncondition c(z: bool) {\n  " + strings.Repeat("(", 200) + "z" + strings.Repeat(")", 200) + "\n}\n", model.CodeExpression},
		"a chain":             {head + many("    define r%d: r%d\n", 9_000) + "    define r9000: [user]\n", ""},
		"a circle":            {head + many("    define r%d: [doc#r%d]\n", 8_000) + "    define r8000: [user, doc#r0]\n", ""},
		"a circle and types":  {"model\n  schema 1.1\n" + many("type t%d_%d\n", 400) + "type doc\n  relations\n" + many("    define r%d: [doc#r%d, t7_8]\n", 6_000) + "    define r6000: [t1_2, doc#r0]\n", ""},
		"mistakes everywhere": {head + strings.Repeat("    define a\n", 15_000), model.CodeSyntax},
		"unknown everywhere":  {head + many("    define r%d: s%d\n", 9_000), model.CodeRelation},
		"quotes":              {head + strings.Repeat(`"'`, 100_000), model.CodeSyntax},
		"triple quotes":       {head + strings.Repeat(`""" `, 50_000), model.CodeSyntax},
		"brackets":            {head + "    define a: [" + strings.Repeat("user, ", 40_000) + "user]\n", ""},
		"roads":               {head + "    define p: [doc]\n    define a: [user] or a from p" + strings.Repeat(" or a from p", 15_000) + "\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := model.Parse(c.text)
			if err == nil {
				if err = m.Check(); err == nil {
					m.Advice()
				}
			}
			found := model.Diagnostics(err)
			if (err == nil) != (c.code == "") || err != nil && found[0].Code != c.code {
				t.Errorf("want %s, got %.300v", c.code, err)
			}
			if len(found) > 50 {
				t.Errorf("%d findings", len(found))
			}
		})
	}
}

// TestRegress_157_NoWildcardAlongFrom: what stands behind "from" holds plain objects only, in a text
// as in JSON, under a condition, and whatever else it holds.
func TestRegress_157_NoWildcardAlongFrom(t *testing.T) {
	t.Parallel()
	const text = "model\n  schema 1.1\ntype user\ntype folder\n  relations\n    define viewer: [user, user:*]\ntype doc\n  relations\n" +
		"    define parent: [folder, HOLD]\n    define viewer: [user] and (viewer from parent or viewer from parent)\n" +
		"condition c(x: int) {\n  x > 1\n}\n"
	for held, ok := range map[string]bool{
		"folder with c": true, "user": true, "folder:*": false, "folder:* with c": false, "user:*": false, "folder#viewer": false, "doc#viewer": false,
	} {
		m := parse(t, strings.Replace(text, "HOLD", held, 1))
		raw, err := m.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		fromJSON, err := model.ParseJSON(raw)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range []*model.Model{m, fromJSON} {
			err := m.Check()
			if found := model.Diagnostics(err); (err == nil) != ok || err != nil && found[0].Code != model.CodeTupleset {
				t.Errorf("%s: %v", held, err)
			}
		}
	}
}

// thousand is a model of a thousand lines like those that people write.
func thousand() string {
	var b strings.Builder
	b.WriteString("model\n  schema 1.1\n\ntype user\n\ntype group\n  relations\n    define member: [user, group#member]\n")
	for i := 0; strings.Count(b.String(), "\n") < 1000; i++ {
		fmt.Fprintf(&b, "\n# what belongs to %d\ntype doc_%d\n  relations\n    define parent: [doc_%d]\n    define owner: [user, group#member]\n"+
			"    define blocked: [user, user:*]\n    define editor: [user, group#member] or owner or editor from parent\n"+
			"    define viewer: ([user, user:*, group#member] or editor or viewer from parent) but not blocked\n    define can_share: owner and viewer\n", i, i, i)
	}
	return b.String()
}

func BenchmarkParse(b *testing.B) {
	text := thousand()
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := model.Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	m := parse(b, thousand())
	b.ReportAllocs()
	for b.Loop() {
		if err := m.Check(); err != nil {
			b.Fatal(err)
		}
	}
}
