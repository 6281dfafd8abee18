package graph

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// firstLocal is where the numbers of names begin that only one request knows.
const firstLocal = 1 << 31

// maxContextual bounds the tuples that one request may bring with it.
const maxContextual = 1000

// evaluator answers questions about one subject at one revision for one request. It is pooled; reset
// makes it new. It is used by one goroutine.
type evaluator struct {
	model   *Model
	names   *names
	forward side // from the object
	reverse side // from the subject

	subject     uint32
	subjectRel  uint32 // 0 for a plain subject
	subjectKind uint32

	stop   interface{ Err() error } // the request's context, asked every 1,024 steps
	steps  int
	budget int
	err    error

	frames []frame
	opens  []open
	trail  []uint64 // atoms assumed "no", in the order in which they were left
	memo   table
	proved uint32

	groups      walk // what the subject has among the relations marked group
	groupsState groupsState
	found       walk // what it has among those that a list asks for

	local  []name // names that only this request knows, from firstLocal on
	locals map[name]uint32
}

type groupsState uint8

const (
	groupsUnasked groupsState = iota
	groupsReady
	groupsTooMany // evaluate from the object's side
	groupsOff     // the same, for all questions of the evaluator
)

// open prepares an evaluator. Close must be called with it, also after an error of another call.
func (v View) open(ctx context.Context, now time.Time, contextual []Tuple) (*evaluator, error) {
	if err := ctx.Err(); err != nil {
		return nil, errStopped(err)
	}
	e := v.graph.pool.Get().(*evaluator)
	e.model, e.names = v.graph.model, v.state.names
	at := now.UnixMilli()
	e.forward = side{tree: v.state.forward, extra: e.forward.extra[:0], now: at}
	e.reverse = side{tree: v.state.reverse, extra: e.reverse.extra[:0], now: at}
	e.stop, e.steps, e.budget, e.err = ctx, 0, v.graph.limits.Check, nil
	if err := e.bring(contextual); err != nil {
		v.close(e)
		return nil, err
	}
	return e, nil
}

// close gives the evaluator back. One that has grown large is left to the garbage collector, so that
// a rare deep question does not hold its memory for ever.
func (v View) close(e *evaluator) {
	const large = 1 << 14
	if max(cap(e.frames), len(e.memo.slots), len(e.found.seen.slots), cap(e.found.atoms)) > large {
		return
	}
	clear(e.frames) // what is left of them after an error holds leaves of this revision
	clear(e.local)
	clear(e.locals)
	e.frames, e.local = e.frames[:0], e.local[:0]
	e.names, e.stop = nil, nil
	e.forward.tree, e.reverse.tree = tree{}, tree{}
	v.graph.pool.Put(e)
}

// bring adds the request's own tuples. They obey the model like stored ones.
func (e *evaluator) bring(tuples []Tuple) error {
	if len(tuples) > maxContextual {
		return errs.New(errs.Invalid, "too_many_contextual_tuples", "A request may carry %d tuples of its own.", maxContextual)
	}
	if len(tuples) == 0 {
		return nil
	}
	for _, t := range tuples {
		if err := e.model.Accepts(t); err != nil {
			return err
		}
		p := e.model.point(t, e.node)
		e.forward.extra = append(e.forward.extra, p.forward())
		e.reverse.extra = append(e.reverse.extra, p.reverse())
	}
	// Of the same tuple brought twice, the one that lasts longer counts.
	lasting := func(a, b item) int { return cmp.Or(compareKeys(a.key, b.key), cmp.Compare(a.until, b.until)) }
	slices.SortFunc(e.forward.extra, lasting)
	slices.SortFunc(e.reverse.extra, lasting)
	e.forward.extra, e.reverse.extra = lastOfEach(e.forward.extra), lastOfEach(e.reverse.extra)
	return nil
}

// node is the number of a name; a name that the store does not know gets one for this request.
func (e *evaluator) node(kind uint32, id string) uint32 {
	if node, ok := e.names.find(kind, id); ok {
		return node
	}
	at := name{kind, id}
	if node, ok := e.locals[at]; ok {
		return node
	}
	node := uint32(firstLocal + len(e.local))
	e.local = append(e.local, at)
	e.locals[at] = node
	return node
}

func (e *evaluator) nameOf(node uint32) name {
	if node >= firstLocal {
		return e.local[node-firstLocal]
	}
	return e.names.at(node)
}

func (e *evaluator) kindOf(node uint32) uint32 { return e.nameOf(node).kind }

// object resolves the object and relation of a question.
func (e *evaluator) object(o Object, relationName string) (uint32, *relation, error) {
	r, err := e.model.relation(o.Type, relationName)
	if err != nil {
		return 0, nil, err
	}
	if err := checkID(o.ID); err != nil {
		return 0, nil, err
	}
	return e.node(r.kind.id, o.ID), r, nil
}

// about makes s the subject of the questions that follow.
func (e *evaluator) about(s Subject) error {
	if err := e.model.checkSubject(s); err != nil {
		return err
	}
	k := e.model.byName[s.Type]
	e.ask(e.node(k.id, s.ID), k.relations[s.Relation], k.id)
	return nil
}

// ask makes a node the subject and forgets all answers about the one before.
func (e *evaluator) ask(node, relation, kind uint32) {
	e.subject, e.subjectRel, e.subjectKind = node, relation, kind
	e.frames, e.opens, e.trail, e.proved = e.frames[:0], e.opens[:0], e.trail[:0], 0
	e.memo.reset()
	if e.groupsState != groupsOff {
		e.groupsState = groupsUnasked
	}
}

// direct reports whether a tuple gives the relation to the subject itself or to its wildcard.
func (e *evaluator) direct(obj uint32, r *relation) bool {
	hi := pack(obj, r.id)
	if e.subjectRel != 0 {
		return slices.Contains(r.usersets, e.subjectRel) && e.forward.has(key{hi, pack(e.subjectRel, e.subject)})
	}
	if e.subject != e.subjectKind && slices.Contains(r.plain, e.subjectKind) && e.forward.has(key{hi, uint64(e.subject)}) {
		return true
	}
	return slices.Contains(r.wild, e.subjectKind) && e.forward.has(key{hi, uint64(e.subjectKind)})
}

// tick counts one step of work: an atom asked or an edge followed. False means that evaluation has
// failed and must unwind.
func (e *evaluator) tick() bool {
	e.steps++
	if e.steps&1023 == 0 && e.err == nil {
		if err := e.stop.Err(); err != nil {
			e.err = errStopped(err)
		}
	}
	if e.steps > e.budget && e.err == nil {
		e.err = errs.New(errs.Unsupported, "work_exceeded", "The question needs more work than one request may do.")
	}
	return e.err == nil
}

func (e *evaluator) fail(err error) verdict {
	e.err = err
	return pending
}

func errStopped(cause error) error {
	return errs.Wrap(errs.Unavailable, cause, "stopped", "The question was not answered in time.")
}

func errUnsound() error {
	return errs.New(errs.Internal, "unsound_exclusion", "An exclusion leaned on an unfinished answer.")
}

// point is a tuple in numbers.
type point struct {
	object, relation, subject, subjectRel uint32
	until                                 int64
}

// point numbers a tuple that the model accepts. number gives a node to a name.
func (m *Model) point(t Tuple, number func(kind uint32, id string) uint32) point {
	o, s := m.byName[t.Object.Type], m.byName[t.Subject.Type]
	p := point{
		object: number(o.id, t.Object.ID), relation: o.relations[t.Relation],
		subject: number(s.id, t.Subject.ID), subjectRel: s.relations[t.Subject.Relation], until: never,
	}
	if !t.Expires.IsZero() {
		p.until = min(t.Expires.UnixMilli(), math.MaxInt64-1)
	}
	return p
}

func (p point) forward() item {
	return item{key{pack(p.object, p.relation), pack(p.subjectRel, p.subject)}, p.until}
}

func (p point) reverse() item {
	return item{key{pack(p.subject, p.subjectRel), pack(p.relation, p.object)}, p.until}
}

// pointOf takes a key of the forward side apart.
func pointOf(it item) point {
	return point{object: high(it.hi), relation: low(it.hi), subjectRel: high(it.lo), subject: low(it.lo), until: it.until}
}

// tuple gives a point its names back.
func (m *Model) tuple(p point, nameOf func(uint32) name) Tuple {
	r, o, s := m.relations[p.relation], nameOf(p.object), nameOf(p.subject)
	t := Tuple{
		Object: Object{r.kind.name, o.id}, Relation: r.name,
		Subject: Subject{Type: m.kinds[s.kind].name, ID: s.id},
	}
	if p.subjectRel != 0 {
		t.Subject.Relation = m.relations[p.subjectRel].name
	}
	if p.until != never {
		t.Expires = time.UnixMilli(p.until).UTC()
	}
	return t
}
