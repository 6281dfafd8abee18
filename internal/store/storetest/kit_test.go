package storetest_test

import (
	"errors"
	"testing"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

type thing struct {
	store.Meta
	Name string `json:"name"`
}

func things(db *store.DB) *store.Collection[thing] {
	return store.NewCollection(db, store.Kind[thing]{
		Name: "thing", Noun: "thing", Meta: func(t *thing) *store.Meta { return &t.Meta },
		Columns: []store.ColumnOf[thing]{{Name: "name", Kind: store.TextKind, Of: func(t *thing) store.Value { return store.Text(t.Name) }}},
		Indexes: []store.Index{{Name: "by_name", Columns: []string{"name"}, Unique: true}},
	})
}

func TestNewDB(t *testing.T) {
	t.Parallel()
	db := storetest.NewDB(t, storetest.WithClock(storetest.NewClock()))
	all := things(db).In(id.Default)
	storetest.Ensure(t, db)
	ctx := t.Context()
	commit := func(op store.DocOp) error {
		_, err := db.Commit(ctx, store.Batch{
			Permit: storetest.Permit(id.Default, "thing.change"), Docs: []store.DocOp{op},
			Events: []store.Event{{Kind: "thing.changed"}},
		})
		return err
	}
	one := &thing{Meta: store.Meta{ID: "1"}, Name: "one"}
	if err := commit(all.Insert(ctx, one)); err != nil {
		t.Fatal(err)
	}
	if err := commit(all.Insert(ctx, &thing{Meta: store.Meta{ID: "2"}, Name: "one"})); !store.Exists(err, "by_name") {
		t.Errorf("the same name again: %v", err)
	}
	if err := commit(all.Insert(ctx, one)); !store.Exists(err, store.PrimaryIndex) {
		t.Errorf("the same id again: %v", err)
	}
	got, err := all.Get(ctx, "1")
	if err != nil || got.Name != "one" || got.Version != 1 {
		t.Errorf("Get: %+v, %v", got, err)
	}
	got.Name = "uno"
	if err := commit(all.Replace(ctx, got)); err != nil {
		t.Error(err)
	}
	if err := commit(all.Replace(ctx, got)); errs.CodeOf(err) != "changed_meanwhile" {
		t.Errorf("replacing an old version: %v", err)
	}
	p, err := all.Find(ctx, store.Query{Index: "by_name", Prefix: "u"})
	if err != nil || len(p.Items) != 1 {
		t.Errorf("Find: %+v, %v", p, err)
	}
	events, err := db.Events().In(id.Default).Find(ctx, store.Query{Index: store.EventsByKind, Eq: []store.Value{store.Text("thing.changed")}, Request: page.Request{Limit: 1}})
	if err != nil || len(events.Items) != 1 || events.Next == "" {
		t.Errorf("events: %+v, %v", events, err)
	}
	if _, err := all.Get(ctx, "3"); !errs.Is(err, errs.NotFound) {
		t.Errorf("an absent thing: %v", err)
	}
	if _, err := db.Commit(ctx, store.Batch{}); err == nil || errors.Is(err, store.ErrChanged) {
		t.Errorf("a batch without a permit: %v", err)
	}
}
