package audit

import (
	"context"
	"errors"
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

// The indexes of the counters.
const (
	countersByHour = "by_hour" // (hour, name)
	countersByName = "by_name" // (name, hour)
)

func counterKind() store.Kind[Counter] {
	return store.Kind[Counter]{
		Name: "counter", Noun: "counter",
		Meta: func(c *Counter) *store.Meta { return &c.Meta },
		Columns: []store.ColumnOf[Counter]{
			{Name: "hour", Kind: store.IntKind, Of: func(c *Counter) store.Value { return store.Time(c.Hour) }},
			{Name: "name", Kind: store.TextKind, Of: func(c *Counter) store.Value { return store.Text(c.Name) }},
		},
		Indexes: []store.Index{
			{Name: countersByHour, Columns: []string{"hour", "name"}}, {Name: countersByName, Columns: []string{"name", "hour"}},
		},
	}
}

// Bounds of counting.
const (
	keepCounters = 400 * 24 * time.Hour
	// maxPending bounds the counts in memory; names come from a closed set, so it is never reached.
	maxPending = 10_000
	// flushAtOnce is how many counters one batch changes; flushTries is how often it is tried when other
	// nodes change the same.
	flushAtOnce = 50
	flushTries  = 5
)

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

func (k countKey) time() time.Time { return time.UnixMilli(k.hour).UTC() }

// id is the id of the counter: by hour, so that the counters of a flush lie together.
func (k countKey) id() string { return k.time().Format("2006010215") + "/" + k.name }

func newPending() pending { return pending{counts: map[countKey]int64{}} }

// add counts, or drops the count if there are too many in memory already.
func (p *pending) add(k countKey, n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, known := p.counts[k]; known || len(p.counts) < maxPending {
		p.counts[k] += n
	}
}

// take empties p, sorted by tenant.
func (p *pending) take() map[id.Tenant][]count {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := map[id.Tenant][]count{}
	for k, n := range p.counts {
		out[k.tenant] = append(out[k.tenant], count{k, n})
	}
	p.counts = map[countKey]int64{}
	return out
}

// count is a count on its way to its counter.
type count struct {
	countKey
	n int64
}

// Count adds n to the counter called name for this hour. It only touches memory; what was counted
// since the last Flush is lost in a crash. It is meant for activity (refreshes, introspections,
// checks), which happens too often to be an event. Events count themselves when they are sealed.
func (l *Log) Count(t id.Tenant, name string, n int64) { l.countAt(t, name, l.DB.Now(), n) }

func (l *Log) countAt(t id.Tenant, name string, at time.Time, n int64) {
	l.pending.add(countKey{t, at.Truncate(time.Hour).UnixMilli(), name}, n)
}

// count counts events as they are sealed, so that each is counted once, under its kind. Where a
// reason or a grant tells more, it is part of the name.
func (l *Log) count(t id.Tenant, events []*store.EventRecord) {
	for _, e := range events {
		name := e.Kind
		for _, member := range [...]string{"reason", "grant"} {
			if more := e.Public[member]; more != "" && len(more) <= 64 {
				name += "/" + more
				break
			}
		}
		l.countAt(t, name, e.At, 1)
	}
}

// Flush writes what was counted, a few batches for each tenant. What could not be written is counted
// again at the next Flush, unless the batch was written and the answer was lost: then it counts twice.
// Wiring calls it every few seconds, and once before the end.
func (l *Log) Flush(ctx context.Context) error {
	var failed []error
	for t, counts := range l.pending.take() {
		for len(counts) > 0 {
			some := counts[:min(flushAtOnce, len(counts))]
			counts = counts[len(some):]
			if err := l.write(ctx, t, some); err != nil {
				failed = append(failed, err)
				for _, c := range some {
					l.pending.add(c.countKey, c.n)
				}
			}
		}
	}
	return errors.Join(failed...)
}

// write adds counts to their counters in one batch.
func (l *Log) write(ctx context.Context, t id.Tenant, counts []count) error {
	in := l.counters.In(t)
	ids := make([]string, len(counts))
	for i, c := range counts {
		ids[i] = c.id()
	}
	for try := 1; ; try++ {
		have, err := in.GetMany(ctx, ids)
		if err != nil {
			return err
		}
		batch := store.Batch{Permit: l.Guard.Task(t, "report.roll_up")}
		for i, c := range counts {
			if old := have[ids[i]]; old != nil {
				old.Count += c.n
				batch.Docs = append(batch.Docs, in.Replace(ctx, old))
				continue
			}
			next := &Counter{Meta: store.Meta{ID: ids[i], Expires: c.time().Add(keepCounters)}, Name: c.name, Hour: c.time(), Count: c.n}
			batch.Docs = append(batch.Docs, in.Insert(ctx, next))
		}
		_, err = l.DB.Commit(ctx, batch)
		if !errs.Is(err, errs.Conflict) || try == flushTries {
			return err
		}
	}
}

// Counters lists the counters of a time span, oldest hour first. Permission audit.read.
func (l *Log) Counters(ctx context.Context, c access.Caller, from, until time.Time, r page.Request) (page.Page[*Counter], error) {
	if err := l.mayRead(ctx, c); err != nil {
		return page.Page[*Counter]{}, err
	}
	since, before := store.Time(from), store.Time(until)
	return l.counters.In(c.Tenant()).Find(ctx, store.Query{Index: countersByHour, From: &since, Until: &before, Request: r})
}

// maxSeries bounds the hours that one series of a report may span: a year and a day.
const maxSeries = 367 * 24

// Series reads the counters called name of a time span of at most a year, oldest hour first. Hours in
// which nothing happened are left out. Permission audit.read.
func (l *Log) Series(ctx context.Context, c access.Caller, name string, from, until time.Time) ([]*Counter, error) {
	if err := l.mayRead(ctx, c); err != nil {
		return nil, err
	}
	if until.Sub(from) > maxSeries*time.Hour {
		return nil, errs.Bad("until", "must be within a year of from")
	}
	since, before := store.Time(from), store.Time(until)
	var out []*Counter
	for r := (page.Request{Limit: page.MaxLimit}); ; {
		p, err := l.counters.In(c.Tenant()).Find(ctx, store.Query{
			Index: countersByName, Eq: []store.Value{store.Text(name)}, From: &since, Until: &before, Request: r,
		})
		if err != nil {
			return nil, err
		}
		out = append(out, p.Items...)
		if r.Cursor = p.Next; r.Cursor == "" {
			return out, nil
		}
	}
}
