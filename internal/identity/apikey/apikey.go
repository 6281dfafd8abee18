// Package apikey knows API keys: long-lived secrets with which a user or a service account calls
// without signing in. A key is made by the server (256 bits), shown once, stored as its SHA-256,
// limited by scopes and by an expiry, and rotated with an overlap in which old and new work.
//
// A key never outlives its owner's right to act: the owner's standing and epoch are looked at on
// every use. The package must not know HTTP.
package apikey

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/opaque"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store"
)

// Key is an API key. Its id is the hash of the secret; Public names it for people and for the API.
type Key struct {
	store.Meta
	Public    string    `json:"public"`
	Hint      string    `json:"hint"` // how the secret begins, to tell keys apart
	Name      string    `json:"name"`
	OwnerType string    `json:"owner_type"` // user | service
	OwnerID   string    `json:"owner_id"`
	Scopes    []string  `json:"scopes,omitzero"`
	Created   time.Time `json:"created"`
	LastUsed  time.Time `json:"last_used,omitzero"` // to the minute
	Revoked   time.Time `json:"revoked,omitzero"`
}

// Owner is whom the key speaks for.
func (k *Key) Owner() access.Subject { return access.Subject{Type: k.OwnerType, ID: k.OwnerID} }

// Indexes of keys.
const (
	keysByPublic = "by_public"
	keysByOwner  = "by_owner" // (owner, created)
)

func kind() store.Kind[Key] {
	return store.Kind[Key]{
		Name: "api_key", Noun: "API key",
		Meta: func(k *Key) *store.Meta { return &k.Meta },
		Columns: []store.ColumnOf[Key]{
			{Name: "public", Kind: store.TextKind, Of: func(k *Key) store.Value { return store.Text(k.Public) }},
			{Name: "owner", Kind: store.TextKind, Of: func(k *Key) store.Value { return store.Text(k.OwnerID) }},
			{Name: "created", Kind: store.IntKind, Of: func(k *Key) store.Value { return store.Time(k.Created) }},
		},
		Indexes: []store.Index{
			{Name: keysByPublic, Columns: []string{"public"}, Unique: true},
			{Name: keysByOwner, Columns: []string{"owner", "created"}},
		},
	}
}

// Owners tells whether the owner of a key may act.
type Owners interface {
	// Standing is nil if the subject exists and may act now.
	Standing(ctx context.Context, t id.Tenant, s access.Subject) error
}

// Config is what keys need; all of it is required.
type Config struct {
	DB     *store.DB
	Guard  *access.Guard
	Owners Owners
}

// Keys are the API keys of all tenants.
type Keys struct {
	Config
	all  *store.Collection[Key]
	used *store.Touches[Key]
}

// New declares API keys to the DB.
func New(c Config) *Keys {
	all := store.NewCollection(c.DB, kind())
	return &Keys{Config: c, all: all, used: store.NewTouches(all, c.Guard, store.Touch[Key]{
		Action: "apikey.touch",
		Last:   func(k *Key) *time.Time { return &k.LastUsed },
		Live:   func(k *Key) bool { return k.Revoked.IsZero() },
	})}
}

// Run writes last uses until ctx ends.
func (s *Keys) Run(ctx context.Context) { s.used.Run(ctx) }

// Bounds of a key.
const (
	MaxLife   = 366 * 24 * time.Hour
	maxScopes = 50
)

// NewKey is what Create needs.
type NewKey struct {
	Owner  access.Subject
	Name   string
	Scopes []string
	Life   time.Duration // at most MaxLife; 0 means MaxLife
}

// Create makes a key and returns its secret, which cannot be had again.
func (s *Keys) Create(ctx context.Context, c access.Caller, n NewKey) (*Key, secret.Value, error) {
	permit, err := s.Guard.Allow(ctx, c, "apikey.create", object("", n.Owner))
	if err != nil {
		return nil, secret.Value{}, err
	}
	if err := n.check(c); err != nil {
		return nil, secret.Value{}, err
	}
	if err := s.Owners.Standing(ctx, c.Tenant(), n.Owner); err != nil {
		return nil, secret.Value{}, err
	}
	k, token := s.make(n)
	_, err = s.DB.Commit(ctx, store.Batch{
		Permit: permit, Docs: []store.DocOp{s.all.In(c.Tenant()).Insert(ctx, k)},
		Events: []store.Event{k.event("apikey.created")},
	})
	return k, token, err
}

func (s *Keys) make(n NewKey) (*Key, secret.Value) {
	token, now := opaque.New(opaque.APIKey), s.DB.Now()
	life := n.Life
	if life == 0 {
		life = MaxLife
	}
	return &Key{
		Meta: store.Meta{ID: opaque.Hash(token), Expires: now.Add(life)}, Public: id.New(), Hint: token[:8],
		Name: n.Name, OwnerType: n.Owner.Type, OwnerID: n.Owner.ID, Scopes: n.Scopes, Created: now,
	}, secret.New(token)
}

func (k *Key) event(kind string) store.Event {
	e := store.Event{
		Kind: kind, Object: object(k.Public, k.Owner()),
		Public: map[string]string{"owner": k.Owner().String(), "scopes": strings.Join(k.Scopes, " ")},
	}
	if k.OwnerType == access.TypeUser {
		e.Person = k.OwnerID
	}
	return e
}

// check refuses what a key must not be. A key made with a limited credential is limited as much.
func (n NewKey) check(c access.Caller) error {
	switch {
	case n.Owner.Type != access.TypeUser && n.Owner.Type != access.TypeService || n.Owner.ID == "":
		return errs.Bad("/owner", "must be a user or a service account")
	case n.Name == "" || len(n.Name) > 200:
		return errs.Bad("/name", "must have 1 to 200 bytes").Breaks(errs.Length, errs.Between(1, 200))
	case n.Life < 0 || n.Life > MaxLife:
		return errs.Bad("/life", "must be at most %d days", int(MaxLife.Hours()/24)).Breaks(errs.Duration, errs.Between(0, int64(MaxLife/time.Second)))
	case len(n.Scopes) > maxScopes:
		return errs.Bad("/scopes", "must not be more than %d", maxScopes).Breaks(errs.Items, errs.Between(0, maxScopes))
	}
	for _, scope := range n.Scopes {
		if scope == "" || len(scope) > 256 || strings.ContainsAny(scope, " \"\\") {
			return errs.Bad("/scopes", "must be scope tokens (RFC 6749, section 3.3)")
		}
	}
	return limited(c, n.Scopes)
}

// limited refuses a key with a scope that the credential lacks with which it is asked for.
func limited(c access.Caller, scopes []string) error {
	for _, scope := range scopes {
		if !c.HasScope(scope) {
			e := errs.New(errs.Denied, "insufficient_scope", "A key cannot have the scope %s, which you lack.", scope)
			e.Missing = scope
			return e
		}
	}
	return nil
}

func object(public string, owner access.Subject) access.Object {
	return access.Object{Type: "cardea:apikey", ID: public, Owner: owner}
}

// errInvalid is the one answer to a key that is forged, revoked or too old, or whose owner may not act.
func errInvalid() error {
	return errs.New(errs.Unauthenticated, "token_invalid", "The API key is not valid.")
}

// Resolve finds the key behind a secret. The result is shared and must not be changed.
func (s *Keys) Resolve(ctx context.Context, t id.Tenant, token string) (*Key, error) {
	if !opaque.Valid(opaque.APIKey, token) {
		return nil, errInvalid()
	}
	k, err := s.all.In(t).View(ctx, opaque.Hash(token))
	if errs.Is(err, errs.NotFound) || err == nil && !k.Revoked.IsZero() {
		return nil, errInvalid()
	}
	if err != nil {
		return nil, err
	}
	switch err := s.Owners.Standing(ctx, t, k.Owner()); {
	case errs.Is(err, errs.NotFound), errs.Is(err, errs.Denied):
		return nil, errInvalid()
	case err != nil:
		return nil, err
	}
	s.used.Note(t, k)
	return k, nil
}

// List lists the keys of an owner, revoked and expired ones aside; a page may therefore be shorter than
// asked.
func (s *Keys) List(ctx context.Context, c access.Caller, owner access.Subject, r page.Request) (page.Page[*Key], error) {
	if _, err := s.Guard.Allow(ctx, c, "apikey.read", object("", owner)); err != nil {
		return page.Page[*Key]{}, err
	}
	p, err := s.all.In(c.Tenant()).Find(ctx, store.Query{Index: keysByOwner, Eq: []store.Value{store.Text(owner.ID)}, Request: r})
	// Of one id there are no two types of owner, but nothing here depends on that.
	p.Items = slices.DeleteFunc(p.Items, func(k *Key) bool { return !k.Revoked.IsZero() || k.Owner() != owner })
	return p, err
}

// Get reads a key by its public name. One that was revoked is gone.
func (s *Keys) Get(ctx context.Context, c access.Caller, public string) (*Key, error) {
	k, _, err := s.mine(ctx, c, public, "apikey.read")
	if err == nil && !k.Revoked.IsZero() {
		return nil, errs.Missing("API key")
	}
	return k, err
}

// Revoke ends a key at once.
func (s *Keys) Revoke(ctx context.Context, c access.Caller, public string) error {
	k, permit, err := s.mine(ctx, c, public, "apikey.revoke")
	if err != nil {
		return err
	}
	_, err = s.all.In(c.Tenant()).Update(ctx, k.ID, func(k *Key) (store.Batch, error) {
		if k.Revoked.IsZero() {
			k.Revoked = s.DB.Now()
		}
		return store.Batch{Permit: permit, Events: []store.Event{k.event("apikey.revoked")}}, nil
	})
	return err
}

// Rotate makes a successor with the same owner and scopes; the old key works for overlap more.
func (s *Keys) Rotate(ctx context.Context, c access.Caller, public string, overlap time.Duration) (*Key, secret.Value, error) {
	if overlap < 0 || overlap > 30*24*time.Hour {
		return nil, secret.Value{}, errs.Bad("/overlap", "must be at most 30 days").Breaks(errs.Duration, errs.Between(0, 30*24*3600))
	}
	old, permit, err := s.mine(ctx, c, public, "apikey.create")
	if err != nil {
		return nil, secret.Value{}, err
	}
	if !old.Revoked.IsZero() {
		return nil, secret.Value{}, errs.Missing("API key")
	}
	if err := limited(c, old.Scopes); err != nil {
		return nil, secret.Value{}, err
	}
	next, token := s.make(NewKey{Owner: old.Owner(), Name: old.Name, Scopes: old.Scopes, Life: old.Expires.Sub(old.Created)})
	if end := s.DB.Now().Add(overlap); end.Before(old.Expires) {
		old.Expires = end
	}
	if overlap == 0 {
		old.Revoked = s.DB.Now()
	}
	_, err = s.DB.Commit(ctx, store.Batch{
		Permit: permit,
		Docs:   []store.DocOp{s.all.In(c.Tenant()).Replace(ctx, old), s.all.In(c.Tenant()).Insert(ctx, next)},
		Events: []store.Event{next.event("apikey.rotated")},
	})
	return next, token, err
}

// mine finds a key by its public id and asks the guard. Somebody who may not is told that nothing is
// there.
func (s *Keys) mine(ctx context.Context, c access.Caller, public string, a access.Action) (*Key, access.Permit, error) {
	k, found, err := s.all.In(c.Tenant()).One(ctx, keysByPublic, store.Text(public))
	if err != nil {
		return nil, access.Permit{}, err
	}
	if !found {
		k = &Key{}
	}
	permit, err := s.Guard.Allow(ctx, c, a, object(public, k.Owner()))
	if err != nil {
		return nil, access.Permit{}, err
	}
	if !found {
		return nil, access.Permit{}, errs.Missing("API key")
	}
	return k, permit, nil
}

// RevokeAll ends every key of the tenant, e.g. after a restore, and returns how many.
func (s *Keys) RevokeAll(ctx context.Context, c access.Caller) (int, error) {
	permit, err := s.Guard.Allow(ctx, c, "apikey.revoke", object("", access.Subject{}))
	if err != nil {
		return 0, err
	}
	ended := 0
	for r := (page.Request{Limit: page.MaxLimit}); ; {
		p, err := s.all.In(c.Tenant()).Find(ctx, store.Query{Index: keysByPublic, Request: r})
		if err != nil {
			return ended, err
		}
		for _, k := range p.Items {
			if !k.Revoked.IsZero() {
				continue
			}
			k.Revoked = s.DB.Now()
			batch := store.Batch{
				Permit: permit, Docs: []store.DocOp{s.all.In(c.Tenant()).Replace(ctx, k)}, Events: []store.Event{k.event("apikey.revoked")},
			}
			if _, err := s.DB.Commit(ctx, batch); err != nil {
				return ended, err
			}
			ended++
		}
		if r.Cursor = p.Next; r.Cursor == "" {
			return ended, nil
		}
	}
}

// Forget deletes what is kept of a deleted account.
func (s *Keys) Forget(ctx context.Context, t id.Tenant, userID string) error {
	return s.all.In(t).Clear(ctx, s.Guard.Task(t, "user.forget"), store.Query{Index: keysByOwner, Eq: []store.Value{store.Text(userID)}})
}
