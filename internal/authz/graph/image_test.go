package graph_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/graph/w1"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// imageOf is a graph that was loaded from the image of another.
func imageOf(t fataler, g *graph.Graph) *graph.Graph {
	var b bytes.Buffer
	if err := g.View().WriteImage(&b); err != nil {
		t.Fatal(err)
	}
	again := graph.New(g.Model(), graph.Limits{})
	if err := again.LoadImage(b.Bytes()); err != nil {
		t.Fatal(err)
	}
	return again
}

type fataler interface{ Fatal(...any) }

// pictured is a small graph with all that an image can hold: terms, conditions, wildcards, sets, names of
// any bytes and dead ones.
func pictured(t fataler) (*graph.Graph, []byte) {
	m, err := graph.NewConditionalModel(switches{},
		graph.Type{Name: "user"},
		graph.Type{Name: "group", Relations: []graph.Relation{{Name: "member", Rewrite: graph.This("user", "user:*", "group#member", "user with if")}}},
	)
	if err != nil {
		t.Fatal(err)
	}
	g := graph.New(m, graph.Limits{})
	given := func(group, user string) graph.Tuple {
		return graph.Tuple{Object: graph.Object{Type: "group", ID: group}, Relation: "member", Subject: graph.Subject{Type: "user", ID: user}}
	}
	expiring, conditional, nested, gone := given("a", "ann"), given("a", "bob"), given("b", ""), given("c", "gone")
	expiring.Expires = now.Add(1)
	conditional.Condition = graph.Condition{Name: "if", Context: "x"}
	nested.Subject = graph.Subject{Type: "group", ID: "a", Relation: "member"}
	all := []graph.Tuple{expiring, conditional, nested, given("\x00#%\xff", graph.Wildcard), gone}
	if err := g.Load(6, graph.All(all...)); err != nil {
		t.Fatal(err)
	}
	if err := g.Apply(7, []graph.Change{{Tuple: gone, Delete: true}}); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := g.View().WriteImage(&b); err != nil {
		t.Fatal(err)
	}
	return g, b.Bytes()
}

// TestImage: a graph from an image has the revision, the tuples and the counts of the one it was made of,
// and goes on from there.
func TestImage(t *testing.T) {
	t.Parallel()
	g, image := pictured(t)
	again := graph.New(g.Model(), graph.Limits{})
	if err := again.LoadImage(image); err != nil {
		t.Fatal(err)
	}
	if again.Stats() != g.Stats() || again.Revision() != 7 {
		t.Errorf("%+v, want %+v", again.Stats(), g.Stats())
	}
	var second bytes.Buffer
	if err := again.View().WriteImage(&second); err != nil || !bytes.Equal(second.Bytes(), image) {
		t.Errorf("an image of the image differs, %v", err)
	}
	for _, g := range []*graph.Graph{g, again} {
		if err := g.Apply(8, []graph.Change{{Tuple: tuple(t, "group:a#member@user:eve")}, {Tuple: tuple(t, "group:a#member@user:bob"), Delete: true}}); err != nil {
			t.Fatal(err)
		}
	}
	if again.Stats() != g.Stats() || !allowed(t, again, "group:b#member@user:eve") || allowed(t, again, "group:c#member@user:gone") {
		t.Errorf("%+v, want %+v", again.Stats(), g.Stats())
	}
	if err := again.LoadImage(image); errs.CodeOf(err) != "revision_stale" {
		t.Errorf("going back: %v", err)
	}
}

// TestImageThatIsDamaged: an image that was cut anywhere is refused, and one with a bit turned is refused or
// says what a sound image could say; of another model it is refused. The graph stays as it was.
func TestImageThatIsDamaged(t *testing.T) {
	t.Parallel()
	g, image := pictured(t)
	empty := graph.New(g.Model(), graph.Limits{})
	refused := 0
	try := func(what string, b []byte, must bool) {
		t.Helper()
		into := graph.New(g.Model(), graph.Limits{})
		err := into.LoadImage(b)
		switch {
		case err == nil && must:
			t.Errorf("%s: loaded", what)
		case err != nil && (errs.CodeOf(err) != "image_unusable" || into.Stats() != empty.Stats()):
			t.Errorf("%s: %v, %+v", what, err, into.Stats())
		case err != nil:
			refused++
		}
	}
	for i := range image {
		try("cut", image[:i], true)
		for bit := range 8 {
			b := slices.Clone(image)
			b[i] ^= 1 << bit
			try("bit", b, i < len("cardea graph 1\n")+32)
		}
	}
	try("longer", append(slices.Clone(image), 0), true)
	if refused < 4*len(image) {
		t.Errorf("only %d of %d damages were noticed", refused, 9*len(image))
	}
	other, err := graph.NewModel(graph.Type{Name: "user"}, graph.Type{Name: "group", Relations: []graph.Relation{{Name: "member", Rewrite: graph.This("user")}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := graph.New(other, graph.Limits{}).LoadImage(image); errs.CodeOf(err) != "image_unusable" {
		t.Errorf("of another model: %v", err)
	}
}

// FuzzImage: whatever bytes, an image is refused or is one that can be written again and says the same.
func FuzzImage(f *testing.F) {
	g, image := pictured(f)
	f.Add(image)
	f.Add(image[:len(image)/2])
	f.Add([]byte(strings.Repeat("\xff", 64)))
	f.Fuzz(func(t *testing.T, b []byte) {
		into := graph.New(g.Model(), graph.Limits{})
		if err := into.LoadImage(b); err != nil {
			if errs.CodeOf(err) != "image_unusable" {
				t.Fatal(err)
			}
			return
		}
		if again := imageOf(t, into); again.Stats() != into.Stats() {
			t.Fatalf("%+v, then %+v", into.Stats(), again.Stats())
		}
	})
}

// BenchmarkImage is how long W1 takes to be loaded from an image, beside Load of the same tuples.
func BenchmarkImage(b *testing.B) {
	set := w1.New()
	g := load(b, w1.Types(), set.Tuples...)
	var image bytes.Buffer
	if err := g.View().WriteImage(&image); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(image.Len())/float64(g.Stats().Tuples), "B/tuple")
	for b.Loop() {
		if err := graph.New(g.Model(), graph.Limits{}).LoadImage(image.Bytes()); err != nil {
			b.Fatal(err)
		}
	}
}
