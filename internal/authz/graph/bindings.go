package graph

import (
	"context"
	"sync/atomic"
)

// bindings give each condition with its context a number, so that a million tuples under one
// condition cost one entry. Like names they only grow and are shared by all revisions; entry 0 is
// no condition. There is one writer.
type bindings struct {
	all    atomic.Pointer[[]binding]
	number map[Condition]uint32 // the writer's
}

// binding is a condition with what decides it.
type binding struct {
	Condition
	bound Bound
}

func newBindings() *bindings {
	b := &bindings{number: map[Condition]uint32{}}
	b.all.Store(&[]binding{{}})
	return b
}

// intern returns the number of a condition that the model accepts and gives it one if it has none.
func (b *bindings) intern(m *Model, c Condition) uint32 {
	if n, ok := b.number[c]; ok || c == (Condition{}) {
		return n
	}
	all := append(*b.all.Load(), m.bind(c)) // behind the length that readers hold
	n := uint32(len(all) - 1)
	b.number[all[n].Condition] = n
	b.all.Store(&all)
	return n
}

func (b *bindings) at(n uint32) binding { return (*b.all.Load())[n] }

func (b *bindings) count() int { return len(*b.all.Load()) }

// bind prepares a condition. One that was accepted and then is not can never be decided: it neither
// holds nor does not.
func (m *Model) bind(c Condition) binding {
	bound, err := m.conditions.Bind(c.Name, c.Context)
	if err != nil {
		bound = undecidable{err}
	}
	return binding{c, bound}
}

type undecidable struct{ err error }

// Evaluate implements Bound.
func (u undecidable) Evaluate(context.Context, map[string]any) (bool, []string, error) {
	return false, nil, u.err
}

// outcome is what a condition came to in one request.
type outcome struct {
	verdict verdict
	missing []string // with unknown: the parameters without a value
	err     error    // with unknown: why it could not be decided
}

// conditionSteps is what deciding a condition counts as.
const conditionSteps = 32

// condition decides a condition by its number, once in a request.
func (e *evaluator) condition(n uint32) verdict {
	if n == 0 {
		return yes
	}
	return e.outcome(n).verdict
}

func (e *evaluator) outcome(n uint32) outcome {
	if i, ok := e.asked.get(uint64(n)); ok {
		return e.outcomes[i]
	}
	e.steps += conditionSteps
	holds, missing, err := e.bindingAt(n).bound.Evaluate(e.ctx, e.context)
	o := outcome{verdict: decided(holds), missing: missing, err: err}
	if err != nil || len(missing) > 0 {
		o.verdict = unknown
	}
	if ended := e.ctx.Err(); ended != nil && e.err == nil {
		e.err = errStopped(ended)
	}
	e.asked.put(uint64(n), uint32(len(e.outcomes)))
	e.outcomes = append(e.outcomes, o)
	return o
}

// bindingAt is a condition of the store or, from firstLocal on, of the request's own tuples.
func (e *evaluator) bindingAt(n uint32) binding {
	if n >= firstLocal {
		return e.brought[n-firstLocal]
	}
	return e.bindings.at(n)
}

// bringCondition numbers the condition of a tuple that the request brings.
func (e *evaluator) bringCondition(c Condition) uint32 {
	if c == (Condition{}) {
		return 0
	}
	for i, b := range e.brought {
		if b.Condition == c {
			return uint32(firstLocal + i)
		}
	}
	e.brought = append(e.brought, e.model.bind(c))
	return uint32(firstLocal + len(e.brought) - 1)
}
