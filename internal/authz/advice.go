package authz

import (
	"context"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
)

// StepUp says how a subject would have to prove itself to be allowed what it was denied. It has what
// RFC 9470 asks of a client: at least one of the two is set.
type StepUp struct {
	ACR    string         // one of Config.ACRs; empty: as strongly as it has
	MaxAge *time.Duration // how long ago at most; nil: no matter
}

// agesToTry are the ages for which a fresher proof is tried, greatest first.
func agesToTry() []time.Duration {
	return []time.Duration{24 * time.Hour, 8 * time.Hour, time.Hour, 15 * time.Minute, 5 * time.Minute, time.Minute, 0}
}

// advise supposes proofs that are stronger or fresher, weakest demand first, and asks the policies again.
// It is given only where that would in fact allow, and nil where nothing would.
func (c *combination) advise(ctx context.Context) (*StepUp, error) {
	has := c.request.Options.Environment.Authentication
	now := c.moment(c.request)
	first := access.OneFactor
	if has != nil {
		first = has.Strength
	}
	for strength := first; int(strength) <= len(c.acrs); strength++ {
		if ok, err := c.allowedWith(ctx, &Authentication{strength, now}); err != nil || !ok {
			if err != nil {
				return nil, err
			}
			continue
		}
		advice := &StepUp{}
		if has == nil || strength > has.Strength {
			advice.ACR = c.acr(strength)
		}
		for _, age := range agesToTry() {
			ok, err := c.allowedWith(ctx, &Authentication{strength, now.Add(-age)})
			if err != nil {
				return nil, err
			}
			if ok {
				if age < agesToTry()[0] || advice.ACR == "" {
					advice.MaxAge = &age
				}
				break
			}
		}
		return advice, nil
	}
	return nil, nil
}

// allowedWith reports whether the question would be allowed if the subject had proved itself so. What
// roles and the store say does not depend on that and is known.
func (c *combination) allowedWith(ctx context.Context, a *Authentication) (bool, error) {
	granted := false
	for _, r := range c.permits {
		granted = granted || r.Kind != kindPolicy
	}
	for _, set := range c.plan.Policies {
		v, _, err := c.judge(ctx, set, a, false)
		if err != nil {
			return false, ctx.Err() // it has failed before, and denies
		}
		switch v.Effect {
		case "forbid", "":
			return false, nil
		case "permit":
			granted = true
		}
	}
	for _, r := range c.failed {
		if r.Policy == "" {
			return false, nil // an engine does not answer, and would not then
		}
	}
	return granted, nil
}
