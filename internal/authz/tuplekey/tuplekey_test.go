package tuplekey_test

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/tuplekey"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// TestRoundTrip: what is read is written again, delimiters in ids included.
func TestRoundTrip(t *testing.T) {
	for _, user := range []string{"user:anne", "group:eng#member", "user:*", "user:a@b.c|d,e", "doc:a:b", "user:%23", "user:ünï"} {
		k := tuplekey.Key{User: user, Relation: "viewer", Object: "doc:a:b@c|d"}
		got, err := k.Tuple()
		if err != nil {
			t.Fatalf("%s: %v", user, err)
		}
		if tuplekey.Of(got) != k {
			t.Errorf("%+v became %+v", k, tuplekey.Of(got))
		}
	}
}

func TestRefusals(t *testing.T) {
	long := strings.Repeat("x", tuplekey.MaxID+1)
	for _, user := range []string{"", "anne", ":anne", "user:", "user:a b", "user:a\x00", "user:a#", "user:a#b#c", "user:*#member", "us#er:a", "user:\xff", "user:a\u00a0", "user:" + long} {
		if _, err := tuplekey.ParseSubject(user); !errs.Is(err, errs.Invalid) {
			t.Errorf("user %q: %v", user, err)
		}
	}
	for _, object := range []string{"", "doc", "doc:", "doc:*", "doc:a#b", "doc:a\tb"} {
		if _, err := tuplekey.ParseObject(object); !errs.Is(err, errs.Invalid) {
			t.Errorf("object %q: %v", object, err)
		}
	}
	for _, relation := range []string{"", "a b", "a#b", "a:b", "a@b"} {
		if _, err := (tuplekey.Key{User: "user:a", Relation: relation, Object: "doc:a"}).Question(); !errs.Is(err, errs.Invalid) {
			t.Errorf("relation %q: %v", relation, err)
		}
	}
}

// TestContextHasOneSpelling: order and space do not make two contexts of one, digits are not lost, and
// what could be read in two ways is refused.
func TestContextHasOneSpelling(t *testing.T) {
	one := func(raw string) string {
		t.Helper()
		text, err := tuplekey.Canonical(jsontext.Value(raw))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	if a, b := one(`{"b": [1, 2], "a":"\u0061"}`), one(`{"a":"a","b":[1,2]}`); a != b || a != `{"a":"a","b":[1,2]}` {
		t.Errorf("%s and %s", a, b)
	}
	if got := one(`{"n":12345678901234567890123}`); got != `{"n":12345678901234567890123}` {
		t.Error(got)
	}
	if one(`{}`) != "" || one(`null`) != "" || one("") != "" {
		t.Error("nothing is something")
	}
	for _, odd := range []string{`{"a":1,"a":2}`, `[]`, `1`, `{`, strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40)} {
		if _, err := tuplekey.Canonical(jsontext.Value(odd)); !errs.Is(err, errs.Invalid) {
			t.Errorf("%s: %v", odd, err)
		}
	}
}

// FuzzKey: what is read is written alike and read again the same.
func FuzzKey(f *testing.F) {
	f.Add("user:a", "viewer", "doc:1")
	f.Add("group:a:b#member", "v", "doc:a@b")
	f.Fuzz(func(t *testing.T, user, relation, object string) {
		tu, err := (tuplekey.Key{User: user, Relation: relation, Object: object}).Tuple()
		if err != nil {
			return
		}
		again, err := tuplekey.Of(tu).Tuple()
		if err != nil || again != tu || tuplekey.Of(tu).User != user || tuplekey.Of(tu).Object != object {
			t.Errorf("%+v, %v", again, err)
		}
		if tu.Object.ID == graph.Wildcard {
			t.Error("an object for all")
		}
	})
}
