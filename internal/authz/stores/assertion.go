package stores

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz/tuplekey"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/store"
)

// Assertion is a question with the answer that is expected. Assertions are kept for tools; the store
// does nothing with them.
type Assertion struct {
	Key         tuplekey.Key   `json:"tuple_key"`
	Expectation bool           `json:"expectation,omitzero"`
	Contextual  []tuplekey.Key `json:"contextual_tuples,omitempty"`
	Context     jsontext.Value `json:"context,omitzero"` // a JSON object, or nothing
}

// Assertions are those of one version of a model. Their id is that of the version.
type Assertions struct {
	store.Meta
	All []Assertion `json:"all"`
}

func assertionsKind() store.Kind[Assertions] {
	return store.Kind[Assertions]{
		Name: "authz_assertions", Noun: "list of assertions",
		Meta: func(a *Assertions) *store.Meta { return &a.Meta },
	}
}

// Bounds of the assertions of a version.
const (
	MaxAssertions      = 100
	maxAssertionsBytes = 64 << 10 // of what they bring
)

// WriteAssertions replaces the assertions of a version of a model.
func (s *Stores) WriteAssertions(ctx context.Context, c access.Caller, storeID, modelID string, all []Assertion) error {
	permit, err := s.guard.Allow(ctx, c, "authz.model.write", objectOf(storeID))
	if err != nil {
		return err
	}
	size := 0
	for _, a := range all {
		size += len(a.Context)
		for _, k := range a.Contextual {
			size += len(k.User) + len(k.Relation) + len(k.Object)
			if k.Condition != nil {
				size += len(k.Condition.Context)
			}
		}
	}
	if len(all) > MaxAssertions || size > maxAssertionsBytes {
		return errs.New(errs.Invalid, "too_many_assertions", "A model has at most %d assertions, with at most %d bytes of context.", MaxAssertions, maxAssertionsBytes)
	}
	v, err := s.ofStore(ctx, c, storeID, modelID)
	if err != nil {
		return err
	}
	for _, a := range all {
		if err := a.fits(v); err != nil {
			return err
		}
	}
	in := s.assertions.In(c.Tenant())
	doc, err := in.Get(ctx, modelID)
	op := in.Insert
	switch {
	case errs.Is(err, errs.NotFound):
		doc = &Assertions{Meta: store.Meta{ID: modelID}}
	case err != nil:
		return err
	default:
		op = in.Replace
	}
	doc.All = all
	_, err = s.db.Commit(ctx, store.Batch{
		Permit: permit, Docs: []store.DocOp{op(ctx, doc)},
		Events: []store.Event{{Kind: "authz_model.asserted", Public: map[string]string{"model": modelID}}},
	})
	return err
}

// fits refuses what the version could not be asked.
func (a Assertion) fits(v *compiledVersion) error {
	q, err := a.Key.Question()
	if err != nil {
		return err
	}
	if t := v.model.Type(q.Object.Type); t == nil || t.Relation(q.Relation) == nil {
		return errs.New(errs.Invalid, "invalid_assertion", "An assertion asks about a type or relation that the model does not have.")
	}
	brought, err := tuplekey.Tuples(a.Contextual)
	if err != nil {
		return err
	}
	for _, t := range brought {
		if err := v.rules.Model.Accepts(t); err != nil {
			return err
		}
	}
	_, err = tuplekey.Context(a.Context)
	return err
}

// ofStore is a version of a store that exists.
func (s *Stores) ofStore(ctx context.Context, c access.Caller, storeID, modelID string) (*compiledVersion, error) {
	if _, err := s.stores.In(c.Tenant()).View(ctx, storeID); err != nil {
		return nil, missing(err, noStore())
	}
	return s.ready(ctx, c.Tenant(), storeID, modelID)
}

// ReadAssertions are the assertions of a version of a model.
func (s *Stores) ReadAssertions(ctx context.Context, c access.Caller, storeID, modelID string) ([]Assertion, error) {
	if _, err := s.guard.Allow(ctx, c, "authz.model.read", objectOf(storeID)); err != nil {
		return nil, err
	}
	if _, err := s.ofStore(ctx, c, storeID, modelID); err != nil {
		return nil, err
	}
	doc, err := s.assertions.In(c.Tenant()).Get(ctx, modelID)
	if errs.Is(err, errs.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return doc.All, nil
}
