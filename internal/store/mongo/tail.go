package mongo

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
)

// note is a document of "change": what a transaction has changed, and when by the clock of the server.
type note struct {
	ID      string        `bson:"_id"`
	At      bson.DateTime `bson:"at"`
	Changes []changed     `bson:"of"`
}

// changed is a store.Change.
type changed struct {
	Tenant     string `bson:"t"`
	Collection string `bson:"c"` // a collection has a name, a tuple store has none here
	ID         string `bson:"i"`
	Revision   int64  `bson:"r"`
}

// changesOf are the changes by which other nodes learn what to forget. Nobody caches events or messages,
// and of what is only now inserted nobody has cached more than that it was not there.
func changesOf(w store.Write) []changed {
	var out []changed
	for _, op := range w.Docs {
		if !op.Changes() || op.Key.Collection == store.EventCollection || op.Key.Collection == store.OutboxCollection {
			continue
		}
		version := op.Version + 1 // an Insert has none before
		if op.Kind == store.DeleteOp {
			version = 0
		}
		out = append(out, changed{string(op.Key.Tenant), op.Key.Collection, op.Key.ID, version})
	}
	return out
}

// tell writes the note of a transaction. The server gives it its time; it does so only in an update.
func (e *Engine) tell(ctx context.Context, changes []changed) error {
	if len(changes) == 0 {
		return nil
	}
	_, err := e.in(collChanges).UpdateOne(ctx, bson.D{{Key: "_id", Value: rand.Text()}}, bson.D{
		{Key: "$currentDate", Value: bson.D{{Key: "at", Value: true}}}, {Key: "$set", Value: bson.D{{Key: "of", Value: changes}}},
	}, options.UpdateOne().SetUpsert(true))
	return err
}

// keepChanges is how long notes for other nodes are kept. A node that has not read them for that long
// forgets all that it knows.
const keepChanges = 10 * time.Minute

// How far back a reading looks. A note is written before its transaction ends and becomes visible after
// that; Config.Within bounds how much later, and the long look is twice as far. Most take milliseconds, so
// that it is needed once a second only. It also has the primary prove that it is one.
const (
	shortLook = 500 * time.Millisecond
	longEvery = time.Second
)

// Follow implements store.Shared.
func (e *Engine) Follow(_ context.Context, back time.Duration) store.Follower {
	return &follower{engine: e, back: back, seen: map[string]time.Time{}}
}

// follower reads the notes of changes, again and again from a little before where it was: their times
// are no order of commits.
type follower struct {
	engine   *Engine
	back     time.Duration // as far as the first reading looks; less if that takes too long
	since    time.Time     // by the server's clock, from when on nothing was missed
	last     time.Time     // by the server's clock, when the last reading was; zero: none yet
	long     time.Time     // and the last that has looked far back
	election bson.ObjectID // of the primary
	seen     map[string]time.Time
}

// Wake implements store.Follower. A server of this kind wakes nobody.
func (f *follower) Wake() <-chan struct{} { return nil }

// Since implements store.Follower.
func (f *follower) Since() time.Time { return f.since }

// Next implements store.Follower.
func (f *follower) Next(ctx context.Context) ([]store.Change, time.Time, error) {
	far := f.last.IsZero() || f.last.Sub(f.long) >= longEvery
	look := shortLook
	if far {
		look = f.engine.longLook()
	}
	var h hello
	var notes []note
	err := f.engine.read(ctx, func(ctx context.Context) (err error) {
		if far {
			if err := f.engine.confirm(ctx); err != nil {
				return err
			}
		}
		if h, err = f.engine.hello(ctx); err != nil {
			return err
		}
		from := f.last.Add(-look)
		if f.last.IsZero() {
			if f.back == 0 {
				return nil
			}
			from = h.Time.Time().Add(-f.back)
		}
		notes, err = f.engine.notes(ctx, from)
		return err
	})
	if err != nil {
		f.back /= 8
		return nil, time.Time{}, err
	}
	return f.advance(h, far, notes)
}

func (e *Engine) longLook() time.Duration { return 2 * e.config.Within }

// errOtherDatabase says that another database has taken the place of this one, as when files were put back.
var errOtherDatabase = errors.New("mongo: the database is another than the one that was opened")

// confirm has a majority of the servers confirm the primary, whose clock and changes would mean nothing
// otherwise.
func (e *Engine) confirm(ctx context.Context) error {
	var life entry
	err := e.proven(collRegistry).FindOne(ctx, bson.D{{Key: "_id", Value: "life"}}).Decode(&life)
	if err == nil && life.Value != e.life {
		return errOtherDatabase
	}
	return err
}

func (e *Engine) notes(ctx context.Context, from time.Time) ([]note, error) {
	cursor, err := e.in(collChanges).Find(ctx, bson.D{{Key: "at", Value: bson.D{{Key: "$gte", Value: date(from)}}}})
	if err != nil {
		return nil, err
	}
	var out []note
	return out, cursor.All(ctx, &out)
}

// advance remembers what was read and returns what is new in it. Another primary has another clock, and may
// not have what the one before had told of and not yet passed on.
func (f *follower) advance(h hello, far bool, notes []note) ([]store.Change, time.Time, error) {
	now := h.Time.Time().UTC()
	first := f.last.IsZero()
	missed := !first && (now.Sub(f.last) > keepChanges-f.engine.longLook() || h.Election != f.election)
	if first {
		f.since = now.Add(-f.back)
	}
	if far {
		f.long = now
	}
	f.last, f.election = now, h.Election
	var out []store.Change
	for _, n := range notes {
		if _, known := f.seen[n.ID]; known {
			continue
		}
		f.seen[n.ID] = n.At.Time()
		for _, c := range n.Changes {
			out = append(out, store.Change{Key: store.Key{Tenant: id.Tenant(c.Tenant), Collection: c.Collection, ID: c.ID}, Revision: uint64(c.Revision)})
		}
	}
	for docID, at := range f.seen {
		if at.Before(now.Add(-f.engine.longLook() - longEvery)) {
			delete(f.seen, docID)
		}
	}
	if missed {
		f.since = now
		return nil, now, store.ErrTrimmed
	}
	return out, now, nil
}
