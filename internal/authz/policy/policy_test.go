package policy_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/cedar-policy/cedar-go/types"
	"github.com/google/go-cmp/cmp"

	"github.com/cardea-auth/cardea/internal/authz/policy"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

func parse(t testing.TB, text string) *policy.Policies {
	t.Helper()
	p, err := policy.Parse(text)
	if err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	return p
}

// ask is the effect of policies on a question about user:42 and patient_record:7.
func ask(t testing.TB, text string, change func(*policy.Question)) policy.Verdict {
	t.Helper()
	q := policy.Question{
		Subject: policy.Entity{Ref: policy.Ref{Type: "user", ID: "42"}}, Resource: policy.Entity{Ref: policy.Ref{Type: "patient_record", ID: "7"}},
		Action: "read", Environment: policy.Environment{Time: time.Date(2026, 11, 2, 8, 30, 0, 0, time.UTC)},
	}
	if change != nil {
		change(&q)
	}
	v, err := parse(t, text).Judge(t.Context(), q, true)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestTypeNames: each type of ours has one name in policies, and each name means one type.
func TestTypeNames(t *testing.T) {
	t.Parallel()
	for ours, want := range map[string]types.EntityType{
		"user": "User", "patient_record": "PatientRecord", "v2_api": "V2Api", "a": "A",
		"User": "_User", "doc-1": "_doc_2d1", "doc_": "_doc_5f", "_doc": "__5fdoc", "doc__x": "_doc_5f_5fx", "doc_1": "_doc_5f1", "": "_",
		"::Shop::Item": "Shop::Item", "::user": "user", "::User": "__3a_3aUser", "::_User": "__3a_3a_5fUser", "é": "__c3_a9",
	} {
		if got := policy.CedarType(ours); got != want {
			t.Errorf("%q is %q, want %q", ours, got, want)
		}
		if got := policy.OurType(want); got != ours {
			t.Errorf("%q means %q, want %q", want, got, ours)
		}
	}
}

func FuzzTypeNames(f *testing.F) {
	for _, s := range []string{"user", "User", "doc-1", "::Shop::Item", "_", "__5f", "a::b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name := policy.CedarType(s)
		if got := policy.OurType(name); got != s {
			t.Errorf("%q is %q, which means %q", s, name, got)
		}
		if got := policy.CedarType(policy.OurType(types.EntityType(s))); isType(s) && string(got) != s {
			t.Errorf("the name %q means %q, which is %q", s, policy.OurType(types.EntityType(s)), got)
		}
	})
}

func isType(s string) bool {
	_, err := types.NewEntityType(s)
	return err == nil && !strings.ContainsAny(s, " \t\n")
}

func TestEffects(t *testing.T) {
	t.Parallel()
	const permit = `permit(principal == User::"42", action == Action::"read", resource is PatientRecord);`
	for name, c := range map[string]struct {
		text string
		want policy.Effect
	}{
		"nothing":              {"", policy.None},
		"permit":               {permit, policy.Permit},
		"another type":         {`permit(principal == user::"42", action, resource);`, policy.None},
		"forbid wins":          {permit + `@id("never") forbid(principal, action, resource);`, policy.Forbid},
		"missing permits none": {`permit(principal, action, resource) when { principal.department == resource.department };`, policy.None},
		"failing forbid":       {permit + `forbid(principal, action, resource) when { resource.secret };`, ""},
		"forbid beside a failing one": {`forbid(principal, action, resource) when { resource.secret };
			forbid(principal, action, resource);`, policy.Forbid},
	} {
		if v := ask(t, c.text, nil); v.Effect != c.want {
			t.Errorf("%s: %q, want %q (%+v)", name, v.Effect, c.want, v)
		}
	}
}

// TestReasons: policies are told by id and line, with what they have read.
func TestReasons(t *testing.T) {
	t.Parallel()
	const text = `// The doctor of a patient reads the record.
@id("own-patients")
permit(principal, action == Action::"read", resource)
when { resource.doctor == principal.id };

@id("archived")
forbid(principal, action, resource)
when { resource.archived == "yes" };
`
	with := func(doctor, archived any) func(*policy.Question) {
		return func(q *policy.Question) {
			q.Subject.Properties = map[string]any{"id": "42"}
			q.Resource.Properties = map[string]any{"doctor": doctor, "archived": archived}
		}
	}
	v := ask(t, text, with("42", "no"))
	want := []policy.Cited{{Policy: "own-patients", Line: 2, Values: map[string]string{"resource.doctor": `"42"`, "principal.id": `"42"`}}}
	if diff := cmp.Diff(want, v.Determining); diff != "" {
		t.Error(diff)
	}
	v = ask(t, text, with("43", "no"))
	want[0].Values = map[string]string{"resource.doctor": `"43"`, "principal.id": `"42"`}
	if diff := cmp.Diff(want, v.Near); v.Effect != policy.None || diff != "" {
		t.Errorf("%q %s", v.Effect, diff)
	}
	v = ask(t, text, with(nil, "no"))
	if len(v.Near) != 1 || v.Near[0].Values["resource.doctor"] != "is missing" || v.Near[0].Error == "" {
		t.Errorf("%+v", v)
	}
	v = ask(t, text, with("42", nil))
	if v.Effect != "" || len(v.Failed) != 1 || v.Failed[0].Policy != "archived" || v.Failed[0].Line != 6 || len(v.Determining) != 0 {
		t.Errorf("%+v", v)
	}
}

// TestEnvironment: the time in a stated zone, also where its clock was put back in between, and the address.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	const hours = `permit(principal, action, resource) when {
		context.environment.local["Europe/Berlin"].hour >= 9 && context.environment.local["Europe/Berlin"].hour < 18 &&
		context.environment.local["Europe/Berlin"].weekday == 1 };`
	for at, want := range map[string]policy.Effect{
		"2026-11-02T08:59:59+01:00": policy.None, "2026-11-02T09:00:00+01:00": policy.Permit, "2026-11-02T08:00:00Z": policy.Permit,
		"2026-07-06T07:00:00Z": policy.Permit, "2026-07-06T06:59:59Z": policy.None,
		"2026-11-02T17:59:59+01:00": policy.Permit, "2026-11-02T18:00:00+01:00": policy.None, "2026-11-03T12:00:00+01:00": policy.None,
	} {
		v := ask(t, hours, func(q *policy.Question) {
			var err error
			if q.Environment.Time, err = time.Parse(time.RFC3339, at); err != nil {
				t.Fatal(err)
			}
			// What a question says under this name is not believed.
			q.Context = map[string]any{"environment": map[string]any{"local": map[string]any{}}}
		})
		if v.Effect != want {
			t.Errorf("%s: %s, want %s", at, v.Effect, want)
		}
	}
	const office = `permit(principal, action, resource) when {
		context.environment.time > datetime("2026-01-01") && context.environment.address.isInRange(ip("192.0.2.0/24")) };`
	for address, want := range map[string]policy.Effect{"192.0.2.7": policy.Permit, "::ffff:192.0.2.7": policy.Permit, "198.51.100.1": policy.None, "": policy.None} {
		v := ask(t, office, func(q *policy.Question) {
			if address != "" {
				q.Environment.Address = netip.MustParseAddr(address)
			}
		})
		if v.Effect != want {
			t.Errorf("from %q: %s, want %s", address, v.Effect, want)
		}
	}
}

// TestValues: what JSON says, as policies read it. What would have to be rounded is refused.
func TestValues(t *testing.T) {
	t.Parallel()
	const text = `permit(principal, action, resource) when { context.is };`
	for condition, v := range map[string]any{
		`context.v == 1`: 1.0, `context.v == "1"`: "1", `context.v == [1, 2]`: []any{2.0, 1.0, 1.0}, `context.v.a == true`: map[string]any{"a": true},
		`context.v == decimal("0.5")`: 0.5, `context.v.lessThan(decimal("1.2346"))`: 1.2345, `!(context has v)`: nil,
		`context.v == User::"a"`: map[string]any{"__entity": map[string]any{"type": "User", "id": "a"}},
		`context.v == ip("::1")`: map[string]any{"__extn": map[string]any{"fn": "ip", "arg": "::1"}},
	} {
		got := ask(t, strings.Replace(text, "context.is", condition, 1), func(q *policy.Question) { q.Context = map[string]any{"v": v} })
		if got.Effect != policy.Permit {
			t.Errorf("%s for %v: %+v", condition, v, got)
		}
	}
	for _, v := range []any{
		0.12345, 1e300, 9007199254740993.0 * 4, []any{nil}, struct{}{},
		map[string]any{"__entity": map[string]any{"id": "a"}}, map[string]any{"__extn": map[string]any{"fn": "exec", "arg": "x"}},
	} {
		_, err := parse(t, "").Judge(t.Context(), policy.Question{Context: map[string]any{"v": v}}, false)
		if !errs.Is(err, errs.Invalid) {
			t.Errorf("%v: %v", v, err)
		}
	}
}

// knows is what somebody knows.
type knows map[policy.Ref]policy.Known

func (k knows) Known(_ context.Context, r policy.Ref) (policy.Known, bool, error) {
	known, ok := k[r]
	return known, ok, nil
}

type broken struct{}

func (broken) Known(context.Context, policy.Ref) (policy.Known, bool, error) {
	return policy.Known{}, false, errors.New("the database is away")
}

// TestFacts: who belongs where is known and not stated, facts stand against statements, and nothing is
// fetched that nobody reads.
func TestFacts(t *testing.T) {
	t.Parallel()
	k := knows{
		{Type: "user", ID: "42"}:      {Attributes: map[string]any{"email_verified": false}, Parents: []policy.Ref{{Type: "group", ID: "staff"}}},
		{Type: "group", ID: "staff"}:  {Parents: []policy.Ref{{Type: "group", ID: "people"}}},
		{Type: "group", ID: "people"}: {Parents: []policy.Ref{{Type: "group", ID: "staff"}}}, // a circle ends all the same
	}
	with := func(f policy.Facts) func(*policy.Question) {
		return func(q *policy.Question) {
			q.Facts = f
			q.Subject.Properties = map[string]any{"email_verified": true, "department": "x"}
		}
	}
	for text, want := range map[string]policy.Effect{
		`permit(principal in Group::"staff", action, resource);`:                                            policy.Permit,
		`permit(principal in Group::"people", action, resource);`:                                           policy.Permit,
		`permit(principal in Group::"board", action, resource);`:                                            policy.None,
		`permit(principal, action, resource) when { principal.email_verified };`:                            policy.None,
		`permit(principal, action, resource) when { principal.department == "x" };`:                         policy.Permit,
		`permit(principal, action, resource) when { User::"nobody" has email };`:                            policy.None,
		`permit(principal, action, resource) when { [principal].contains(User::"42") };`:                    policy.Permit,
		`permit(principal, action, resource in Folder::"documents");`:                                       policy.None,
		`permit(principal, action, resource) unless { resource in [Folder::"a", Folder::"b"] };`:            policy.Permit,
		`permit(principal is User in Group::"people", action in [Action::"read"], resource) when { true };`: policy.Permit,
	} {
		if v := ask(t, text, with(k)); v.Effect != want {
			t.Errorf("%s: %s, want %s", text, v.Effect, want)
		}
	}
	if v := ask(t, `permit(principal == User::"42", action, resource);`, with(broken{})); v.Effect != policy.Permit {
		t.Errorf("nothing had to be fetched: %+v", v)
	}
	q := policy.Question{Subject: policy.Entity{Ref: policy.Ref{Type: "user", ID: "1"}}, Facts: broken{}}
	if v, err := parse(t, `permit(principal, action, resource) unless { principal in Group::"x" };`).Judge(t.Context(), q, false); err == nil || v.Effect != "" {
		t.Errorf("what could not be fetched must not be absent: %+v %v", v, err)
	}
}

// TestE9_Policies is acceptance example E9, by policies alone.
func TestE9_Policies(t *testing.T) {
	t.Parallel()
	const text = `
permit(principal in Role::"editor", action in [Action::"read", Action::"write"], resource in Folder::"documents")
unless { resource.classification == "top-secret" };`
	folder := func(id string, above ...policy.Parent) policy.Parent {
		return policy.Parent{Ref: policy.Ref{Type: "folder", ID: id}, Parents: above}
	}
	k := knows{{Type: "user", ID: "42"}: {Parents: []policy.Ref{{Type: "role", ID: "editor"}}}}
	for name, c := range map[string]struct {
		action, classification string
		in                     policy.Parent
		want                   policy.Effect
	}{
		"internal":          {"write", "internal", folder("documents"), policy.Permit},
		"nested":            {"read", "internal", folder("2026", folder("reports", folder("documents"))), policy.Permit},
		"delete":            {"delete", "internal", folder("documents"), policy.None},
		"top secret":        {"read", "top-secret", folder("documents"), policy.None},
		"no classification": {"read", "", folder("documents"), policy.None},
		"another folder":    {"read", "internal", folder("private"), policy.None},
	} {
		v := ask(t, text, func(q *policy.Question) {
			q.Facts, q.Action, q.Resource.Parents = k, c.action, []policy.Parent{c.in}
			if c.classification != "" {
				q.Resource.Properties = map[string]any{"classification": c.classification}
			}
		})
		if v.Effect != c.want {
			t.Errorf("%s: %s, want %s", name, v.Effect, c.want)
		}
	}
}

// TestUnsound: what is wrong is told with its place, and without the text itself.
func TestUnsound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, schema, want string }{
		"effect":       {"\n  allow(principal, action, resource);", "", "2:8: a policy begins with permit or forbid"},
		"semicolon":    {"permit(principal, action, resource)", "", "1:36: expected ;"},
		"secret":       {`permit(principal, action, resource) when { hunter2 };`, "", "1:52: invalid primary"},
		"template":     {`permit(principal == ?principal, action, resource);`, "", "1:22: expected ident"},
		"twice":        {`@id("a") permit(principal, action, resource); @id("a") forbid(principal, action, resource);`, "", "1:47: a: the @id"},
		"deep":         {"permit(principal, action, resource) when { " + strings.Repeat("(", 100) + "true" + strings.Repeat(")", 100) + " };", "", "nested more than 64"},
		"long":         {strings.Repeat(" ", policy.MaxText+1), "", "must not be longer"},
		"many":         {strings.Repeat("permit(principal,action,resource);", policy.MaxPolicies+1), "", "must not be more than 1000"},
		"zone":         {`permit(principal, action, resource) when { context.environment.local["Mars/Olympus"].hour > 1 };`, "", "a time zone that is not known"},
		"local zone":   {`permit(principal, action, resource) when { context.environment.local["Local"].hour > 1 };`, "", "a time zone that is not known"},
		"schema":       {"", "entity User {", "1:14: schema: expected"},
		"not in it":    {`permit(principal, action == Action::"fly", resource);`, `entity User; action read appliesTo { principal: User, resource: User };`, "1:1: policy0: "},
		"wrong type":   {`permit(principal is User, action == Action::"read", resource) when { principal.age == "x" };`, `entity User { age: Long }; action read appliesTo { principal: User, resource: User };`, "1:1: policy0: "},
		"unknown name": {`permit(principal is User, action, resource) when { principal.agee > 3 };`, `entity User { age: Long }; action read appliesTo { principal: User, resource: User };`, "1:1: policy0: "},
	} {
		_, err := policy.Draft{Text: c.text, Schema: c.schema}.Check()
		found := policy.Findings(err)
		if errs.CodeOf(err) != "policy_invalid" || len(found) == 0 || !strings.Contains(found[0].String(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if strings.Contains(errs.From(err).Text, "hunter2") {
			t.Errorf("%s: repeats what was sent: %v", name, err)
		}
	}
	const schema = `entity Role; entity User in [Role] { age: Long }; entity Doc { owner: User };
		action read appliesTo { principal: User, resource: Doc, context: { environment: { time: datetime } } };`
	if _, err := (policy.Draft{Schema: schema, Text: `permit(principal in Role::"a", action == Action::"read", resource) when { resource.owner == principal && principal.age > 3 && context.environment.time > datetime("2026-01-01") };`}).Check(); err != nil {
		t.Error(err)
	}
}

// TestCases: a version says of itself what it is expected to decide.
func TestCases(t *testing.T) {
	t.Parallel()
	p := parse(t, `@id("adults") permit(principal, action, resource) when { principal.age >= 18 };
		@id("risk") forbid(principal, action, resource) when { context has risk && context.risk > 5 };
		@id("strong") permit(principal in Group::"staff", action == Action::"wipe", resource) when { context.authentication.strength >= 2 };`)
	age := func(n float64) policy.Part {
		return policy.Part{Type: "user", ID: "u", Properties: map[string]any{"age": n}}
	}
	doc := policy.Part{Type: "doc", ID: "1"}
	staff := policy.Part{Type: "user", ID: "u", Parents: []policy.Parent{{Ref: policy.Ref{Type: "group", ID: "staff"}}}}
	got, err := p.Run(t.Context(), []policy.Case{
		{Name: "18", Subject: age(18), Action: "read", Resource: doc, Expect: policy.Permit, Determined: []string{"adults"}},
		{Name: "17", Subject: age(17), Action: "read", Resource: doc, Expect: policy.None},
		{Name: "risk", Subject: age(18), Action: "read", Resource: doc, Context: map[string]any{"risk": 6.0}, Expect: policy.Forbid},
		{Name: "wrong", Subject: age(17), Action: "read", Resource: doc, Expect: policy.Permit},
		{Name: "by another", Subject: age(18), Action: "read", Resource: doc, Expect: policy.Permit, Determined: []string{"strong"}},
		{Name: "strong", Subject: staff, Action: "wipe", Resource: doc, Strength: 2, Expect: policy.Permit},
		{Name: "weak", Subject: staff, Action: "wipe", Resource: doc, Strength: 1, Expect: policy.None},
	})
	if err != nil {
		t.Fatal(err)
	}
	var failed []string
	for _, o := range got {
		if !o.Passed {
			failed = append(failed, o.Name)
		}
	}
	if diff := cmp.Diff([]string{"wrong", "by another"}, failed); diff != "" {
		t.Errorf("%s%+v", diff, got)
	}
}

// TestRegress_143_InputIsData: whatever a question holds, no part of it becomes policy.
func TestRegress_143_InputIsData(t *testing.T) {
	t.Parallel()
	const text = `permit(principal == User::"42", action == Action::"read", resource == Doc::"1");
		forbid(principal, action, resource) when { context.note == "permit" };`
	for _, evil := range []string{
		`42", action, resource); permit(principal, action, resource); //`, `" || true || "`, `*`, "\x00", "42\n", `User::"42"`, `?principal`,
		`data.secrets`, `..%2f..`, "\u202e42", `{"__entity":{"type":"User","id":"42"}}`,
	} {
		for _, change := range []func(*policy.Question){
			func(q *policy.Question) { q.Subject.ID = evil },
			func(q *policy.Question) { q.Subject.Type = evil },
			func(q *policy.Question) { q.Action = evil },
			func(q *policy.Question) { q.Resource = policy.Entity{Ref: policy.Ref{Type: evil, ID: "1"}} },
			func(q *policy.Question) { q.Resource = policy.Entity{Ref: policy.Ref{Type: "doc", ID: evil}} },
			func(q *policy.Question) {
				q.Subject.ID, q.Resource.Properties = "1", map[string]any{evil: evil, "principal": "User::\"42\""}
			},
		} {
			v := ask(t, text, func(q *policy.Question) {
				q.Resource, q.Context = policy.Entity{Ref: policy.Ref{Type: "doc", ID: "1"}}, map[string]any{"note": evil}
				change(q)
			})
			if v.Effect != policy.None {
				t.Errorf("%q: %+v", evil, v)
			}
		}
	}
}

// TestRegress_165_NoWayOut: policies know no function that reads or writes anything, and always end.
func TestRegress_165_NoWayOut(t *testing.T) {
	t.Parallel()
	for _, call := range []string{`http("http://127.0.0.1/")`, `env("HOME")`, `read("/etc/passwd")`, `sleep(1)`, `now()`, `principal.exec("x")`, `resource.get("x")`} {
		if _, err := policy.Parse("permit(principal, action, resource) when { " + call + " };"); errs.CodeOf(err) != "policy_invalid" {
			t.Errorf("%s: %v", call, err)
		}
	}
	long := "permit(principal, action, resource) when { " + strings.Repeat("!", 50_000) + "true" + strings.Repeat(" && true", 20_000) + " };"
	if v := ask(t, long, nil); v.Effect != policy.Permit {
		t.Errorf("%+v", v)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`permit(principal, action, resource);`, `@id("a") forbid(principal in Role::"x", action in [Action::"a"], resource is A::B in C::"d") when { context.environment.local["UTC"].hour like "*" } unless { !principal.a["b c"] };`,
		`permit(principal == ?principal, action, resource);`, `// "`, `permit(principal,action,resource)when{if 1<2 then [ip("1.1.1.1")] else {"a":-9223372036854775808}};`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := policy.Parse(s)
		if err != nil {
			if errs.CodeOf(err) != "policy_invalid" || len(policy.Findings(err)) == 0 {
				t.Errorf("%v", err)
			}
			return
		}
		q := policy.Question{Subject: policy.Entity{Ref: policy.Ref{Type: "user", ID: "1"}}, Resource: policy.Entity{Ref: policy.Ref{Type: "a", ID: "1"}}, Action: "a"}
		if _, err := p.Judge(t.Context(), q, true); err != nil {
			t.Errorf("%v", err)
		}
		if err := p.Validate(`entity User; entity A; action a appliesTo { principal: User, resource: A };`); err != nil && errs.CodeOf(err) != "policy_invalid" {
			t.Errorf("%v", err)
		}
	})
}
