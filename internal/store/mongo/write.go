package mongo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	randv2 "math/rand/v2"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

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
	return store.Receipt{}, e.attempts(ctx, func(ctx context.Context, clear bool) error {
		if err := e.docs(ctx, w, clear); err != nil {
			return err
		}
		return e.tell(ctx, changesOf(w))
	})
}

// tries is how often a transaction is begun anew that has met another.
const tries = 10

// attempts runs the transaction of a batch, and once more where something stands in the way that may have expired,
// with its removal.
func (e *Engine) attempts(ctx context.Context, f func(ctx context.Context, clear bool) error) error {
	clear := false
	for try := 1; ; try++ {
		err := e.transact(ctx, func(ctx context.Context) error { return f(ctx, clear) })
		_, taken := errors.AsType[*failedError](err)
		switch {
		case taken && !clear:
			clear = true
		case taken:
			return e.nameKey(ctx, err)
		case again(err) && try < tries:
			if err := backOff(ctx, try); err != nil {
				return err
			}
		default:
			return err
		}
	}
}

// backOff pauses before another try, at random, so that those who met do not meet again.
func backOff(ctx context.Context, try int) error {
	return pause.For(ctx, randv2.N(min(time.Millisecond<<try, 200*time.Millisecond)))
}

// failedError says which operation of a batch an index stood against.
type failedError struct {
	*store.ExistsError
	table *table
	op    store.Op
}

func (f *failedError) Unwrap() error { return f.ExistsError }

// nameKey is the error about an index, or about the key where that is taken too: MongoDB names whichever
// index it has looked at first, the contract names the key before others.
func (e *Engine) nameKey(ctx context.Context, err error) error {
	f, ok := errors.AsType[*failedError](err)
	if !ok {
		return err
	}
	if f.op.Kind != store.InsertOp || f.Index == store.PrimaryIndex {
		return f.ExistsError
	}
	look := e.read(ctx, func(ctx context.Context) error {
		return e.of(f.table).FindOne(ctx, bson.D{{Key: "_id", Value: recordKey(f.op.Key.Tenant, f.op.Key.ID)}}).Err()
	})
	if look == nil {
		return &store.ExistsError{Collection: f.Collection, Index: store.PrimaryIndex}
	}
	return f.ExistsError
}

// transact runs f in a transaction and commits it. The caller's context is looked at before; afterwards the
// work is bounded by Config.Within alone. The error is ErrAmbiguous where nobody can say whether it was
// committed, and otherwise means that nothing was written.
func (e *Engine) transact(ctx context.Context, f func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	quiet, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.config.Within)
	defer cancel()
	s, err := e.client.StartSession()
	if err != nil {
		return clean(err)
	}
	defer s.EndSession(quiet)
	if err := s.StartTransaction(); err != nil {
		return clean(err)
	}
	if err := f(mongo.NewSessionContext(quiet, s)); err != nil {
		e.abort(ctx, s)
		return answered(quiet, err)
	}
	err = s.CommitTransaction(quiet)
	switch {
	case err == nil:
		e.commits.Add(1)
		return nil
	case undecided(err):
		return errors.Join(store.ErrAmbiguous, answered(quiet, err))
	}
	return answered(quiet, err)
}

// abortWithin bounds the end of a transaction that failed: the server ends it by itself too, after a minute.
const abortWithin = time.Second

func (e *Engine) abort(ctx context.Context, s *mongo.Session) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortWithin)
	defer cancel()
	_ = s.AbortTransaction(ctx) // nothing of it can be committed any more
}

// docs does the operations of w in their order; inserts into one collection that follow each other are one
// command. With clear, what has expired is taken out of their way.
func (e *Engine) docs(ctx context.Context, w store.Write, clear bool) error {
	mark := w.Mark()
	for i := 0; i < len(w.Docs); {
		op := w.Docs[i]
		t, err := e.table(op.Key.Collection)
		if err != nil {
			return err
		}
		if clear {
			if err := e.clear(ctx, t, op, w.At); err != nil {
				return err
			}
		}
		batch := ""
		if i == mark {
			batch = w.ID
		}
		if op.Kind != store.InsertOp {
			if err := e.change(ctx, t, op, batch, w.At); err != nil {
				return err
			}
			i++
			continue
		}
		inserts, from := []any{t.document(op, batch)}, i
		for i++; i < len(w.Docs) && !clear && w.Docs[i].Kind == store.InsertOp && w.Docs[i].Key.Collection == op.Key.Collection; i++ {
			inserts = append(inserts, t.document(w.Docs[i], ""))
		}
		if _, err := e.of(t).InsertMany(ctx, inserts); err != nil {
			_, at, _ := exists(err)
			return t.failed(w.Docs[from+at], err)
		}
	}
	return nil
}

// failed is what went wrong with an operation.
func (t *table) failed(op store.Op, err error) error {
	if e, ok := errors.AsType[*store.ExistsError](t.verdict(err)); ok {
		return &failedError{e, t, op}
	}
	return err
}

// document is what an Insert writes.
func (t *table) document(op store.Op, batch string) bson.D {
	key := recordKey(op.Key.Tenant, op.Key.ID)
	d := bson.D{{Key: "_id", Value: key}, {Key: "t", Value: string(op.Key.Tenant)}, {Key: "version", Value: int64(1)}}
	if !op.Expires.IsZero() {
		d = append(d, bson.E{Key: "expires", Value: date(op.Expires)})
	}
	if batch != "" {
		d = append(d, bson.E{Key: "batch", Value: batch})
	}
	set, _ := t.columns(key, op.Columns)
	return append(append(d, set...), bson.E{Key: "body", Value: string(op.Body)}, bson.E{Key: "sum", Value: store.Sum(1, op.Body)})
}

// change does a Replace, Delete or Check. What meets another version changes nothing, and ends the
// transaction. A Check writes too: a transaction that only reads a document does not notice that another
// one is changing it.
func (e *Engine) change(ctx context.Context, t *table, op store.Op, batch string, now time.Time) error {
	key := recordKey(op.Key.Tenant, op.Key.ID)
	filter := bson.D{{Key: "_id", Value: key}, {Key: "t", Value: string(op.Key.Tenant)}, {Key: "version", Value: op.Version}, live(now)}
	matched := int64(0)
	switch op.Kind {
	case store.ReplaceOp, store.CheckOp:
		update := bson.D{{Key: "$set", Value: bson.D{{Key: "checked", Value: rand.Text()}}}}
		if op.Kind == store.ReplaceOp {
			update = t.replacement(key, op, batch)
		}
		r, err := e.of(t).UpdateOne(ctx, filter, update)
		if err != nil {
			return t.failed(op, err)
		}
		matched = r.MatchedCount
	case store.DeleteOp:
		r, err := e.of(t).DeleteOne(ctx, filter)
		if err != nil {
			return err
		}
		matched = r.DeletedCount
	default:
		return fmt.Errorf("mongo: collection %s: unknown operation %d", t.Schema.Name, op.Kind)
	}
	if matched == 0 {
		return store.ErrChanged
	}
	return nil
}

// replacement is the update of a Replace. The mark of an earlier batch stays where this one's is elsewhere.
func (t *table) replacement(key string, op store.Op, batch string) bson.D {
	set, unset := t.columns(key, op.Columns)
	set = append(set, bson.E{Key: "version", Value: op.Version + 1}, bson.E{Key: "body", Value: string(op.Body)},
		bson.E{Key: "sum", Value: store.Sum(op.Version+1, op.Body)})
	if batch != "" {
		set = append(set, bson.E{Key: "batch", Value: batch})
	}
	if op.Expires.IsZero() {
		unset = append(unset, bson.E{Key: "expires", Value: ""})
	} else {
		set = append(set, bson.E{Key: "expires", Value: date(op.Expires)})
	}
	update := bson.D{{Key: "$set", Value: set}}
	if len(unset) > 0 {
		update = append(update, bson.E{Key: "$unset", Value: unset})
	}
	return update
}

// clear removes expired documents that share the key or a unique value with op.
func (e *Engine) clear(ctx context.Context, t *table, op store.Op, now time.Time) error {
	if op.Kind != store.InsertOp && op.Kind != store.ReplaceOp {
		return nil
	}
	same := bson.A{bson.D{{Key: "_id", Value: recordKey(op.Key.Tenant, op.Key.ID)}}}
	for _, x := range t.unique {
		var these bson.D
		for i, v := range t.of(x, op.Columns) {
			if isNone(v) { // it stands in nobody's way
				these = nil
				break
			}
			these = append(these, bson.E{Key: "x_" + x.Columns[i], Value: value(v)})
		}
		if these != nil {
			same = append(same, these)
		}
	}
	_, err := e.of(t).DeleteMany(ctx, bson.D{
		{Key: "t", Value: string(op.Key.Tenant)}, {Key: "expires", Value: bson.D{{Key: "$lte", Value: date(now)}}}, {Key: "$or", Value: same},
	})
	return err
}

// Committed implements store.Engine. The transaction of w may still be under way on a server that was slower
// than the connection: whoever writes the marked document too meets it, and waits until it has ended.
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
	if err := e.settled(ctx, t, op); err != nil {
		return false, err
	}
	var found row
	err = e.read(ctx, func(ctx context.Context) error {
		return e.proven(t.Name).FindOne(ctx, bson.D{{Key: "_id", Value: recordKey(op.Key.Tenant, op.Key.ID)}},
			options.FindOne().SetProjection(bson.D{{Key: "version", Value: 1}, {Key: "batch", Value: 1}})).Decode(&found)
	})
	if err != nil && !errors.Is(err, mongo.ErrNoDocuments) {
		return false, err
	}
	return relational.Judge(w, found.Version, found.Batch)
}

// errProbe ends a transaction that was only to find out whether it meets another.
var errProbe = errors.New("mongo: nobody is in the way")

// settled returns when no transaction that writes the document of op is under way.
func (e *Engine) settled(ctx context.Context, t *table, op store.Op) error {
	key := recordKey(op.Key.Tenant, op.Key.ID)
	for try := 1; ; try++ {
		err := e.transact(ctx, func(ctx context.Context) error {
			var err error
			if op.Kind == store.InsertOp {
				_, err = e.of(t).InsertOne(ctx, t.probe(key, op))
			} else {
				_, err = e.of(t).UpdateOne(ctx, bson.D{{Key: "_id", Value: key}}, bson.D{{Key: "$set", Value: bson.D{{Key: "checked", Value: rand.Text()}}}})
			}
			if _, _, taken := exists(err); err == nil || taken {
				return errProbe
			}
			return err
		})
		switch {
		case errors.Is(err, errProbe):
			return nil
		case !again(err):
			return err
		}
		if err := backOff(ctx, min(try, tries)); err != nil {
			return err
		}
	}
}

// probe is a document that meets whoever inserts the same key, and nobody by another index.
func (t *table) probe(key string, op store.Op) bson.D {
	d := bson.D{{Key: "_id", Value: key}, {Key: "t", Value: string(op.Key.Tenant)}}
	for _, x := range t.unique {
		d = append(d, bson.E{Key: alone(x.Name), Value: key})
	}
	return d
}
