package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/relational"
)

// errNeighbour is of a batch that did nothing wrong and shared a transaction that was not committed.
var errNeighbour = errors.New("postgres: the transaction that this write shared was not committed")

// errInTurn says that a strict operation fails in a batch whose documents may fail too, which comes first.
var errInTurn = errors.New("postgres: the batches must follow one another")

// commitGroup decides every job. All documents are sent together first, in the hope that none of them
// fails; if one does, all is taken back and the batches follow one another, each in a savepoint.
func (e *Engine) commitGroup(ctx context.Context, jobs []*relational.Job) {
	careful := false
	for try := 1; ; try++ {
		g := &group{engine: e, jobs: jobs, careful: careful}
		err := g.attempt(ctx)
		if err == nil {
			e.done(true)
			return
		}
		switch {
		case again(err) && try < tries:
			_ = backOff(ctx, try) // ctx does not end
			continue
		case !careful && (refusedBatch(err) || errors.Is(err, errInTurn)):
			careful = true
			continue
		}
		for _, j := range jobs {
			j.Err = err
			if len(jobs) > 1 && refused(err) {
				j.Err = errors.Join(errNeighbour, err)
			}
		}
		return
	}
}

// group is one transaction for many batches of one tuple store.
type group struct {
	engine  *Engine
	jobs    []*relational.Job
	careful bool // one batch after the other

	conn     *pgx.Conn
	state    relational.TupleState
	revision uint64
}

func (g *group) key() []any {
	s := g.jobs[0].Write.InTuples()
	return []any{tenantText(s.Tenant), toText(s.ID)}
}

// attempt runs the whole transaction. Its error is ErrAmbiguous where nobody can say, and otherwise
// means that nothing was written; without one, each job has its own verdict.
func (g *group) attempt(ctx context.Context) error {
	c, err := g.engine.acquire(ctx)
	if err != nil {
		return err
	}
	defer c.Release()
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	g.conn = c.Conn()
	if err := g.begin(ctx); err != nil {
		return g.undo(ctx, err)
	}
	var last script
	if g.careful {
		err = g.oneByOne(ctx)
	} else {
		err = g.together(&last)
	}
	if err != nil {
		return g.undo(ctx, err)
	}
	g.write(&last)
	last.own("COMMIT")
	if err := last.run(ctx, g.conn); err != nil {
		if told := unknown(err); errors.Is(told, store.ErrAmbiguous) {
			return told
		}
		return g.undo(ctx, err)
	}
	return nil
}

// undo ends the transaction and returns err, in the words of the server where it has spoken.
func (g *group) undo(ctx context.Context, err error) error {
	if !g.conn.IsClosed() {
		_, _ = g.conn.Exec(ctx, "ROLLBACK") // if it fails, the pool throws the connection away
	}
	return err
}

// begin locks the counter of the store, which it makes if need be, and reads what the operations are
// about: from here on nobody else changes tuples of the store.
func (g *group) begin(ctx context.Context) error {
	var s script
	s.own("BEGIN")
	lock := "INSERT INTO tuple_store (tenant, store, revision) VALUES ($1, $2, 0)" +
		" ON CONFLICT (tenant, store) DO UPDATE SET revision = tuple_store.revision RETURNING revision"
	s.own(lock, g.key()...).QueryRow(func(row pgx.Row) error { return row.Scan(&g.revision) })
	if g.jobs[0].Write.DropTuples {
		s.own("DELETE FROM tuple"+inStore, g.key()...)
		s.own("DELETE FROM tuple_log"+inStore, g.key()...)
		s.own("UPDATE tuple_store SET revision = 0, trimmed = 0"+inStore+" RETURNING revision", g.key()...).
			QueryRow(func(row pgx.Row) error { return row.Scan(&g.revision) })
	}
	g.state = relational.TupleState{}
	var about tupleArrays
	for _, j := range g.jobs {
		for _, op := range j.Write.Tuples {
			about.add(op.Tuple)
		}
	}
	if len(about.relation) > 0 {
		read := "SELECT " + tupleFields + " FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[]) AS u (a, b, c, d, e, f)" +
			" CROSS JOIN LATERAL (SELECT " + tupleFields + " FROM tuple" + inStore + " AND object_type = u.a AND object_id = u.b AND relation = u.c" +
			" AND subject_type = u.d AND subject_id = u.e AND subject_relation = u.f LIMIT 1) AS t"
		s.own(read, append(g.key(), about.keys()...)...).Query(func(rows pgx.Rows) error {
			var r tupleRow
			_, err := pgx.ForEachRow(rows, r.targets(), func() error { g.state.Found(r.tuple()); return nil })
			return err
		})
	}
	return s.run(ctx, g.conn)
}

// together adds the documents of all jobs to the script that will commit.
func (g *group) together(s *script) error {
	for i, j := range g.jobs {
		if j.Err = g.relate(j); j.Err != nil && len(j.Write.Docs) > 0 {
			return errInTurn
		} else if j.Err != nil {
			continue
		}
		if err := s.docs(g.engine, i, j.Write, false); err != nil {
			return err
		}
		s.changes(j.Write)
	}
	return nil
}

// oneByOne writes the documents of each job in a savepoint. What is in the way and has expired is
// removed. A job that fails undoes nothing but itself.
func (g *group) oneByOne(ctx context.Context) error {
	for i, j := range g.jobs {
		failed, err := g.docs(ctx, i, j, false)
		if _, exists := errors.AsType[*store.ExistsError](err); exists {
			if err := g.back(ctx); err != nil {
				return err
			}
			failed, err = g.docs(ctx, i, j, true)
		}
		if err == nil {
			err = g.relate(j)
		}
		if j.Err = err; err == nil {
			continue
		}
		if _, strict := errors.AsType[*store.TupleError](err); !strict && (!refusedBatch(err) || again(err)) {
			return err
		}
		if err := g.back(ctx); err != nil {
			return err
		}
		if _, exists := errors.AsType[*store.ExistsError](err); exists {
			j.Err = failed.table.nameKey(ctx, g.conn, j.Write.Docs[failed.op], err)
		}
	}
	return nil
}

func (g *group) docs(ctx context.Context, i int, j *relational.Job, clear bool) (failed part, err error) {
	var s script
	s.own("SAVEPOINT batch")
	if err := s.docs(g.engine, i, j.Write, clear); err != nil {
		return part{}, err
	}
	s.changes(j.Write)
	err = s.run(ctx, g.conn)
	return s.failed, err
}

func (g *group) back(ctx context.Context) error {
	_, err := g.conn.Exec(ctx, "ROLLBACK TO SAVEPOINT batch")
	return err
}

// refusedBatch reports whether the failure is the batch's own.
func refusedBatch(err error) bool {
	_, exists := errors.AsType[*store.ExistsError](err)
	return exists || errors.Is(err, store.ErrChanged) || refused(err)
}

// relate applies the tuple operations of a job to the state, all or none, and gives it its revision.
func (g *group) relate(j *relational.Job) (err error) {
	g.revision, err = g.state.Relate(j.Write, g.revision)
	j.Revision = g.revision
	return err
}

// write adds what the tuple operations of all jobs come to, and what other nodes must hear of.
func (g *group) write(s *script) {
	drop := g.jobs[0].Write.DropTuples
	replaced, added, gone, log := g.state.Net()
	var put, logged tupleArrays
	put.add(replaced...)
	put.add(added...)
	logged.log(log)
	if len(put.relation) > 0 {
		s.own("INSERT INTO tuple (tenant, store, "+tupleWhole+") SELECT $1, $2, u.* FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],"+
			" $9::text[], $10::text[], $11::bigint[], $12::bigint[]) AS u ON CONFLICT (tenant, store, "+tupleColumns+
			") DO UPDATE SET condition = excluded.condition, context = excluded.context, expires = excluded.expires, written = excluded.written",
			append(append(g.key(), put.all()...), put.written)...)
	}
	// One statement for each: joined with a list, a planner that knows little of a growing table reads all
	// of it, which took 150 ms for one tuple of 300,000.
	for _, t := range gone {
		s.own("DELETE FROM tuple"+inStore+" AND object_type = $3 AND object_id = $4 AND relation = $5 AND subject_type = $6 AND subject_id = $7 AND subject_relation = $8",
			append(g.key(), toText(t.Object.Type), toText(t.Object.ID), toText(t.Relation), toText(t.Subject.Type), toText(t.Subject.ID), toText(t.Subject.Relation))...)
	}
	if len(logged.relation) > 0 {
		s.own("INSERT INTO tuple_log (tenant, store, "+tupleFields+", revision, n, at, removed) SELECT $1, $2, u.* FROM unnest($3::text[], $4::text[], $5::text[],"+
			" $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::boolean[]) AS u",
			append(append(g.key(), logged.all()...), logged.revision, logged.n, logged.at, logged.removed)...)
		s.own("UPDATE tuple_store SET revision = $3"+inStore, append(g.key(), int64(g.revision))...)
	} else if g.revision == 0 { // the row was made to be locked, and there is no such store
		s.own("DELETE FROM tuple_store"+inStore+" AND revision = 0", g.key()...)
	}
	if drop || len(logged.relation) > 0 {
		s.tuplesChanged(g.jobs[0].Write.InTuples(), g.revision)
	}
}
