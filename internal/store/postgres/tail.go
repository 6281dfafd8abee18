package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
)

const microseconds = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"

// changes adds the rows by which other nodes learn what to forget. Nobody caches events or messages,
// and of what is only now inserted nobody has cached more than that it was not there.
func (s *script) changes(w store.Write) {
	var tenants, collections, ids []string
	var versions []int64
	for _, op := range w.Docs {
		if !op.Changes() || op.Key.Collection == store.EventCollection || op.Key.Collection == store.OutboxCollection {
			continue
		}
		tenants, collections, ids = append(tenants, tenantText(op.Key.Tenant)), append(collections, op.Key.Collection), append(ids, toText(op.Key.ID))
		version := op.Version + 1 // an Insert has none before
		if op.Kind == store.DeleteOp {
			version = 0
		}
		versions = append(versions, version)
	}
	if len(ids) == 0 {
		return
	}
	s.told = true
	s.own("INSERT INTO change (at, tenant, collection, id, revision) SELECT "+microseconds+", u.* FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) AS u",
		tenants, collections, ids, versions)
}

// tuplesChanged adds the row by which other nodes learn of a revision. A collection has a name, a tuple
// store has none there.
func (s *script) tuplesChanged(t store.TupleStore, revision uint64) {
	s.told = true
	s.own("INSERT INTO change (at, tenant, collection, id, revision) SELECT "+microseconds+", $1::text, '', $2::text, $3::bigint",
		tenantText(t.Tenant), toText(t.ID), int64(revision))
}

// keepChanges is how long rows for other nodes are kept. A node that has not read them for that long
// forgets all that it knows.
const keepChanges = 10 * time.Minute

// trimPage is how many of them one transaction removes.
const trimPage = 10_000

func (e *Engine) trimChanges(ctx context.Context) error {
	for {
		var n int64
		err := e.once(ctx, func(ctx context.Context, c *pgx.Conn) error {
			tag, err := c.Exec(ctx, "DELETE FROM change WHERE at <= (SELECT max(at) FROM (SELECT at FROM change WHERE at < "+microseconds+" - $1::bigint ORDER BY at LIMIT $2) AS oldest)",
				keepChanges.Microseconds(), int64(trimPage))
			n = tag.RowsAffected()
			return err
		})
		if err != nil || n < trimPage {
			return err
		}
	}
}

// How far back a reading looks. A change is written before its transaction ends and becomes visible
// after that; answerWithin bounds how much later. Most take milliseconds, so that the long look is
// needed once a second only.
const (
	shortLook = 500 * time.Millisecond
	longLook  = 2 * answerWithin
	longEvery = time.Second
)

// Follow implements store.Shared.
func (e *Engine) Follow(ctx context.Context, back time.Duration) store.Follower {
	f := &follower{engine: e, back: back, seen: map[changed]bool{}, wake: make(chan struct{}, 1)}
	if !e.pooled {
		e.waker.live.Go(func() { e.listen(ctx, f.wake) })
	}
	return f
}

// follower reads the rows that tell of changes, again and again from a little before where it was:
// their times are no order of commits.
type follower struct {
	engine *Engine
	wake   chan struct{}
	back   time.Duration // as far as the first reading looks; less if that takes too long
	since  int64         // time of the server from which on nothing was missed
	last   int64         // time of the server at the last reading, in microseconds; 0: none yet
	long   int64         // and at the last that has looked far back
	seen   map[changed]bool
}

// changed is a row: what it tells, and when.
type changed struct {
	at     int64
	change store.Change
}

// Wake implements store.Follower.
func (f *follower) Wake() <-chan struct{} { return f.wake }

// Since implements store.Follower.
func (f *follower) Since() time.Time { return time.UnixMicro(f.since) }

// Next implements store.Follower.
func (f *follower) Next(ctx context.Context) ([]store.Change, time.Time, error) {
	look := shortLook
	if f.last-f.long >= longEvery.Microseconds() {
		look = longLook
	}
	from := f.last - look.Microseconds()
	if f.last == 0 {
		from = -f.back.Microseconds() // from now
	}
	var now int64
	var rows []changed
	err := f.engine.read(ctx, func(ctx context.Context, c *pgx.Conn) error {
		rows = rows[:0]
		var b pgx.Batch
		b.Queue("SELECT " + microseconds).QueryRow(func(row pgx.Row) error { return row.Scan(&now) })
		if from != 0 {
			b.Queue("SELECT at, tenant, collection, id, revision FROM change WHERE at > CASE WHEN $1::bigint < 0 THEN "+microseconds+" + $1 ELSE $1 END", from).Query(func(found pgx.Rows) (err error) {
				rows, err = pgx.CollectRows(found, rowOfChange)
				return err
			})
		}
		return c.SendBatch(ctx, &b).Close()
	})
	if err != nil {
		f.back /= 8
		return nil, time.Time{}, err
	}
	if f.last == 0 {
		f.since = now - f.back.Microseconds()
	}
	return f.advance(now, look, rows)
}

// advance remembers what was read and returns what is new in it.
func (f *follower) advance(now int64, look time.Duration, rows []changed) ([]store.Change, time.Time, error) {
	missed := f.last > 0 && now-f.last > (keepChanges-longLook).Microseconds()
	if f.last == 0 || look == longLook {
		f.long = now
	}
	f.last = now
	var out []store.Change
	for _, r := range rows {
		if !f.seen[r] {
			f.seen[r] = true
			out = append(out, r.change)
		}
	}
	for r := range f.seen {
		if r.at < now-(longLook+longEvery).Microseconds() {
			delete(f.seen, r)
		}
	}
	if missed {
		f.since = now
		return nil, time.UnixMicro(now), store.ErrTrimmed
	}
	return out, time.UnixMicro(now), nil
}

func rowOfChange(row pgx.CollectableRow) (changed, error) {
	var r changed
	var tenant string
	k := &r.change.Key
	err := row.Scan(&r.at, &tenant, &k.Collection, &k.ID, &r.change.Revision)
	k.Tenant, k.ID = id.Tenant(fromText(tenant)), fromText(k.ID)
	return r, err
}
