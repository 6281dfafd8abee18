package graph

import (
	"context"
	"slices"
	"time"
)

// Batch are questions that are asked of one revision under the same circumstances. Questions about
// one subject share what is learned on the way.
type Batch struct {
	Questions  []Question
	Contextual []Tuple        // as in Query, for all questions
	Context    map[string]any // as in Query, for all questions
}

// Question asks whether Subject has Relation to Object.
type Question struct {
	Object   Object
	Relation string
	Subject  Subject
}

// Answer is the answer to one question of a batch. With Err it denies.
type Answer struct {
	Result
	Err error
}

// CheckBatch answers every question as Check would, in the order of the questions. A question that
// fails fails alone; the error of the batch is one that all have in common: a contextual tuple
// refused, or an ended context, and then there are no answers. The limit of work is that of Check
// for each question.
func (v View) CheckBatch(ctx context.Context, now time.Time, b Batch) ([]Answer, error) {
	if v.graph.Partial() {
		return whole(ctx, v, func(v View) ([]Answer, error) { return v.checkBatchOnce(ctx, now, b) })
	}
	return v.checkBatchOnce(ctx, now, b)
}

func (v View) checkBatchOnce(ctx context.Context, now time.Time, b Batch) ([]Answer, error) {
	e, err := v.open(ctx, now, b.Contextual, b.Context)
	if err != nil {
		return nil, err
	}
	defer v.close(e)
	answers := make([]Answer, len(b.Questions))
	for _, group := range b.bySubject() {
		told := false // whether the evaluator knows this subject and nothing has gone wrong since
		for _, at := range group {
			q := b.Questions[at]
			if !told || e.err != nil {
				e.err = nil
				if answers[at].Err = e.about(q.Subject); answers[at].Err != nil {
					continue
				}
				told = true
			}
			e.steps = 0
			answers[at].Result, answers[at].Err = e.check(v, q.Object, q.Relation, false)
			if ctx.Err() != nil {
				return nil, errStopped(ctx.Err())
			}
		}
	}
	return answers, nil
}

// bySubject are the positions of the questions, those about the same subject together.
func (b Batch) bySubject() [][]int {
	place := map[Subject]int{}
	var groups [][]int
	for i, q := range b.Questions {
		at, ok := place[q.Subject]
		if !ok {
			at = len(groups)
			place[q.Subject], groups = at, append(groups, nil)
		}
		groups[at] = append(groups[at], i)
	}
	return groups
}

// RelationsQuery asks which relations a subject has to an object.
type RelationsQuery struct {
	Object     Object
	Subject    Subject
	Relations  []string       // only these; all of the type if nil
	Contextual []Tuple        // as in Query
	Context    map[string]any // as in Query
}

// Held are the relations that Check allows.
type Held struct {
	Names    []string // in the order of the model
	Missing  []string // parameters without which others are allowed or not, sorted
	Revision uint64
}

// Relations lists the relations that a subject has to an object, sharing what is learned on the way.
// Errors are those of Check; there is never a partial answer.
func (v View) Relations(ctx context.Context, now time.Time, q RelationsQuery) (Held, error) {
	if v.graph.Partial() {
		return whole(ctx, v, func(v View) (Held, error) { return v.relationsOnce(ctx, now, q) })
	}
	return v.relationsOnce(ctx, now, q)
}

func (v View) relationsOnce(ctx context.Context, now time.Time, q RelationsQuery) (Held, error) {
	e, err := v.open(ctx, now, q.Contextual, q.Context)
	if err != nil {
		return Held{}, err
	}
	defer v.close(e)
	e.budget = v.graph.limits.List
	if err := e.about(q.Subject); err != nil {
		return Held{}, err
	}
	names := q.Relations
	if names == nil {
		if names = e.model.Relations(q.Object.Type); e.model.byName[q.Object.Type] == nil {
			_, err := e.model.relation(q.Object.Type, "")
			return Held{}, err
		}
	}
	held := Held{Revision: v.state.revision}
	for _, name := range names {
		got, err := e.check(v, q.Object, name, false)
		if err != nil {
			return Held{}, err
		}
		if got.Allowed {
			held.Names = append(held.Names, name)
		}
		held.Missing = append(held.Missing, got.Missing...)
	}
	slices.Sort(held.Missing)
	held.Missing = slices.Compact(held.Missing)
	return held, nil
}
