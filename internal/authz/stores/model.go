package stores

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz/builtin"
	"github.com/cardea-auth/cardea/internal/authz/condition"
	"github.com/cardea-auth/cardea/internal/authz/index"
	"github.com/cardea-auth/cardea/internal/authz/model"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
)

// Version is a version of the model of a store. It never changes. Its id is a ULID behind those of the
// versions before it.
type Version struct {
	store.Meta
	Store   string       `json:"store"`
	Digest  string       `json:"digest"` // of the model: equal for versions that say the same
	Created time.Time    `json:"created"`
	Author  Author       `json:"author,omitzero"` // who has written it; unknown of those of before it was kept
	Model   *model.Model `json:"model"`
	// BuiltIn says that it uses the built-in module; see keptSchema.
	BuiltIn bool `json:"-"`
}

// keptSchema marks, in the document, the model of a version that uses the built-in module. A program that does not
// know of that would answer as if nobody were in any group; it refuses this schema instead. A model that names a
// module cardea without the mark is of before there was one, and all its tuples are its own.
const keptSchema model.Schema = "1.2 with the built-in module"

// kept is the version as its document has it.
func (v *Version) kept() *Version {
	out := *v
	if v.BuiltIn {
		m := *v.Model
		m.Schema, out.Model = keptSchema, &m
	}
	return &out
}

// opened takes the mark of a document off.
func opened(v *Version) *Version {
	if v != nil && v.Model != nil && v.Model.Schema == keptSchema {
		m := *v.Model
		m.Schema = model.Schema12
		v.Model, v.BuiltIn = &m, true
	}
	return v
}

// Text is the model in the modelling language. builtin.Parse makes the same of it.
func (v *Version) Text() (string, error) {
	if v.BuiltIn {
		return builtin.Text(v.Model)
	}
	return model.Format(v.Model)
}

// Author is who has written a version.
type Author struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

const versionsByStore = "by_store"

func versionKind() store.Kind[Version] {
	return store.Kind[Version]{
		Name: "authz_model", Noun: "model",
		Meta:    func(v *Version) *store.Meta { return &v.Meta },
		Columns: []store.ColumnOf[Version]{{Name: "store", Kind: store.TextKind, Of: func(v *Version) store.Value { return store.Text(v.Store) }}},
		Indexes: []store.Index{{Name: versionsByStore, Columns: []string{"store"}}},
	}
}

func noModel() error {
	return errs.New(errs.NotFound, "model_not_found", "The store has no such version of a model.")
}

// WriteModel adds a version to the model of a store. It is used from then on, unless another one is
// pinned. The tuples that the store has are not changed: those that the new version does not accept
// are left out of its answers, and come back with a version that does. Errors are those of
// model.Check. One that uses the built-in module shows who belongs to what in the whole tenant, so whoever
// writes it must be allowed to read that.
func (s *Stores) WriteModel(ctx context.Context, c access.Caller, storeID string, m *model.Model) (*Version, error) {
	permit, err := s.guard.Allow(ctx, c, "authz.model.write", objectOf(storeID))
	if err != nil {
		return nil, err
	}
	uses := builtin.Extends(m)
	if _, err := s.compile(m, uses); err != nil {
		return nil, err
	}
	if err := s.mayShow(ctx, c, m); err != nil {
		return nil, err
	}
	v := &Version{Store: storeID, Author: Author(c.Subject()), Model: m, BuiltIn: uses}
	if v.Digest, err = m.Digest(); err != nil {
		return nil, err
	}
	_, err = s.change(ctx, c, storeID, func(doc *Store) (store.Batch, error) {
		v.Created = doc.Updated
		v.ID = id.NewULID(v.Created, doc.Latest)
		doc.Latest = v.ID
		written := store.Event{Kind: "authz_model.written", Public: map[string]string{"model": v.ID, "digest": v.Digest}}
		if uses {
			written.Public["uses"] = builtin.Name
		}
		return store.Batch{Permit: permit, Docs: []store.DocOp{s.versions.In(c.Tenant()).Insert(ctx, v.kept())}, Events: []store.Event{written}}, nil
	})
	if err != nil {
		return nil, err
	}
	return v, nil
}

// Pin makes a version the one that is used where a question names none, however many newer ones there
// are; with an empty id the newest is used again. Pinning an older one is rolling back.
func (s *Stores) Pin(ctx context.Context, c access.Caller, storeID, modelID string) (*Store, error) {
	permit, err := s.guard.Allow(ctx, c, "authz.store.update", objectOf(storeID))
	if err != nil {
		return nil, err
	}
	if modelID != "" {
		if _, err := s.version(ctx, c.Tenant(), storeID, modelID); err != nil {
			return nil, err
		}
	}
	return s.change(ctx, c, storeID, func(doc *Store) (store.Batch, error) {
		before := doc.Model()
		doc.Pinned = modelID
		return store.Batch{Permit: permit, Events: []store.Event{{
			Kind: "authz_store.pinned", Public: map[string]string{"before": before, "model": doc.Model()},
		}}}, nil
	})
}

// GetModel reads a version; an empty id is the one that is used.
func (s *Stores) GetModel(ctx context.Context, c access.Caller, storeID, modelID string) (*Version, error) {
	if _, err := s.guard.Allow(ctx, c, "authz.model.read", objectOf(storeID)); err != nil {
		return nil, err
	}
	doc, err := s.stores.In(c.Tenant()).View(ctx, storeID)
	if err != nil {
		return nil, missing(err, noStore())
	}
	if modelID, err = doc.choose(modelID); err != nil {
		return nil, err
	}
	return s.version(ctx, c.Tenant(), storeID, modelID)
}

// choose is the version that is meant.
func (s *Store) choose(modelID string) (string, error) {
	if modelID == "" {
		modelID = s.Model()
	}
	if modelID == "" {
		return "", errs.New(errs.NotFound, "model_missing", "The store has no model yet.")
	}
	return modelID, nil
}

// version reads a version of this store and no other.
func (s *Stores) version(ctx context.Context, t id.Tenant, storeID, modelID string) (*Version, error) {
	v, err := s.versions.In(t).Get(ctx, modelID)
	if err == nil && v.Store != storeID {
		err = noModel()
	}
	return opened(v), missing(err, noModel())
}

// ListModels lists the versions of a store, the newest first.
func (s *Stores) ListModels(ctx context.Context, c access.Caller, storeID string, r page.Request) (page.Page[*Version], error) {
	if _, err := s.guard.Allow(ctx, c, "authz.model.read", objectOf(storeID)); err != nil {
		return page.Page[*Version]{}, err
	}
	if _, err := s.stores.In(c.Tenant()).View(ctx, storeID); err != nil {
		return page.Page[*Version]{}, missing(err, noStore())
	}
	p, err := s.versions.In(c.Tenant()).Find(ctx, store.Query{
		Index: versionsByStore, Eq: []store.Value{store.Text(storeID)}, Desc: true, Request: r,
	})
	for _, v := range p.Items {
		opened(v)
	}
	return p, err
}

// compile makes the rules of a model. One that uses the built-in module must have it unchanged.
func (s *Stores) compile(m *model.Model, uses bool) (index.Rules, error) {
	if uses {
		if err := builtin.Check(m); err != nil {
			return index.Rules{}, err
		}
	}
	return s.rules(m, uses)
}

// rules are the rules of a model that was found sound, or is about to be.
func (s *Stores) rules(m *model.Model, uses bool) (index.Rules, error) {
	foreign := func(model.Type, model.Relation) string { return "" }
	if uses {
		foreign = builtin.Foreign
	}
	rules, _, err := m.CompileWith(condition.Config{Inline: s.inline}, foreign)
	if err != nil {
		return index.Rules{}, err
	}
	digest, err := m.Digest()
	if uses {
		digest += " " + builtin.Name // another graph than that of the same model with tuples of its own
	}
	return index.Rules{Digest: digest, Model: rules}, err
}

// mayShow refuses a model by which c could learn who belongs to what, without being allowed to read that in the
// whole tenant: whoever has a role on one store only is not.
func (s *Stores) mayShow(ctx context.Context, c access.Caller, m *model.Model) error {
	for _, name := range builtin.Types(m) {
		var action access.Action
		switch name {
		case access.TypeUser, access.TypeService:
			continue
		case "group":
			action = "group.read"
		case "org":
			action = "member.read"
		default:
			action = "role.read"
		}
		kind, _, _ := strings.Cut(string(action), ".")
		if _, err := s.guard.Allow(ctx, c, action, access.Object{Type: "cardea:" + kind}); err != nil {
			return err
		}
	}
	return nil
}

// compiledVersion is a version that is ready to decide.
type compiledVersion struct {
	id    string
	model *model.Model
	rules index.Rules
}

// ready is a version with its rules. A version never changes, so they are made once.
func (s *Stores) ready(ctx context.Context, t id.Tenant, storeID, modelID string) (*compiledVersion, error) {
	key := versionKey{t, storeID, modelID}
	if v := s.compiled.get(key); v != nil {
		return v, nil
	}
	v, err := s.version(ctx, t, storeID, modelID)
	if err != nil {
		return nil, err
	}
	rules, err := s.rules(v.Model, v.BuiltIn)
	if err != nil { // it was sound when it was written: the fault is ours
		return nil, errs.Wrap(errs.Internal, err, "", "A stored model could not be compiled.")
	}
	made := &compiledVersion{id: modelID, model: v.Model, rules: rules}
	s.compiled.put(key, made)
	return made, nil
}

type versionKey struct {
	tenant       id.Tenant
	store, model string
}

// shelf keeps what was compiled.
type shelf struct {
	mu  sync.RWMutex
	all map[versionKey]*compiledVersion
}

// maxCompiled bounds the shelf. A model of a hundred relations takes some 100 kB.
const maxCompiled = 1000

func newShelf() *shelf { return &shelf{all: map[versionKey]*compiledVersion{}} }

func (s *shelf) get(k versionKey) *compiledVersion {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.all[k]
}

// put makes room by letting go of any one: whichever it is, it can be made again.
func (s *shelf) put(k versionKey, v *compiledVersion) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.all) >= maxCompiled {
		for other := range s.all {
			delete(s.all, other)
			break
		}
	}
	s.all[k] = v
}
