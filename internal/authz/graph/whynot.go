package graph

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"
)

// Bounds of the search for remedies. Beyond them WhyNot finds fewer, and says so.
const (
	maxPieces    = 4    // changes in one remedy
	maxSets      = 8    // remedies kept for one question on the way
	maxQuestions = 2000 // questions on the way
	maxEdges     = 100  // tuples followed from one object
	maxRounds    = 16   // until what depends on each other has settled
	maxRemedies  = 5    // in an answer
)

// WhyNot is why a question is denied, told by what would change it.
type WhyNot struct {
	Result
	// Remedies are small sets of changes each of which would allow, the smallest first; none if
	// the answer is yes.
	Remedies []Remedy
	// Truncated says that the search met one of its bounds: there may be other remedies.
	Truncated bool
}

// Remedy is a set of changes that together would allow. Each was tried before it was told.
type Remedy struct {
	Write  []Tuple // to write, without a condition
	Delete []Tuple // to delete, because they subtract
	Meet   []Unmet // conditions that would have to hold
}

// Unmet is a condition that stands in the way.
type Unmet struct {
	Tuple   Tuple    // that carries it; one of perhaps many
	Missing []string // the parameters that it lacks; empty if it does not hold with what was given
}

// WhyNot answers q and, if that is no, looks for the smallest changes that would allow it: a relation
// of the subject to an object on the way, a tuple that subtracts, a condition. It searches what the
// store connects the object with and invents no objects. Foreign relations it takes as they are. The work is
// bounded by Limits.Check besides the bounds above; errors are those of Check.
func (v View) WhyNot(ctx context.Context, now time.Time, q Query) (WhyNot, error) {
	if v.graph.Partial() {
		return whole(ctx, v, func(v View) (WhyNot, error) { return v.whyNotOnce(ctx, now, q) })
	}
	return v.whyNotOnce(ctx, now, q)
}

func (v View) whyNotOnce(ctx context.Context, now time.Time, q Query) (WhyNot, error) {
	e, err := v.open(ctx, now, q.Contextual, q.Context)
	if err != nil {
		return WhyNot{}, err
	}
	defer v.close(e)
	if err := e.about(q.Subject); err != nil {
		return WhyNot{}, err
	}
	result, err := e.check(v, q.Object, q.Relation, false)
	if err != nil || result.Allowed {
		return WhyNot{Result: result}, err
	}
	obj, r, err := e.object(q.Object, q.Relation)
	if err != nil {
		return WhyNot{}, err
	}
	s := search{e: e, gains: map[uint64][]remedy{}, losses: map[uint64][]remedy{}}
	found := s.run(obj, r)
	why := WhyNot{Result: result, Truncated: s.truncated || e.err != nil}
	if ctx.Err() != nil {
		return WhyNot{}, errStopped(ctx.Err())
	}
	e.err = nil // having searched in vain is an answer
	var kept []remedy
	for _, candidate := range found {
		if len(kept) == maxRemedies {
			break
		}
		if slices.ContainsFunc(kept, candidate.includes) {
			continue
		}
		told := candidate.tell(e)
		works, err := v.works(ctx, now, q, told)
		if err != nil {
			return WhyNot{}, err
		}
		if works {
			kept, why.Remedies = append(kept, candidate), append(why.Remedies, told)
		}
	}
	return why, nil
}

// works tries a remedy.
func (v View) works(ctx context.Context, now time.Time, q Query, r Remedy) (bool, error) {
	var changes []Change
	for _, t := range r.Write {
		changes = append(changes, Change{Tuple: t})
	}
	for _, t := range r.Delete {
		changes = append(changes, Change{Tuple: t, Delete: true})
	}
	supposed, err := v.With(changes...)
	if err != nil {
		return false, nil // the model does not accept it
	}
	e, err := supposed.open(ctx, now, q.Contextual, q.Context)
	if err != nil {
		return false, err
	}
	defer v.close(e)
	for _, u := range r.Meet {
		e.suppose(u.Tuple.Condition)
	}
	if err := e.about(q.Subject); err != nil {
		return false, err
	}
	obj, relation, err := e.object(q.Object, q.Relation)
	if err != nil {
		return false, err
	}
	answer, err := e.run(obj, relation)
	if err != nil && ctx.Err() == nil {
		return false, nil // too much work to be sure
	}
	return answer == yes, err
}

// suppose makes a condition hold for the rest of the request.
func (e *evaluator) suppose(c Condition) {
	if c == (Condition{}) {
		return
	}
	hold := func(n uint32) {
		e.asked.put(uint64(n), uint32(len(e.outcomes)))
		e.outcomes = append(e.outcomes, outcome{verdict: yes})
	}
	for i, b := range *e.bindings.all.Load() {
		if b.Condition == c {
			hold(uint32(i))
		}
	}
	for i, b := range e.brought {
		if b.Condition == c {
			hold(uint32(firstLocal + i))
		}
	}
}

// piece is one change: the tuple of a forward key to write, to delete, or whose condition must hold.
type piece struct {
	kind      pieceKind
	condition uint32 // of meet
	key       key
}

type pieceKind uint8

const (
	meet pieceKind = iota // the easiest comes first
	write
	remove
)

// remedy is a sorted set of pieces. The empty one is for what is so already.
type remedy []piece

func comparePieces(a, b piece) int {
	return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.condition, b.condition), compareKeys(a.key, b.key))
}

func compareRemedies(a, b remedy) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), slices.CompareFunc(a, b, comparePieces))
}

// includes reports whether all of other is in r.
func (r remedy) includes(other remedy) bool {
	return !slices.ContainsFunc(other, func(p piece) bool { return !slices.Contains(r, p) })
}

func (r remedy) tell(e *evaluator) (out Remedy) {
	for _, p := range r {
		t := e.tuple(pointOf(item{p.key, term{never, p.condition}}))
		switch p.kind {
		case write:
			out.Write = append(out.Write, t)
		case remove:
			out.Delete = append(out.Delete, t)
		case meet:
			out.Meet = append(out.Meet, Unmet{Tuple: t, Missing: e.outcome(p.condition).missing})
		}
	}
	return out
}

// best keeps the smallest few of the sets, each once.
func best(sets []remedy) []remedy {
	slices.SortFunc(sets, compareRemedies)
	sets = slices.CompactFunc(sets, func(a, b remedy) bool { return compareRemedies(a, b) == 0 })
	return sets[:min(len(sets), maxSets)]
}

// both are the sets that do what one of a and one of b do.
func both(a, b []remedy) []remedy {
	var out []remedy
	for _, x := range a {
		for _, y := range b {
			joined := append(slices.Clone(x), y...)
			slices.SortFunc(joined, comparePieces)
			if joined = slices.Compact(joined); len(joined) <= maxPieces {
				out = append(out, joined)
			}
		}
	}
	return best(out)
}

// done is for what is so already.
func done() []remedy { return []remedy{{}} }

// search works out, for every question on the way, the few smallest sets that would make it yes
// (gains) and, on subtracted sides, no (losses). What depends on itself is gone through again until
// nothing changes: gains grow from nothing, losses from "nothing to do".
type search struct {
	e         *evaluator
	gains     map[uint64][]remedy
	losses    map[uint64][]remedy
	order     []asked
	truncated bool
}

// asked is a question on the way, and which answer is wanted.
type asked struct {
	atom uint64
	lose bool
}

func (s *search) run(obj uint32, r *relation) []remedy {
	root := s.gain(obj, r.id)
	for round, changed := 0, true; changed && s.e.err == nil; round++ {
		if round == maxRounds {
			s.truncated = true
			break
		}
		changed = false
		before := len(s.order)
		for i := before - 1; i >= 0; i-- {
			changed = s.again(s.order[i]) || changed
		}
		root = s.gain(obj, r.id)
		changed = changed || len(s.order) > before
	}
	return root
}

// again works out one question and reports whether that came to something new.
func (s *search) again(q asked) bool {
	obj, r := high(q.atom), s.e.model.relations[low(q.atom)]
	known, sets := s.gains, []remedy(nil)
	if q.lose {
		known, sets = s.losses, s.lose(r.shown, obj)
	} else {
		sets = s.win(r.shown, obj)
	}
	same := slices.EqualFunc(known[q.atom], sets, func(a, b remedy) bool { return compareRemedies(a, b) == 0 })
	known[q.atom] = sets
	return !same
}

// gain is what is known to make (obj, rel) yes.
func (s *search) gain(obj, rel uint32) []remedy {
	if s.verdict(obj, rel) == yes {
		return done()
	}
	return s.recall(s.gains, asked{pack(obj, rel), false}, nil)
}

// loss is what is known to make (obj, rel) no.
func (s *search) loss(obj, rel uint32) []remedy {
	switch {
	case s.verdict(obj, rel) == no:
		return done()
	case obj == s.e.subject && rel == s.e.subjectRel:
		return nil
	}
	return s.recall(s.losses, asked{pack(obj, rel), true}, done())
}

func (s *search) recall(known map[uint64][]remedy, q asked, first []remedy) []remedy {
	sets, ok := known[q.atom]
	if !ok {
		if len(s.order) >= maxQuestions {
			s.truncated = true
			return nil
		}
		known[q.atom], s.order = first, append(s.order, q)
		return first
	}
	return sets
}

func (s *search) verdict(obj, rel uint32) verdict {
	v, err := s.e.run(obj, s.e.model.relations[rel])
	if err != nil {
		return unknown // the search is over
	}
	return v
}

func (s *search) win(o *op, obj uint32) []remedy {
	switch o.kind {
	case rewriteThis:
		return s.winThis(obj, s.e.model.relations[o.relation])
	case rewriteComputed:
		return s.gain(obj, o.relation)
	case rewriteFrom:
		var sets []remedy
		s.edges(obj, o, func(k key, condition uint32, to, rel uint32) {
			sets = append(sets, both(s.meet(k, condition), s.gain(to, rel))...)
		})
		return best(sets)
	case rewriteUnion:
		var sets []remedy
		for _, kid := range o.kids {
			sets = append(sets, s.win(kid, obj)...)
		}
		return best(sets)
	case rewriteIntersection:
		sets := done()
		for _, kid := range o.kids {
			sets = both(sets, s.win(kid, obj))
		}
		return sets
	}
	return both(s.win(o.kids[0], obj), s.lose(o.kids[1], obj))
}

func (s *search) lose(o *op, obj uint32) []remedy {
	switch o.kind {
	case rewriteThis:
		return s.loseThis(obj, s.e.model.relations[o.relation])
	case rewriteComputed:
		return s.loss(obj, o.relation)
	case rewriteFrom:
		return s.loseEdges(obj, o, done())
	case rewriteUnion:
		sets := done()
		for _, kid := range o.kids {
			sets = both(sets, s.lose(kid, obj))
		}
		return sets
	case rewriteIntersection:
		var sets []remedy
		for _, kid := range o.kids {
			sets = append(sets, s.lose(kid, obj)...)
		}
		return best(sets)
	}
	return best(append(s.lose(o.kids[0], obj), s.win(o.kids[1], obj)...))
}

// winThis gives the relation to the subject, meets the condition under which it or its wildcard has
// it, or brings it into a set that has it.
func (s *search) winThis(obj uint32, r *relation) []remedy {
	var sets []remedy
	for _, k := range s.naming(obj, r) {
		s.terms(k, func(t term) { sets = append(sets, s.meet(k, t.condition)...) })
	}
	if k, ok := s.direct(obj, r); ok {
		sets = append(sets, remedy{{kind: write, key: k}})
	}
	s.edges(obj, &op{kind: rewriteThis, relation: r.id}, func(k key, condition uint32, to, rel uint32) {
		sets = append(sets, both(s.meet(k, condition), s.gain(to, rel))...)
	})
	return best(sets)
}

func (s *search) loseThis(obj uint32, r *relation) []remedy {
	sets := done()
	for _, k := range s.naming(obj, r) {
		if s.e.given(k) != no {
			sets = both(sets, s.cut(k))
		}
	}
	return s.loseEdges(obj, &op{kind: rewriteThis, relation: r.id}, sets)
}

// loseEdges cuts every edge that leads to a yes, or loses that.
func (s *search) loseEdges(obj uint32, o *op, sets []remedy) []remedy {
	s.edges(obj, o, func(k key, condition uint32, to, rel uint32) {
		if s.e.condition(condition) != no && s.verdict(to, rel) != no {
			sets = both(sets, best(append(s.cut(k), s.loss(to, rel)...)))
		}
	})
	return sets
}

// cut is the deletion of a tuple, if it is one of this store.
func (s *search) cut(k key) []remedy {
	if s.e.model.relations[low(k.hi)].foreign != "" {
		return nil
	}
	return []remedy{{{kind: remove, key: k}}}
}

// edges yields the tuples that lead from obj to other questions, as far as the bound goes.
func (s *search) edges(obj uint32, o *op, yield func(k key, condition uint32, to, rel uint32)) {
	from, to, along := pack(1, 0), uint64(math.MaxUint64), o.relation
	if o.kind == rewriteFrom {
		from, to, along = 0, pack(0, math.MaxUint32), o.tupleset
	}
	c := s.e.forward.scan(pack(obj, along), from, to)
	for n := 0; s.e.tick(); n++ {
		lo, condition, ok := s.e.forward.next(&c)
		if !ok {
			return
		}
		if n == maxEdges {
			s.truncated = true
			return
		}
		rel := high(lo)
		if o.kind == rewriteFrom {
			rel = s.e.targetOf(o, low(lo))
		}
		if rel != 0 {
			yield(key{pack(obj, along), lo}, condition, low(lo), rel)
		}
	}
}

// meet is what it takes for a tuple's condition to hold.
func (s *search) meet(k key, condition uint32) []remedy {
	if s.e.condition(condition) == yes {
		return done()
	}
	return []remedy{{{kind: meet, condition: condition, key: k}}}
}

// naming are the keys of tuples of (obj, r) that name the subject, or everyone of its type.
func (s *search) naming(obj uint32, r *relation) []key {
	e, hi := s.e, pack(obj, r.id)
	keys := []key{{hi, pack(e.subjectRel, e.subject)}}
	if e.subjectRel == 0 && e.subject != e.subjectKind {
		keys = append(keys, key{hi, uint64(e.subjectKind)})
	}
	return keys
}

// terms yields the terms of a tuple that the store or the request has.
func (s *search) terms(k key, yield func(term)) {
	if t, ok := s.e.forward.stored(k); ok {
		yield(t)
	}
	s.e.forward.own(k, func(t term) bool {
		yield(t)
		return true
	})
}

// direct is the tuple that would give r to the subject itself, if the model has it without a
// condition and it is one of this store.
func (s *search) direct(obj uint32, r *relation) (key, bool) {
	e := s.e
	want := shape{kind: e.subjectKind, relation: e.subjectRel, wild: e.subjectRel == 0 && e.subject == e.subjectKind}
	return key{pack(obj, r.id), pack(e.subjectRel, e.subject)}, r.foreign == "" && slices.Contains(r.allowed, want)
}
