package graph_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/internal/authz/graph"
	"pgregory.net/rapid"
)

// knots are groups of the guarded model in which a "no" found on the way round a cycle must be taken
// back when the cycle's head turns out "yes" by another road, and then matters. "a<b" puts the
// members of b into a, "a<" puts the user in; "a!b" clears whom b has, all others are cleared for
// everyone.
var knots = map[string]string{
	"the head is proved late":              "r<a r!p a<p a<k p<a k<",
	"through two in between":               "r<a r!p a<p a<k p<c c<a k<",
	"a second one leans on the first":      "r<a r!q a<p a<q a<k p<c q<c c<a k<",
	"a cycle in a cycle":                   "r<a r!c a<b a<k b<c c<b c<a k<",
	"a cycle in a cycle, inner head first": "r<a r!d a<b b<c b<k c<d d<b d<a k<",
	"proved inside, asked outside":         "r<a r!b a<b b<a b<c c<a c<",
	"never proved":                         "r<a r!p a<p a<k p<c c<a",
	"cleared by the cycle itself":          "r<a a<p p<a p!a a<",
}

// tablingModels are two ways for "direct" and "cleared" to make a member. In the second, clearance
// comes to nothing, but is looked at after the cycle.
func tablingModels() []rules {
	this := func(allowed ...string) rule { return rule{op: "this", allowed: allowed} }
	op := func(op string, a, b rule) rule { return rule{op: op, kids: []rule{a, b}} }
	name := func(name string) rule { return rule{op: "computed", name: name} }
	parts := func(member rule) rules {
		return rules{"user": {}, "group": {
			"banned": this("user", "user:*"), "revoked": this("user", "user:*"), "cleared": this("user", "user:*", "group#member"),
			"direct": this("user", "group#member"), "member": member,
		}}
	}
	return []rules{
		parts(op("exclusion", op("intersection", name("direct"), name("cleared")), name("banned"))),
		parts(op("union", op("exclusion", name("direct"), name("banned")), op("exclusion", name("cleared"), name("revoked")))),
	}
}

// TestTablingInEveryOrder evaluates each knot in every order of its groups, from every group.
func TestTablingInEveryOrder(t *testing.T) {
	t.Parallel()
	for _, r := range tablingModels() {
		for name, text := range knots {
			groups, store := knot(t, text)
			for _, id := range groups {
				store = append(store, tuple(t, "group:"+id+"#revoked@user:*"))
			}
			held := newOracle(r, store, nil, now).has(graph.Subject{Type: "user", ID: "u"})
			permute(groups, func(order []string) {
				var first []graph.Tuple // numbers the groups in this order
				for _, id := range order {
					first = append(first, tuple(t, "group:"+id+"#banned@user:nobody"))
				}
				checkKnot(t, load(t, r.types("user", "group"), append(first, store...)...), groups, held)
			})
			if t.Failed() {
				t.Fatal(name)
			}
		}
	}
}

// checkKnot asks about every group by itself, and about all in one list, which shares its memo.
func checkKnot(t *testing.T, g *graph.Graph, groups []string, held map[atom]truth) {
	t.Helper()
	var want []string
	for _, id := range groups {
		is := held[atom{graph.Object{Type: "group", ID: id}, "member"}] == surely
		if is {
			want = append(want, id)
		}
		if got := allowed(t, g, "group:"+id+"#member@user:u"); got != is {
			t.Errorf("%s is %v", id, got)
		}
	}
	slices.Sort(want)
	list, err := g.Objects(t.Context(), now, graph.ObjectsQuery{Type: "group", Relation: "member", Subject: graph.Subject{Type: "user", ID: "u"}})
	if err != nil || !slices.Equal(list.IDs, want) {
		t.Errorf("listed %v, want %v, %v", list.IDs, want, err)
	}
}

// knot reads the text of a knot.
func knot(t *testing.T, text string) (groups []string, store []graph.Tuple) {
	t.Helper()
	seen, cleared := map[string]bool{}, map[string]bool{}
	for _, edge := range strings.Fields(text) {
		of, in := edge[:1], edge[2:]
		for _, id := range []string{of, in} {
			if id != "" && !seen[id] {
				seen[id] = true
				groups = append(groups, id)
			}
		}
		relation, subject := "direct", "group:"+in+"#member"
		if in == "" {
			subject = "user:u"
		}
		if edge[1] == '!' {
			relation, cleared[of] = "cleared", true
		}
		store = append(store, tuple(t, "group:"+of+"#"+relation+"@"+subject))
	}
	for _, id := range groups {
		if !cleared[id] {
			store = append(store, tuple(t, "group:"+id+"#cleared@user:*"))
		}
	}
	return groups, store
}

// permute calls f with every order of s (Heap's method).
func permute(s []string, f func([]string)) {
	s = slices.Clone(s)
	var rec func(int)
	rec = func(n int) {
		if n < 2 {
			f(s)
			return
		}
		for i := range n {
			rec(n - 1)
			if j := i * ((n + 1) % 2); i < n-1 {
				s[j], s[n-1] = s[n-1], s[j]
			}
		}
	}
	rec(len(s))
}

// tangled are models that are nothing but recursion through unions, intersections and, above and
// below the cycles, exclusions, each without and with conditions.
func tangled() []rules {
	var out []rules
	for _, conditional := range []bool{false, true} {
		this := func(allowed ...string) rule {
			for _, a := range allowed {
				if conditional {
					allowed = append(allowed, a+" with if", a+" with unless")
				}
			}
			return rule{op: "this", allowed: allowed}
		}
		name := func(name string) rule { return rule{op: "computed", name: name} }
		from := func(name string) rule { return rule{op: "from", road: "road", name: name} }
		op := func(op string, kids ...rule) rule { return rule{op: op, kids: kids} }
		out = append(out, rules{"user": {}, "g": { // both at once, each through groups
			"road": this("g"), "x": this("user", "g#z"), "y": this("user", "g#z"), "z": op("intersection", name("x"), name("y")),
		}}, rules{"user": {}, "g": {
			"road": this("g"), "x": this("user"), "y": op("union", from("z"), this("user", "g#y")),
			"z": op("union", name("x"), op("intersection", from("z"), from("y")), op("intersection", from("z"), this("g#z", "g#y"))),
		}}, rules{"user": {}, "g": {
			"road": this("g"), "x": this("user", "g#x"), "b": op("exclusion", name("x"), this("user", "g#x")),
			"y": op("intersection", op("union", this("user", "g#y"), from("z")), op("union", from("y"), name("x"))),
			"z": op("exclusion", op("union", name("x"), op("intersection", from("z"), this("g#z", "user")), from("y")), name("b")),
		}})
	}
	return out
}

// TestPropertyTangled asks about one user in dense stores of a few objects over tangled models: what
// tabling must get right and the models of TestProperty seldom reach. Tuples are read in the order in
// which their objects were first named, so drawing them in any order draws any order of evaluation.
func TestPropertyTangled(t *testing.T) {
	checkMany(t, func(t *rapid.T) {
		r := pick(t, tangled())
		m, err := graph.NewConditionalModel(switches{}, r.types("user", "g")...)
		if err != nil {
			t.Fatal(err)
		}
		w := &world{t: t, rules: r, model: m, stored: map[graph.Tuple]graph.Tuple{}}
		ids := []string{"0", "1", "2", "3", "4", "5"}[:rapid.IntRange(2, 6).Draw(t, "objects")]
		facts := pick(t, []int{10, 40, 80})
		var all []graph.Tuple
		for range rapid.IntRange(1, 6*len(ids)).Draw(t, "tuples") {
			if at, ok := w.drawTangled(ids, facts); ok {
				all = append(all, at)
				w.store(at)
			}
		}
		g := graph.New(m, graph.Limits{})
		if err := g.Load(1, graph.All(all...)); err != nil {
			t.Fatal(err)
		}
		s := graph.Subject{Type: "user", ID: "u"}
		with := circumstances{given: w.drawGiven()}
		held := newOracle(r, w.tuples(), with.given, now).has(s)
		w.compareChecks(g, s, held, with)
		w.compareChecks(graph.WithoutGroups(g), s, held, with)
		w.compareObjects(g, s, held, with)
		w.compareRelations(g, s, held, with)
		w.compareBatch(g, s, held, with)
	})
}

// drawTangled draws a tuple between the objects or, facts times in a hundred that one is drawn, one
// that names the user.
func (w *world) drawTangled(ids []string, facts int) (graph.Tuple, bool) {
	name := pick(w.t, sortedKeys(w.rules["g"]))
	allowed := w.model.Allowed("g", name)
	if len(allowed) == 0 {
		return graph.Tuple{}, false
	}
	at := w.shaped(pick(w.t, allowed))
	if at.Subject.ID = "u"; at.Subject.Type == "g" {
		at.Subject.ID = pick(w.t, ids)
	} else if !chance(w.t, facts) {
		return graph.Tuple{}, false
	}
	at.Object, at.Relation = graph.Object{Type: "g", ID: pick(w.t, ids)}, name
	return at, true
}
