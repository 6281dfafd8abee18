// Package clients registers the programs that may ask for tokens, and keeps their secrets.
//
// A secret is made here, shown once and kept as its SHA-256. Rotation leaves the old one alive for a
// while beside the new one. Disabling or deleting a client raises its epoch and lists it as revoked
// in the same batch, so its tokens are dead at once. Creation and change pass the same checks.
//
// The package must not know how a client proves itself (clientauth) or what it is given (tokens).
package clients

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
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/tenant"
)

// MaxOverlap is the longest time for which a rotated secret may stay alive.
const MaxOverlap = 30 * 24 * time.Hour

// prefix stands before ids that we make, so that they never look like the id of a user.
const prefix = "app_"

const byName = "by_name"

// Clients are the clients of all tenants.
type Clients struct {
	db      *store.DB
	guard   *access.Guard
	revoked *tenant.Revocations
	all     *store.Collection[oauth.Client]
	origins *origins
}

// New declares clients to db.
func New(db *store.DB, g *access.Guard, revoked *tenant.Revocations) *Clients {
	known := &origins{all: map[id.Tenant]originList{}}
	return &Clients{db: db, guard: g, revoked: revoked, origins: known, all: store.NewCollection(db, store.Kind[oauth.Client]{
		Name: "client", Noun: "client",
		Meta: func(c *oauth.Client) *store.Meta { return &c.Meta },
		// As with users: decisions ask about services that have no account.
		KeepAbsence: true,
		Columns: []store.ColumnOf[oauth.Client]{
			{Name: "name", Kind: store.TextKind, Of: func(c *oauth.Client) store.Value { return store.Text(strings.ToLower(c.Name)) }},
		},
		Indexes: []store.Index{{Name: byName, Columns: []string{"name"}}},
	})}
}

// Created is a new client, or one with a new secret. The secret is shown this once; it is empty for a
// client that needs none.
type Created struct {
	Client *oauth.Client
	Secret secret.Value
}

// Create registers a client as draft describes it. The draft's ID may be empty; its epoch, secrets,
// state and time of creation are ignored. Empty members get the defaults of the client's type.
//
// The system tenant has no applications of others: who administers the platform signs in to nothing else
// there. A service that acts for itself may be registered.
func (s *Clients) Create(ctx context.Context, c access.Caller, draft oauth.Client) (Created, error) {
	if c.Tenant() == id.System && draft.Type != oauth.Service {
		if _, err := s.guard.Allow(ctx, c, "client.create", draft.Object()); err != nil {
			return Created{}, err
		}
		return Created{}, errs.New(errs.Precondition, "no_foreign_applications", "The system tenant takes no applications; register it in another tenant.")
	}
	return s.create(ctx, c, draft)
}

func (s *Clients) create(ctx context.Context, c access.Caller, draft oauth.Client) (Created, error) {
	now := s.db.Now()
	client := &draft
	client.Meta = store.Meta{ID: draft.ID}
	// The epoch begins with the time, so that a client made again under the same id, or by a restore,
	// does not give life to the tokens of the earlier one.
	client.Epoch, client.Created, client.Disabled, client.Secrets = now.Unix(), now, false, nil
	if client.ID == "" {
		client.ID = prefix + id.New()
	} else if err := checkID(client.ID); err != nil {
		return Created{}, err
	}
	if err := complete(client); err != nil {
		return Created{}, err
	}
	permit, err := s.guard.Allow(ctx, c, "client.create", client.Object())
	if err != nil {
		return Created{}, err
	}
	if err := s.mayReach(ctx, c, client); err != nil {
		return Created{}, err
	}
	var made secret.Value
	if needsSecret(client) {
		made = addSecret(client, now, 0)
	}
	_, err = s.db.Commit(ctx, store.Batch{
		Permit: permit, Docs: []store.DocOp{s.all.In(c.Tenant()).Insert(ctx, client)},
		Events: []store.Event{{Kind: "client.created", Public: map[string]string{"type": string(client.Type)}}},
	})
	s.origins.forget(c.Tenant())
	if err != nil {
		return Created{}, err
	}
	client.Version = 1
	return Created{Client: client, Secret: made}, nil
}

// Ensure makes the client of draft, or leaves the one that has its id as it is; for the clients that
// belong to the product. The secret of an existing client is not shown again.
func (s *Clients) Ensure(ctx context.Context, c access.Caller, draft oauth.Client) (Created, error) {
	known, err := s.all.In(c.Tenant()).Get(ctx, draft.ID)
	if err == nil {
		return Created{Client: known}, nil
	}
	if !errs.Is(err, errs.NotFound) {
		return Created{}, err
	}
	made, err := s.create(ctx, c, draft)
	if errs.CodeOf(err) == "already_exists" { // another node was faster
		known, err = s.all.In(c.Tenant()).Get(ctx, draft.ID)
		return Created{Client: known}, err
	}
	return made, err
}

// Get reads a client, with the hashes of its secrets: a door shows their ids and times only.
func (s *Clients) Get(ctx context.Context, c access.Caller, client oauth.ClientID) (*oauth.Client, error) {
	if _, err := s.guard.Allow(ctx, c, "client.read", oauth.ClientObject(client)); err != nil {
		return nil, err
	}
	return s.all.In(c.Tenant()).Get(ctx, string(client))
}

// List lists clients by name.
func (s *Clients) List(ctx context.Context, c access.Caller, namePrefix string, r page.Request) (page.Page[*oauth.Client], error) {
	if _, err := s.guard.Allow(ctx, c, "client.read", oauth.ClientObject("")); err != nil {
		return page.Page[*oauth.Client]{}, err
	}
	return s.all.In(c.Tenant()).Find(ctx, store.Query{Index: byName, Prefix: strings.ToLower(namePrefix), Request: r})
}

// Standing reads a client through the cache, for the roads that serve it. The result is shared.
func (s *Clients) Standing(ctx context.Context, t id.Tenant, client oauth.ClientID) (*oauth.Client, error) {
	return s.all.In(t).View(ctx, string(client))
}

// Update changes what an administrator may change. Type, secrets, epoch and state stay as they are,
// whatever change does to them; the result passes the checks of Create.
func (s *Clients) Update(ctx context.Context, c access.Caller, client oauth.ClientID, change func(*oauth.Client) error) (*oauth.Client, error) {
	return s.update(ctx, c, "client.update", client, func(x *oauth.Client) (store.Batch, error) {
		kept := *x
		if err := change(x); err != nil {
			return store.Batch{}, err
		}
		x.Meta, x.Type, x.Disabled = kept.Meta, kept.Type, kept.Disabled
		x.Epoch, x.Created, x.Secrets = kept.Epoch, kept.Created, kept.Secrets
		if needsSecret(x) && !needsSecret(&kept) {
			return store.Batch{}, errs.Bad("/auth", "needs a secret; rotate the secret instead").Breaks(errs.NeedsSecret, nil)
		}
		if err := s.mayReach(ctx, c, &kept, x); err != nil {
			return store.Batch{}, err
		}
		return event("client.updated"), complete(x)
	})
}

// mayReach refuses to let somebody make or change a client through which tokens for Cardea itself are
// asked for, who could not give such power away: an administrator who follows a link into a client of
// somebody else's making would hand over a token of an administrator.
func (s *Clients) mayReach(ctx context.Context, c access.Caller, versions ...*oauth.Client) error {
	for _, x := range versions {
		if slices.ContainsFunc(x.Scopes, func(name string) bool { return strings.HasPrefix(name, oauth.OwnScopes) }) {
			_, err := s.guard.Allow(ctx, c, "client.grant_own_scopes", x.Object())
			return err
		}
	}
	return nil
}

// Disable ends everything the client was given and refuses it from now on.
func (s *Clients) Disable(ctx context.Context, c access.Caller, client oauth.ClientID) (*oauth.Client, error) {
	return s.update(ctx, c, "client.disable", client, func(x *oauth.Client) (store.Batch, error) {
		x.Disabled = true
		return event("client.disabled").And(s.end(ctx, c, x)), nil
	})
}

// Enable lets a disabled client ask again. What it had before stays dead.
func (s *Clients) Enable(ctx context.Context, c access.Caller, client oauth.ClientID) (*oauth.Client, error) {
	return s.update(ctx, c, "client.enable", client, func(x *oauth.Client) (store.Batch, error) {
		x.Disabled = false
		return event("client.enabled"), nil
	})
}

// EndTokens ends every token that the client was given; it may ask for new ones.
func (s *Clients) EndTokens(ctx context.Context, c access.Caller, client oauth.ClientID) (*oauth.Client, error) {
	return s.update(ctx, c, "client.end_tokens", client, func(x *oauth.Client) (store.Batch, error) {
		return event("client.tokens_ended").And(s.end(ctx, c, x)), nil
	})
}

// Delete removes a client and ends everything it was given.
func (s *Clients) Delete(ctx context.Context, c access.Caller, client oauth.ClientID) error {
	permit, err := s.guard.Allow(ctx, c, "client.delete", oauth.ClientObject(client))
	if err != nil {
		return err
	}
	x, err := s.all.In(c.Tenant()).Get(ctx, string(client))
	if err != nil {
		return err
	}
	batch := event("client.deleted").And(s.end(ctx, c, x))
	batch.Permit, batch.Docs = permit, append(batch.Docs, s.all.In(c.Tenant()).Delete(x))
	_, err = s.db.Commit(ctx, batch)
	s.origins.forget(c.Tenant())
	return err
}

// RotateSecret gives the client a new secret. Its newest old one stays alive for overlap, at most
// MaxOverlap; older ones end at once. Zero ends all old ones at once.
func (s *Clients) RotateSecret(ctx context.Context, c access.Caller, client oauth.ClientID, overlap time.Duration) (Created, error) {
	if overlap < 0 || overlap > MaxOverlap {
		return Created{}, errs.Bad("/overlap", "must lie between 0 and %s", MaxOverlap).Breaks(errs.Duration, errs.Between(0, int64(MaxOverlap/time.Second)))
	}
	var made secret.Value
	x, err := s.update(ctx, c, "client.rotate_secret", client, func(x *oauth.Client) (store.Batch, error) {
		if x.Auth != oauth.AuthBasic && x.Auth != oauth.AuthPost {
			return store.Batch{}, errs.New(errs.Precondition, "client_without_secret", "This client does not use a secret.")
		}
		made = addSecret(x, s.db.Now(), overlap)
		return event("client.secret_rotated"), nil
	})
	if err != nil {
		return Created{}, err
	}
	return Created{Client: x, Secret: made}, nil
}

func (s *Clients) update(ctx context.Context, c access.Caller, a access.Action, client oauth.ClientID, change func(*oauth.Client) (store.Batch, error)) (*oauth.Client, error) {
	permit, err := s.guard.Allow(ctx, c, a, oauth.ClientObject(client))
	if err != nil {
		return nil, err
	}
	x, err := s.all.In(c.Tenant()).Update(ctx, string(client), func(x *oauth.Client) (store.Batch, error) {
		batch, err := change(x)
		batch.Permit = permit
		return batch, err
	})
	s.origins.forget(c.Tenant())
	return x, err
}

// end raises the epoch of x and is the part of the batch that tells everybody.
func (s *Clients) end(ctx context.Context, c access.Caller, x *oauth.Client) store.Batch {
	x.Epoch = max(x.Epoch+1, s.db.Now().Unix())
	return store.Batch{Docs: []store.DocOp{s.revoked.Add(ctx, c.Tenant(), tenant.RevokedClient, x.ID, x.Epoch)}}
}

func event(kind string) store.Batch { return store.Batch{Events: []store.Event{{Kind: kind}}} }

func needsSecret(c *oauth.Client) bool {
	return len(c.Secrets) == 0 && (c.Auth == oauth.AuthBasic || c.Auth == oauth.AuthPost)
}

// addSecret puts a new secret first and lets the newest old one live on for overlap.
func addSecret(c *oauth.Client, now time.Time, overlap time.Duration) secret.Value {
	text := opaque.New(opaque.ClientSecret)
	next := []oauth.ClientSecret{{ID: id.NewRow(now), Hash: opaque.Hash(text), Created: now}}
	newest := slices.IndexFunc(c.Secrets, func(old oauth.ClientSecret) bool { return old.Live(now) })
	if newest >= 0 && overlap > 0 {
		old := c.Secrets[newest]
		if end := now.Add(overlap); old.Expires.IsZero() || end.Before(old.Expires) {
			old.Expires = end
		}
		next = append(next, old)
	}
	c.Secrets = next
	return secret.New(text)
}
