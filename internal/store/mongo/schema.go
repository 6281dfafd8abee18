package mongo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/cardea-auth/cardea/internal/kit/pause"
	"github.com/cardea-auth/cardea/internal/store"
)

// entry is a document of the collection "cardea", which says what of ours is in the database: it marks the
// database as ours, and says how what is there was declared.
//
//	format                        version of the collections that every database has
//	base                          those are there
//	lock                          held by whoever makes collections and indexes, until a time
//	pulse                         changed by Ping
//	life                          names the database; drawn when it was made
//	table:user                    the collection is there
//	column:user.email = text      and its column
//	index:user/by_email = …       and its index, as it was declared
//
// Nothing of this is one transaction: each step may be done twice, and is noted when it is done.
type entry struct {
	Name  string `bson:"_id"`
	Value string `bson:"value"`
}

// lease is the entry "lock".
type lease struct {
	Holder string        `bson:"holder"`
	Until  bson.DateTime `bson:"until"` // by the clock of the server
}

// How long the lease lasts without being renewed, and how often it is, or is asked for.
const (
	leaseFor   = 15 * time.Second
	leaseRenew = 5 * time.Second
	leaseAsk   = 50 * time.Millisecond
)

// partial is an index of those documents that have the field.
func partial(field string) mongo.IndexModel {
	return mongo.IndexModel{
		Keys:    bson.D{{Key: field, Value: 1}},
		Options: options.Index().SetName(field).SetPartialFilterExpression(bson.D{{Key: field, Value: bson.D{{Key: "$exists", Value: true}}}}),
	}
}

// ensureBase makes what every database has. Several nodes may start at once.
func (e *Engine) ensureBase(ctx context.Context) error {
	err := e.read(ctx, func(ctx context.Context) error { return e.ours(ctx) })
	if err != nil {
		return err
	}
	return e.alone(ctx, func(ctx context.Context, have map[string]string) error {
		if n, err := strconv.Atoi(have["format"]); err != nil || n > formatVersion {
			return sentence("the database was written by a newer version of Cardea; start that version")
		}
		if _, ok := have["base"]; !ok {
			if err := e.makeBase(ctx); err != nil {
				return err
			}
		}
		if e.life = have["life"]; e.life == "" {
			e.life = rand.Text()
			return e.enter(ctx, "life", e.life)
		}
		return nil
	})
}

// ours claims a database that is empty, and refuses one that is somebody else's.
func (e *Engine) ours(ctx context.Context) error {
	names, err := e.db.ListCollectionNames(ctx, bson.D{})
	if err != nil {
		return err
	}
	names = slices.DeleteFunc(names, func(s string) bool { return strings.HasPrefix(s, "system.") })
	if slices.Contains(names, collRegistry) {
		err := e.in(collRegistry).FindOne(ctx, bson.D{{Key: "_id", Value: "format"}}).Err()
		if err == nil || !errors.Is(err, mongo.ErrNoDocuments) {
			return err
		}
	} else if len(names) > 0 {
		return sentence("the database holds collections of another program; give Cardea a database of its own")
	}
	for _, x := range []entry{{"lock", ""}, {"pulse", ""}, {"format", strconv.Itoa(formatVersion)}} {
		if err := e.enter(ctx, x.Name, x.Value); err != nil {
			return err
		}
	}
	return nil
}

// enter notes something that is done, if it is not noted yet.
func (e *Engine) enter(ctx context.Context, name, value string) error {
	_, err := e.in(collRegistry).InsertOne(ctx, entry{name, value})
	if _, _, taken := exists(err); taken {
		return nil
	}
	return err
}

func (e *Engine) makeBase(ctx context.Context) error {
	for name, indexes := range map[string][]mongo.IndexModel{
		collStores: nil, collLog: nil,
		collTuples:  {{Keys: bson.D{{Key: "r", Value: 1}}, Options: options.Index().SetName("r")}, partial("expires")},
		collChanges: {{Keys: bson.D{{Key: "at", Value: 1}}, Options: options.Index().SetName("at")}},
	} {
		if err := e.create(ctx, name); err != nil {
			return err
		}
		if len(indexes) > 0 {
			if _, err := e.in(name).Indexes().CreateMany(ctx, indexes); err != nil {
				return err
			}
		}
	}
	return e.enter(ctx, "base", "")
}

func (e *Engine) create(ctx context.Context, name string) error {
	err := e.db.CreateCollection(ctx, name)
	if ce, ok := errors.AsType[mongo.CommandError](err); ok && ce.Code == codeSameName {
		return nil
	}
	return err
}

// alone runs f while nobody else makes collections or indexes, with what the registry says. The lease of
// a process that was killed ends by itself.
func (e *Engine) alone(ctx context.Context, f func(context.Context, map[string]string) error) error {
	holder := rand.Text()
	for {
		got := false
		err := e.read(ctx, func(ctx context.Context) (err error) {
			got, err = e.hold(ctx, holder, false)
			return err
		})
		if err != nil {
			return err
		}
		if got {
			break
		}
		if err := pause.For(ctx, leaseAsk); err != nil {
			return err
		}
	}
	work, stop := context.WithCancelCause(ctx)
	var renewing sync.WaitGroup
	renewing.Go(func() { e.renew(work, holder, stop) })
	err := e.withRegistry(work, f)
	stop(nil)
	renewing.Wait()
	return errors.Join(err, e.release(context.WithoutCancel(ctx), holder))
}

func (e *Engine) withRegistry(ctx context.Context, f func(context.Context, map[string]string) error) error {
	have, err := e.registered(ctx)
	if err == nil {
		err = f(ctx, have)
	}
	return clean(err)
}

// registered is what the registry says.
func (e *Engine) registered(ctx context.Context) (map[string]string, error) {
	cursor, err := e.in(collRegistry).Find(ctx, bson.D{})
	if err != nil {
		return nil, err
	}
	var found []entry
	if err := cursor.All(ctx, &found); err != nil {
		return nil, err
	}
	have := map[string]string{}
	for _, x := range found {
		have[x.Name] = x.Value
	}
	return have, nil
}

// hold takes the lease if it has ended, or prolongs it.
func (e *Engine) hold(ctx context.Context, holder string, mine bool) (bool, error) {
	h, err := e.hello(ctx)
	if err != nil {
		return false, err
	}
	now := h.Time.Time()
	free := bson.D{{Key: "until", Value: bson.D{{Key: "$not", Value: bson.D{{Key: "$gt", Value: date(now)}}}}}}
	if mine {
		free = bson.D{{Key: "holder", Value: holder}}
	}
	r, err := e.in(collRegistry).UpdateOne(ctx, append(bson.D{{Key: "_id", Value: "lock"}}, free...),
		bson.D{{Key: "$set", Value: lease{holder, date(now.Add(leaseFor))}}})
	return err == nil && r.MatchedCount == 1, err
}

var errLeaseLost = errors.New("mongo: somebody else makes collections and indexes now")

func (e *Engine) renew(ctx context.Context, holder string, stop context.CancelCauseFunc) {
	for {
		if pause.For(ctx, leaseRenew) != nil {
			return
		}
		err := e.read(ctx, func(ctx context.Context) error {
			if mine, err := e.hold(ctx, holder, true); err != nil || mine {
				return err
			}
			return errLeaseLost
		})
		if errors.Is(err, errLeaseLost) { // otherwise it has some seconds left
			stop(err)
			return
		}
	}
}

func (e *Engine) release(ctx context.Context, holder string) error {
	return e.read(ctx, func(ctx context.Context) error {
		_, err := e.in(collRegistry).UpdateOne(ctx, bson.D{{Key: "_id", Value: "lock"}, {Key: "holder", Value: holder}},
			bson.D{{Key: "$unset", Value: bson.D{{Key: "until", Value: ""}}}})
		return err
	})
}

// Ensure implements store.Keeper. Killed half-way, what was done stays and the rest is done at the next
// start. Indexes are built while others write.
func (e *Engine) Ensure(ctx context.Context, schemas []store.Schema) error {
	tables := e.known()
	var declared []*table
	for _, s := range schemas {
		t, err := newTable(s)
		if err != nil {
			return err
		}
		tables[s.Name] = t
		declared = append(declared, t)
	}
	err := e.alone(ctx, func(ctx context.Context, have map[string]string) error {
		for _, t := range declared {
			if err := e.ensure(ctx, t, have); err != nil {
				return fmt.Errorf("preparing collection %s: %w", t.Schema.Name, clean(err))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	e.tables.Store(&tables)
	return nil
}

// ensure creates or extends a collection. What was declared once and is no longer stays. What contradicts
// what is there is refused before anything is done.
func (e *Engine) ensure(ctx context.Context, t *table, have map[string]string) error {
	var done []entry
	work := plan{fill: false}
	for _, c := range t.Schema.Columns {
		name := "column:" + t.Schema.Name + "." + c.Name
		kind, ok := have[name]
		if ok && kind != kindName(c.Kind) {
			return sentence("column " + c.Name + " was of another kind; give the new one another name")
		}
		if !ok {
			work.fill = true
			done = append(done, entry{name, kindName(c.Kind)})
		}
	}
	models := t.models()
	for _, d := range t.Schema.Indexes {
		name, definition := "index:"+t.Schema.Name+"/"+d.Name, definition(d)
		was, ok := have[name]
		if ok && was != definition {
			return sentence("index " + d.Name + " was declared otherwise; give the new one another name")
		}
		if !ok {
			work.fill = work.fill || d.Unique
			work.indexes = append(work.indexes, models[d.Name])
			done = append(done, entry{name, definition})
		}
	}
	return e.carryOut(ctx, t, work, done, have)
}

// plan is what a collection lacks.
type plan struct {
	indexes []mongo.IndexModel
	fill    bool // documents that are there lack fields
}

func (e *Engine) carryOut(ctx context.Context, t *table, work plan, done []entry, have map[string]string) error {
	known := "table:" + t.Schema.Name
	_, there := have[known]
	if !there {
		if err := e.create(ctx, t.Name); err != nil {
			return err
		}
		work.indexes = append(work.indexes, partial("expires"))
		done = append(done, entry{known, ""})
	}
	if there && work.fill {
		if err := e.backfill(ctx, t); err != nil {
			return err
		}
	}
	if len(work.indexes) > 0 {
		if _, err := e.of(t).Indexes().CreateMany(ctx, work.indexes); err != nil {
			return err
		}
	}
	for _, x := range done {
		if err := e.enter(ctx, x.Name, x.Value); err != nil {
			return err
		}
	}
	return nil
}

func definition(d store.Index) string {
	out := "(tenant, " + strings.Join(d.Columns, ", ") + ")"
	if d.Unique {
		out = "UNIQUE " + out
	}
	return out
}

func kindName(k store.ValueKind) string {
	if k == store.IntKind {
		return "int"
	}
	return "text"
}

// backfill computes the indexed fields of every document anew, expired ones included. One that is changed
// at the same moment is computed again.
func (e *Engine) backfill(ctx context.Context, t *table) error {
	for after := ""; ; {
		rows, err := all[row](ctx, e.of(t), bson.D{{Key: "_id", Value: bson.D{{Key: "$gt", Value: after}}}}, bson.D{{Key: "_id", Value: 1}}, readPage)
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, r := range rows {
			if err := e.fill(ctx, t, r); err != nil {
				return err
			}
		}
		after = rows[len(rows)-1].ID
	}
}

func (e *Engine) fill(ctx context.Context, t *table, r row) error {
	for {
		columns, err := t.Derive(r.record(t.Schema.Name))
		if err != nil {
			return err
		}
		set, unset := t.columns(r.ID, columns)
		update := bson.D{}
		if len(set) > 0 {
			update = append(update, bson.E{Key: "$set", Value: set})
		}
		if len(unset) > 0 {
			update = append(update, bson.E{Key: "$unset", Value: unset})
		}
		done, err := e.of(t).UpdateOne(ctx, bson.D{{Key: "_id", Value: r.ID}, {Key: "version", Value: r.Version}}, update)
		if err != nil || done.MatchedCount == 1 {
			return err
		}
		err = e.of(t).FindOne(ctx, bson.D{{Key: "_id", Value: r.ID}}).Decode(&r)
		if errors.Is(err, mongo.ErrNoDocuments) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
