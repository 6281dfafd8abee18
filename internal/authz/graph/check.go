package graph

import (
	"context"
	"time"
)

// Query asks whether Subject has Relation to Object.
type Query struct {
	Object   Object
	Relation string
	Subject  Subject
	// Contextual are tuples that hold for this question only, at most 1,000. They obey the model:
	// one that it does not accept fails the question.
	Contextual []Tuple
	// Context is what the request knows for conditions, given to them as it is.
	Context map[string]any
	// Explain asks for Result.Path. Without it an answer allocates nothing, unless conditions are
	// on its way.
	Explain bool
}

// Result is the answer. The zero value denies.
type Result struct {
	Allowed bool
	// Path is, with Explain and when allowed, tuples that together prove it: from the object to the
	// subject, the parts of an intersection one after the other. That something was not subtracted
	// has no tuple to show. It is empty when a userset is asked about itself. For people; which of
	// several proofs it is may change.
	Path []Tuple
	// Missing, when not allowed, are the parameters of conditions on which the answer rests and
	// that neither a tuple nor the request gave a value, sorted. With them it might be either.
	Missing []string
	// Revision is the one that was read.
	Revision uint64
}

// Check answers q for the time now: tuples that expire at now or before do not count. Errors are
// invalid questions (unknown_type, unknown_relation, invalid_id, a contextual tuple refused), a
// condition that failed and on which the answer rests (whatever Bound returned), too much work
// (work_exceeded) and an ended context (stopped); with any of them the Result denies.
func (v View) Check(ctx context.Context, now time.Time, q Query) (Result, error) {
	if v.graph.Partial() {
		return whole(ctx, v, func(v View) (Result, error) { return v.checkOnce(ctx, now, q) })
	}
	return v.checkOnce(ctx, now, q)
}

func (v View) checkOnce(ctx context.Context, now time.Time, q Query) (Result, error) {
	e, err := v.open(ctx, now, q.Contextual, q.Context)
	if err != nil {
		return Result{}, err
	}
	defer v.close(e)
	if err := e.about(q.Subject); err != nil {
		return Result{}, err
	}
	return e.check(v, q.Object, q.Relation, q.Explain)
}

// check answers about the subject that the evaluator was told.
func (e *evaluator) check(v View, o Object, relationName string, explain bool) (Result, error) {
	obj, r, err := e.object(o, relationName)
	if err != nil {
		return Result{}, err
	}
	e.climbs = !explain // which shows what frames leave in the memo
	verdict, err := e.run(obj, r)
	e.climbs = false
	if err != nil {
		return Result{}, err
	}
	result := Result{Allowed: verdict == yes, Revision: v.state.revision}
	switch {
	case verdict == unknown:
		if result.Missing, err = e.doubts(obj, r.id); err != nil {
			return Result{}, err
		}
	case verdict == yes && explain:
		result.Path = e.path(obj, r.id)
	}
	if e.err != nil { // explaining ran out of work or time
		return Result{}, e.err
	}
	return result, nil
}
