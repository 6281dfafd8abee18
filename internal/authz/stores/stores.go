// Package stores keeps the relation tuples of applications. A tenant has any number of stores; a store
// has versions of a model, which never change, and tuples, and answers questions about them:
//
//	stores.go    a store: made, renamed, deleted          model.go     versions of its model
//	write.go     tuples written, all or none              read.go      tuples read, and their changes
//	ask.go       who may do what, from memory             explain.go   why, and what would change it
//	assertion.go what a model is expected to answer
//	draft.go     a model that is still being written
//
// A question is answered from a graph in memory (package index), which is loaded at the first question
// and follows every commit before it is acknowledged. It reads no storage unless it asks for full
// consistency. Every answer tells the revision that it rests on; a question can name the least
// revision that it wants to know of.
//
// Everything is asked of the guard first, and what changes something is an event: one for each batch
// of tuples, none for a question. Cardea's own roles are in a store that cannot be reached from here.
package stores

import (
	"context"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz/index"
	"github.com/cardea-auth/cardea/internal/authz/model"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
)

// Store is a store of relation tuples. Its id is a ULID, as clients of OpenFGA expect.
type Store struct {
	store.Meta
	Name    string    `json:"name"`
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
	Latest  string    `json:"latest,omitzero"` // the newest version of the model
	Pinned  string    `json:"pinned,omitzero"` // the version that is used instead, if any
}

// Model is the id of the version that is used where a question names none; empty if there is none.
func (s *Store) Model() string {
	if s.Pinned != "" {
		return s.Pinned
	}
	return s.Latest
}

const storesByName = "by_name"

func storeKind() store.Kind[Store] {
	return store.Kind[Store]{
		Name: "authz_store", Noun: "store",
		Meta:    func(s *Store) *store.Meta { return &s.Meta },
		Columns: []store.ColumnOf[Store]{{Name: "name", Kind: store.TextKind, Of: func(s *Store) store.Value { return store.Text(s.Name) }}},
		Indexes: []store.Index{{Name: storesByName, Columns: []string{"name"}}},
	}
}

// Stores are the stores of all tenants.
type Stores struct {
	db       *store.DB
	guard    *access.Guard
	graphs   *index.Index
	compiled *shelf
	inline   bool
	scenario Scenario

	stores     *store.Collection[Store]
	versions   *store.Collection[Version]
	assertions *store.Collection[Assertions]
	writes     *store.Collection[done]
}

// Config is what Stores need.
type Config struct {
	DB     *store.DB
	Guard  *access.Guard
	Graphs *index.Index
	// Inline lets tuples bring conditions of their own, in models that have [user with $expression].
	Inline bool
	// Scenario runs store files; nil if nobody wants to.
	Scenario Scenario
}

// Scenario asks what the text of a store file asks. A file without a model of its own is about m, which
// may be nil. An error means that it cannot be asked.
type Scenario func(ctx context.Context, file string, m *model.Model, now time.Time) ([]Outcome, error)

// New makes the stores of a DB.
func New(c Config) *Stores {
	return &Stores{
		db: c.DB, guard: c.Guard, graphs: c.Graphs, compiled: newShelf(), inline: c.Inline, scenario: c.Scenario,
		stores:     store.NewCollection(c.DB, storeKind()),
		versions:   store.NewCollection(c.DB, versionKind()),
		assertions: store.NewCollection(c.DB, assertionsKind()),
		writes:     store.NewCollection(c.DB, doneKind()),
	}
}

func objectOf(storeID string) access.Object {
	return access.Object{Type: "cardea:authz_store", ID: storeID}
}

// tuplesOf is where the tuples of a store are. Its id is never empty: that would be the tenant's own.
func tuplesOf(t id.Tenant, s *Store) store.TupleStore { return store.TupleStore{Tenant: t, ID: s.ID} }

func noStore() error { return errs.New(errs.NotFound, "store_not_found", "There is no such store.") }

// MaxStoreName bounds the name of a store, in bytes. It is for people, and need not be unique.
const MaxStoreName = 256

func checkName(name string) error {
	if len(name) == 0 || len(name) > MaxStoreName || !utf8.ValidString(name) ||
		strings.TrimSpace(name) != name || strings.ContainsFunc(name, unicode.IsControl) {
		return errs.Bad("/name", "must have 1 to %d bytes, without control characters and without white space around it", MaxStoreName)
	}
	return nil
}

// Create makes an empty store. It can answer once it has a model.
func (s *Stores) Create(ctx context.Context, c access.Caller, name string) (*Store, error) {
	permit, err := s.guard.Allow(ctx, c, "authz.store.create", objectOf(""))
	if err != nil {
		return nil, err
	}
	if err := checkName(name); err != nil {
		return nil, err
	}
	now := s.db.Now()
	doc := &Store{Meta: store.Meta{ID: id.NewULID(now, "")}, Name: name, Created: now, Updated: now}
	_, err = s.db.Commit(ctx, store.Batch{
		Permit: permit, Docs: []store.DocOp{s.stores.In(c.Tenant()).Insert(ctx, doc)},
		Events: []store.Event{{Kind: "authz_store.created", Object: objectOf(doc.ID), Public: map[string]string{"name": name}}},
	})
	if err != nil {
		return nil, err
	}
	return doc, nil
}

// List lists stores in the order in which they were made; with a name, those that are called so.
func (s *Stores) List(ctx context.Context, c access.Caller, name string, r page.Request) (page.Page[*Store], error) {
	if _, err := s.guard.Allow(ctx, c, "authz.store.read", objectOf("")); err != nil {
		return page.Page[*Store]{}, err
	}
	q := store.Query{Request: r}
	if name != "" {
		q.Index, q.Eq = storesByName, []store.Value{store.Text(name)}
	}
	return s.stores.In(c.Tenant()).Find(ctx, q)
}

// Get reads a store.
func (s *Stores) Get(ctx context.Context, c access.Caller, storeID string) (*Store, error) {
	if _, err := s.guard.Allow(ctx, c, "authz.store.read", objectOf(storeID)); err != nil {
		return nil, err
	}
	doc, err := s.stores.In(c.Tenant()).Get(ctx, storeID)
	return doc, missing(err, noStore())
}

// missing is err, or instead if it says that something is not there.
func missing(err, instead error) error {
	if errs.Is(err, errs.NotFound) {
		return instead
	}
	return err
}

// Rename changes the name of a store.
func (s *Stores) Rename(ctx context.Context, c access.Caller, storeID, name string) (*Store, error) {
	permit, err := s.guard.Allow(ctx, c, "authz.store.update", objectOf(storeID))
	if err != nil {
		return nil, err
	}
	if err := checkName(name); err != nil {
		return nil, err
	}
	return s.change(ctx, c, storeID, func(doc *Store) (store.Batch, error) {
		before := doc.Name
		doc.Name = name
		return store.Batch{Permit: permit, Events: []store.Event{{
			Kind: "authz_store.renamed", Public: map[string]string{"before": before, "name": name},
		}}}, nil
	})
}

func (s *Stores) change(ctx context.Context, c access.Caller, storeID string, change func(*Store) (store.Batch, error)) (*Store, error) {
	doc, err := s.stores.In(c.Tenant()).Update(ctx, storeID, func(doc *Store) (store.Batch, error) {
		doc.Updated = s.db.Now()
		return change(doc)
	})
	return doc, missing(err, noStore())
}

// Delete deletes a store with its tuples at once, and what is left of it afterwards. It cannot be
// taken back.
func (s *Stores) Delete(ctx context.Context, c access.Caller, storeID string) error {
	permit, err := s.guard.Allow(ctx, c, "authz.store.delete", objectOf(storeID))
	if err != nil {
		return err
	}
	in := s.stores.In(c.Tenant())
	doc, err := in.Get(ctx, storeID)
	if err != nil {
		return missing(err, noStore())
	}
	_, err = s.db.Commit(ctx, store.Batch{
		Permit: permit, Docs: []store.DocOp{in.Delete(doc)}, TupleStore: doc.ID, DropTuples: true,
		Events: []store.Event{{Kind: "authz_store.deleted", Public: map[string]string{"name": doc.Name}}},
	})
	if err != nil {
		return err
	}
	s.graphs.Forget(tuplesOf(c.Tenant(), doc))
	return s.forget(ctx, c.Tenant(), doc.ID)
}

// forget removes the models of a store that is gone. Nobody can reach them any more; a crash in
// between leaves a few documents behind and nothing else.
func (s *Stores) forget(ctx context.Context, t id.Tenant, storeID string) error {
	versions, assertions := s.versions.In(t), s.assertions.In(t)
	for {
		p, err := versions.Find(ctx, store.Query{Index: versionsByStore, Eq: []store.Value{store.Text(storeID)}})
		if err != nil || len(p.Items) == 0 {
			return err
		}
		batch := store.Batch{Permit: s.guard.Task(t, "authz.store.forget")}
		var ids []string
		for _, v := range p.Items {
			batch.Docs = append(batch.Docs, versions.Delete(v))
			ids = append(ids, v.ID)
		}
		found, err := assertions.GetMany(ctx, ids)
		if err != nil {
			return err
		}
		for _, a := range found {
			batch.Docs = append(batch.Docs, assertions.Delete(a))
		}
		if _, err := s.db.Commit(ctx, batch); err != nil {
			return err
		}
	}
}
