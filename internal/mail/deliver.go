package mail

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/pause"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store"
)

// Bounds of trying again: 5 s, 10 s, 20 s … 15 min, each a quarter more or less.
const (
	firstWait   = 5 * time.Second
	longestWait = 15 * time.Minute
	noteTries   = 5
	noteLimit   = 10 * time.Second
	notePause   = 50 * time.Millisecond
)

// channel is the only one there is.
const channel = "mail"

var (
	errChannel = errors.New("mail: there is nobody to send messages of this channel")
	errGaveUp  = errors.New("mail: the message expires before the next try")
)

// try claims, sends and notes. Once claimed, a message is tried and noted even though ctx ends: the
// try gets a few seconds more, the note its own time.
func (r *Relay) try(ctx context.Context, t id.Tenant, m *store.OutboxRecord) {
	if !r.claim(ctx, t, m) {
		return
	}
	sending, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendLimit)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	defer stop()
	template, err := r.send(sending, t, m)
	r.note(context.WithoutCancel(ctx), t, m, Result{Tenant: t, Template: template, Tries: m.Tries, Err: err})
}

// claim keeps other nodes away from m for the length of a lease, and counts the try. Whoever fails
// here has not sent anything; whoever dies after it leaves m to be tried again when the lease is over.
func (r *Relay) claim(ctx context.Context, t id.Tenant, m *store.OutboxRecord) bool {
	began := r.DB.Now()
	m.Due, m.Tries = began.Add(lease), m.Tries+1
	err := r.write(ctx, t, m)
	if err != nil {
		if !lost(err) && ctx.Err() == nil {
			r.state.looked(err)
		}
		return false
	}
	// A node that slept since, so long that the try could outlast the lease, must leave m alone.
	return r.DB.Now().Sub(began) < lease-sendLimit-noteLimit
}

// lost reports whether another node was faster, or the message has expired.
func lost(err error) bool {
	return errs.CodeOf(err) == "changed_meanwhile" || errs.Is(err, errs.NotFound)
}

func (r *Relay) write(ctx context.Context, t id.Tenant, m *store.OutboxRecord) error {
	_, err := r.DB.Commit(ctx, store.Batch{
		Permit: r.Guard.Task(t, "outbox.send"), Docs: []store.DocOp{r.DB.Outbox().In(t).Replace(ctx, m)},
	})
	if err == nil {
		m.Version++
	}
	return err
}

func (r *Relay) send(ctx context.Context, t id.Tenant, m *store.OutboxRecord) (template string, err error) {
	var message store.Message
	if err := json.Unmarshal([]byte(m.Envelope.Reveal()), &message); err != nil {
		return "", &PermanentError{Err: errors.New("mail: the message cannot be read")} // the cause would quote it
	}
	if message.Channel != channel {
		return message.Template, &PermanentError{Err: errChannel}
	}
	rendered, err := r.Templates.Render(message, m.Created)
	if err != nil {
		return message.Template, &PermanentError{Err: err}
	}
	rendered.ID, rendered.Tenant = m.ID, t
	return message.Template, r.Sender.Send(ctx, rendered)
}

// note writes down what became of m and reports it. If it cannot, the claim runs out and m is tried
// again with the same Message-ID.
func (r *Relay) note(ctx context.Context, t id.Tenant, m *store.OutboxRecord, result Result) {
	ctx, cancel := context.WithTimeout(ctx, noteLimit)
	defer cancel()
	now := r.DB.Now()
	result.Outcome = settle(m, result.Err, now)
	if result.Outcome == Failed && result.Err != nil {
		if _, permanent := errors.AsType[*PermanentError](result.Err); !permanent {
			result.Err = errors.Join(errGaveUp, result.Err)
		}
	}
	result.Age = now.Sub(m.Created)
	result.Err = errors.Join(result.Err, r.insist(ctx, t, m))
	r.state.tried(result, now)
	if r.Report != nil {
		r.Report(result)
	}
}

// insist writes m, a few times if need be: each failure means a second mail. That somebody else has
// written m meanwhile is no failure.
func (r *Relay) insist(ctx context.Context, t id.Tenant, m *store.OutboxRecord) error {
	for i := range noteTries {
		if i > 0 {
			_ = pause.For(ctx, r.pause<<i)
		}
		err := r.write(ctx, t, m)
		if err == nil || lost(err) {
			return nil
		}
		if i == noteTries-1 || ctx.Err() != nil {
			return err
		}
	}
	return nil
}

// settle gives m the state that follows from err. A message that is done with loses its envelope.
func settle(m *store.OutboxRecord, err error, now time.Time) Outcome {
	outcome := Sent
	if err != nil {
		outcome = Deferred
		m.Due = now.Add(wait(m.Tries))
		_, permanent := errors.AsType[*PermanentError](err)
		if permanent || !m.Expires.IsZero() && !m.Due.Before(m.Expires) {
			outcome = Failed
		}
	}
	if outcome == Deferred {
		return outcome
	}
	m.Due, m.Envelope, m.State = now, secret.Value{}, store.OutboxSent
	if outcome == Failed {
		m.State = store.OutboxFailed
	}
	return outcome
}

// wait is how long to wait after the n-th try.
func wait(n int) time.Duration {
	d := longestWait
	if n < 12 {
		d = min(firstWait<<max(0, n-1), longestWait)
	}
	return d*3/4 + rand.N(d/2)
}
