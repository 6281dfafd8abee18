package condition

import (
	"context"
	"errors"
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"

	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// Evaluate implements graph.Bound. Members of given that the condition does not declare are left
// alone: they may be meant for another. Errors are a value of another type than declared
// (invalid_context), too high a cost (condition_cost), an ended context (stopped), and an expression
// that fails on its values, as by dividing by zero (condition_failed).
func (b *bound) Evaluate(ctx context.Context, given map[string]any) (bool, []string, error) {
	values, missing, err := b.merge(given)
	if err != nil || len(missing) > 0 {
		return false, missing, err
	}
	if err := ctx.Err(); err != nil {
		return false, nil, b.failed(err)
	}
	out, _, err := b.program.ContextEval(ctx, &activation{b.compiled, values})
	if err != nil {
		if ended := ctx.Err(); ended != nil {
			err = ended
		}
		return false, nil, b.failed(err)
	}
	holds, ok := out.(types.Bool)
	if !ok {
		return false, nil, b.failed(errors.New("the result is not a bool"))
	}
	return bool(holds), nil, nil
}

// merge gives every parameter its value: the tuple's, else the request's.
func (b *bound) merge(given map[string]any) (values []ref.Val, missing []string, err error) {
	values = slices.Clone(b.values)
	if values == nil {
		values = make([]ref.Val, len(b.parameters))
	}
	for i, p := range b.parameters {
		if values[i] != nil {
			continue
		}
		v, ok := given[p.Name]
		if !ok {
			missing = append(missing, p.Name)
			continue
		}
		converted, wrong := p.Type.convert(v, 0)
		if wrong != "" {
			return nil, nil, errs.New(errs.Invalid, "invalid_context", "The parameter %s of the condition %s %s.", p.Name, b.name, wrong)
		}
		values[i] = converted
	}
	return values, missing, nil
}

func (b *bound) failed(cause error) error {
	var cancelled interpreter.EvalCancelledError
	switch {
	case errors.Is(cause, context.Canceled), errors.Is(cause, context.DeadlineExceeded):
		return errs.Wrap(errs.Unavailable, cause, "stopped", "The condition %s was not decided in time.", b.name)
	case errors.As(cause, &cancelled) && cancelled.Cause == interpreter.CostLimitExceeded:
		return errs.Wrap(errs.Unsupported, cause, "condition_cost", "The condition %s costs more on these values than one evaluation may.", b.name)
	}
	return errs.Wrap(errs.Invalid, cause, "condition_failed", "The condition %s could not be decided with these values.", b.name)
}

// activation gives the program the values of the parameters.
type activation struct {
	*compiled
	values []ref.Val
}

var _ cel.Activation = (*activation)(nil)

// ResolveName implements cel.Activation.
func (a *activation) ResolveName(name string) (any, bool) {
	for i, p := range a.parameters {
		if p.Name == name {
			return a.values[i], true
		}
	}
	return nil, false
}

// Parent implements cel.Activation.
func (a *activation) Parent() cel.Activation { return nil }
