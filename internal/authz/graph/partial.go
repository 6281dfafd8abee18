package graph

import (
	"context"
	"math"

	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// A partial graph holds of a store only what questions have asked for, so that a store may be larger than
// memory. It is asked like any other. A question goes as far as it can, taking what the graph lacks for
// absent and noting it; then all that is read at once, and the question is asked again from its beginning,
// until it lacks nothing. Its answer then rests on one revision like any other, and it has been read as
// often as the way to it is long, however wide it is. What was read stays, follows the changes of the store,
// and is forgotten all together when it is too much.

// Part is what a graph may lack, and always whole: the tuples with an Object and a Relation, of one Subject or
// of all; or with an Object that has only a Type, those of a Relation and a Subject.
type Part struct {
	Object   Object
	Relation string
	Subject  Subject // the zero value: all
}

// Source reads parts for a partial graph, which must have learned them when it returns (Learn). learned is
// how many tuples they had.
type Source func(ctx context.Context, parts []Part) (learned int, err error)

// Bounds of one question to a partial graph.
const (
	mostRounds  = 2000 // readings: a chain may be that long
	mostLacking = 2048 // parts of one reading
	mostReread  = 4    // times what the graph may hold, in tuples and parts
)

// NewPartial returns a partial graph at revision 0 that lacks everything. It holds at most so many tuples and
// parts; a question that needs more at once fails with work_exceeded.
func NewPartial(m *Model, l Limits, most int, more Source) *Graph {
	g := New(m, l)
	g.more, g.most = more, most
	g.Reset(0)
	return g
}

// Partial reports whether the graph holds only what was asked for.
func (g *Graph) Partial() bool { return g.more != nil }

// Reset makes a partial graph lack everything, at any revision.
func (g *Graph) Reset(revision uint64) {
	g.writing.Lock()
	defer g.writing.Unlock()
	g.now.Store(g.blank(revision))
}

// blank is a state of which nothing is known.
func (g *Graph) blank(revision uint64) *state {
	s := &state{revision: revision, names: newNames(g.kinds()), bindings: newBindings()}
	g.adopt(s, nil)
	return s
}

// Step is a revision and what changed with it.
type Step struct {
	Revision uint64
	Changes  []Change
}

// Learn takes parts into a partial graph: all their tuples, each as it was at any revision not before since,
// and the steps from there to a revision at which all of them had been read, which must not be before that
// of the graph. Replaying steps on what was read during them gives the last of them, for a step says how a
// tuple is and not what becomes of it. Tuples that the model does not accept are left out.
func (g *Graph) Learn(since uint64, parts []Part, tuples []Tuple, steps []Step) error {
	g.writing.Lock()
	defer g.writing.Unlock()
	next := *g.now.Load()
	if since > next.revision || since+uint64(len(steps)) < next.revision {
		return errs.New(errs.Conflict, "revision_gap", "What was read does not meet the revision of the index.")
	}
	for i, s := range steps {
		if err := g.checkApply(since+uint64(i), s.Revision, s.Changes); err != nil {
			return err
		}
	}
	if len(parts)+len(tuples) > g.most {
		return errPartial()
	}
	if next.held()+len(parts)+len(tuples) > g.most {
		next = *g.blank(next.revision)
	}
	g.edit++
	for _, p := range parts {
		if k, reverse := g.mark(&next, p); reverse {
			next.knownReverse.put(item{k, term{until: never}}, g.edit)
		} else {
			next.knownForward.put(item{k, term{until: never}}, g.edit)
		}
	}
	for _, t := range tuples {
		if g.model.Accepts(t) == nil {
			g.write(&next, t)
		}
	}
	for _, s := range steps {
		next.revision = s.Revision
		g.change(&next, s.Changes, false)
	}
	g.now.Store(&next)
	return nil
}

func errPartial() error {
	return errs.New(errs.Unsupported, "work_exceeded", "The question needs more of a large store than can be held at once.")
}

// Held is how many tuples the graph holds and, if it is partial, parts.
func (g *Graph) Held() int { return g.now.Load().held() }

func (s *state) held() int { return s.forward.size + s.knownForward.size + s.knownReverse.size }

// Marks of parts among the keys of a side: a node is never so large.
const (
	allSubjects = math.MaxUint64
	allObjects  = math.MaxUint32
)

// mark is the key under which a part is known, and on which side.
func (g *Graph) mark(s *state, p Part) (k key, reverse bool) {
	o := g.model.byName[p.Object.Type]
	relation := o.relations[p.Relation]
	if p.Subject == (Subject{}) {
		return key{pack(s.names.intern(o.id, p.Object.ID), relation), allSubjects}, false
	}
	of := g.model.byName[p.Subject.Type]
	subject, rel := s.names.intern(of.id, p.Subject.ID), of.relations[p.Subject.Relation]
	if p.Object.ID == "" {
		return key{pack(subject, rel), pack(relation, allObjects)}, true
	}
	return key{pack(s.names.intern(o.id, p.Object.ID), relation), pack(rel, subject)}, false
}

// covers reports whether a tuple belongs to a part that is known.
func (g *Graph) covers(s *state, t Tuple) bool {
	named := true
	p := g.model.point(t, func(kind uint32, id string) uint32 {
		node, ok := s.names.find(kind, id)
		named = named && ok
		return node
	}, func(Condition) uint32 { return 0 })
	// A name that nobody has asked about is of no part that is known by it; the other one's may be.
	at := p.forward().key
	if p.object != 0 && (s.knownForward.has(key{at.hi, allSubjects}) || named && s.knownForward.has(at)) {
		return true
	}
	return p.subject != 0 && s.knownReverse.has(key{p.reverse().hi, pack(p.relation, allObjects)})
}

func (t *tree) has(k key) bool {
	_, ok := t.get(k)
	return ok
}

// lack is what a side of a partial graph lacks for a question. The zero value is of a graph that is whole.
type lack struct {
	partial bool
	known   tree
	keys    []key
	seen    map[key]bool
}

// of notes that a part is needed, unless it is there.
func (l *lack) of(k key) {
	if l.known.has(k) || l.seen[k] || len(l.keys) == mostLacking {
		return
	}
	if l.seen == nil {
		l.seen = map[key]bool{}
	}
	l.seen[k] = true
	l.keys = append(l.keys, k)
}

// point notes that a tuple is needed, by itself or with all of its object and relation.
func (l *lack) point(k key) {
	if !l.known.has(key{k.hi, allSubjects}) {
		l.of(k)
	}
}

// lacking collects the parts that the evaluators of one question lacked.
type lacking struct{ parts []Part }

// lacked spells what a request lacked. Whether an evaluator ended early for it does not matter: it will be
// asked again.
func (v View) lacked(e *evaluator) {
	if v.lacks == nil {
		return
	}
	for _, k := range e.forward.lack.keys {
		o, r := e.nameOf(high(k.hi)), e.model.relations[low(k.hi)]
		p := Part{Object: Object{r.kind.name, o.id}, Relation: r.name}
		if k.lo != allSubjects {
			p.Subject = e.userset(low(k.lo), high(k.lo))
		}
		v.lacks.parts = append(v.lacks.parts, p)
	}
	for _, k := range e.reverse.lack.keys {
		r := e.model.relations[high(k.lo)]
		v.lacks.parts = append(v.lacks.parts, Part{Object: Object{Type: r.kind.name}, Relation: r.name, Subject: e.userset(high(k.hi), low(k.hi))})
	}
}

// whole asks until nothing is lacking. Whatever an answer or an error says that rests on less is discarded.
func whole[T any](ctx context.Context, v View, ask func(View) (T, error)) (T, error) {
	var none T
	for round, read := 0, 0; ; round++ {
		v.lacks = &lacking{}
		answer, err := ask(v)
		if len(v.lacks.parts) == 0 {
			return answer, err
		}
		if err := ctx.Err(); err != nil {
			return none, errStopped(err)
		}
		if read > mostReread*v.graph.most || round == mostRounds {
			return none, errPartial()
		}
		learned, err := v.graph.more(ctx, distinct(v.lacks.parts))
		if err != nil {
			return none, err
		}
		read += learned + len(v.lacks.parts)
		v.state = v.graph.now.Load()
	}
}

func distinct(parts []Part) []Part {
	seen := make(map[Part]bool, len(parts))
	out := parts[:0]
	for _, p := range parts {
		if !seen[p] {
			seen[p] = true
			out = append(out, p)
		}
	}
	return out
}
