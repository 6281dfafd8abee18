package graph

import (
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
	model    *Model
	names    *names
	closures *closures
	forward  side // from the object
	reverse  side // from the subject

	subject     uint32
	subjectRel  uint32 // 0 for a plain subject
	subjectKind uint32

	ctx    context.Context // the request's, asked every 1,024 steps
	steps  int
	budget int
	err    error

	frames []frame
	opens  []open
	trail  []uint64 // atoms assumed "no", in the order in which they were left
	memo   table
	proved uint32

	climbs  bool     // relations that can be climbed are
	climbed table    // atoms of the climb, each once
	heights []uint64 // the same, in order

	groups      walk // what the subject has among the relations marked group
	groupsState groupsState
	found       walk // what it has among those that a list asks for
	listing     bool // found is complete

	local  []name // names that only this request knows, from firstLocal on
	locals map[name]uint32

	context  map[string]any // what the request knows for conditions
	bindings *bindings
	brought  []binding // conditions of the request's own tuples, from firstLocal on
	asked    table     // condition → position in outcomes
	outcomes []outcome
}

type groupsState uint8

const (
	groupsUnasked groupsState = iota
	groupsReady
	groupsTooMany // evaluate from the object's side
	groupsOff     // the same, for all questions of the evaluator
)

// open prepares an evaluator. Close must be called with it, also after an error of another call.
func (v View) open(ctx context.Context, now time.Time, contextual []Tuple, given map[string]any) (*evaluator, error) {
	if err := ctx.Err(); err != nil {
		return nil, errStopped(err)
	}
	e := v.graph.pool.Get().(*evaluator)
	e.model, e.names, e.bindings = v.graph.model, v.state.names, v.state.bindings
	at := now.UnixMilli()
	e.closures = v.state.closures
	e.forward = side{tree: v.state.forward, extra: e.forward.extra[:0], gone: e.forward.gone[:0], now: at}
	e.reverse = side{tree: v.state.reverse, extra: e.reverse.extra[:0], gone: e.reverse.gone[:0], now: at, back: true}
	if v.lacks != nil {
		e.forward.lack, e.reverse.lack = lack{partial: true, known: v.state.knownForward}, lack{partial: true, known: v.state.knownReverse}
	}
	e.ctx, e.context, e.steps, e.budget, e.err = ctx, given, 0, v.graph.limits.Check, nil
	e.listing, e.climbs = false, false
	e.asked.reset()
	if err := e.bring(v.over, contextual); err != nil {
		v.close(e)
		return nil, err
	}
	return e, nil
}

// close gives the evaluator back. One that has grown large is left to the garbage collector, so that
// a rare deep question does not hold its memory for ever.
func (v View) close(e *evaluator) {
	v.lacked(e)
	const large = 1 << 14
	if max(cap(e.frames), cap(e.heights), len(e.memo.slots), len(e.found.seen.slots), cap(e.found.atoms), len(e.asked.slots), cap(e.forward.extra)) > large {
		return
	}
	clear(e.frames) // what is left of them after an error holds leaves of this revision
	clear(e.local)
	clear(e.locals)
	clear(e.brought)
	clear(e.outcomes)
	e.frames, e.local, e.brought, e.outcomes = e.frames[:0], e.local[:0], e.brought[:0], e.outcomes[:0]
	e.names, e.bindings, e.closures, e.ctx, e.context = nil, nil, nil, nil, nil
	e.forward.tree, e.reverse.tree = tree{}, tree{}
	e.forward.root, e.forward.near, e.reverse.root, e.reverse.near = nil, 0, nil, 0
	e.forward.lack, e.reverse.lack = lack{}, lack{}
	v.graph.pool.Put(e)
}

// bring adds what the view supposes and the request's own tuples. They obey the model like stored
// ones. A change takes the place of what is stored; a contextual tuple counts beside it, so that it
// can take nothing away.
func (e *evaluator) bring(over []Change, contextual []Tuple) error {
	if len(contextual) > maxContextual {
		return errs.New(errs.Invalid, "too_many_contextual_tuples", "A request may carry %d tuples of its own.", maxContextual)
	}
	for _, c := range over {
		p := e.point(c.Tuple)
		e.forward.gone, e.reverse.gone = append(e.forward.gone, p.forward().key), append(e.reverse.gone, p.reverse().key)
		if !c.Delete {
			e.forward.extra, e.reverse.extra = append(e.forward.extra, p.forward()), append(e.reverse.extra, p.reverse())
		}
	}
	for _, t := range contextual {
		if err := e.model.Accepts(t); err != nil {
			return err
		}
		p := e.point(t)
		e.forward.extra, e.reverse.extra = append(e.forward.extra, p.forward()), append(e.reverse.extra, p.reverse())
	}
	for _, s := range [...]*side{&e.forward, &e.reverse} {
		slices.SortFunc(s.extra, func(a, b item) int { return compareKeys(a.key, b.key) })
		slices.SortFunc(s.gone, compareKeys)
	}
	return nil
}

// point numbers a tuple for this request.
func (e *evaluator) point(t Tuple) point { return e.model.point(t, e.node, e.bringCondition) }

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

// direct tells whether a tuple gives the relation to the subject itself or to its wildcard.
func (e *evaluator) direct(obj uint32, r *relation) verdict {
	hi, v := pack(obj, r.id), no
	if e.subjectRel != 0 {
		if slices.Contains(r.usersets, e.subjectRel) {
			v = e.given(key{hi, pack(e.subjectRel, e.subject)})
		}
		return v
	}
	if e.subject != e.subjectKind && slices.Contains(r.plain, e.subjectKind) {
		v = e.given(key{hi, uint64(e.subject)})
	}
	if v != yes && slices.Contains(r.wild, e.subjectKind) {
		v = max(v, e.given(key{hi, uint64(e.subjectKind)}))
	}
	return v
}

// given tells whether the tuple with a key of the forward side counts.
func (e *evaluator) given(k key) verdict {
	v := no
	if t, ok := e.forward.stored(k); ok {
		v = e.condition(t.condition)
	}
	if v != yes && len(e.forward.extra) > 0 {
		e.forward.own(k, func(t term) bool {
			v = max(v, e.condition(t.condition))
			return v != yes
		})
	}
	return v
}

// tick counts one step of work: an atom asked or an edge followed. False means that evaluation has
// failed and must unwind.
func (e *evaluator) tick() bool {
	e.steps++
	if e.steps&1023 == 0 && e.err == nil {
		if err := e.ctx.Err(); err != nil {
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
	term
}

// point numbers a tuple that the model accepts. number gives a node to a name, bind a number to a
// condition.
func (m *Model) point(t Tuple, number func(kind uint32, id string) uint32, bind func(Condition) uint32) point {
	o, s := m.byName[t.Object.Type], m.byName[t.Subject.Type]
	p := point{
		object: number(o.id, t.Object.ID), relation: o.relations[t.Relation],
		subject: number(s.id, t.Subject.ID), subjectRel: s.relations[t.Subject.Relation],
		term: term{never, bind(t.Condition)},
	}
	if !t.Expires.IsZero() {
		p.until = min(t.Expires.UnixMilli(), math.MaxInt64-1)
	}
	return p
}

func (p point) forward() item {
	return item{key{pack(p.object, p.relation), pack(p.subjectRel, p.subject)}, p.term}
}

func (p point) reverse() item {
	return item{key{pack(p.subject, p.subjectRel), pack(p.relation, p.object)}, p.term}
}

// pointOf takes a key of the forward side apart.
func pointOf(it item) point {
	return point{object: high(it.hi), relation: low(it.hi), subjectRel: high(it.lo), subject: low(it.lo), term: it.term}
}

// tuple gives a point its names back.
func (m *Model) tuple(p point, nameOf func(uint32) name, bindingAt func(uint32) binding) Tuple {
	r, o, s := m.relations[p.relation], nameOf(p.object), nameOf(p.subject)
	t := Tuple{
		Object: Object{r.kind.name, o.id}, Relation: r.name,
		Subject: Subject{Type: m.kinds[s.kind].name, ID: s.id},
	}
	if p.condition != 0 {
		t.Condition = bindingAt(p.condition).Condition
	}
	if p.subjectRel != 0 {
		t.Subject.Relation = m.relations[p.subjectRel].name
	}
	if p.until != never {
		t.Expires = time.UnixMilli(p.until).UTC()
	}
	return t
}
