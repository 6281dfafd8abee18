package authz

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/store"
)

// LogSettings say which decisions of a tenant are kept, and how long. The zero value keeps none.
type LogSettings struct {
	Share float64 `json:"share,omitzero"` // of the questions that applications ask: from 0 to 1
	Days  int     `json:"days,omitzero"`  // 1 to MaxLogDays
}

// takes draws whether a decision is to be kept.
func (s LogSettings) takes() bool { return s.Share > 0 && (s.Share >= 1 || rand.Float64() < s.Share) }

// MaxLogDays bounds how long decisions are kept.
const MaxLogDays = 90

// Logged is a decision that is worth keeping.
type Logged struct {
	At       time.Time
	Keep     time.Duration
	Asker    access.Subject
	Request  Request
	Decision Decision
	Plan     Plan // by which it was decided
}

// Recorder keeps decisions. It must not block: what it cannot take is lost.
type Recorder interface{ Record(Logged) }

// Records has the decisions that applications ask for told to a recorder. It is called once by wiring,
// before the first question.
func (e *Engine) Records(r Recorder) { e.recorder = r }

// record tells the recorder of a decision if the tenant wants it kept. What a question supposes is no
// decision.
func (e *Engine) record(ctx context.Context, c access.Caller, r Request, d Decision) {
	if r.Options.Suppose != nil {
		return
	}
	keep, ok := e.sampled(ctx, r.Tenant)
	if !ok {
		return
	}
	plan, planned, err := e.planOf(ctx, r)
	if err != nil {
		return
	}
	if !planned {
		plan = Plan{Roles: true}
	}
	e.recorder.Record(Logged{At: e.db.Now(), Keep: keep, Asker: c.Subject(), Request: r, Decision: d, Plan: plan})
}

// Log reads which decisions are kept.
func (e *Engine) Log(ctx context.Context, c access.Caller) (LogSettings, error) {
	if _, err := e.guard.Allow(ctx, c, "plan.read", planObject("")); err != nil {
		return LogSettings{}, err
	}
	doc, err := e.plansOf(ctx, c.Tenant())
	if doc == nil || err != nil {
		return LogSettings{}, err
	}
	return doc.Log, nil
}

// SetLog says which decisions are kept from now on. What is kept already stays until its time is over.
func (e *Engine) SetLog(ctx context.Context, c access.Caller, s LogSettings) error {
	permit, err := e.guard.Allow(ctx, c, "plan.write", planObject(""))
	if err != nil {
		return err
	}
	if !(s.Share >= 0 && s.Share <= 1) {
		return errs.Bad("/share", "must lie between 0 and 1")
	}
	if s.Days < 1 && s.Share > 0 || s.Days < 0 || s.Days > MaxLogDays {
		return errs.Bad("/days", "must lie between 1 and %d", MaxLogDays)
	}
	return e.changePlans(ctx, permit, func(doc *plans) (store.Event, error) {
		doc.Log = s
		return store.Event{Kind: "plan.log_set"}, nil
	})
}
