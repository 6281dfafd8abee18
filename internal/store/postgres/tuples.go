package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/relational"
)

// The statements about tuples.
const (
	tupleColumns = "object_type, object_id, relation, subject_type, subject_id, subject_relation"
	tupleFields  = tupleColumns + ", condition, context, expires"
	tupleWhole   = tupleFields + ", written"
	inStore      = " WHERE tenant = $1 AND store = $2"
	lastTuple    = "SELECT coalesce((SELECT revision FROM tuple_store" + inStore + "), 0)"
)

// tupleRow reads tupleFields, or all of tupleWhole.
type tupleRow struct {
	t                store.Tuple
	expires, written *int64
}

func (r *tupleRow) whole() []any { return append(r.targets(), &r.written) }

func (r *tupleRow) targets() []any {
	t := &r.t
	return []any{
		&t.Object.Type, &t.Object.ID, &t.Relation, &t.Subject.Type, &t.Subject.ID, &t.Subject.Relation,
		&t.Condition.Name, &t.Condition.Context, &r.expires,
	}
}

func (r *tupleRow) tuple() store.Tuple {
	t := r.t
	for _, s := range []*string{
		&t.Object.Type, &t.Object.ID, &t.Relation, &t.Subject.Type, &t.Subject.ID, &t.Subject.Relation, &t.Condition.Name, &t.Condition.Context,
	} {
		*s = fromText(*s)
	}
	t.Expires, t.Written = moment(r.expires), moment(r.written)
	return t
}

// Revision implements store.Tuples.
func (e *Engine) Revision(ctx context.Context, s store.TupleStore) (uint64, error) {
	var n int64
	err := e.read(ctx, func(ctx context.Context, c *pgx.Conn) error {
		return c.QueryRow(ctx, lastTuple, tenantText(s.Tenant), toText(s.ID)).Scan(&n)
	})
	return uint64(n), err
}

// ListTuples implements store.Tuples.
func (e *Engine) ListTuples(ctx context.Context, s store.TupleStore, f store.TupleFilter, p store.TuplePage) ([]store.Tuple, error) {
	if p.Limit <= 0 {
		p.Limit = defaultLimit
	}
	statement, args := e.tupleList(s, f, p)
	var out []store.Tuple
	err := e.read(ctx, func(ctx context.Context, c *pgx.Conn) error {
		out = nil
		rows, err := c.Query(ctx, statement, args...)
		if err != nil {
			return err
		}
		var r tupleRow
		_, err = pgx.ForEachRow(rows, r.whole(), func() error { out = append(out, r.tuple()); return nil })
		return err
	})
	return out, err
}

// tupleList is the statement of a list of tuples. What f fixes from the left of the order is compared
// and left out of the order, so that one index gives both.
func (e *Engine) tupleList(s store.TupleStore, f store.TupleFilter, p store.TuplePage) (string, []any) {
	args := []any{tenantText(s.Tenant), toText(s.ID), e.config.Now().UnixMilli()}
	fields := tupleWhole
	if !e.timed.Load() { // before Ensure, for the snapshot of what was there before
		fields = tupleFields + ", NULL::bigint"
	}
	where := "SELECT " + fields + " FROM tuple" + inStore + " AND " + live(3)
	put := func(text string) string {
		args = append(args, toText(text))
		return fmt.Sprintf("$%d", len(args))
	}
	rest := strings.Split(tupleColumns, ", ")
	if f.Subject.Type != "" {
		where += " AND subject_type = " + put(f.Subject.Type) + " AND subject_id = " + put(f.Subject.ID) + " AND subject_relation = " + put(f.Subject.Relation)
		rest = rest[:3]
	}
	fixed := 0
	for i, v := range []string{f.Object.Type, f.Object.ID, f.Relation} {
		if v == "" {
			continue
		}
		if fixed == i {
			fixed++
		}
		where += " AND " + rest[i] + " = " + put(v)
	}
	rest = rest[fixed:]
	if p.After != nil && len(rest) == 0 { // one tuple is meant, and it was there
		where += " AND FALSE"
	} else if p.After != nil {
		t := p.After
		all := []string{t.Object.Type, t.Object.ID, t.Relation, t.Subject.Type, t.Subject.ID, t.Subject.Relation}
		var marks []string
		for _, v := range all[fixed : fixed+len(rest)] {
			marks = append(marks, put(v))
		}
		where += " AND (" + strings.Join(rest, ", ") + ") > (" + strings.Join(marks, ", ") + ")"
	}
	if len(rest) > 0 {
		where += " ORDER BY " + strings.Join(rest, ", ")
	}
	args = append(args, int64(p.Limit))
	return where + fmt.Sprintf(" LIMIT $%d", len(args)), args
}

// errEnough ends a query that has delivered what was asked for.
var errEnough = errors.New("postgres: enough")

// Changes implements store.Tuples. A revision that lies ahead, as after a restore, is answered like
// one that was trimmed: whoever asks must start from a Snapshot.
func (e *Engine) Changes(ctx context.Context, s store.TupleStore, since uint64, limit int) ([]store.TupleChange, error) {
	if limit <= 0 {
		limit = defaultLimit
	}
	key := []any{tenantText(s.Tenant), toText(s.ID)}
	var out []store.TupleChange
	err := e.still(ctx, func(ctx context.Context, tx pgx.Tx) error {
		out = nil
		var revision, trimmed uint64
		err := tx.QueryRow(ctx, "SELECT revision, trimmed FROM tuple_store"+inStore, key...).Scan(&revision, &trimmed)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if since < trimmed || since > revision {
			return store.ErrTrimmed
		}
		if since == revision {
			return nil
		}
		// One revision more than can be needed: a revision holds one change at least.
		rows, err := tx.Query(ctx, "SELECT "+tupleFields+", revision, at, removed FROM tuple_log"+inStore+
			" AND revision > $3 AND revision <= $4 ORDER BY revision, n", append(key, int64(since), int64(since)+int64(limit)+1)...)
		if err != nil {
			return err
		}
		var r tupleRow
		var at int64
		var change store.TupleChange
		_, err = pgx.ForEachRow(rows, append(r.targets(), &change.Revision, &at, &change.Delete), func() (err error) {
			change.Tuple, change.At = r.tuple(), time.UnixMilli(at).UTC()
			more := false
			if out, more = relational.Collect(out, limit, change); !more {
				return errEnough
			}
			return nil
		})
		return err
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return out, err
}

// still calls f with a transaction in which all readings see one state.
func (e *Engine) still(ctx context.Context, f func(context.Context, pgx.Tx) error) error {
	return e.read(ctx, func(ctx context.Context, c *pgx.Conn) error { return frozen(ctx, c, f) })
}

func frozen(ctx context.Context, c interface {
	BeginTx(context.Context, pgx.TxOptions) (pgx.Tx, error)
}, f func(context.Context, pgx.Tx) error,
) error {
	return pgx.BeginTxFunc(ctx, c, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		return f(ctx, tx)
	})
}

// tupleArrays are tuples as columns, for unnest.
type tupleArrays struct {
	objectType, objectID, relation, subjectType, subjectID, subjectRelation []string
	condition, context                                                      []string
	expires, written                                                        []*int64

	revision, n, at []int64
	removed         []bool
}

func (a *tupleArrays) add(tuples ...store.Tuple) {
	for _, t := range tuples {
		for _, x := range []struct {
			to   *[]string
			text string
		}{
			{&a.objectType, t.Object.Type}, {&a.objectID, t.Object.ID}, {&a.relation, t.Relation}, {&a.subjectType, t.Subject.Type},
			{&a.subjectID, t.Subject.ID}, {&a.subjectRelation, t.Subject.Relation}, {&a.condition, t.Condition.Name}, {&a.context, t.Condition.Context},
		} {
			*x.to = append(*x.to, toText(x.text))
		}
		a.expires, a.written = append(a.expires, millis(t.Expires)), append(a.written, millis(t.Written))
	}
}

// log adds rows of the changelog; n counts those of a revision.
func (a *tupleArrays) log(changes []store.TupleChange) {
	n := int64(0)
	for i, c := range changes {
		if n++; i == 0 || changes[i-1].Revision != c.Revision {
			n = 0
		}
		a.add(c.Tuple)
		a.revision, a.n = append(a.revision, int64(c.Revision)), append(a.n, n)
		a.at, a.removed = append(a.at, c.At.UnixMilli()), append(a.removed, c.Delete)
	}
}

func (a *tupleArrays) keys() []any {
	return []any{a.objectType, a.objectID, a.relation, a.subjectType, a.subjectID, a.subjectRelation}
}

func (a *tupleArrays) all() []any { return append(a.keys(), a.condition, a.context, a.expires) }
