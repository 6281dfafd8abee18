// Package refresh keeps refresh tokens: they rotate at each use, and a stolen one ends its family.
//
//	current token            → rotate: one Replace to the next generation
//	the one before, in grace → the same successor again, nothing is written
//	anything older or later  → the family is dead, its access tokens too, and its owner is told
//
// Successors are derived, not drawn: two tabs, two processes or a lost answer get the same next token,
// so nobody honest is signed out, and there is never a second branch. Whether the client, the user and
// the session behind a family are still good is not decided here but by the issuer of tokens.
//
// Stated limit: without key binding, a thief who is as fast as the grace shares the chain until one of
// the two is late; a grace of zero closes that.
package refresh

import (
	"context"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/opaque"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/revocations"
	"github.com/cardea-auth/cardea/internal/store"
)

// AlarmTemplate is the template of the message to the owner of a stolen token. Its data are client
// (the client's name), at (RFC 3339) and address (where the old token came from, if known).
const AlarmTemplate = "refresh_reuse"

// Owners knows whom to tell that something was stolen.
type Owners interface {
	// Alarm returns the operations that flag the account, and the mail address to write to. Either
	// may be empty. NotFound for a user that does not exist.
	Alarm(ctx context.Context, t id.Tenant, userID string) (flag []store.DocOp, address string, err error)
}

// Config is what Families need. Owners may be nil: then nobody is told.
type Config struct {
	DB      *store.DB
	Guard   *access.Guard
	Board   *revocations.Board
	Clients oauth.Clients
	Owners  Owners
}

// Families are the families of refresh tokens of all tenants.
type Families struct {
	db      *store.DB
	guard   *access.Guard
	board   *revocations.Board
	clients oauth.Clients
	owners  Owners
	keys    *keys
	all     *store.Collection[Family]
}

// New declares families and their keys to the DB.
func New(c Config) *Families {
	return &Families{
		db: c.DB, guard: c.Guard, board: c.Board, clients: c.Clients, owners: c.Owners, keys: newKeys(c.DB, c.Guard),
		all: store.NewCollection(c.DB, familyKind()),
	}
}

// RotateKeys gives the tenant a new key for refresh tokens. Families move to it as they rotate.
func (s *Families) RotateKeys(ctx context.Context, c access.Caller) error {
	permit, err := s.guard.Allow(ctx, c, "key.rotate", access.Object{Type: "cardea:key", ID: "refresh"})
	if err != nil {
		return err
	}
	return s.keys.rotate(ctx, permit)
}

// Start begins a family: f says for whom and for what, a is the access token that goes with it. It
// returns the first token and the operation that must be in the same batch as the spent code.
func (s *Families) Start(ctx context.Context, t id.Tenant, f Family, a Access, b Bounds) (secret.Value, *Family, store.DocOp, error) {
	known, err := s.keys.ring(ctx, t)
	if err != nil {
		return secret.Value{}, nil, store.DocOp{}, err
	}
	k, now := known.newest(), s.db.Now()
	tok := first(k)
	text := tok.text(k)
	f.Meta = store.Meta{ID: tok.familyID()}
	f.Created, f.Rotated, f.Key, f.Current = now, now, k.id, opaque.Hash(text.Reveal())
	f.give(a, now)
	f.Expires = f.End(b)
	return text, &f, s.all.In(t).Insert(ctx, &f), nil
}

// Turn is a token that was presented and is good for a next one.
type Turn struct {
	Family *Family // as it was read; Advance changes it
	// Repeat is true if the token had been used just now: the answer is the same next token and an
	// access token with the same jti and times as then, and nothing is written.
	Repeat bool

	families *Families
	tenant   id.Tenant
	token    token
}

// Present looks at a refresh token. A token that is not ours, unknown, expired or of a dead family is
// refused with invalid_grant and nothing else; one that shows theft ends its family first.
func (s *Families) Present(ctx context.Context, c access.Caller, client oauth.ClientID, text string, b Bounds) (*Turn, error) {
	f, tok, err := s.find(ctx, c.Tenant(), text)
	if err != nil {
		return nil, err
	}
	now := s.db.Now()
	if f.Dead != "" || !now.Before(f.End(b)) {
		return nil, refuse()
	}
	if f.Client != client {
		return nil, s.stolen(ctx, c, f.ID, OtherOwner)
	}
	turn := &Turn{Family: f, families: s, tenant: c.Tenant(), token: tok}
	switch {
	case tok.generation == f.Generation && opaque.Matches(f.Current, text):
		return turn, nil
	case tok.generation+1 == f.Generation && opaque.Matches(f.Previous, text) && now.Before(f.Rotated.Add(b.Grace)):
		turn.Repeat = true
		return turn, nil
	}
	return nil, s.stolen(ctx, c, f.ID, Reused)
}

// stolen ends a family and is the refusal. When the end cannot be written, that error wins.
func (s *Families) stolen(ctx context.Context, c access.Caller, family string, why Reason) error {
	if err := s.End(ctx, c, family, why); err != nil {
		return err
	}
	return refuse()
}

// Find reads the family of a token, whoever presents it: for introspection and revocation. The error
// is invalid_grant for a token that is not ours or no longer kept. Nothing is written. The family is
// shared and must not be changed; one that has moved on from text comes from the store, not from a
// cache that may not have heard of the token yet.
func (s *Families) Find(ctx context.Context, t id.Tenant, text string) (*Family, error) {
	p, err := s.recognise(ctx, t, text)
	if err != nil {
		return nil, err
	}
	f, err := s.all.In(t).View(ctx, p.familyID())
	if err != nil || !f.CurrentIs(text) {
		f, err = s.all.In(t).Get(ctx, p.familyID())
	}
	if errs.Is(err, errs.NotFound) {
		return nil, refuse()
	}
	return f, err
}

// CurrentIs reports whether text is the token that f gives out now.
func (f *Family) CurrentIs(text string) bool { return opaque.Matches(f.Current, text) }

// Alive reports whether the family has not ended, by itself or by its bounds.
func (f *Family) Alive(b Bounds, now time.Time) bool { return f.Dead == "" && now.Before(f.End(b)) }

// recognise parses a token that one of the tenant's keys has made.
func (s *Families) recognise(ctx context.Context, t id.Tenant, text string) (presented, error) {
	p, ok := parse(text)
	if !ok {
		return presented{}, refuse()
	}
	k, ok, err := s.keys.find(ctx, t, p.key)
	if err == nil && (!ok || !p.madeWith(k)) {
		err = refuse()
	}
	return p, err
}

// find always reads the store: a cache could make an honest token look reused.
func (s *Families) find(ctx context.Context, t id.Tenant, text string) (*Family, token, error) {
	p, err := s.recognise(ctx, t, text)
	if err != nil {
		return nil, token{}, err
	}
	f, err := s.all.In(t).Get(ctx, p.familyID())
	if errs.Is(err, errs.NotFound) {
		return nil, token{}, refuse()
	}
	return f, p.token, err
}

// Repeated is the access token that went with the turn's answer the first time.
func (t *Turn) Repeated() Access { return t.Family.Given[len(t.Family.Given)-1] }

// Advance is the next refresh token, and the operations that make it so; none for a repeat.
func (t *Turn) Advance(ctx context.Context, a Access, b Bounds) (secret.Value, []store.DocOp, error) {
	s, f := t.families, t.Family
	if t.Repeat {
		k, ok, err := s.keys.find(ctx, t.tenant, f.Key)
		if err != nil {
			return secret.Value{}, nil, err
		}
		text := t.token.next(k).text(k)
		if !ok || !opaque.Matches(f.Current, text.Reveal()) {
			return secret.Value{}, nil, refuse()
		}
		return text, nil, nil
	}
	known, err := s.keys.ring(ctx, t.tenant)
	if err != nil {
		return secret.Value{}, nil, err
	}
	k, at := known.newest(), s.db.Now()
	next := t.token.next(k)
	text := next.text(k)
	f.Previous, f.Current, f.Key = f.Current, opaque.Hash(text.Reveal()), k.id
	f.Generation, f.Rotated = next.generation, at
	var ops []store.DocOp
	for _, extra := range f.give(a, at) {
		ops = append(ops, s.board.RevokeToken(ctx, t.tenant, extra.JTI))
	}
	f.Expires = f.End(b)
	return text, append([]store.DocOp{s.all.In(t.tenant).Replace(ctx, f)}, ops...), nil
}

// End ends a family and revokes the access tokens that came from it. With a reason that means theft
// it is an event, the account is flagged and the owner is told. Ending twice does nothing.
func (s *Families) End(ctx context.Context, c access.Caller, family string, why Reason) error {
	permit, err := s.guard.Open(c, "token.revoke", access.Object{Type: "cardea:refresh_family", ID: family})
	if err != nil {
		return err
	}
	_, err = s.all.In(c.Tenant()).Update(ctx, family, func(f *Family) (store.Batch, error) {
		if f.Dead != "" {
			return store.Batch{}, errAlreadyDead
		}
		batch, err := s.end(ctx, c, f, why)
		batch.Permit = permit
		return batch, err
	})
	s.board.Notice(c.Tenant())
	if err == errAlreadyDead || errs.Is(err, errs.NotFound) {
		return nil
	}
	return err
}

// EndOffline ends what was given to applications of a user to outlive its sessions, except under the
// session to keep. An error half-way leaves the rest alive; it may be called again.
func (s *Families) EndOffline(ctx context.Context, c access.Caller, userID, keep string) error {
	q := store.Query{Index: offlineByUser, Eq: []store.Value{store.Text(userID)}, Request: page.Request{Limit: page.MaxLimit}}
	for {
		p, err := s.all.In(c.Tenant()).Find(ctx, q)
		if err != nil {
			return err
		}
		for _, f := range p.Items {
			if f.Dead != "" || keep != "" && f.Session == keep {
				continue
			}
			if err := s.End(ctx, c, f.ID, SignedOut); err != nil {
				return err
			}
		}
		if q.Request.Cursor = p.Next; p.Next == "" {
			return nil
		}
	}
}

// errAlreadyDead stops an update that has nothing to do.
var errAlreadyDead = errs.New(errs.Precondition, "already_dead", "The refresh token is dead already.")

func (s *Families) end(ctx context.Context, c access.Caller, f *Family, why Reason) (store.Batch, error) {
	now := s.db.Now()
	f.Dead = why
	batch := store.Batch{}
	for _, a := range f.Given {
		if now.Before(a.Expires) {
			batch.Docs = append(batch.Docs, s.board.RevokeToken(ctx, c.Tenant(), a.JTI))
		}
	}
	facts := map[string]string{"client": string(f.Client), "reason": string(why)}
	kind := "token.revoked"
	if why.alarming() {
		kind = "token.reuse_detected"
	}
	batch.Events = []store.Event{{Kind: kind, Public: facts, Person: f.User}}
	if !why.alarming() || s.owners == nil {
		return batch, nil
	}
	alarm, err := s.alarm(ctx, c, f, now)
	return batch.And(alarm), err
}

// alarm flags the account and writes to its owner.
func (s *Families) alarm(ctx context.Context, c access.Caller, f *Family, now time.Time) (store.Batch, error) {
	flag, address, err := s.owners.Alarm(ctx, c.Tenant(), f.User)
	if errs.Is(err, errs.NotFound) {
		return store.Batch{}, nil
	}
	if err != nil || address == "" {
		return store.Batch{Docs: flag}, err
	}
	data := map[string]string{"client": string(f.Client), "at": now.Format(time.RFC3339)}
	if client, err := s.clients.Standing(ctx, c.Tenant(), f.Client); err == nil {
		data["client"] = client.Name
	}
	if from := c.Origin().Address; from.IsValid() {
		data["address"] = from.String()
	}
	return store.Batch{Docs: flag, Outbox: []store.Message{{
		Channel: "mail", To: address, Template: AlarmTemplate, Data: data, Expires: now.Add(7 * 24 * time.Hour),
	}}}, nil
}

// refuse is the one answer to every refresh token that is not good.
func refuse() error {
	return oauth.Refuse(oauth.InvalidGrant, "The refresh token is not valid, has expired or was revoked.")
}
