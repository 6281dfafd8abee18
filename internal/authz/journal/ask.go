package journal

import (
	"context"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz"
	"github.com/cardea-auth/cardea/internal/authz/policy"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/page"
)

// Replayed is a decision that was made again.
type Replayed struct {
	Entry
	Again authz.Decision
	Same  bool // both allow, or both deny
	// Exact is false if the log does not tell of every tuple how it was; see index.Past.
	Exact bool
}

// Replay makes a decision again: by the plan, at the revisions and by the versions of then, at that time
// and with what was known of the moment. Accounts are as they are now. Outside of what is kept it is
// refused: NotFound for the decision, history_not_kept for its tuples, policy_version_not_found.
func (j *Journal) Replay(ctx context.Context, c access.Caller, entry string) (Replayed, error) {
	e, err := j.Get(ctx, c, entry)
	if err != nil {
		return Replayed{}, err
	}
	r := e.Request
	r.Tenant = c.Tenant()
	// What was told of a revision then is no demand now.
	r.Options.AtLeast, r.Options.StoreAtLeast, r.Options.Explain = 0, 0, false
	s := &authz.Suppose{
		Time: e.At, Plan: &e.Plan, Model: e.Decision.Basis.Model, Policies: map[string]policy.Use{},
		Past: &authz.Past{Revision: e.Decision.Revision, StoreRevision: e.Decision.Basis.StoreRevision, StoreOwn: e.Decision.Basis.StoreOwn},
	}
	for set, version := range e.Decision.Basis.Policies {
		s.Policies[set] = policy.Use{Version: version}
	}
	r.Options.Suppose = s
	d, err := j.engine.Decide(ctx, r)
	if err != nil {
		return Replayed{}, err
	}
	for _, reason := range d.Reasons {
		if reason.Kind == authz.KindFailed && e.Decision.Allow {
			return Replayed{}, errs.New(errs.Precondition, "not_replayable", "The decision can no longer be made as it was: %s", reason.Text)
		}
	}
	return Replayed{Entry: e, Again: d, Same: d.Allow == e.Decision.Allow, Exact: d.Basis.Assumed == 0}, nil
}

// Simulated is a decision as things are, and as they are supposed.
type Simulated struct{ Before, After authz.Decision }

// Changed reports whether what is supposed makes a difference.
func (s Simulated) Changed() bool { return s.Before.Allow != s.After.Allow }

// Simulate answers a question twice: as things are, and as they are supposed to be. Nothing is written.
func (j *Journal) Simulate(ctx context.Context, c access.Caller, r authz.Request, s authz.Suppose) (out Simulated, err error) {
	if _, err := j.guard.Allow(ctx, c, "decision.simulate", object("")); err != nil {
		return out, err
	}
	r.Tenant = c.Tenant()
	if out.Before, err = j.engine.Decide(ctx, r); err != nil {
		return out, err
	}
	r.Options.Suppose = &s
	out.After, err = j.engine.Decide(ctx, r)
	return out, err
}

// MaxSimulated bounds how many decisions of the log are asked again at once.
const MaxSimulated = 500

// Difference is a decision of the log that would change.
type Difference struct {
	Entry
	Simulated
}

// SimulateLog asks the newest decisions of the log again, as things are and as they are supposed to be. It
// returns those that would change, and how many were looked at. Questions that cannot be asked any more are
// passed over, and so are those of stores that do not have the model that is supposed.
func (j *Journal) SimulateLog(ctx context.Context, c access.Caller, last int, s authz.Suppose) (changed []Difference, looked int, err error) {
	if _, err := j.guard.Allow(ctx, c, "decision.simulate", object("")); err != nil {
		return nil, 0, err
	}
	if last < 1 || last > MaxSimulated {
		return nil, 0, errs.Bad("/last", "must lie between 1 and %d", MaxSimulated)
	}
	found, err := j.list(ctx, c.Tenant(), Filter{}, page.Request{Limit: last})
	if err != nil {
		return nil, 0, err
	}
	for _, e := range found.Items {
		r := e.Request
		r.Options.AtLeast, r.Options.StoreAtLeast, r.Options.Explain = 0, 0, false
		if r.Options.Environment.Time.IsZero() {
			r.Options.Environment.Time = e.At // policies ask what time it was
		}
		var sim Simulated
		if sim.Before, err = j.engine.Decide(ctx, r); errs.Is(err, errs.Invalid) {
			continue
		}
		if err == nil {
			r.Options.Suppose = &s
			if sim.After, err = j.engine.Decide(ctx, r); errs.Is(err, errs.NotFound) {
				continue // what is supposed is of another store
			}
		}
		if err != nil {
			return nil, 0, err
		}
		if looked++; sim.Changed() {
			changed = append(changed, Difference{e, sim})
		}
	}
	return changed, looked, nil
}
