package condition_test

import (
	"context"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/authz/condition"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// FuzzExpression compiles any text and runs what compiles, stored and inline.
func FuzzExpression(f *testing.F) {
	for _, text := range []string{
		"x > 3", "ip.in_cidr('10.0.0.0/8')", "now < at + life", "l.all(e, e.startsWith(s))", "m['a'] == m.b", "any.a[1].b == null", "s.matches('a*')",
		"[1, 2].map(e, e * 2) == l", "{'a': {1: 2u}}.a[1] == u", "has(m.a) ? s == '' : d > 0.5", "type(any) == int || any == ipaddress(s)", "((((", "'\\ud800' == s", "b'\\xff' == b''",
		"timestamp(s) > now && duration(s) < life && int(s) + 1 > x && string(x) == s && bytes(s).size() > 1", "now.getFullYear(s) == 1", "x", "__result__", "$expression",
	} {
		f.Add(text, `{"x": 1, "s": "a", "ip": "10.0.0.1", "now": "2026-11-20T12:00:00Z", "at": "2026-11-20T12:00:00Z", "life": "1h", "l": ["a"], "m": {"a": "b"}, "any": {"a": [1, {"b": null}]}, "u": 1, "d": 0.5}`)
	}
	names := map[string]string{
		"x": "int", "s": "string", "ip": "ipaddress", "now": "timestamp", "at": "timestamp", "life": "duration", "l": "list<string>", "m": "map<string>", "any": "any", "u": "uint", "d": "double",
	}
	var parameters []condition.Parameter
	for name, text := range names {
		t, err := condition.ParseType(text)
		if err != nil {
			f.Fatal(err)
		}
		parameters = append(parameters, condition.Parameter{Name: name, Type: t})
	}
	f.Fuzz(func(t *testing.T, expression, request string) {
		given, err := condition.ParseContext([]byte(request))
		if err != nil {
			return
		}
		set, err := condition.Compile(condition.Config{Inline: true}, condition.Source{Name: "c", Parameters: parameters, Expression: expression})
		if err != nil {
			if errs.CodeOf(err) != "invalid_condition" {
				t.Fatal(err)
			}
			return
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		b, err := set.Bind("c", "")
		if err != nil {
			t.Fatal(err)
		}
		first, missing, err := b.Evaluate(ctx, given)
		if err != nil && (first || errs.KindOf(err) == errs.Internal) {
			t.Fatalf("%v, %v", first, err)
		}
		again, missingAgain, errAgain := b.Evaluate(ctx, given)
		if again != first || len(missing) != len(missingAgain) || errs.CodeOf(err) != errs.CodeOf(errAgain) {
			t.Fatalf("%v %v %v, then %v %v %v", first, missing, err, again, missingAgain, errAgain)
		}
	})
}

// FuzzContext binds any context to a condition with a parameter of every type.
func FuzzContext(f *testing.F) {
	for _, text := range []string{
		``, `{}`, `{"x": 1}`, `{"x": 1e400}`, `{"x": "1"}`, `{"t": "2026-11-20T12:00:00Z"}`, `{"ip": "::ffff:1.2.3.4"}`, `{"any": [[[{}]]]}`, `{"l": [[1]]}`, `{"m": {"\u0000": null}}`,
		`{"d": "-9223372036854775808ns"}`, `{"any": 1, "any": 2}`, `{"expression": "x == y", "parameters": {"x": "map<list<any>>"}}`, `null`, `[`, "{\"a\": \"\xff\"}",
	} {
		f.Add(text)
	}
	set, err := condition.Compile(condition.Config{Inline: true}, source(f, "c",
		"b: bool, s: string, x: int, u: uint, f: double, d: duration, t: timestamp, ip: ipaddress, l: list<list<int>>, m: map<any>, any: any => s == string(x) || any == null"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range []string{"c", condition.Inline} {
			b, err := set.Bind(name, text)
			if err != nil {
				if !errs.Is(err, errs.Invalid) {
					t.Fatal(err)
				}
				continue
			}
			if holds, _, err := b.Evaluate(t.Context(), nil); err != nil && (holds || errs.KindOf(err) == errs.Internal) {
				t.Fatal(holds, err)
			}
		}
	})
}

// FuzzType reads any text as a type and what it prints again.
func FuzzType(f *testing.F) {
	for _, text := range []string{"bool", "list<string>", "map<map<any>>", "list<", "<>", "list<>>", "ipaddress"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		kind, err := condition.ParseType(text)
		if err != nil {
			return
		}
		if kind.String() != text {
			t.Fatalf("%q became %q", text, kind)
		}
	})
}
