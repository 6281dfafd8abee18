package graph_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cardea-auth/cardea/internal/authz/graph"
)

// TestListOrder: lists are in the order of the bytes of ids, whatever they begin with and end in, in one page or
// in many of any size.
func TestListOrder(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	var tuples []graph.Tuple
	for range 500 { // many begin alike, are part of another, or hold what could be taken for their end
		id := make([]byte, 1+r.IntN(12))
		for i := range id {
			id[i] = "\x00\x01ab\xc3"[r.IntN(5)]
			if id[i] == 0xc3 && i+1 < len(id) {
				id[i+1] = 0xa9
			}
		}
		tuples = append(tuples, graph.Tuple{
			Object: graph.Object{Type: "doc", ID: "aaaaaa"[:r.IntN(7)] + string(id)}, Relation: "viewer", Subject: graph.Subject{Type: "user", ID: "u"},
		})
	}
	g := load(t, []graph.Type{{Name: "user"}, {Name: "doc", Relations: []graph.Relation{{Name: "viewer", Rewrite: graph.This("user")}}}}, tuples...)
	var want []string
	for _, x := range tuples {
		if got, err := g.Check(t.Context(), now, graph.Query{Object: x.Object, Relation: x.Relation, Subject: x.Subject}); err == nil && got.Allowed {
			want = append(want, x.Object.ID)
		}
	}
	slices.Sort(want)
	want = slices.Compact(want)
	if len(want) < 300 {
		t.Fatalf("only %d ids are taken", len(want))
	}
	for _, limit := range []int{1, 7, 40, 100, 1000} {
		var got []string
		q := graph.ObjectsQuery{Type: "doc", Relation: "viewer", Subject: graph.Subject{Type: "user", ID: "u"}, Limit: limit}
		for more := true; more; more = q.After != "" {
			list, err := g.Objects(t.Context(), now, q)
			if err != nil {
				t.Fatal(err)
			}
			got, q.After = append(got, list.IDs...), list.Next
		}
		if !slices.Equal(got, want) {
			t.Errorf("in pages of %d: %s", limit, cmp.Diff(want, got))
		}
	}
}
