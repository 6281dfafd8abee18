package openfga

import (
	"math"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/model"
	"github.com/cardea-auth/cardea/internal/authz/tuplekey"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
)

// Expand asks why anyone has a relation to an object.
type Expand struct {
	Key Relation `json:"tuple_key"`
	Of
	Contextual Contextual `json:"contextual_tuples,omitzero"`
}

// Relation is a relation to an object.
type Relation struct {
	Relation string `json:"relation"`
	Object   string `json:"object"`
}

// Expanded is the rule of a relation with the tuples of one object.
type Expanded struct {
	Tree Tree `json:"tree"`
}

// Tree is a rule.
type Tree struct {
	Root Node `json:"root"`
}

// Node is a part of a rule: one of leaf, difference, union and intersection.
type Node struct {
	Name         string      `json:"name"`
	Leaf         *Leaf       `json:"leaf,omitzero"`
	Difference   *Difference `json:"difference,omitzero"`
	Union        *Nodes      `json:"union,omitzero"`
	Intersection *Nodes      `json:"intersection,omitzero"`
}

// Nodes are the parts of a union or an intersection.
type Nodes struct {
	Nodes []Node `json:"nodes"`
}

// Difference is what is in base and not in subtract.
type Difference struct {
	Base     Node `json:"base"`
	Subtract Node `json:"subtract"`
}

// Leaf is where a rule meets tuples: one of its members.
type Leaf struct {
	Users    *Names    `json:"users,omitzero"`
	Computed *Computed `json:"computed,omitzero"`
	From     *From     `json:"tupleToUserset,omitzero"`
}

// Names are those whom tuples name.
type Names struct {
	Users []string `json:"users"`
}

// Computed is another relation to ask.
type Computed struct {
	Userset string `json:"userset"`
}

// From is what to ask along a relation.
type From struct {
	Tupleset string     `json:"tupleset"`
	Computed []Computed `json:"computed"`
}

func (d *Door) expand(x *edge.Exchange, c access.Caller) error {
	var in Expand
	if err := parse(x, &in); err != nil {
		return err
	}
	a, err := at(x, in.Model, in.Consistency)
	if err != nil {
		return err
	}
	o, err := tuplekey.ParseObject(in.Key.Object)
	if err != nil {
		return err
	}
	q := graph.ExpandQuery{Object: o, Relation: in.Key.Relation, Limit: math.MaxInt}
	if q.Contextual, err = contextual(in.Contextual.Keys); err != nil {
		return err
	}
	e, on, err := d.Decider.Expand(x.R.Context(), c, a, q)
	if err != nil {
		return err
	}
	asked(x, on.Revision)
	s := shower{name: in.Key.Object + "#" + in.Key.Relation, object: in.Key.Object}
	return ok(x, Expanded{Tree{s.node(e.Tree, e.Rule)}})
}

// shower turns a tree into its JSON. The rule says what the tree leaves out: along which relation a
// leaf goes.
type shower struct{ name, object string }

func (s shower) node(t graph.Tree, r model.Rewrite) Node {
	n := Node{Name: s.name}
	switch t.Op {
	case graph.OpUnion:
		n.Union = &Nodes{s.nodes(t, r)}
	case graph.OpIntersection:
		n.Intersection = &Nodes{s.nodes(t, r)}
	case graph.OpExclusion:
		parts := s.nodes(t, r)
		n.Difference = &Difference{parts[0], parts[1]}
	case graph.OpDirect:
		n.Leaf = &Leaf{Users: &Names{names(t)}}
	case graph.OpComputed:
		n.Leaf = &Leaf{Computed: &Computed{names(t)[0]}}
	case graph.OpFrom:
		from := &From{Tupleset: s.object + "#" + r.Tupleset, Computed: []Computed{}}
		for _, name := range names(t) {
			from.Computed = append(from.Computed, Computed{name})
		}
		n.Leaf = &Leaf{From: from}
	}
	return n
}

func (s shower) nodes(t graph.Tree, r model.Rewrite) []Node {
	out := make([]Node, len(t.Parts))
	for i, part := range t.Parts {
		out[i] = s.node(part, r.Parts[i])
	}
	return out
}

// names are the subjects of a leaf; those under a condition that lacks parameters too, as OpenFGA
// does: nothing was given that could decide it.
func names(t graph.Tree) []string {
	out := []string{}
	for _, s := range t.Subjects {
		out = append(out, tuplekey.Subject(s))
	}
	for _, d := range t.Perhaps {
		out = append(out, tuplekey.Subject(d.Subject))
	}
	return out
}
