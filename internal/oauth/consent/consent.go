// Package consent remembers what users have allowed the programs of others to do in their name, and
// lets them take it back.
//
// There is one document per user and client. Taking a consent back keeps the document and raises its
// epoch: refresh tokens and codes remember the epoch under which they were given, so a later consent
// does not bring them back to life. Programs of the operator (first party) need no consent.
package consent

import (
	"context"
	"slices"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/tenant"
)

// Consent is what a user has allowed a client.
type Consent struct {
	store.Meta
	User   string         `json:"user"`
	Client oauth.ClientID `json:"client"`
	Scopes oauth.Scopes   `json:"scopes,omitzero"` // empty: nothing is allowed now
	Epoch  int64          `json:"epoch"`
	Given  time.Time      `json:"given"`          // when the user last agreed
	Taken  time.Time      `json:"taken,omitzero"` // when the user took it back; zero while it stands
}

// byUser lists what a user has allowed.
const byUser = "by_user"

// Consents are the consents of all tenants.
type Consents struct {
	db      *store.DB
	guard   *access.Guard
	revoked *tenant.Revocations
	all     *store.Collection[Consent]
}

// New declares consents to db.
func New(db *store.DB, g *access.Guard, revoked *tenant.Revocations) *Consents {
	return &Consents{db: db, guard: g, revoked: revoked, all: store.NewCollection(db, store.Kind[Consent]{
		Name: "consent", Noun: "consent",
		Meta: func(c *Consent) *store.Meta { return &c.Meta },
		Columns: []store.ColumnOf[Consent]{
			{Name: "user", Kind: store.TextKind, Of: func(c *Consent) store.Value { return store.Text(c.User) }},
			{Name: "given", Kind: store.IntKind, Of: func(c *Consent) store.Value { return store.Time(c.Given) }},
		},
		Indexes: []store.Index{{Name: byUser, Columns: []string{"user", "given"}}},
	})}
}

// docID joins two ids of ours, of which neither holds a '/'.
func docID(userID string, client oauth.ClientID) string { return userID + "/" + string(client) }

func object(userID string, client oauth.ClientID) access.Object {
	return access.Object{Type: "cardea:consent", ID: docID(userID, client), Owner: access.User(userID)}
}

// Standing reads what stands of a consent through the cache.
func (s *Consents) Standing(ctx context.Context, t id.Tenant, userID string, client oauth.ClientID) (oauth.ConsentStanding, error) {
	doc, err := s.all.In(t).View(ctx, docID(userID, client))
	if errs.Is(err, errs.NotFound) {
		return oauth.ConsentStanding{}, nil
	}
	if err != nil {
		return oauth.ConsentStanding{}, err
	}
	return oauth.ConsentStanding{Given: doc.Taken.IsZero(), Epoch: doc.Epoch, Scopes: doc.Scopes, At: doc.Given}, nil
}

// Allow notes that the calling user allows client to use scopes, besides what it allowed before.
func (s *Consents) Allow(ctx context.Context, c access.Caller, client oauth.ClientID, scopes oauth.Scopes) (*Consent, error) {
	user := c.UserID()
	permit, err := s.guard.Allow(ctx, c, "consent.grant", object(user, client))
	if err != nil {
		return nil, err
	}
	given := store.Event{Kind: "consent.given", Public: map[string]string{"client": string(client), "scope": scopes.String()}}
	in, now := s.all.In(c.Tenant()), s.db.Now()
	doc, err := in.Update(ctx, docID(user, client), func(x *Consent) (store.Batch, error) {
		if !x.Taken.IsZero() {
			x.Scopes, x.Taken = nil, time.Time{}
		}
		x.Given = now
		for _, name := range scopes {
			if !x.Scopes.Has(name) {
				x.Scopes = append(x.Scopes, name)
			}
		}
		return store.Batch{Permit: permit, Events: []store.Event{given}}, nil
	})
	if !errs.Is(err, errs.NotFound) {
		return doc, err
	}
	doc = &Consent{
		Meta: store.Meta{ID: docID(user, client)}, User: user, Client: client,
		Scopes: slices.Clone(scopes), Epoch: now.Unix(), Given: now,
	}
	_, err = s.db.Commit(ctx, store.Batch{Permit: permit, Docs: []store.DocOp{in.Insert(ctx, doc)}, Events: []store.Event{given}})
	return doc, err
}

// Take ends what a client was allowed for a user: its codes and tokens are dead at once, and services
// that verify JWTs by themselves hear of it in the feed.
func (s *Consents) Take(ctx context.Context, c access.Caller, userID string, client oauth.ClientID) error {
	permit, err := s.guard.Allow(ctx, c, "consent.revoke", object(userID, client))
	if err != nil {
		return err
	}
	_, err = s.all.In(c.Tenant()).Update(ctx, docID(userID, client), func(x *Consent) (store.Batch, error) {
		now := s.db.Now()
		x.Scopes, x.Taken, x.Epoch = nil, now, max(x.Epoch+1, now.Unix())
		taken := store.Event{Kind: "consent.taken", Public: map[string]string{"client": string(client)}, Person: userID}
		told := s.revoked.Add(ctx, c.Tenant(), tenant.RevokedConsent, x.ID, x.Epoch)
		return store.Batch{Permit: permit, Docs: []store.DocOp{told}, Events: []store.Event{taken}}, nil
	})
	return err
}

// List lists what a user has allowed, the newest first. Consents that were taken back are left out,
// so a page may be shorter than asked.
func (s *Consents) List(ctx context.Context, c access.Caller, userID string, r page.Request) (page.Page[*Consent], error) {
	if _, err := s.guard.Allow(ctx, c, "consent.read", object(userID, "")); err != nil {
		return page.Page[*Consent]{}, err
	}
	p, err := s.all.In(c.Tenant()).Find(ctx, store.Query{Index: byUser, Eq: []store.Value{store.Text(userID)}, Desc: true, Request: r})
	p.Items = slices.DeleteFunc(p.Items, func(x *Consent) bool { return !x.Taken.IsZero() })
	return p, err
}

// Forget deletes what is kept of a deleted account.
func (s *Consents) Forget(ctx context.Context, t id.Tenant, userID string) error {
	return s.all.In(t).Clear(ctx, s.guard.Task(t, "user.forget"), store.Query{Index: byUser, Eq: []store.Value{store.Text(userID)}})
}
