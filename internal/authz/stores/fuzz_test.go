package stores_test

import (
	"testing"

	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/index"
	"github.com/cardea-auth/cardea/internal/authz/stores"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/page"
)

// FuzzChangesCursor: a cursor is refused by name, or the list goes on and ends with one that is good again.
func FuzzChangesCursor(f *testing.F) {
	h := newHouse(f, index.Bounds{})
	for range 3 {
		h.write(stores.Write{Writes: []graph.Tuple{bob}})
		h.write(stores.Write{Deletes: []graph.Tuple{bob}})
	}
	for _, seed := range []string{"", "MyAqIA", "MyAxIA", "MyAqIHRlYW0", "MSAtMSA", "eA", "!"} {
		f.Add(seed, "")
		f.Add(seed, "team")
	}
	f.Fuzz(func(t *testing.T, cursor, kind string) {
		for range 10 {
			p, err := h.Changes(t.Context(), h.root, h.store, stores.Watch{Type: kind, Request: page.Request{Cursor: cursor, Limit: 2}})
			if code := errs.CodeOf(err); err != nil && code != "invalid_cursor" && code != "cursor_type_mismatch" {
				t.Fatalf("%q: %v", cursor, err)
			}
			if err != nil {
				return
			}
			if len(p.Items) > 2 || p.Next == "" {
				t.Fatalf("%q: %d changes, then %q", cursor, len(p.Items), p.Next)
			}
			if cursor == p.Next {
				return
			}
			cursor = p.Next
		}
		t.Fatalf("the list does not end: %q", cursor)
	})
}
