package graph_test

import (
	"testing"

	"github.com/cardea-auth/cardea/internal/authz/graph"
)

func TestParseTuple(t *testing.T) {
	t.Parallel()
	good := map[string]graph.Tuple{
		"doc:1#viewer@user:ann": {Object: graph.Object{Type: "doc", ID: "1"}, Relation: "viewer", Subject: graph.Subject{Type: "user", ID: "ann"}},
		"permission:invoice:delete#granted@role:a:b#assignee": {
			Object: graph.Object{Type: "permission", ID: "invoice:delete"}, Relation: "granted",
			Subject: graph.Subject{Type: "role", ID: "a:b", Relation: "assignee"},
		},
		"doc:a@b#viewer@user:x@example.com": {Object: graph.Object{Type: "doc", ID: "a@b"}, Relation: "viewer", Subject: graph.Subject{Type: "user", ID: "x@example.com"}},
		"doc:%23%25%00#viewer@user:*":       {Object: graph.Object{Type: "doc", ID: "#%\x00"}, Relation: "viewer", Subject: graph.Subject{Type: "user", ID: "*"}},
		"doc:%FFé�#viewer@user:a,|b c":      {Object: graph.Object{Type: "doc", ID: "\xffé\uFFFD"}, Relation: "viewer", Subject: graph.Subject{Type: "user", ID: "a,|b c"}},
	}
	for text, want := range good {
		got, err := graph.ParseTuple(text)
		if err != nil || got != want {
			t.Errorf("ParseTuple(%q) = %#v, %v", text, got, err)
		}
		if got.String() != text {
			t.Errorf("%q became %q", text, got)
		}
	}
	for _, text := range []string{
		"", "doc", "doc:1", "doc:1#viewer", "doc:1#viewer@", "doc:1#viewer@user", "doc:1#viewer@user:", "doc:1#@user:ann",
		":1#viewer@user:ann", "doc:#viewer@user:ann", "doc:*#viewer@user:ann", "doc:1#viewer@group:*#member", "doc:1#viewer@group:a#",
		"doc:1#viewer@group:a#b#c", "doc:%#viewer@user:ann", "doc:%2#viewer@user:ann", "doc:%2f#viewer@user:ann", "doc:%zz#viewer@user:ann",
		"d oc:1#viewer@user:ann", "doc:1#view er@user:ann", "d*c:1#viewer@user:ann", "doc:1#viewer@us\x00er:ann",
	} {
		if got, err := graph.ParseTuple(text); err == nil {
			t.Errorf("ParseTuple(%q) = %#v", text, got)
		}
	}
}

func FuzzParseTuple(f *testing.F) {
	for _, seed := range []string{"doc:1#viewer@user:ann", "a:b#c@d:e#f", "a:%23#c@d:*", "a:\xff#b@c:d", "::##@@", "a:%00#b@c:%e2%80%ae"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tuple, err := graph.ParseTuple(text)
		if err != nil {
			return
		}
		again, err := graph.ParseTuple(tuple.String())
		if err != nil || again != tuple {
			t.Fatalf("%q: %#v became %#v, %v", text, tuple, again, err)
		}
	})
}

// FuzzTupleString gives ids anything at all.
func FuzzTupleString(f *testing.F) {
	f.Add("1", "ann", "member")
	f.Add("#@:|,%*", "\x00\xff\u202e", "")
	f.Fuzz(func(t *testing.T, object, subject, relation string) {
		if object == "" || subject == "" || object == "*" || relation != "" && (relation != "member" || subject == "*") {
			return
		}
		tuple := graph.Tuple{Object: graph.Object{Type: "doc", ID: object}, Relation: "viewer", Subject: graph.Subject{Type: "user", ID: subject, Relation: relation}}
		if got, err := graph.ParseTuple(tuple.String()); err != nil || got != tuple {
			t.Fatalf("%#v became %q, %#v, %v", tuple, tuple, got, err)
		}
	})
}
