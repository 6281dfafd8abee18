package builtin_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cardea-auth/cardea/internal/authz/builtin"
	"github.com/cardea-auth/cardea/internal/authz/model"
)

const wiki = `module wiki

extend type org
  relations
    define billing: [user]

type page
  relations
    define home: [org]
    define reader: [user, group#member, role#assignee]
    define viewer: reader or member from home
`

func parse(t *testing.T, text string) *model.Model {
	t.Helper()
	m, err := builtin.Parse(text)
	if err == nil {
		err = m.Check()
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestRules: the rules of every tenant are as they have always been.
func TestRules(t *testing.T) {
	t.Parallel()
	rules, _, err := builtin.Rules()
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, kind := range rules.Types() {
		got += kind
		for _, relation := range rules.Relations(kind) {
			got += " " + relation + " " + strings.Join(rules.Allowed(kind, relation), ",")
		}
		got += "\n"
	}
	want := `user
service
group member group#member,service,user
org member user
role assignee group#member,org#member,role#assignee,service,user
org_role assignee group#member,org#member,service,user
store_role assignee group#member,service,user
permission granted role#assignee
`
	if diff := cmp.Diff(want, got); diff != "" || rules.HasForeign() {
		t.Error(diff)
	}
	m, err := builtin.Model()
	if err != nil {
		t.Fatal(err)
	}
	if files, err := model.FormatModules(m); err != nil || len(files) != 1 || files[0].Text != builtin.Module {
		t.Errorf("%v, %v", files, err)
	}
}

// TestParse: a module gets the types that it uses, and no others; a model gets none.
func TestParse(t *testing.T) {
	t.Parallel()
	m := parse(t, wiki)
	if got := strings.Join(builtin.Types(m), " "); got != "user service group org role" {
		t.Error(got)
	}
	if err := builtin.Check(m); err != nil || !builtin.Extends(m) {
		t.Error(err)
	}
	if got := builtin.Types(parse(t, "module alone\n\ntype person\n\ntype doc\n  relations\n    define reader: [person]\n")); len(got) != 0 {
		t.Error(got)
	}
	own := parse(t, "model\n  schema 1.1\n\ntype user\n\ntype group\n  relations\n    define member: [user]\n")
	if builtin.Extends(own) {
		t.Error("a model of its own extends")
	}
	if m := parse(t, builtin.Module); !builtin.Extends(m) || builtin.Check(m) != nil {
		t.Error("the module alone")
	}
	if _, err := builtin.Parse("module wiki\n\ntype user\n"); err == nil || !strings.Contains(err.Error(), "already defined at cardea.fga") {
		t.Error(err)
	}
}

// TestText: what is shown is read again as the same, also of several modules.
func TestText(t *testing.T) {
	t.Parallel()
	several, err := model.Join(model.Schema12, []model.File{
		{Name: "wiki.fga", Text: wiki}, {Name: "cardea.fga", Text: builtin.Module},
		{Name: "more.fga", Text: "module more\n\nextend type page\n  relations\n    define guest: [user with soon]\n\ncondition soon(x: bool) {\n  x\n}\n"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []*model.Model{parse(t, wiki), several, parse(t, builtin.Module)} {
		text, err := builtin.Text(m)
		if err != nil {
			t.Fatal(err)
		}
		again := parse(t, text)
		for _, c := range builtin.Compare(m, again) {
			if c.Kind != model.Removed || c.Type != "org_role" && c.Type != "store_role" && c.Type != "permission" { // nothing names those
				t.Errorf("%s\n%s", c.Path(), text)
			}
		}
		if second, err := builtin.Text(again); err != nil || second != text || builtin.Check(again) != nil {
			t.Errorf("%s\n%s\n%v", text, second, err)
		}
	}
	if text, err := builtin.Text(parse(t, wiki)); err != nil || text != wiki {
		t.Error(text)
	}
}

// TestCheck: what bears the name of the module must be the module, or a part of it.
func TestCheck(t *testing.T) {
	t.Parallel()
	join := func(cardea, app string) *model.Model {
		m, err := model.Join(model.Schema12, []model.File{{Name: "cardea.fga", Text: cardea}, {Name: "app.fga", Text: app}})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	const app = "module app\n\ntype doc\n  relations\n    define viewer: [group#member]\n"
	user := "module cardea\n\ntype user\n\ntype service\n\n"
	group := "type group\n  relations\n    define member: [user, service, group#member]\n"
	if err := builtin.Check(join(user+group, app)); err != nil {
		t.Error(err)
	}
	if err := builtin.Check(join(user+"type group\n  relations\n    define member: [group#member, service, user]\n", app)); err != nil {
		t.Error("another order:", err)
	}
	for _, wrong := range []struct{ name, cardea, app, says string }{
		{"fewer subjects", user + "type group\n  relations\n    define member: [user]\n", app, "group#member is not as in the built-in module, where it is [user, service, group#member]"},
		{"a wildcard", user + "type group\n  relations\n    define member: [user, user:*, service, group#member]\n", app, "not as in"},
		{"a rule", user + "type group\n  relations\n    define owner: [user]\n    define member: [user, service, group#member] or owner\n", app, "not as in"},
		{"another relation", user + "type group\n  relations\n    define member: [user, service, group#member]\n    define owner: [user]\n", app, "no such relation of the type group"},
		{"another type", user + group + "type team\n", app, "no type of that name"},
		{"a condition", user + group + "condition x(y: bool) {\n  y\n}\n", app, "no conditions"},
		{"a relation on others", user + group + "extend type doc\n  relations\n    define owner: [user]\n", app, "adds no relations"},
		{"a name only", "module cardea\n\n" + group, app + "\ntype user\n\ntype service\n", "needs the type user of the built-in module"},
		{"the relation of another", "module cardea\n\ntype user\n\ntype service\n\ntype group\n", app + "\nextend type group\n  relations\n    define member: [user, service, group#member]\n", "lacks the relation member"},
	} {
		if err := builtin.Check(join(wrong.cardea, wrong.app)); err == nil || !strings.Contains(err.Error(), wrong.says) {
			t.Errorf("%s: %v", wrong.name, err)
		}
	}
}

// TestCompare: tuples that the store had of a relation that becomes the server's count no longer.
func TestCompare(t *testing.T) {
	t.Parallel()
	own := parse(t, "model\n  schema 1.2\n\ntype user\n\ntype service\n\ntype group\n  relations\n    define member: [user, service, group#member]\n\ntype doc\n  relations\n    define viewer: [group#member]\n")
	uses := parse(t, "module app\n\ntype doc\n  relations\n    define viewer: [group#member]\n")
	if d := builtin.Compare(own, uses); len(d) != 1 || d[0].Path() != "group#member" || len(d.Orphans()) != 1 || d.Orphans()[0].String() != "group#member" {
		t.Errorf("%s", d)
	}
	if d := builtin.Compare(uses, own); len(d) != 1 || len(d.Orphans()) != 0 {
		t.Errorf("%s", d)
	}
	if d := builtin.Compare(uses, uses); len(d) != 0 {
		t.Errorf("%s", d)
	}
}

// FuzzParse: whatever is read is shown as a text that is read as the same.
func FuzzParse(f *testing.F) {
	f.Add(wiki)
	f.Add(builtin.Module)
	f.Add("module app\n\ntype doc\n  relations\n    define viewer: [org_role#assignee, permission#granted]\n")
	f.Add("module app\n\nextend type group\n")
	f.Add("model\n  schema 1.1\ntype user\n")
	f.Fuzz(func(t *testing.T, source string) {
		m, err := builtin.Parse(source)
		if err != nil || m.Check() != nil {
			return
		}
		if err := builtin.Check(m); err != nil {
			return // a module cardea of somebody's own
		}
		text, err := builtin.Text(m)
		if err != nil {
			return // what the language cannot say
		}
		again, err := builtin.Parse(text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if d := builtin.Compare(m, again); len(d) > 0 {
			t.Fatalf("%s\n%s", d, text)
		}
	})
}
