package graph

import (
	"context"
	"math"
	"time"
)

// Op says how the parts of a Tree are put together.
type Op string

// The operators and leaves of a Tree.
const (
	OpUnion        Op = "union"
	OpIntersection Op = "intersection"
	OpExclusion    Op = "exclusion" // Parts[0] but not Parts[1]
	OpDirect       Op = "direct"    // Subjects are those of tuples
	OpComputed     Op = "computed"  // Subjects is the one userset to ask
	OpFrom         Op = "from"      // Subjects are the usersets to ask, one for each object in the tupleset
)

// Tree is the rule of a relation with the tuples of one object filled in. It goes one step: a
// userset in it can be expanded in turn.
type Tree struct {
	Op       Op
	Parts    []Tree    // of an operator, in the order of the model
	Subjects []Subject // of a leaf, in no particular order
}

// Expand shows why anyone has a relation to an object. Whoever is in the tree, asking Check for the
// usersets in it, is whom Check allows; only that a userset contains itself is not in the tree. A
// tree with more subjects than Limits.Check is refused (work_exceeded), not cut.
func (v View) Expand(ctx context.Context, now time.Time, o Object, relation string) (Tree, error) {
	e, err := v.open(ctx, now, nil)
	if err != nil {
		return Tree{}, err
	}
	defer v.close(e)
	obj, r, err := e.object(o, relation)
	if err != nil {
		return Tree{}, err
	}
	t := e.expand(r.shown, obj)
	if e.err != nil {
		return Tree{}, e.err
	}
	return t, nil
}

func (e *evaluator) expand(o *op, obj uint32) Tree {
	switch o.kind {
	case rewriteThis:
		return e.expandEdges(Tree{Op: OpDirect}, o, e.forward.scan(pack(obj, o.relation), 0, math.MaxUint64))
	case rewriteComputed:
		return Tree{Op: OpComputed, Subjects: []Subject{e.userset(obj, o.relation)}}
	case rewriteFrom:
		return e.expandEdges(Tree{Op: OpFrom}, o, e.forward.scan(pack(obj, o.tupleset), 0, pack(0, math.MaxUint32)))
	}
	t := Tree{Op: OpUnion}
	switch o.kind {
	case rewriteIntersection:
		t.Op = OpIntersection
	case rewriteExclusion:
		t.Op = OpExclusion
	}
	for _, kid := range o.kids {
		t.Parts = append(t.Parts, e.expand(kid, obj))
	}
	return t
}

func (e *evaluator) expandEdges(t Tree, o *op, c cursor) Tree {
	for e.tick() {
		lo, ok := e.forward.next(&c)
		if !ok {
			break
		}
		rel := high(lo)
		if o.kind == rewriteFrom {
			if rel = e.targetOf(o, low(lo)); rel == 0 {
				continue
			}
		}
		t.Subjects = append(t.Subjects, e.userset(low(lo), rel))
	}
	return t
}

// userset is a subject by numbers; relation 0 makes it a plain one.
func (e *evaluator) userset(node, relation uint32) Subject {
	at := e.nameOf(node)
	s := Subject{Type: e.model.kinds[at.kind].name, ID: at.id}
	if relation != 0 {
		s.Relation = e.model.relations[relation].name
	}
	return s
}
