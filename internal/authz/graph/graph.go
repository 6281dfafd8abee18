package graph

import (
	"context"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// Limits bound the work of one call. A step is an atom asked or an edge followed, some 50 to 200 ns.
// Zero means the default; beyond a limit the call fails, it never answers from a part.
type Limits struct {
	Check int // steps of one Check or Expand; default 1,000,000
	List  int // steps of one page of Objects or Subjects; default 50,000,000
}

// maxLimit keeps the counters of one call within the bits they have in a memo.
const maxLimit = numberMask

func (l Limits) orDefault() Limits {
	set := func(v, fallback int) int {
		if v <= 0 {
			return fallback
		}
		return min(v, maxLimit)
	}
	return Limits{Check: set(l.Check, 1_000_000), List: set(l.List, 50_000_000)}
}

// Graph is the index of one store. All methods may be called from any goroutine; Load and Apply wait
// for each other and for nobody else.
type Graph struct {
	model  *Model
	limits Limits
	now    atomic.Pointer[state] // the newest revision
	pool   sync.Pool             // of *evaluator
	more   Source                // of a partial graph
	most   int                   // tuples and parts that it may hold

	writing sync.Mutex
	edit    uint64   // grows by one with every change, so that trees know whose nodes are whose
	uses    []uint32 // by node: in how many tuples it stands
	live    int      // nodes that stand in any
	bound   []uint32 // by condition: how many tuples carry it
	carried int      // conditions that any carries
}

// state is one revision. It is never changed.
type state struct {
	revision uint64
	foreign  uint64 // revision of the other store
	names    *names
	bindings *bindings
	forward  tree
	reverse  tree
	closures *closures // nil in a partial graph
	ignored  int

	knownForward, knownReverse tree // of a partial graph: marks of the parts that it holds
}

// New returns an empty index at revision 0. The model stays for life: a new model is a new Graph.
func New(m *Model, l Limits) *Graph {
	g := &Graph{model: m, limits: l.orDefault()}
	g.pool.New = func() any { return &evaluator{locals: map[name]uint32{}} }
	g.now.Store(&state{names: newNames(g.kinds()), bindings: newBindings(), closures: &closures{}})
	return g
}

// Model is the model that the index was made with.
func (g *Graph) Model() *Model { return g.model }

// Revision is the newest revision that can be read.
func (g *Graph) Revision() uint64 { return g.now.Load().revision }

// Stats describe the newest revision.
type Stats struct {
	Revision uint64
	Tuples   int // expired ones included
	Objects  int // distinct objects that stand in a tuple, on either side
	Ignored  int // tuples that Load left out because the model does not accept them
}

// Stats counts what the index holds. It waits for a writer.
func (g *Graph) Stats() Stats {
	g.writing.Lock()
	defer g.writing.Unlock()
	s := g.now.Load()
	return Stats{Revision: s.revision, Tuples: s.forward.size, Objects: g.live, Ignored: s.ignored}
}

// All turns a slice into what Load takes.
func All(tuples ...Tuple) iter.Seq2[Tuple, error] {
	return func(yield func(Tuple, error) bool) {
		for _, t := range tuples {
			if !yield(t, nil) {
				return
			}
		}
	}
}

// Load replaces everything by tuples, which are the whole store at revision. Of a tuple that comes
// twice the last one counts. A tuple that the model does not accept (the store may hold it from
// an earlier model) is left out and counted in Stats. If tuples ends with an error, or revision is
// older than what is loaded, nothing changes. Readers go on with the revision they have.
func (g *Graph) Load(revision uint64, tuples iter.Seq2[Tuple, error]) error {
	return g.LoadFrom(func(yield func(Tuple) error) (uint64, error) {
		for t, err := range tuples {
			if err == nil {
				err = yield(t)
			}
			if err != nil {
				return 0, err
			}
		}
		return revision, nil
	})
}

// LoadFrom is Load of what read yields, for whoever learns the revision only with the last tuple. Until it
// returns, nothing else can be applied.
func (g *Graph) LoadFrom(read func(yield func(Tuple) error) (revision uint64, err error)) error {
	return g.LoadBoth(read, nil)
}

// LoadBoth is LoadFrom with the tuples of foreign relations, which have revisions of their own. Readers see
// both with one step. Foreign is read first; nil is no tuples.
func (g *Graph) LoadBoth(read, foreign func(yield func(Tuple) error) (revision uint64, err error)) error {
	g.writing.Lock()
	defer g.writing.Unlock()
	next := &state{}
	err := g.fill(next, func(yield func(Tuple, error) bool) {
		take := func(accepts func(Tuple) error) func(Tuple) error {
			return func(t Tuple) error {
				if accepts(t) != nil {
					next.ignored++
				} else {
					yield(t, nil)
				}
				return nil
			}
		}
		var err error
		if foreign != nil {
			next.foreign, err = foreign(take(g.model.AcceptsForeign))
		}
		if err == nil {
			next.revision, err = read(take(g.model.Accepts))
		}
		if err != nil {
			yield(Tuple{}, err)
		}
	}, g.now.Load().revision)
	if err != nil {
		return err
	}
	g.now.Store(next)
	return nil
}

// fill makes names and trees of a state that nobody reads yet. On error the graph is as it was, and so it is
// if the revision turns out to be older than least.
func (g *Graph) fill(next *state, tuples iter.Seq2[Tuple, error], least uint64) error {
	next.names, next.bindings, next.closures = newNames(g.kinds()), newBindings(), &closures{}
	items, err := g.number(next, tuples)
	if err != nil {
		return err
	}
	if next.revision < least {
		return errs.New(errs.Conflict, "revision_stale", "The index is already at a later revision.")
	}
	byKey := func(a, b item) int { return compareKeys(a.key, b.key) }
	slices.SortStableFunc(items, byKey)
	items = lastOfEach(items)
	next.forward = build(items)
	g.adopt(next, items)
	for i, it := range items {
		items[i] = pointOf(it).reverse()
	}
	slices.SortFunc(items, byKey)
	next.reverse = build(items)
	return nil
}

// number turns tuples that the model accepts into forward items.
func (g *Graph) number(next *state, tuples iter.Seq2[Tuple, error]) ([]item, error) {
	var items []item
	for t, err := range tuples {
		if err != nil {
			return nil, err
		}
		items = append(items, g.point(next, t).forward())
	}
	return items, nil
}

func (g *Graph) kinds() int { return len(g.model.kinds) - 1 }

// lastOfEach keeps the last of equal keys in a sorted slice.
func lastOfEach(items []item) []item {
	kept := 0
	for i, it := range items {
		if i+1 < len(items) && items[i+1].key == it.key {
			continue
		}
		items[kept] = it
		kept++
	}
	return items[:kept]
}

// Apply goes from the revision before to this one. Revisions are dense: an older or repeated one, or
// one too many, is refused (revision_stale, revision_gap), and so is a change that writes what the
// model does not accept; then nothing has changed and the store must be loaded anew. Deleting what
// the model does not accept does nothing, since Load left it out. When Apply returns, every reader
// that asks for a View gets this revision or a later one.
func (g *Graph) Apply(revision uint64, changes []Change) error {
	return g.Amend([]Step{{Revision: revision, Changes: changes}}, Step{})
}

// Amend is Apply of any number of revisions, together with changes of foreign relations up to a revision of the
// other store, which need not be dense. Readers see all of it with one step. Of foreign changes one that writes what
// AcceptsForeign refuses is refused, and deleting such does nothing. A partial graph has no foreign relations.
func (g *Graph) Amend(steps []Step, foreign Step) error {
	g.writing.Lock()
	defer g.writing.Unlock()
	next := *g.now.Load()
	for i, s := range steps {
		if err := g.checkApply(next.revision+uint64(i), s.Revision, s.Changes); err != nil {
			return err
		}
	}
	for _, c := range foreign.Changes {
		if c.Delete {
			continue
		}
		if err := g.model.AcceptsForeign(c.Tuple); err != nil {
			return err
		}
	}
	g.edit++
	for _, s := range steps {
		next.revision = s.Revision
		g.change(&next, s.Changes, false)
	}
	next.foreign = max(next.foreign, foreign.Revision)
	g.change(&next, foreign.Changes, true)
	if g.Partial() {
		if next.held() > g.most {
			next = *g.blank(next.revision)
		}
	} else if g.mostlyDead(&next) {
		if err := g.rebuild(&next); err != nil {
			return err
		}
	}
	g.now.Store(&next)
	return nil
}

// change makes changes of the store, or of the other one, in a state that nobody reads yet.
func (g *Graph) change(next *state, changes []Change, foreign bool) {
	renewed := false
	for _, c := range changes {
		switch {
		case !c.Delete:
			if !g.Partial() || g.covers(next, c.Tuple) {
				g.write(next, c.Tuple)
			}
		case g.model.holds(c.Tuple, foreign):
			g.delete(next, c.Tuple)
		}
		if next.closures != nil && !renewed && g.model.nests(c.Tuple) {
			next.closures, renewed = &closures{}, true
		}
	}
}

func (g *Graph) checkApply(at, revision uint64, changes []Change) error {
	switch {
	case revision <= at:
		return errs.New(errs.Conflict, "revision_stale", "The index is already at this revision or a later one.")
	case revision != at+1:
		return errs.New(errs.Conflict, "revision_gap", "A revision is missing before this one.")
	}
	for _, c := range changes {
		if c.Delete {
			continue
		}
		if err := g.model.Accepts(c.Tuple); err != nil {
			return err
		}
	}
	return nil
}

// point numbers a tuple for the store.
func (g *Graph) point(s *state, t Tuple) point {
	return g.model.point(t, s.names.intern, func(c Condition) uint32 { return s.bindings.intern(g.model, c) })
}

func (g *Graph) write(s *state, t Tuple) {
	p := g.point(s, t)
	before, existed := s.forward.get(p.forward().key)
	s.reverse.put(p.reverse(), g.edit)
	s.forward.put(p.forward(), g.edit)
	g.count(p, 1)
	if existed {
		p.term = before
		g.count(p, -1)
	}
}

func (g *Graph) delete(s *state, t Tuple) {
	known := true
	p := g.model.point(t, func(kind uint32, id string) uint32 {
		node, ok := s.names.find(kind, id)
		known = known && ok
		return node
	}, func(Condition) uint32 { return 0 })
	if known {
		p.term, known = s.forward.get(p.forward().key)
	}
	if !known || !s.forward.remove(p.forward().key, g.edit) {
		return
	}
	s.reverse.remove(p.reverse().key, g.edit)
	g.count(p, -1)
}

// count notes that the objects of a tuple stand in one more or one fewer, and that its condition is
// carried by one more or one fewer.
func (g *Graph) count(p point, by int) {
	if p.condition != 0 {
		tally(&g.bound, &g.carried, p.condition, by)
	}
	for _, node := range [...]uint32{p.object, p.subject} {
		if int(node) <= g.kinds() {
			continue // wildcards stay
		}
		tally(&g.uses, &g.live, node, by)
	}
}

// tally adds to a counter and keeps the number of those that are not zero.
func tally(counters *[]uint32, live *int, i uint32, by int) {
	for int(i) >= len(*counters) {
		*counters = append(*counters, 0)
	}
	before := (*counters)[i]
	after := before + uint32(by)
	(*counters)[i] = after
	switch {
	case before == 0:
		*live++
	case after == 0:
		*live--
	}
}

// leastDead is the number of dead names or conditions below which none are reclaimed.
const leastDead = 4096

// mostlyDead reports whether most names, or most conditions, stand in no tuple any more. Rebuilding takes as long as Load
// did, but is due only after as many names have died as are left.
func (g *Graph) mostlyDead(s *state) bool {
	dead := int(s.names.count.Load()) - 1 - g.kinds() - g.live
	unbound := s.bindings.count() - 1 - g.carried
	return dead >= leastDead && dead > g.live || unbound >= leastDead && unbound > g.carried
}

// rebuild gives s fresh names and trees. Readers of earlier revisions keep theirs.
func (g *Graph) rebuild(s *state) error {
	names, bindings, forward := s.names, s.bindings, s.forward
	return g.fill(s, func(yield func(Tuple, error) bool) {
		for it := range forward.all {
			if !yield(g.model.tuple(pointOf(it), names.at, bindings.at), nil) {
				return
			}
		}
	}, 0)
}

// View is the graph at one revision. It may be kept and used from any goroutine; while it is kept,
// so is the memory of what has changed since.
type View struct {
	graph *Graph
	state *state
	over  []Change // see With; each key once
	lacks *lacking // nil, unless a partial graph is being asked
}

// View returns the newest revision.
func (g *Graph) View() View { return View{graph: g, state: g.now.Load()} }

// Revision is the revision of the view.
func (v View) Revision() uint64 { return v.state.revision }

// Foreign is the revision of the other store, as LoadBoth and Amend were told it.
func (v View) Foreign() uint64 { return v.state.foreign }

// Check asks the newest revision. See View.Check.
func (g *Graph) Check(ctx context.Context, now time.Time, q Query) (Result, error) {
	return g.View().Check(ctx, now, q)
}

// Objects asks the newest revision. See View.Objects.
func (g *Graph) Objects(ctx context.Context, now time.Time, q ObjectsQuery) (List, error) {
	return g.View().Objects(ctx, now, q)
}

// Subjects asks the newest revision. See View.Subjects.
func (g *Graph) Subjects(ctx context.Context, now time.Time, q SubjectsQuery) (List, error) {
	return g.View().Subjects(ctx, now, q)
}
