package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cardea-auth/cardea/internal/kit/pause"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/relational"
)

// Commit implements store.Engine.
func (e *Engine) Commit(ctx context.Context, w store.Write) (store.Receipt, error) {
	for _, op := range w.Docs {
		t, err := e.table(op.Key.Collection)
		if err != nil {
			return store.Receipt{}, err
		}
		if err := t.Admit(op); err != nil {
			return store.Receipt{}, err
		}
	}
	if w.At.IsZero() {
		w.At = e.config.Now()
	}
	if w.TouchesTuples() {
		return e.lanes.Do(ctx, w)
	}
	return store.Receipt{}, e.commit(ctx, w)
}

// tries is how often a batch is begun anew that another transaction has got in the way of.
const tries = 10

// commit writes a batch without tuples in one round trip: the statements up to the end of the pipeline
// are one transaction. When something stands in the way that may have expired, the batch is sent once
// more, with the removal of what has.
func (e *Engine) commit(ctx context.Context, w store.Write) error {
	clear := false
	for try := 1; ; try++ {
		var s script
		if err := s.docs(e, 0, w, clear); err != nil {
			return err
		}
		s.changes(w)
		err := e.send(ctx, &s)
		_, exists := errors.AsType[*store.ExistsError](err)
		switch {
		case exists && !clear:
			clear = true
		case exists:
			named := err
			_ = e.read(ctx, func(ctx context.Context, c *pgx.Conn) error { // if it fails, any index may be named
				named = s.failed.table.nameKey(ctx, c, w.Docs[s.failed.op], err)
				return nil
			})
			return named
		case !again(err) || try == tries:
			if err == nil {
				e.done(s.told)
			}
			return err
		default:
			if err := backOff(ctx, try); err != nil {
				return err
			}
		}
	}
}

// backOff pauses before another try, at random, so that those who met do not meet again.
func backOff(ctx context.Context, try int) error {
	return pause.For(ctx, rand.N(min(time.Millisecond<<try, 200*time.Millisecond)))
}

// send runs a script as one transaction on a connection of its own.
func (e *Engine) send(ctx context.Context, s *script) error {
	c, err := e.acquire(ctx)
	if err != nil {
		return err
	}
	defer c.Release()
	quiet, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerWithin)
	defer cancel()
	return unknown(s.run(quiet, c.Conn()))
}

// unknown is err, or ErrAmbiguous if nobody has said that nothing was committed.
func unknown(err error) error {
	if _, told := errors.AsType[*store.ExistsError](err); told || err == nil || errors.Is(err, store.ErrChanged) || refused(err) || pgconn.SafeToRetry(err) {
		return err
	}
	return errors.Join(store.ErrAmbiguous, err)
}

// script is statements to be sent together, and what each belongs to.
type script struct {
	batch  pgx.Batch
	of     []part
	failed part // after run: what the error is about
	told   bool // it writes rows for other nodes
}

// part is whose statement it is: operation op of job, or nobody's (-1).
type part struct {
	job   int
	op    int
	table *table
}

func (s *script) add(p part, statement string, args ...any) *pgx.QueuedQuery {
	s.of = append(s.of, p)
	return s.batch.Queue(statement, args...)
}

// own adds a statement of the engine itself.
func (s *script) own(statement string, args ...any) *pgx.QueuedQuery {
	return s.add(part{job: -1, op: -1}, statement, args...)
}

// run sends the script and reads all answers. The first that is an error is returned, as what it means.
func (s *script) run(ctx context.Context, c *pgx.Conn) error {
	results := c.SendBatch(ctx, &s.batch)
	for i, q := range s.batch.QueuedQueries {
		var err error
		if q.Fn != nil {
			err = q.Fn(results)
		} else {
			_, err = results.Exec()
		}
		if err != nil {
			_ = results.Close() // the first error counts
			s.failed = s.of[i]
			if t := s.failed.table; t != nil {
				err = t.verdict(err)
			}
			return err
		}
	}
	return results.Close()
}

// docs adds the operations of w, the batch of a job, in order. With clear, what has expired is taken out of their way.
func (s *script) docs(e *Engine, job int, w store.Write, clear bool) error {
	mark := w.Mark()
	for i, op := range w.Docs {
		t, err := e.table(op.Key.Collection)
		if err != nil {
			return err
		}
		batch := ""
		if i == mark {
			batch = w.ID
		}
		p := part{job: job, op: i, table: t}
		if clear {
			s.clear(p, op, w.At)
		}
		if err := s.op(p, op, batch, w.At); err != nil {
			return err
		}
	}
	return nil
}

func (s *script) op(p part, op store.Op, batch string, now time.Time) error {
	t := p.table
	tenant, docID := tenantText(op.Key.Tenant), toText(op.Key.ID)
	switch op.Kind {
	case store.InsertOp:
		s.add(p, t.insert, append([]any{tenant, docID, millis(op.Expires), nullable(batch), string(op.Body)}, values(op.Columns)...)...)
	case store.ReplaceOp:
		s.add(p, t.replace, append([]any{tenant, docID, op.Version, now.UnixMilli(), millis(op.Expires), nullable(batch), string(op.Body)},
			values(op.Columns)...)...)
	case store.DeleteOp:
		s.add(p, t.remove, tenant, docID, op.Version, now.UnixMilli())
	case store.CheckOp:
		s.add(p, t.check, tenant, docID, op.Version, now.UnixMilli())
	default:
		return fmt.Errorf("postgres: collection %s: unknown operation %d", t.Schema.Name, op.Kind)
	}
	return nil
}

// clear adds the removal of expired rows that share the key or a unique value with op.
func (s *script) clear(p part, op store.Op, now time.Time) {
	if op.Kind != store.InsertOp && op.Kind != store.ReplaceOp {
		return
	}
	gone := "DELETE FROM " + p.table.name + " WHERE tenant = $1 AND expires <= $2 AND "
	args := []any{tenantText(op.Key.Tenant), now.UnixMilli()}
	s.add(p, gone+"id = $3", append(args, toText(op.Key.ID))...)
	for _, x := range p.table.Schema.Indexes {
		if !x.Unique {
			continue
		}
		statement, these := gone, append([]any{}, args...)
		for i, v := range p.table.uniqueValues(x, op) {
			if i > 0 {
				statement += " AND "
			}
			these = append(these, value(v))
			statement += fmt.Sprintf("x_%s = $%d", x.Columns[i], len(these)) // a NULL equals nothing, and nothing was in its way
		}
		s.add(p, statement, these...)
	}
}

func (t *table) uniqueValues(x store.Index, op store.Op) []store.Value {
	out := make([]store.Value, len(x.Columns))
	for i, name := range x.Columns {
		for j, c := range t.Schema.Columns {
			if c.Name == name {
				out[i] = op.Columns[j]
			}
		}
	}
	return out
}

// nameKey is err, or the same error about the key: PostgreSQL names whichever index it has looked at
// first, the contract names the key before others.
func (t *table) nameKey(ctx context.Context, c *pgx.Conn, op store.Op, err error) error {
	if op.Kind != store.InsertOp || store.Exists(err, store.PrimaryIndex) {
		return err
	}
	taken := false
	look := c.QueryRow(ctx, "SELECT count(*) > 0 FROM "+t.name+" WHERE tenant = $1 AND id = $2", tenantText(op.Key.Tenant), toText(op.Key.ID)).Scan(&taken)
	if look == nil && taken {
		return &store.ExistsError{Collection: t.Schema.Name, Index: store.PrimaryIndex}
	}
	return err
}

// Committed implements store.Engine. The transaction of w may still be under way on a server that was
// slower than the connection: so the marked row is locked before it is looked at, and where the row
// is new, an insert of the same key that is taken back waits for whoever is inserting it.
func (e *Engine) Committed(ctx context.Context, w store.Write) (bool, error) {
	i := w.Mark()
	if i < 0 {
		return false, store.ErrAmbiguous // nothing of the batch carries its mark
	}
	op := w.Docs[i]
	t, err := e.table(op.Key.Collection)
	if err != nil {
		return false, err
	}
	version, batch := int64(0), ""
	err = e.read(ctx, func(ctx context.Context, c *pgx.Conn) error { return t.settled(ctx, c, op, &version, &batch) })
	if err != nil {
		return false, err
	}
	return relational.Judge(w, version, batch)
}

func (t *table) settled(ctx context.Context, c *pgx.Conn, op store.Op, version *int64, batch *string) error {
	tenant, docID := tenantText(op.Key.Tenant), toText(op.Key.ID)
	tx, err := c.Begin(ctx)
	if err != nil {
		return err
	}
	if op.Kind == store.InsertOp {
		_, err = tx.Exec(ctx, "INSERT INTO "+t.name+" (tenant, id, version, body) VALUES ($1, $2, 0, '{}') ON CONFLICT (tenant, id) DO NOTHING", tenant, docID)
	} else {
		_, err = tx.Exec(ctx, t.state+" FOR UPDATE", tenant, docID)
	}
	if err := errors.Join(err, tx.Rollback(ctx)); err != nil {
		return err
	}
	err = c.QueryRow(ctx, t.state, tenant, docID).Scan(version, batch)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	return err
}
