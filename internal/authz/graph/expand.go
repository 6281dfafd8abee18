package graph

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/page"
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
	Subjects []Subject // of a leaf, sorted by type, relation and id
	// Perhaps are subjects of a leaf whose tuple carries a condition that lacks parameters, sorted.
	// Where a condition does not hold, the subject is in neither.
	Perhaps []Doubtful
}

// Doubtful is a subject under a condition that could not be decided.
type Doubtful struct {
	Subject   Subject
	Condition Condition
	Missing   []string // parameters
}

// ExpandQuery asks why anyone has a relation to an object.
type ExpandQuery struct {
	Object     Object
	Relation   string
	Contextual []Tuple        // as in Query
	Context    map[string]any // as in Query
	After      string         // the Next of the page before
	Limit      int            // subjects of a page, over all leaves; page.DefaultLimit if not positive, no upper bound
}

// Expansion is one page of a Tree. Every page has all operators and leaves; the subjects of the
// leaves are spread over the pages.
type Expansion struct {
	Tree     Tree
	Next     string // empty if and only if this page is the last
	Revision uint64
}

// Expand shows why anyone has a relation to an object. Whoever is in the tree, asking Check for the
// usersets in it, is whom Check allows; only that a userset contains itself is not in the tree. A
// leaf is read whole for every page. Errors are those of Check, and invalid_cursor.
func (v View) Expand(ctx context.Context, now time.Time, q ExpandQuery) (Expansion, error) {
	if v.graph.Partial() {
		return whole(ctx, v, func(v View) (Expansion, error) { return v.expandOnce(ctx, now, q) })
	}
	return v.expandOnce(ctx, now, q)
}

func (v View) expandOnce(ctx context.Context, now time.Time, q ExpandQuery) (Expansion, error) {
	e, err := v.open(ctx, now, q.Contextual, q.Context)
	if err != nil {
		return Expansion{}, err
	}
	defer v.close(e)
	e.budget = v.graph.limits.List
	obj, r, err := e.object(q.Object, q.Relation)
	if err != nil {
		return Expansion{}, err
	}
	x := expander{e: e, room: q.Limit}
	if x.room <= 0 {
		x.room = page.DefaultLimit
	}
	if x.after, err = parsePosition(q.After); err != nil {
		return Expansion{}, err
	}
	tree := x.expand(r.shown, obj)
	if e.err != nil {
		return Expansion{}, e.err
	}
	if x.err != nil {
		return Expansion{}, x.err
	}
	return Expansion{Tree: tree, Next: x.next, Revision: v.state.revision}, nil
}

// expander fills the leaves of a tree, in their order, while there is room.
type expander struct {
	e     *evaluator
	leaf  int      // the number of the leaf at hand, from 1
	after position // where the page before ended
	room  int
	last  position // the last subject of this page
	next  string
	err   error
}

// position is a subject of a leaf. Leaf 0 is before all.
type position struct {
	leaf    int
	subject Subject
}

// String is "leaf type:id#relation"; parsePosition reads it.
func (p position) String() string { return strconv.Itoa(p.leaf) + " " + p.subject.String() }

func parsePosition(text string) (position, error) {
	if text == "" {
		return position{}, nil
	}
	number, subject, _ := strings.Cut(text, " ")
	leaf, err := strconv.Atoi(number)
	s, malformed := ParseSubject(subject)
	if err != nil || malformed != nil || leaf < 1 {
		return position{}, errs.New(errs.Invalid, "invalid_cursor", "The cursor is not one that a page has given.")
	}
	return position{leaf, s}, nil
}

func compareSubjects(a, b Subject) int {
	return cmp.Or(strings.Compare(a.Type, b.Type), strings.Compare(a.Relation, b.Relation), strings.Compare(a.ID, b.ID))
}

func (x *expander) expand(o *op, obj uint32) Tree {
	switch o.kind {
	case rewriteThis:
		return x.fill(OpDirect, o, x.e.forward.scan(pack(obj, o.relation), 0, math.MaxUint64))
	case rewriteComputed:
		return x.take(Tree{Op: OpComputed, Subjects: []Subject{x.e.userset(obj, o.relation)}})
	case rewriteFrom:
		return x.fill(OpFrom, o, x.e.forward.scan(pack(obj, o.tupleset), 0, pack(0, math.MaxUint32)))
	}
	t := Tree{Op: OpUnion}
	switch o.kind {
	case rewriteIntersection:
		t.Op = OpIntersection
	case rewriteExclusion:
		t.Op = OpExclusion
	}
	for _, kid := range o.kids {
		t.Parts = append(t.Parts, x.expand(kid, obj))
	}
	return t
}

// fill reads a leaf and keeps what belongs to the page.
func (x *expander) fill(kind Op, o *op, c cursor) Tree {
	e, t := x.e, Tree{Op: kind}
	for e.tick() {
		lo, condition, ok := e.forward.next(&c)
		if !ok {
			break
		}
		rel := high(lo)
		if o.kind == rewriteFrom {
			if rel = e.targetOf(o, low(lo)); rel == 0 {
				continue
			}
		}
		s := e.userset(low(lo), rel)
		switch e.condition(condition) {
		case yes:
			t.Subjects = append(t.Subjects, s)
		case unknown:
			outcome := e.outcome(condition)
			if x.err == nil {
				x.err = outcome.err
			}
			t.Perhaps = append(t.Perhaps, Doubtful{s, e.bindingAt(condition).Condition, outcome.missing})
		}
	}
	return x.take(t)
}

// take cuts a leaf to what lies after the page before and what there is room for. A subject that is
// there for sure is not there in doubt as well.
func (x *expander) take(t Tree) Tree {
	x.leaf++
	slices.SortFunc(t.Subjects, compareSubjects)
	t.Subjects = slices.Compact(t.Subjects)
	slices.SortFunc(t.Perhaps, func(a, b Doubtful) int { return compareSubjects(a.Subject, b.Subject) })
	t.Perhaps = slices.CompactFunc(t.Perhaps, func(a, b Doubtful) bool { return a.Subject == b.Subject && a.Condition == b.Condition })
	sure, perhaps := t.Subjects, t.Perhaps
	t.Subjects, t.Perhaps = nil, nil
	for len(sure)+len(perhaps) > 0 {
		if len(perhaps) == 0 || len(sure) > 0 && compareSubjects(sure[0], perhaps[0].Subject) <= 0 {
			if x.fits(sure[0]) {
				t.Subjects = append(t.Subjects, sure[0])
			}
			for len(perhaps) > 0 && perhaps[0].Subject == sure[0] {
				perhaps = perhaps[1:]
			}
			sure = sure[1:]
			continue
		}
		s := perhaps[0].Subject
		taken := x.fits(s)
		for ; len(perhaps) > 0 && perhaps[0].Subject == s; perhaps = perhaps[1:] {
			if taken {
				t.Perhaps = append(t.Perhaps, perhaps[0])
			}
		}
	}
	return t
}

// fits reports whether a subject of the leaf at hand belongs to the page.
func (x *expander) fits(s Subject) bool {
	at := position{x.leaf, s}
	if at.leaf < x.after.leaf || at.leaf == x.after.leaf && compareSubjects(s, x.after.subject) <= 0 {
		return false
	}
	if x.room == 0 {
		x.next = x.last.String()
		return false
	}
	x.room--
	x.last = at
	return true
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
