package mongo

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/relational"
)

// errNeighbour is of a batch that did nothing wrong and shared a transaction that was not committed.
var errNeighbour = errors.New("mongo: the transaction that this write shared was not committed")

// errInTurn says that a strict operation fails in a batch whose documents may fail too, which comes first.
var errInTurn = errors.New("mongo: the batches must follow one another")

// groupTries is how often the transaction of a group is begun anew: other nodes write to the same counter.
const groupTries = 30

// commitGroup decides every job. All of them are one transaction first, in the hope that none fails; if one
// does, nothing is left of it, and each batch becomes a transaction of its own: there are no savepoints.
func (e *Engine) commitGroup(ctx context.Context, jobs []*relational.Job) {
	if len(jobs) == 1 {
		e.commitAlone(ctx, jobs[0])
		return
	}
	for try := 1; ; try++ {
		err := e.transact(ctx, func(ctx context.Context) error { return e.together(ctx, jobs, false) })
		switch {
		case err == nil:
			return
		case again(err) && try < groupTries:
			_ = backOff(ctx, try) // ctx does not end
			continue
		case refusedBatch(err):
			for _, j := range jobs {
				e.commitAlone(ctx, j)
			}
			return
		}
		for _, j := range jobs {
			j.Err = errors.Join(errNeighbour, err)
		}
		return
	}
}

func (e *Engine) commitAlone(ctx context.Context, j *relational.Job) {
	for try := 1; ; try++ {
		j.Err = e.attempts(ctx, func(ctx context.Context, clear bool) error { return e.together(ctx, []*relational.Job{j}, clear) })
		if !again(j.Err) || try*tries > groupTries {
			return
		}
	}
}

// refusedBatch reports whether a batch is the cause of a failure, or may be.
func refusedBatch(err error) bool {
	_, taken := errors.AsType[*store.ExistsError](err)
	var server mongo.ServerError
	return taken || errors.Is(err, store.ErrChanged) || errors.Is(err, errInTurn) ||
		!errors.Is(err, store.ErrAmbiguous) && errors.As(err, &server) && !mongo.IsNetworkError(err)
}

// together does what the jobs, batches of one tuple store, ask for. In a group each job that fails by itself
// alone has its own verdict.
func (e *Engine) together(ctx context.Context, jobs []*relational.Job, clear bool) error {
	g := group{engine: e, in: jobs[0].Write.InTuples(), drop: jobs[0].Write.DropTuples}
	if err := g.begin(ctx, jobs); err != nil {
		return err
	}
	var told []changed
	for _, j := range jobs {
		j.Err = nil
		single := len(jobs) == 1
		if single { // documents come first
			if err := e.docs(ctx, j.Write, clear); err != nil {
				return err
			}
		}
		revision, err := g.state.Relate(j.Write, g.revision)
		if err != nil {
			switch {
			case single:
				return err
			case len(j.Write.Docs) > 0:
				return errInTurn
			}
			j.Err = err
			continue
		}
		g.revision, j.Revision = revision, revision
		if !single {
			if err := e.docs(ctx, j.Write, clear); err != nil {
				return err
			}
		}
		told = append(told, changesOf(j.Write)...)
	}
	changes, err := g.write(ctx)
	if err != nil {
		return err
	}
	return e.tell(ctx, append(told, changes...))
}

// group is one transaction for many batches of one tuple store.
type group struct {
	engine   *Engine
	in       store.TupleStore
	drop     bool
	state    relational.TupleState
	revision uint64
}

// begin writes to the counter of the store, which it makes if need be, and reads what the operations are
// about: from here on whoever else changes tuples of the store meets this transaction, or this one them.
func (g *group) begin(ctx context.Context, jobs []*relational.Job) error {
	e, counters := g.engine, g.engine.in(collStores)
	key := bson.D{{Key: "_id", Value: storeKey(g.in)}, {Key: "t", Value: string(g.in.Tenant)}}
	update := bson.D{
		{Key: "$inc", Value: bson.D{{Key: "locked", Value: int64(1)}}},
		{Key: "$setOnInsert", Value: bson.D{{Key: "revision", Value: int64(0)}, {Key: "trimmed", Value: int64(0)}}},
	}
	if g.drop {
		for _, name := range []string{collTuples, collLog} {
			if _, err := e.in(name).DeleteMany(ctx, inStore(g.in)); err != nil {
				return err
			}
		}
		update = bson.D{
			{Key: "$inc", Value: bson.D{{Key: "locked", Value: int64(1)}}},
			{Key: "$set", Value: bson.D{{Key: "revision", Value: int64(0)}, {Key: "trimmed", Value: int64(0)}}},
		}
	}
	var c counter
	err := counters.FindOneAndUpdate(ctx, key, update, options.FindOneAndUpdate().SetUpsert(true).SetReturnDocument(options.After)).Decode(&c)
	if _, _, taken := exists(err); taken { // somebody else has made it at the same moment
		return mongo.CommandError{Code: codeExists, Name: "DuplicateKey", Labels: []string{labelTransient}}
	}
	if err != nil {
		return err
	}
	g.revision = uint64(c.Revision)
	return g.find(ctx, jobs)
}

// find reads the tuples that the jobs are about.
func (g *group) find(ctx context.Context, jobs []*relational.Job) error {
	about := map[string]bool{}
	keys := bson.A{}
	for _, j := range jobs {
		for _, op := range j.Write.Tuples {
			if key := tupleKey(g.in, op.Tuple); !about[key] {
				about[key] = true
				keys = append(keys, key)
			}
		}
	}
	if len(keys) == 0 {
		return nil
	}
	filter := bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: keys}}}, {Key: "t", Value: string(g.in.Tenant)}}
	rows, err := all[tupleRow](ctx, g.engine.in(collTuples), filter, nil, len(keys))
	for _, r := range rows {
		g.state.Found(r.tuple())
	}
	return err
}

// write does what the tuple operations of all jobs come to, and says what other nodes must hear of.
func (g *group) write(ctx context.Context) ([]changed, error) {
	replaced, added, gone, log := g.state.Net()
	e := g.engine
	if err := g.change(ctx, replaced, added, gone); err != nil {
		return nil, err
	}
	if len(log) > 0 {
		if _, err := e.in(collLog).InsertMany(ctx, logRows(g.in, log)); err != nil {
			return nil, err
		}
		key := bson.D{{Key: "_id", Value: storeKey(g.in)}, {Key: "t", Value: string(g.in.Tenant)}}
		if _, err := e.in(collStores).UpdateOne(ctx, key, bson.D{{Key: "$set", Value: bson.D{{Key: "revision", Value: int64(g.revision)}}}}); err != nil {
			return nil, err
		}
	}
	if g.drop || len(log) > 0 {
		return []changed{{Tenant: string(g.in.Tenant), ID: g.in.ID, Revision: int64(g.revision)}}, nil
	}
	return nil, nil
}

func (g *group) change(ctx context.Context, replaced, added, gone []store.Tuple) error {
	tuples := g.engine.in(collTuples)
	if len(gone) > 0 {
		keys := bson.A{}
		for _, t := range gone {
			keys = append(keys, tupleKey(g.in, t))
		}
		if _, err := tuples.DeleteMany(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: keys}}}, {Key: "t", Value: string(g.in.Tenant)}}); err != nil {
			return err
		}
	}
	if len(replaced) > 0 {
		var models []mongo.WriteModel
		for _, t := range replaced {
			r := rowOf(g.in, t)
			models = append(models, mongo.NewReplaceOneModel().SetFilter(bson.D{{Key: "_id", Value: r.ID}, {Key: "t", Value: r.Tenant}}).SetReplacement(r))
		}
		if _, err := tuples.BulkWrite(ctx, models); err != nil {
			return err
		}
	}
	if len(added) == 0 {
		return nil
	}
	rows := make([]any, len(added))
	for i, t := range added {
		rows[i] = rowOf(g.in, t)
	}
	_, err := tuples.InsertMany(ctx, rows)
	return err
}

func logRows(s store.TupleStore, log []store.TupleChange) []any {
	rows, n := make([]any, len(log)), 0
	for i, c := range log {
		if n++; i == 0 || log[i-1].Revision != c.Revision {
			n = 0
		}
		t := c.Tuple
		rows[i] = logRow{
			ID: logKey(s, c.Revision, n), Tenant: string(s.Tenant), Revision: int64(c.Revision), At: date(c.At), Removed: c.Delete,
			Tuple: join(tupleParts(t)...), Condition: t.Condition.Name, Context: t.Condition.Context, Expires: point(t.Expires),
		}
	}
	return rows
}
