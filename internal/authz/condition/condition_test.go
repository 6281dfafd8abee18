package condition_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/authz/condition"
	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// source writes a condition as "x: int, y: list<string> => expression".
func source(t testing.TB, name, text string) condition.Source {
	t.Helper()
	head, expression, ok := strings.Cut(text, "=>")
	if !ok {
		t.Fatal(text)
	}
	s := condition.Source{Name: name, Expression: strings.TrimSpace(expression)}
	for _, p := range strings.Split(head, ",") {
		parameter, kind, ok := strings.Cut(strings.TrimSpace(p), ":")
		if !ok {
			continue
		}
		typed, err := condition.ParseType(strings.TrimSpace(kind))
		if err != nil {
			t.Fatal(err)
		}
		s.Parameters = append(s.Parameters, condition.Parameter{Name: parameter, Type: typed})
	}
	return s
}

func bind(t testing.TB, text, tuple string) graph.Bound {
	t.Helper()
	set, err := condition.Compile(condition.Config{}, source(t, "c", text))
	if err != nil {
		t.Fatal(err)
	}
	b, err := set.Bind("c", tuple)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// answer is yes, no, "missing ..." or the code of the error.
func answer(t testing.TB, b graph.Bound, request string) string {
	t.Helper()
	given, err := condition.ParseContext([]byte(request))
	if err != nil {
		return errs.CodeOf(err)
	}
	holds, missing, err := b.Evaluate(t.Context(), given)
	switch {
	case err != nil:
		if holds {
			t.Error("an error that holds")
		}
		return errs.CodeOf(err)
	case len(missing) > 0:
		if holds {
			t.Error("holds without what is missing")
		}
		return "missing " + strings.Join(missing, " ")
	}
	return map[bool]string{true: "yes", false: "no"}[holds]
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ condition, tuple, request, want string }{
		{"x: int => x > 3", "", `{"x": 4}`, "yes"},
		{"x: int => x > 3", "", `{"x": 3}`, "no"},
		{"x: int => x > 3", "", `{}`, "missing x"},
		{"x: int, y: int => x > y", `{"y": 1}`, `{}`, "missing x"},
		{"x: int, y: int => x > y", ``, `{}`, "missing x y"},
		// The answer does not depend on which half of an || is looked at.
		{"x: bool, y: bool => x || y", ``, `{"x": true}`, "missing y"},
		{"x: bool, y: bool => x && y", ``, `{"x": false}`, "missing y"},
		{"x: bool => true", ``, `{}`, "missing x"},
		// What the tuple brings is not widened by the request.
		{"x: int, y: int => x > y", `{"y": 5}`, `{"x": 4, "y": 1}`, "no"},
		{"x: int => x > 3", `{"x": 1}`, `{"x": "not even a number"}`, "no"},
		{"x: int => x > 3", ``, `{"x": 4, "z": {"for": "another"}}`, "yes"},
		{" => true", ``, `{"x": 1}`, "yes"},
		{"now: timestamp, at: timestamp, life: duration => now < at + life", `{"at": "2026-11-20T12:00:00Z", "life": "1h"}`, `{"now": "2026-11-20T12:59:59Z"}`, "yes"},
		{"now: timestamp, at: timestamp, life: duration => now < at + life", `{"at": "2026-11-20T12:00:00Z", "life": "1h"}`, `{"now": "2026-11-20T14:00:00+01:00"}`, "no"},
		{"ip: ipaddress, net: string => ip.in_cidr(net)", `{"net": "192.168.0.0/16"}`, `{"ip": "192.168.7.1"}`, "yes"},
		{"ip: ipaddress, net: string => ip.in_cidr(net)", `{"net": "192.168.0.0/16"}`, `{"ip": "::ffff:192.168.7.1"}`, "yes"},
		{"ip: ipaddress, net: string => ip.in_cidr(net)", `{"net": "::ffff:192.168.0.0/112"}`, `{"ip": "192.168.7.1"}`, "yes"},
		{"ip: ipaddress, net: string => ip.in_cidr(net)", `{"net": "192.168.0.0/16"}`, `{"ip": "2001:db8::1"}`, "no"},
		{"ip: ipaddress, net: string => ip.in_cidr(net)", `{"net": "192.168.0.0"}`, `{"ip": "192.168.7.1"}`, "condition_failed"},
		{"ip: ipaddress => ip == ipaddress('10.0.0.1')", ``, `{"ip": "10.0.0.1"}`, "yes"},
		{"ip: ipaddress => ip != ipaddress('10.0.0.1')", ``, `{"ip": "10.0.0.1"}`, "no"},
		{"tags: list<string>, want: string => want in tags", `{"tags": ["a", "a", "b"]}`, `{"want": "b"}`, "yes"},
		{"tags: list<string> => tags.all(t, t.startsWith('a'))", `{"tags": ["a", "ab"]}`, `{}`, "yes"},
		{"tags: list<list<int>> => tags.size() == 2 && tags[0] == tags[1]", `{"tags": [[1], [1]]}`, `{}`, "yes"},
		{"m: map<int> => m.a == 1 && m['b'] == 2 && !('c' in m)", `{"m": {"a": 1, "b": 2}}`, `{}`, "yes"},
		{"m: map<int> => m.c == 1", `{"m": {}}`, `{}`, "condition_failed"},
		{"m: map<any> => m.a.b[1] == 2.0", ``, `{"m": {"a": {"b": [1, 2]}}}`, "yes"},
		{"x: any => x == null", ``, `{"x": null}`, "yes"},
		{"x: any => type(x) == map", ``, `{"x": {"a": null}}`, "yes"},
		{"x: int => 1 / x == 1", ``, `{"x": 0}`, "condition_failed"},
		{"x: int => x + 9223372036854775807 > 0", ``, `{"x": 1}`, "condition_failed"},
		{"s: string => s.matches('^(a+)+$')", ``, `{"s": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"}`, "no"},
		{"s: string => s == 'é'", ``, `{"s": "e\u0301"}`, "no"},
	} {
		if got := answer(t, bind(t, c.condition, c.tuple), c.request); got != c.want {
			t.Errorf("%s with %s and %s: %s, want %s", c.condition, c.tuple, c.request, got, c.want)
		}
	}
}

// TestConversions is the matrix of JSON values and types: what is not listed for a type is refused,
// from a request and from a tuple alike.
func TestConversions(t *testing.T) {
	t.Parallel()
	values := []string{
		`null`, `true`, `false`, `0`, `-0`, `1`, `-1`, `1.0`, `1e0`, `1.5`, `1e400`, `-1e400`, `1e-400`, `9007199254740993`, `9223372036854775807`, `9223372036854775808`,
		`-9223372036854775808`, `-9223372036854775809`, `18446744073709551615`, `18446744073709551616`, `1e18`, `1e15`,
		`""`, `"a"`, `"true"`, `"1"`, `"-1"`, `" 1"`, `"+1"`, `"0x1"`, `"1_0"`, `"01"`, `"NaN"`, `"Inf"`, `"1.0"`, `"1h"`, `"1h30m"`, `"-5s"`, `"1d"`, `"2026-11-20T12:00:00Z"`,
		`"2026-11-20T12:00:00.123456789+02:00"`, `"2026-11-20T12:00:00"`, `"2026-11-20"`, `"0000-01-01T00:00:00Z"`, `"9999-12-31T23:59:59-01:00"`,
		`"10.0.0.1"`, `"::1"`, `"fe80::1%eth0"`, `"10.0.0.1/8"`, `"010.0.0.1"`, `[]`, `[1]`, `["a"]`, `[1,"a"]`, `[[1]]`, `[null]`, `{}`, `{"a":1}`, `{"a":"b"}`, `{"a":null}`,
	}
	digits := []string{`"1"`, `"-1"`, `"1.0"`}
	takes := map[string][]string{
		"bool":   {`true`, `false`},
		"string": slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v[0] != '"' }),
		"int": append(digits, `0`, `-0`, `1`, `-1`, `1.0`, `1e0`, `9007199254740993`, `9223372036854775807`, `-9223372036854775808`,
			`1e15`, `1e-400`),
		"uint": {`0`, `-0`, `1`, `1.0`, `1e0`, `9007199254740993`, `9223372036854775807`, `9223372036854775808`, `18446744073709551615`, `1e15`, `"1"`, `"1.0"`, `1e-400`},
		"double": append(digits, `0`, `-0`, `1`, `-1`, `1.0`, `1e0`, `1.5`, `1e-400`, `9007199254740993`, `9223372036854775807`, `9223372036854775808`, `-9223372036854775808`,
			`-9223372036854775809`, `18446744073709551615`, `18446744073709551616`, `1e18`, `1e15`),
		"duration":     {`"1h"`, `"1h30m"`, `"-5s"`},
		"timestamp":    {`"2026-11-20T12:00:00Z"`, `"2026-11-20T12:00:00.123456789+02:00"`},
		"ipaddress":    {`"10.0.0.1"`, `"::1"`},
		"list<int>":    {`[]`, `[1]`},
		"list<string>": {`[]`, `["a"]`},
		"list<any>":    {`[]`, `[1]`, `["a"]`, `[1,"a"]`, `[[1]]`, `[null]`},
		"map<int>":     {`{}`, `{"a":1}`},
		"map<string>":  {`{}`, `{"a":"b"}`},
		"map<any>":     {`{}`, `{"a":1}`, `{"a":"b"}`, `{"a":null}`},
		"any":          slices.DeleteFunc(slices.Clone(values), func(v string) bool { return strings.Contains(v, "1e400") }),
	}
	// time.ParseDuration knows "0" without a unit; nothing here is it. 1e-400 is 0 to a double.
	for kind, good := range takes {
		set, err := condition.Compile(condition.Config{}, source(t, "c", "x: "+kind+" => true"))
		if err != nil {
			t.Fatal(err)
		}
		free, err := set.Bind("c", "")
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range values {
			want := slices.Contains(good, v)
			if got := answer(t, free, `{"x":`+v+`}`); (got == "yes") != want || !want && got != "invalid_context" {
				t.Errorf("%s as %s in a request: %s", v, kind, got)
			}
			_, err := set.Bind("c", `{"x":`+v+`}`)
			if (err == nil) != want || !want && errs.CodeOf(err) != "invalid_condition_context" {
				t.Errorf("%s as %s in a tuple: %v", v, kind, err)
			}
		}
	}
}

// TestGoValues: a request in the same process may bring the values themselves.
func TestGoValues(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.FixedZone("", 3600))
	for text, v := range map[string]any{
		"x: int => x == 7": 7, "x: int => x == -7": int64(-7), "x: uint => x == 18446744073709551615u": uint64(1<<64 - 1), "x: double => x == 0.5": 0.5,
		"x: timestamp => x == timestamp('2026-11-20T11:00:00Z')": at, "x: duration => x == duration('90s')": 90 * time.Second,
		"x: ipaddress => x.in_cidr('10.0.0.0/8')": netip.MustParseAddr("::ffff:10.1.2.3"), "x: any => x == duration('1s')": time.Second,
		"x: any => x == timestamp('2026-11-20T11:00:00Z')": at, "x: int => x == 1000000000000000": 1e15,
	} {
		holds, missing, err := bind(t, text, "").Evaluate(t.Context(), map[string]any{"x": v})
		if !holds || err != nil || missing != nil {
			t.Errorf("%s: %v %v %v", text, holds, missing, err)
		}
	}
	for text, v := range map[string]any{
		"x: int => true": struct{}{}, "x: any => true": make(chan int), "x: double => true": []byte("1"), "x: list<int> => true": []int{1},
	} {
		if _, _, err := bind(t, text, "").Evaluate(t.Context(), map[string]any{"x": v}); errs.CodeOf(err) != "invalid_context" {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestUnsoundConditions(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"x: int => x > ":         "line 1, column",
		"x: int => x > 'a'":      "line 1, column 3",
		"x: int => true &&\n  y": "line 2, column 3: undeclared reference",
		"x: int => x":            "line 1, column 1: the expression must be true or false",
		"x: any => x":            "line 1, column 1: the expression must be true or false",
		"x: int => ":             "line 1",
		"ip: ipaddress => ip.in_cidr('10.0.0.1')":                      "line 1, column 12: the argument of in_cidr must be a range",
		"ip: ipaddress => ip == ipaddress('x')":                        "line 1, column 17: the argument of ipaddress must be",
		"x: timestamp => x < timestamp('now')":                         "invalid timestamp argument",
		"x: duration => x < duration('now')":                           "invalid duration argument",
		"s: string => s.matches('(')":                                  "invalid matches argument",
		"s: string => s.getFullYear() == 1":                            "no matching overload",
		"l: list<int> => l.all(a, l.all(b, l.all(c, l.all(d, true))))": "nest",
		"x-y: int => true":                                             "a parameter's name",
		"x: int, x: int => true":                                       "twice",
	} {
		_, err := condition.Compile(condition.Config{}, source(t, "c", text))
		var cause *condition.SourceError
		if errs.CodeOf(err) != "invalid_condition" || !errors.As(err, &cause) || cause.Condition != "c" || !strings.Contains(cause.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	for name, sources := range map[string][]condition.Source{
		"twice":     {source(t, "c", "=> true"), source(t, "c", "=> true")},
		"malformed": {source(t, "a b", "=> true")},
		"reserved":  {source(t, condition.Inline, "=> true")},
		"untyped":   {{Name: "c", Parameters: []condition.Parameter{{Name: "x"}}, Expression: "true"}},
		"long":      {source(t, "c", "=> "+strings.Repeat("true || ", 4000)+"true")},
		"deep":      {source(t, "c", "=> "+strings.Repeat("(", 500)+"true"+strings.Repeat(")", 500))},
		"lists":     {source(t, "c", "=> "+strings.Repeat("[", 500)+strings.Repeat("]", 500)+" == []")},
	} {
		if _, err := condition.Compile(condition.Config{}, sources...); errs.CodeOf(err) != "invalid_condition" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, text := range []string{"", "integer", "list", "map", "list<>", "list<int", "list<int>>", "int<int>", "map<string,int>", "Int", " int", strings.Repeat("list<", 100) + "int" + strings.Repeat(">", 100)} {
		if got, err := condition.ParseType(text); errs.CodeOf(err) != "invalid_condition" {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"bool", "any", "list<map<list<ipaddress>>>"} {
		if got, err := condition.ParseType(text); err != nil || got.String() != text {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func TestContextsThatTuplesMayNotBring(t *testing.T) {
	t.Parallel()
	set, err := condition.Compile(condition.Config{}, source(t, "c", "x: int => x > 1"))
	if err != nil {
		t.Fatal(err)
	}
	if !set.Has("c") || set.Has("d") || set.Has(condition.Inline) || !slices.Equal(set.Names(), []string{"c"}) {
		t.Error(set.Names())
	}
	for text, code := range map[string]string{
		`{"y": 1}`: "invalid_condition_context", `{"x": 1, "y": 1}`: "invalid_condition_context", `{"x": "a"}`: "invalid_condition_context",
		`{"x": 1, "x": 2}`: "invalid_input", `[]`: "invalid_condition", `null`: "invalid_condition", `{`: "invalid_input", `{} {}`: "invalid_input", "{\"x\": \"\xff\"}": "invalid_input",
		`{"x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`: "invalid_input", strings.Repeat(" ", condition.MaxContext+1): "condition_context_too_large",
	} {
		if _, err := set.Bind("c", text); errs.CodeOf(err) != code || !errs.Is(err, errs.Invalid) {
			t.Errorf("%.40s: %v", text, err)
		}
	}
	for _, name := range []string{"d", "", condition.Inline} {
		if _, err := set.Bind(name, ""); errs.CodeOf(err) != "unknown_condition" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRegress_165_CostLimitAndNoWayOut: an expression has no function but those of CEL and ours, and
// stops when it costs too much or the context ends, in the middle if need be.
func TestRegress_165_CostLimitAndNoWayOut(t *testing.T) {
	t.Parallel()
	dear := bind(t, "l: list<int> => l.all(a, l.all(b, l.all(c, a + b + c >= 0)))", "")
	long := make([]any, 200)
	for i := range long {
		long[i] = i
	}
	given := map[string]any{"l": long}
	if holds, missing, err := dear.Evaluate(t.Context(), given); holds || missing != nil || errs.CodeOf(err) != "condition_cost" || !errs.Is(err, errs.Unsupported) {
		t.Error(holds, missing, err)
	}
	if holds, _, err := bind(t, "s: string => (s + s + s + s).matches('a*b')", "").Evaluate(t.Context(), map[string]any{"s": strings.Repeat("a", 60_000)}); holds || errs.CodeOf(err) != "condition_cost" {
		t.Error(holds, err)
	}
	set, err := condition.Compile(condition.Config{Cost: 1 << 40}, source(t, "c", "l: list<int> => l.all(a, l.all(b, l.all(c, a + b + c >= 0)))"))
	if err != nil {
		t.Fatal(err)
	}
	unbounded, err := set.Bind("c", "")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if holds, _, err := unbounded.Evaluate(ctx, given); holds || errs.CodeOf(err) != "stopped" || !errors.Is(err, context.DeadlineExceeded) {
		t.Error(holds, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if holds, _, err := bind(t, "=> true", "").Evaluate(ended, nil); holds || errs.CodeOf(err) != "stopped" {
		t.Error(holds, err)
	}
	for _, text := range []string{
		"http.get('x') == ''", "now() > timestamp('2026-11-20T12:00:00Z')", "env('HOME') == ''", "read('/etc/passwd') == ''", "rand() > 0",
		"google.protobuf.Any{} == null && os.exit(1)", "lookup_ip_addr('localhost') != []", "print('x')", "trace('x')",
	} {
		if _, err := condition.Compile(condition.Config{}, condition.Source{Name: "c", Expression: text}); errs.CodeOf(err) != "invalid_condition" {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestInline(t *testing.T) {
	t.Parallel()
	set, err := condition.Compile(condition.Config{Inline: true})
	if err != nil {
		t.Fatal(err)
	}
	if !set.Has(condition.Inline) {
		t.Error("there is none")
	}
	for _, c := range []struct{ tuple, request, want string }{
		{`{"expression": "true"}`, `{}`, "yes"},
		{`{"expression": "channel == 'x'"}`, `{"channel": "x"}`, "yes"},
		{`{"expression": "channel == 'x'"}`, `{"channel": "y", "expression": "true"}`, "no"},
		{`{"expression": "channel == 'x'"}`, `{}`, "missing channel"},
		{`{"expression": "channel == 'x'"}`, `{"channel": 1}`, "invalid_context"},
		{`{"expression": "n > 3 && s == 'a'", "parameters": {"n": "int"}}`, `{"n": 4, "s": "a"}`, "yes"},
		{`{"expression": "l.exists(e, e == s)", "parameters": {"l": "list<string>"}}`, `{"l": ["b", "a"], "s": "a"}`, "yes"},
		{`{"expression": "type(n) == int && n in [1, m['k'], {'a': 2}['a']]", "parameters": {"n": "int", "m": "map<int>"}}`, `{"n": 2, "m": {"k": 9}}`, "yes"},
	} {
		b, err := set.Bind(condition.Inline, c.tuple)
		if err != nil {
			t.Errorf("%s: %v", c.tuple, err)
			continue
		}
		if got := answer(t, b, c.request); got != c.want {
			t.Errorf("%s with %s: %s, want %s", c.tuple, c.request, got, c.want)
		}
	}
	for _, text := range []string{
		``, `{}`, `{"expression": ""}`, `{"expression": 1}`, `{"expression": "true", "x": 1}`, `{"expression": "x > 1"}`, `{"expression": "true", "parameters": []}`,
		`{"expression": "true", "parameters": {"x": "integer"}}`, `{"expression": "true", "parameters": {"x": 1}}`, `{"expression": "(("}`,
	} {
		if _, err := set.Bind(condition.Inline, text); !errs.Is(err, errs.Invalid) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	b := bind(t, "x: int, l: list<int> => x in l", `{"l": [1, 2, 3]}`)
	for i := range 8 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			for range 500 {
				if got := answer(t, b, fmt.Sprintf(`{"x": %d}`, i)); got != map[bool]string{true: "yes", false: "no"}[i >= 1 && i <= 3] {
					t.Fatal(got)
				}
			}
		})
	}
}

func BenchmarkEvaluate(b *testing.B) {
	for _, text := range []string{"x: int => x > 3", "ip: ipaddress, net: string => ip.in_cidr(net)", "now: timestamp, at: timestamp, life: duration => now < at + life"} {
		bound := bind(b, text, map[bool]string{true: `{"net": "10.0.0.0/8"}`, false: ``}[strings.Contains(text, "net")])
		given := map[string]any{"x": 4, "ip": "10.0.0.1", "now": "2026-11-20T12:59:59Z", "at": "2026-11-20T12:00:00Z", "life": "1h"}
		b.Run(strings.Fields(text)[len(strings.Fields(text))-1], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, missing, err := bound.Evaluate(b.Context(), given); err != nil || missing != nil {
					b.Fatal(missing, err)
				}
			}
		})
	}
}
