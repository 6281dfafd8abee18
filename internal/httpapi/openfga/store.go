package openfga

import (
	"net/http"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz/stores"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// Store is a store.
type Store struct {
	ID      string     `json:"id"`
	Name    string     `json:"name"`
	Created time.Time  `json:"created_at"`
	Updated time.Time  `json:"updated_at"`
	Deleted *time.Time `json:"deleted_at" doc:"always null: what is deleted is gone"`
	Pinned  string     `json:"pinned_authorization_model_id,omitzero" doc:"the model that is used instead of the newest; not in OpenFGA"`
}

func showStore(s *stores.Store) Store {
	return Store{ID: s.ID, Name: s.Name, Created: s.Created, Updated: s.Updated, Pinned: s.Pinned}
}

// StoreName names a store.
type StoreName struct {
	Name string `json:"name" max:"256"`
}

// StorePage is a page of stores.
type StorePage struct {
	Stores []Store `json:"stores"`
	Next   string  `json:"continuation_token" doc:"empty on the last page"`
}

func (d *Door) create(x *edge.Exchange, c access.Caller) error {
	var in StoreName
	if err := parse(x, &in); err != nil {
		return err
	}
	s, err := d.Stores.Create(x.R.Context(), c, in.Name)
	if err != nil {
		return err
	}
	return x.JSON(http.StatusCreated, showStore(s))
}

func (d *Door) list(x *edge.Exchange, c access.Caller) error {
	r, get, err := pageRequest(x, maxPage)
	if err != nil {
		return err
	}
	p, err := d.Stores.List(x.R.Context(), c, get("name"), r)
	if err != nil {
		return err
	}
	out := StorePage{Stores: make([]Store, len(p.Items)), Next: p.Next}
	for i, s := range p.Items {
		out.Stores[i] = showStore(s)
	}
	return ok(x, out)
}

func (d *Door) get(x *edge.Exchange, c access.Caller) error {
	s, err := d.Stores.Get(x.R.Context(), c, storeID(x))
	if err != nil {
		return err
	}
	return ok(x, showStore(s))
}

func (d *Door) rename(x *edge.Exchange, c access.Caller) error {
	var in StoreName
	if err := parse(x, &in); err != nil {
		return err
	}
	s, err := d.Stores.Rename(x.R.Context(), c, storeID(x), in.Name)
	if err != nil {
		return err
	}
	return ok(x, showStore(s))
}

// delete answers alike for a store that was never there: OpenFGA does, and its command asks again.
func (d *Door) delete(x *edge.Exchange, c access.Caller) error {
	if err := d.Stores.Delete(x.R.Context(), c, storeID(x)); err != nil && !errs.Is(err, errs.NotFound) {
		return err
	}
	x.WriteHeader(http.StatusNoContent)
	return nil
}

// AssertionList are the assertions of a version of a model.
type AssertionList struct {
	Model      string             `json:"authorization_model_id,omitzero"`
	Assertions []stores.Assertion `json:"assertions"`
}

func (d *Door) writeAssertions(x *edge.Exchange, c access.Caller) error {
	var in AssertionList
	if err := parse(x, &in); err != nil {
		return err
	}
	if err := d.Models.WriteAssertions(x.R.Context(), c, storeID(x), x.R.PathValue("model_id"), in.Assertions); err != nil {
		return err
	}
	x.WriteHeader(http.StatusNoContent)
	return nil
}

func (d *Door) readAssertions(x *edge.Exchange, c access.Caller) error {
	modelID := x.R.PathValue("model_id")
	all, err := d.Models.ReadAssertions(x.R.Context(), c, storeID(x), modelID)
	if err != nil {
		return err
	}
	return ok(x, AssertionList{Model: modelID, Assertions: append([]stores.Assertion{}, all...)})
}
