package manage

import (
	"context"
	"net/http"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz/stores"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/page"
)

// TupleStore is a store of relation tuples of an application.
type TupleStore struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
	Model   string    `json:"model,omitzero" doc:"version of the model that is used where a question names none; left out: there is none yet"`
	Latest  string    `json:"latest,omitzero" doc:"the newest version"`
	Pinned  bool      `json:"pinned" doc:"whether a version was chosen; else the newest is used"`
}

func showTupleStore(s *stores.Store) TupleStore {
	return TupleStore{ID: s.ID, Name: s.Name, Created: s.Created, Updated: s.Updated, Model: s.Model(), Latest: s.Latest, Pinned: s.Pinned != ""}
}

// StoreNaming names a store, for people.
type StoreNaming struct {
	Name string `json:"name" max:"256"`
}

// StorePin chooses a version.
type StorePin struct {
	Model string `json:"model,omitzero" max:"26" doc:"an older one is a rollback; left out: the newest is used from now on"`
}

type ofTupleStore struct {
	within
	Store string `path:"store" max:"26"`
}

const groupStores = "Stores of applications"

func (a *API) tupleStores() []rest.Operation {
	const group = groupStores
	created := status(administers("POST /api/stores", "store.create", "authz.store.create", group, "Make an empty store of relation tuples"), http.StatusCreated)
	return []rest.Operation{
		endpoint(a, administers("GET /api/stores", "store.list", "authz.store.read", group, "List stores of relation tuples"),
			func(ctx context.Context, c access.Caller, in struct {
				within
				paging
				Name string `query:"name" max:"256" doc:"only stores that are called so"`
			}) (page.Page[TupleStore], error) {
				p, err := a.Stores.List(ctx, c, in.Name, in.request())
				return turned(p, err, showTupleStore)
			}),
		endpoint(a, created, func(ctx context.Context, c access.Caller, in struct {
			within
			Body StoreNaming `body:"json"`
		}) (TupleStore, error) {
			s, err := a.Stores.Create(ctx, c, in.Body.Name)
			return one(s, err, showTupleStore)
		}),
		endpoint(a, administers("GET /api/stores/{store}", "store.get", "authz.store.read", group, "Read a store"),
			func(ctx context.Context, c access.Caller, in ofTupleStore) (TupleStore, error) {
				s, err := a.Stores.Get(ctx, c, in.Store)
				return one(s, err, showTupleStore)
			}),
		endpoint(a, administers("PATCH /api/stores/{store}", "store.rename", "authz.store.update", group, "Rename a store"),
			func(ctx context.Context, c access.Caller, in struct {
				ofTupleStore
				Body StoreNaming `body:"json"`
			}) (TupleStore, error) {
				s, err := a.Stores.Rename(ctx, c, in.Store, in.Body.Name)
				return one(s, err, showTupleStore)
			}),
		endpoint(a, administers("DELETE /api/stores/{store}", "store.delete", "authz.store.delete", group, "Delete a store with its tuples and models"),
			func(ctx context.Context, c access.Caller, in ofTupleStore) (rest.None, error) {
				return done(a.Stores.Delete(ctx, c, in.Store))
			}),
		endpoint(a, administers("PUT /api/stores/{store}/pinned", "model.pin", "authz.store.update", group, "Use a version of the model instead of the newest, or the newest again"),
			func(ctx context.Context, c access.Caller, in struct {
				ofTupleStore
				Body StorePin `body:"json"`
			}) (TupleStore, error) {
				s, err := a.Stores.Pin(ctx, c, in.Store, in.Body.Model)
				return one(s, err, showTupleStore)
			}),
	}
}

// StoreTrial is a store file that is to be asked.
type StoreTrial struct {
	File  string `json:"file" max:"262144" format:"text" doc:"the text of a .fga.yaml; it names no other files"`
	Model string `json:"model,omitzero" max:"26" doc:"version that is used where the file has no model of its own; left out: the one that is used anyway"`
	Draft string `json:"draft,omitzero" max:"262144" format:"text" doc:"a model that is stored nowhere, in place of a version"`
}

// StoreOutcome is what an assertion of a store file came to.
type StoreOutcome struct {
	Test     string `json:"test,omitzero"`
	Question string `json:"question"`
	Want     string `json:"want"`
	Got      string `json:"got"`
	Passed   bool   `json:"passed"`
}

func (a *API) trials() []rest.Operation {
	tried := administers("POST /api/stores/{store}/test", "store.test", "authz.model.read", groupStores, "Ask what a store file asks, of its own tuples")
	tried.MaxBody = maxModelBody
	return []rest.Operation{endpoint(a, refusing(tried, errs.Unavailable), func(ctx context.Context, c access.Caller, in struct {
		ofTupleStore
		Body StoreTrial `body:"json"`
	}) (many[StoreOutcome], error) {
		draft, err := parseDraft(in.Body.Draft)
		if err != nil {
			return many[StoreOutcome]{}, err
		}
		all, err := a.Stores.Try(ctx, c, in.Store, stores.Trial{File: in.Body.File, Model: in.Body.Model, Draft: draft})
		return collect(all, err, func(o stores.Outcome) StoreOutcome { return StoreOutcome(o) })
	})}
}
