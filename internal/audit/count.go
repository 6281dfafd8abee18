package audit

import (
	"context"
	"sync"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
)

// Counter is how often something happened in an hour. Reports read counters and never scan.
type Counter struct {
	store.Meta
	Name  string    `json:"name"` // session.started, signin.failed/invalid_credentials, token.refresh
	Hour  time.Time `json:"hour"`
	Count int64     `json:"count"`
}

const countersByHour = "by_hour" // (hour, name)

func counterKind() store.Kind[Counter] {
	return store.Kind[Counter]{
		Name: "counter", Noun: "counter",
		Meta: func(c *Counter) *store.Meta { return &c.Meta },
		Columns: []store.ColumnOf[Counter]{
			{Name: "hour", Kind: store.IntKind, Of: func(c *Counter) store.Value { return store.Time(c.Hour) }},
			{Name: "name", Kind: store.TextKind, Of: func(c *Counter) store.Value { return store.Text(c.Name) }},
		},
		Indexes: []store.Index{{Name: countersByHour, Columns: []string{"hour", "name"}}},
	}
}

// keepCounters is how long counters are kept.
const keepCounters = 400 * 24 * time.Hour

// pending are counts that were not written yet.
type pending struct {
	mu     sync.Mutex
	counts map[countKey]int64
}

type countKey struct {
	tenant id.Tenant
	hour   int64 // Unix milliseconds
	name   string
}

// maxPending bounds the counts in memory; names come from a closed set, so it is never reached.
const maxPending = 10_000

func newPending() pending { return pending{counts: map[countKey]int64{}} }

// Count adds n to the counter called name for this hour. It only touches memory; what was counted
// since the last Flush is lost in a crash. It is meant for activity (refreshes, introspections,
// checks), which happens too often to be an event.
func (l *Log) Count(t id.Tenant, name string, n int64) {
	k := countKey{t, l.DB.Now().Truncate(time.Hour).UnixMilli(), name}
	l.pending.mu.Lock()
	defer l.pending.mu.Unlock()
	if _, known := l.pending.counts[k]; known || len(l.pending.counts) < maxPending {
		l.pending.counts[k] += n
	}
}

// count counts events as they are sealed, so that each is counted once.
func (l *Log) count(t id.Tenant, events []*store.EventRecord) {
	for _, e := range events {
		name := e.Kind
		if reason := e.Public["reason"]; e.Kind == "signin.failed" && reason != "" {
			name += "/" + reason
		}
		l.Count(t, name, 1)
	}
}

// Flush writes what was counted. What could not be written is counted again at the next Flush.
func (l *Log) Flush(ctx context.Context) error {
	l.pending.mu.Lock()
	counts := l.pending.counts
	l.pending.counts = map[countKey]int64{}
	l.pending.mu.Unlock()
	var failed error
	for k, n := range counts {
		if err := l.add(ctx, k, n); err != nil {
			failed = err
			l.pending.mu.Lock()
			l.pending.counts[k] += n
			l.pending.mu.Unlock()
		}
	}
	return failed
}

func (l *Log) add(ctx context.Context, k countKey, n int64) error {
	hour := time.UnixMilli(k.hour).UTC()
	counterID := hour.Format("2006010215") + "/" + k.name
	permit := l.Guard.Task(k.tenant, "report.roll_up")
	for {
		_, err := l.counters.In(k.tenant).Update(ctx, counterID, func(c *Counter) (store.Batch, error) {
			c.Count += n
			return store.Batch{Permit: permit}, nil
		})
		if !errs.Is(err, errs.NotFound) {
			return err
		}
		c := &Counter{Meta: store.Meta{ID: counterID, Expires: hour.Add(keepCounters)}, Name: k.name, Hour: hour, Count: n}
		_, err = l.DB.Commit(ctx, store.Batch{Permit: permit, Docs: []store.DocOp{l.counters.In(k.tenant).Insert(ctx, c)}})
		if errs.CodeOf(err) != "already_exists" {
			return err
		}
	}
}

// Counters lists the counters of a time span, oldest hour first.
func (l *Log) Counters(ctx context.Context, c access.Caller, from, until time.Time, r page.Request) (page.Page[*Counter], error) {
	if err := l.mayRead(ctx, c); err != nil {
		return page.Page[*Counter]{}, err
	}
	since, before := store.Time(from), store.Time(until)
	return l.counters.In(c.Tenant()).Find(ctx, store.Query{Index: countersByHour, From: &since, Until: &before, Request: r})
}
