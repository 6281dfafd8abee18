package policy

import (
	"context"
	"regexp"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
)

// Set is a set of policies with a name, which is its id. It decides nothing until a version is active
// and a decision plan names it.
type Set struct {
	store.Meta
	Description string    `json:"description,omitzero"`
	Created     time.Time `json:"created"`
	Updated     time.Time `json:"updated"`
	Latest      int       `json:"latest,omitzero"`   // number of the newest version; 0: none yet
	Active      int       `json:"active,omitzero"`   // number of the version that decides; 0: none
	Previous    int       `json:"previous,omitzero"` // the one that was active before
}

func setKind() store.Kind[Set] {
	return store.Kind[Set]{
		Name: "policy_set", Noun: "policy set",
		Meta: func(s *Set) *store.Meta { return &s.Meta },
	}
}

// Bounds of a tenant and of a set.
const (
	MaxSets        = 100
	maxDescription = 1000
)

// Sets are the policy sets of all tenants.
type Sets struct {
	db       *store.DB
	guard    *access.Guard
	inUse    func(ctx context.Context, t id.Tenant, set string) (bool, error)
	compiled *shelf

	sets     *store.Collection[Set]
	versions *store.Collection[Version]
}

// Config is what Sets need.
type Config struct {
	DB    *store.DB
	Guard *access.Guard
	// InUse tells whether decisions of a tenant rest on a set, which then cannot be deleted. Nil: never.
	InUse func(ctx context.Context, t id.Tenant, set string) (bool, error)
}

// New makes the sets of a DB.
func New(c Config) *Sets {
	s := &Sets{
		db: c.DB, guard: c.Guard, inUse: c.InUse, compiled: newShelf(),
		sets: store.NewCollection(c.DB, setKind()), versions: store.NewCollection(c.DB, versionKind()),
	}
	// A set may have been deleted and made anew by another node, with other policies under its numbers.
	c.DB.OnChanged(setKind().Name, func(_ context.Context, t id.Tenant) { s.compiled.drop(t, "") })
	c.DB.OnMissed(func(context.Context) { s.compiled.clear() })
	return s
}

func setObject(name string) access.Object { return access.Object{Type: "cardea:policy_set", ID: name} }

func noSet() error {
	return errs.New(errs.NotFound, "policy_set_not_found", "There is no such policy set.")
}

func instead(err, other error) error {
	if errs.Is(err, errs.NotFound) {
		return other
	}
	return err
}

// Create makes an empty set.
func (s *Sets) Create(ctx context.Context, c access.Caller, name, description string) (*Set, error) {
	permit, err := s.guard.Allow(ctx, c, "policy.write", setObject(name))
	if err != nil {
		return nil, err
	}
	if !regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`).MatchString(name) {
		return nil, errs.Bad("/name", "must be 1 to 63 of lower-case letters, digits and -, and begin with a letter")
	}
	if len(description) > maxDescription {
		return nil, errs.Bad("/description", "must not be longer than %d bytes", maxDescription)
	}
	in := s.sets.In(c.Tenant())
	if n, err := in.Count(ctx, MaxSets, ""); err != nil || n >= MaxSets {
		if err == nil {
			err = errs.New(errs.Precondition, "too_many_policy_sets", "A tenant has at most %d policy sets.", MaxSets)
		}
		return nil, err
	}
	now := s.db.Now()
	doc := &Set{Meta: store.Meta{ID: name}, Description: description, Created: now, Updated: now}
	_, err = s.db.Commit(ctx, store.Batch{
		Permit: permit, Docs: []store.DocOp{in.Insert(ctx, doc)}, Events: []store.Event{{Kind: "policy_set.created", Object: setObject(name)}},
	})
	if err != nil {
		return nil, err
	}
	return doc, nil
}

// List lists sets by name.
func (s *Sets) List(ctx context.Context, c access.Caller, r page.Request) (page.Page[*Set], error) {
	if _, err := s.guard.Allow(ctx, c, "policy.read", setObject("")); err != nil {
		return page.Page[*Set]{}, err
	}
	return s.sets.In(c.Tenant()).Find(ctx, store.Query{Request: r})
}

// Get reads a set.
func (s *Sets) Get(ctx context.Context, c access.Caller, name string) (*Set, error) {
	if _, err := s.guard.Allow(ctx, c, "policy.read", setObject(name)); err != nil {
		return nil, err
	}
	doc, err := s.sets.In(c.Tenant()).Get(ctx, name)
	return doc, instead(err, noSet())
}

// Delete deletes a set that no decision plan names, with its versions. Decisions that rested on it can
// no longer be replayed.
func (s *Sets) Delete(ctx context.Context, c access.Caller, name string) error {
	permit, err := s.guard.Allow(ctx, c, "policy.delete", setObject(name))
	if err != nil {
		return err
	}
	in := s.sets.In(c.Tenant())
	doc, err := in.Get(ctx, name)
	if err != nil {
		return instead(err, noSet())
	}
	if s.inUse != nil {
		used, err := s.inUse(ctx, c.Tenant(), name)
		if err != nil {
			return err
		}
		if used {
			return errs.New(errs.Precondition, "policy_set_in_use", "A decision plan names the set; take it out of there first.")
		}
	}
	_, err = s.db.Commit(ctx, store.Batch{
		Permit: permit, Docs: []store.DocOp{in.Delete(doc)}, Events: []store.Event{{Kind: "policy_set.deleted", Object: setObject(name)}},
	})
	if err != nil {
		return err
	}
	s.compiled.drop(c.Tenant(), name)
	return s.forget(ctx, c.Tenant(), name)
}

// forget removes the versions of a set that is gone. A crash in between leaves documents that a new set
// of that name would meet: Write passes over them.
func (s *Sets) forget(ctx context.Context, t id.Tenant, name string) error {
	in := s.versions.In(t)
	for {
		p, err := in.Find(ctx, store.Query{Index: versionsBySet, Eq: []store.Value{store.Text(name)}})
		if err != nil || len(p.Items) == 0 {
			return err
		}
		batch := store.Batch{Permit: s.guard.Task(t, "policy.forget")}
		for _, v := range p.Items {
			batch.Docs = append(batch.Docs, in.Delete(v))
		}
		if _, err := s.db.Commit(ctx, batch); err != nil {
			return err
		}
	}
}
