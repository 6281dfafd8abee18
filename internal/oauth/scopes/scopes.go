// Package scopes puts scopes into words and answers which ones to ask for.
//
// A scope is what a token may ask for. What a scope allows is decided where it is used; what somebody
// may have is decided when a token is minted, by the client's list, the user's consent and the
// policy. The package must not know tokens.
package scopes

import (
	"context"
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/store"
)

// maxWords bounds the sentence that describes a scope, in bytes.
const maxWords = 300

// Scope is a scope of an API, as its owner declared it. Its id is its name.
type Scope struct {
	store.Meta
	Words string `json:"words"` // completes "The application wants to …"
}

// Name is the scope's name.
func (s *Scope) Name() string { return s.ID }

// Described is a scope in words. Words is empty for a scope that nobody declared.
type Described struct {
	Name  string `json:"name"`
	Words string `json:"words,omitempty"`
}

// Catalogue holds the declared scopes of all tenants.
type Catalogue struct {
	db      *store.DB
	guard   *access.Guard
	clients oauth.Clients
	policy  oauth.ScopePolicy
	all     *store.Collection[Scope]
}

// New declares scopes to db. policy may be nil.
func New(db *store.DB, g *access.Guard, clients oauth.Clients, policy oauth.ScopePolicy) *Catalogue {
	return &Catalogue{db: db, guard: g, clients: clients, policy: policy, all: store.NewCollection(db, store.Kind[Scope]{
		Name: "scope", Noun: "scope",
		Meta: func(s *Scope) *store.Meta { return &s.Meta },
	})}
}

// Declare describes a scope, or describes it anew. The scopes of the standard and our own cannot be
// declared.
func (s *Catalogue) Declare(ctx context.Context, c access.Caller, name, words string) (*Scope, error) {
	if !oauth.ValidScope(name) || builtIn(name) != "" || strings.HasPrefix(name, oauth.OwnScopes) {
		return nil, errs.Bad("/name", "must be 1 to 128 printable characters, and not a name that has a meaning already").Breaks(errs.Reserved, nil)
	}
	if words == "" || len(words) > maxWords || strings.ContainsFunc(words, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return nil, errs.Bad("/words", "must have 1 to %d bytes without control characters", maxWords).Breaks(errs.Length, errs.Between(1, maxWords))
	}
	permit, err := s.guard.Allow(ctx, c, "scope.declare", object(name))
	if err != nil {
		return nil, err
	}
	in := s.all.In(c.Tenant())
	declared := []store.Event{{Kind: "scope.declared"}}
	doc, err := in.Update(ctx, name, func(x *Scope) (store.Batch, error) {
		x.Words = words
		return store.Batch{Permit: permit, Events: declared}, nil
	})
	if !errs.Is(err, errs.NotFound) {
		return doc, err
	}
	doc = &Scope{Meta: store.Meta{ID: name}, Words: words}
	_, err = s.db.Commit(ctx, store.Batch{Permit: permit, Docs: []store.DocOp{in.Insert(ctx, doc)}, Events: declared})
	return doc, err
}

// Remove forgets the description of a scope. It does not take the scope from anybody.
func (s *Catalogue) Remove(ctx context.Context, c access.Caller, name string) error {
	permit, err := s.guard.Allow(ctx, c, "scope.remove", object(name))
	if err != nil {
		return err
	}
	in := s.all.In(c.Tenant())
	doc, err := in.Get(ctx, name)
	if err != nil {
		return err
	}
	_, err = s.db.Commit(ctx, store.Batch{Permit: permit, Docs: []store.DocOp{in.Delete(doc)}, Events: []store.Event{{Kind: "scope.removed"}}})
	return err
}

// List lists the declared scopes by name.
func (s *Catalogue) List(ctx context.Context, c access.Caller, r page.Request) (page.Page[*Scope], error) {
	if _, err := s.guard.Allow(ctx, c, "scope.read", object("")); err != nil {
		return page.Page[*Scope]{}, err
	}
	return s.all.In(c.Tenant()).Find(ctx, store.Query{Request: r})
}

// Describe puts scopes into words, in their order.
func (s *Catalogue) Describe(ctx context.Context, t id.Tenant, names oauth.Scopes) ([]Described, error) {
	declared, err := s.all.In(t).GetMany(ctx, slices.DeleteFunc(slices.Clone(names), func(n string) bool { return builtIn(n) != "" }))
	if err != nil {
		return nil, err
	}
	out := make([]Described, len(names))
	for i, name := range names {
		out[i] = Described{Name: name, Words: builtIn(name)}
		if d := declared[name]; d != nil {
			out[i].Words = d.Words
		}
	}
	return out, nil
}

// OfKeys are the scopes that an API key of the caller can have, in words: our own, and the first page.MaxLimit
// of those that were declared.
func (s *Catalogue) OfKeys(ctx context.Context, c access.Caller) ([]Described, error) {
	if _, err := s.guard.Allow(ctx, c, "apikey.read", access.Object{Type: "cardea:apikey", Owner: c.Subject()}); err != nil {
		return nil, err
	}
	declared, err := s.all.In(c.Tenant()).Find(ctx, store.Query{Request: page.Request{Limit: page.MaxLimit}})
	if err != nil {
		return nil, err
	}
	out := []Described{{access.ScopeAccount, builtIn(access.ScopeAccount)}, {access.ScopeAdmin, builtIn(access.ScopeAdmin)}, {access.ScopeAuthz, builtIn(access.ScopeAuthz)}}
	for _, d := range declared.Items {
		out = append(out, Described{d.Name(), d.Words})
	}
	return out, nil
}

// Suggest answers which scopes a client should ask for: for a signed-in user those that this user may
// have through the client, for an unknown visitor the client's own list, so that nothing about users
// can be found out. NotFound for a client that does not exist or is disabled.
func (s *Catalogue) Suggest(ctx context.Context, c access.Caller, client oauth.ClientID, org string) ([]Described, error) {
	known, err := s.clients.Standing(ctx, c.Tenant(), client)
	if err != nil {
		return nil, err
	}
	if known.Disabled {
		return nil, errs.Missing("client")
	}
	names := known.Scopes
	if user := c.UserID(); user != "" && c.Home() == c.Tenant() && s.policy != nil {
		names, err = s.policy.Narrow(ctx, c.Tenant(), oauth.Holder{User: user, Client: client, Org: org}, names)
		if err != nil {
			return nil, err
		}
	}
	return s.Describe(ctx, c.Tenant(), names)
}

func object(name string) access.Object { return access.Object{Type: "cardea:scope", ID: name} }

// builtIn are the words for scopes that have a meaning in the standard or here.
func builtIn(name string) string {
	switch name {
	case oauth.ScopeOpenID:
		return "know that you are the one who signs in"
	case oauth.ScopeProfile:
		return "see your name, picture and language"
	case oauth.ScopeEmail:
		return "see your e-mail address"
	case oauth.ScopePhone:
		return "see your telephone number"
	case oauth.ScopeOfflineAccess:
		return "keep this access while you are away"
	case access.ScopeAccount:
		return "manage your account"
	case access.ScopeAdmin:
		return "administer what you may administer"
	case access.ScopeAuthz:
		return "read and change who may do what in its own stores, as far as you may"
	}
	return ""
}
