package stores

import (
	"context"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz/builtin"
	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/index"
	"github.com/cardea-auth/cardea/internal/authz/model"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/store"
)

// At says where a question is asked: of which store, by which version of its model, and what the
// answer must know of.
type At struct {
	Store string
	Model string // empty: the version that is used
	// Full asks the store for its newest revision first. Without it the answer knows of every write
	// that this node has heard of: within a node, of all that were acknowledged.
	Full bool
	// AtLeast is a revision that the answer must know of, as a write or another answer told it.
	AtLeast uint64
	// Past is a revision that is to be looked at instead, if it is not 0, and PastOwn that of the tenant's own
	// tuples, which is needed if the model uses those; see index.Past.
	Past, PastOwn uint64
	// Now is the time at which tuples are looked at; zero: now.
	Now time.Time
	// Suppose answers as if this were written, and SupposeOwn as if that were among the tenant's own tuples,
	// as far as the model uses those.
	Suppose    []graph.Change
	SupposeOwn []graph.Change
	// Draft is a model that answers in place of a version, stored nowhere. Every question by one reads the
	// whole store, and since a model can be made that tells of any tuple, whoever asks must be allowed to
	// read them.
	Draft *model.Model
}

// Asked is what an answer rests on.
type Asked struct {
	Model    string // id of the version; empty for a draft
	Revision uint64 // the newest that was known; with At.Past, that one
	Own      uint64 // that of the tenant's own tuples, if the model uses those
	Assumed  int    // with At.Past: tuples of which the log does not tell for certain how they were
}

// question is a store that is open for questions.
type question struct {
	*compiledVersion
	view    graph.View
	now     time.Time
	at      At
	assumed int
}

func (q question) asked() Asked {
	if q.at.Past > 0 {
		return Asked{Model: q.id, Revision: q.at.Past, Own: q.at.PastOwn, Assumed: q.assumed}
	}
	return Asked{Model: q.id, Revision: q.view.Revision(), Own: q.view.Foreign()}
}

// ask opens a store for questions. It reads no storage once the store has been asked before, unless
// the question wants full consistency.
func (s *Stores) ask(ctx context.Context, c access.Caller, at At, action access.Action) (question, error) {
	if _, err := s.guard.Allow(ctx, c, action, objectOf(at.Store)); err != nil {
		return question{}, err
	}
	doc, err := s.stores.In(c.Tenant()).View(ctx, at.Store)
	if err != nil {
		return question{}, missing(err, noStore())
	}
	v, err := s.by(ctx, c, doc, at)
	if err != nil {
		return question{}, err
	}
	view, assumed, err := s.look(ctx, tuplesOf(c.Tenant(), doc), v.rules, at)
	if err == nil {
		view, err = at.supposed(view, v.rules.Model)
	}
	now := at.Now
	if now.IsZero() {
		now = s.db.Now()
	}
	return question{v, view, now, at, assumed}, err
}

// supposed is a view with what is supposed.
func (at At) supposed(view graph.View, rules *graph.Model) (graph.View, error) {
	var err error
	if len(at.Suppose) > 0 {
		if view, err = view.With(at.Suppose...); err != nil {
			return view, err
		}
	}
	var own []graph.Change
	for _, c := range at.SupposeOwn {
		if rules.Foreign(c.Tuple.Object.Type, c.Tuple.Relation) {
			own = append(own, c)
		}
	}
	if len(own) > 0 {
		view, err = view.WithForeign(own...)
	}
	return view, err
}

// by is the model that answers.
func (s *Stores) by(ctx context.Context, c access.Caller, doc *Store, at At) (*compiledVersion, error) {
	if at.Draft == nil {
		modelID, err := doc.choose(at.Model)
		if err != nil {
			return nil, err
		}
		return s.ready(ctx, c.Tenant(), doc.ID, modelID)
	}
	if _, err := s.guard.Allow(ctx, c, "authz.tuple.read", objectOf(doc.ID)); err != nil {
		return nil, err
	}
	rules, err := s.compile(at.Draft, builtin.Extends(at.Draft))
	if err == nil {
		err = s.mayShow(ctx, c, at.Draft)
	}
	return &compiledVersion{model: at.Draft, rules: rules}, err
}

// look is what there is to be seen of the tuples, and of how many it is not certain.
func (s *Stores) look(ctx context.Context, tuples store.TupleStore, r index.Rules, at At) (graph.View, int, error) {
	var view graph.View
	var err error
	if at.Full && at.AtLeast > 0 && r.Model.HasForeign() { // which says nothing of the tenant's own tuples
		if _, err := s.graphs.Full(ctx, tuples, r); err != nil {
			return view, 0, err
		}
	}
	switch {
	case at.Past > 0:
		return s.graphs.Past(ctx, tuples, r, at.Past, at.PastOwn)
	case at.Draft != nil:
		view, err = s.graphs.Apart(ctx, tuples, r)
	case at.Full && at.AtLeast == 0:
		view, err = s.graphs.Full(ctx, tuples, r)
	case at.AtLeast > 0: // a revision that was told of exists, so knowing of it is enough
		view, err = s.graphs.AtLeast(ctx, tuples, r, at.AtLeast)
	default:
		view, err = s.graphs.View(ctx, tuples, r)
	}
	return view, 0, err
}

// blame says of a refusal that it is about a tuple that the request brings, if it is.
func (q question) blame(err error, contextual []graph.Tuple) error {
	if !errs.Is(err, errs.Invalid) {
		return err
	}
	for _, t := range contextual {
		if refused := q.rules.Model.Accepts(t); refused != nil {
			if q.acceptsOtherwise(t) {
				return errs.Wrap(errs.Invalid, refused, "invalid_contextual_condition", "The condition of a tuple that the question brings is refused: %s", errs.From(refused).Text)
			}
			return errs.Wrap(errs.Invalid, refused, "invalid_contextual_tuple", "A tuple that the question brings is refused: %s", errs.From(refused).Text)
		}
	}
	return err
}

// acceptsOtherwise reports whether only its condition is wrong with a tuple.
func (q question) acceptsOtherwise(t graph.Tuple) bool {
	for _, name := range append([]string{"", model.Inline}, names(q.model.Conditions)...) {
		t.Condition = graph.Condition{Name: name}
		if q.rules.Model.Accepts(t) == nil {
			return true
		}
	}
	return false
}

func names(all []model.Condition) []string {
	out := make([]string, len(all))
	for i, c := range all {
		out[i] = c.Name
	}
	return out
}

// Check answers whether a subject has a relation to an object.
func (s *Stores) Check(ctx context.Context, c access.Caller, at At, q graph.Query) (graph.Result, Asked, error) {
	o, err := s.ask(ctx, c, at, "authz.check")
	if err != nil {
		return graph.Result{}, Asked{}, err
	}
	result, err := o.view.Check(ctx, o.now, q)
	return result, o.asked(), o.blame(err, q.Contextual)
}

// MaxBatch bounds the questions of one CheckBatch.
const MaxBatch = 1000

// CheckBatch answers many questions of one revision. Questions that stand in one batch of the graph
// share what is learned on the way; one that fails fails alone.
func (s *Stores) CheckBatch(ctx context.Context, c access.Caller, at At, batches []graph.Batch) ([][]graph.Answer, Asked, error) {
	n := 0
	for _, b := range batches {
		n += len(b.Questions)
	}
	if n > MaxBatch {
		return nil, Asked{}, errs.New(errs.Invalid, "too_many_questions", "At most %d questions can be asked at once.", MaxBatch)
	}
	o, err := s.ask(ctx, c, at, "authz.check")
	if err != nil {
		return nil, Asked{}, err
	}
	out := make([][]graph.Answer, len(batches))
	for i, b := range batches {
		if out[i], err = o.view.CheckBatch(ctx, o.now, b); err == nil {
			continue
		}
		err = o.blame(err, b.Contextual)
		if !errs.Is(err, errs.Invalid) {
			return nil, Asked{}, err
		}
		out[i] = make([]graph.Answer, len(b.Questions)) // what this batch brings is refused: each denies
		for j := range out[i] {
			out[i][j].Err = err
		}
	}
	return out, o.asked(), nil
}

// Objects lists the objects of a type to which a subject has a relation, in pages.
func (s *Stores) Objects(ctx context.Context, c access.Caller, at At, q graph.ObjectsQuery) (graph.List, Asked, error) {
	o, err := s.ask(ctx, c, at, "authz.check")
	if err != nil {
		return graph.List{}, Asked{}, err
	}
	list, err := o.view.Objects(ctx, o.now, q)
	if code := errs.CodeOf(err); (code == "unknown_type" || code == "unknown_relation") && o.has(q.Type, q.Relation) {
		err = errs.Wrap(errs.Invalid, err, "invalid_user", "The model has no such type or relation of a user.")
	}
	return list, o.asked(), o.blame(err, q.Contextual)
}

// has reports whether the model has a relation.
func (q question) has(typeName, relation string) bool {
	t := q.model.Type(typeName)
	return t != nil && t.Relation(relation) != nil
}

// Subjects lists the subjects of a type that have a relation to an object, in pages.
func (s *Stores) Subjects(ctx context.Context, c access.Caller, at At, q graph.SubjectsQuery) (graph.List, Asked, error) {
	o, err := s.ask(ctx, c, at, "authz.check")
	if err != nil {
		return graph.List{}, Asked{}, err
	}
	list, err := o.view.Subjects(ctx, o.now, q)
	return list, o.asked(), o.blame(err, q.Contextual)
}

// Relations lists the relations that a subject has to an object.
func (s *Stores) Relations(ctx context.Context, c access.Caller, at At, q graph.RelationsQuery) (graph.Held, Asked, error) {
	o, err := s.ask(ctx, c, at, "authz.check")
	if err != nil {
		return graph.Held{}, Asked{}, err
	}
	held, err := o.view.Relations(ctx, o.now, q)
	return held, o.asked(), o.blame(err, q.Contextual)
}

// Expanded is the rule of a relation with the tuples of one object, and the rule as the model has it.
type Expanded struct {
	graph.Expansion
	Rule model.Rewrite
}

// Expand shows why anyone has a relation to an object. It shows tuples, so whoever asks must be
// allowed to read them.
func (s *Stores) Expand(ctx context.Context, c access.Caller, at At, q graph.ExpandQuery) (Expanded, Asked, error) {
	o, err := s.ask(ctx, c, at, "authz.tuple.read")
	if err != nil {
		return Expanded{}, Asked{}, err
	}
	e, err := o.view.Expand(ctx, o.now, q)
	if err != nil {
		return Expanded{}, o.asked(), o.blame(err, q.Contextual)
	}
	return Expanded{e, o.model.Type(q.Object.Type).Relation(q.Relation).Rewrite}, o.asked(), nil
}
