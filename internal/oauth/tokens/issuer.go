package tokens

import (
	"context"
	"errors"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/clientauth"
	"github.com/cardea-auth/cardea/internal/oauth/refresh"
	"github.com/cardea-auth/cardea/internal/oauth/tokens/internal/mint"
	"github.com/cardea-auth/cardea/internal/store"
)

// Signer is what the keyring's signer of tokens must do. See mint.Signer.
type Signer = mint.Signer

// tries bounds how often an exchange is tried again after a conflict.
const tries = 8

// IssuerConfig is what an Issuer needs. Activity may be nil.
type IssuerConfig struct {
	DB       *store.DB
	Guard    *access.Guard
	World    World
	Families *refresh.Families
	Opaque   *Opaque
	Signer   Signer
	// Activity counts what happens all the time and is no event: the name of what was given.
	Activity func(t id.Tenant, name string)
}

// Issuer is the one road to a token.
type Issuer struct {
	IssuerConfig
	press mint.Press
}

// NewIssuer makes the issuer. There is one per server.
func NewIssuer(c IssuerConfig) *Issuer {
	i := &Issuer{IssuerConfig: c, press: mint.New(c.Signer)}
	i.Signer = nil // the press alone holds it
	return i
}

// Issue exchanges what g proves for tokens. Errors: *oauth.Error with a code of RFC 6749, section
// 5.2, or RFC 8707; Unavailable if a part we need does not answer, and then nothing was given, but
// the artefact may be spent.
func (i *Issuer) Issue(ctx context.Context, c access.Caller, client clientauth.Proven, g Grant, r Request) (Minted, error) {
	if !client.Valid() || client.Tenant() != c.Tenant() {
		return Minted{}, oauth.Refuse(oauth.InvalidClient, "Client authentication failed.")
	}
	for try := 1; ; try++ {
		m, err := i.attempt(ctx, c, client, g, r)
		if errs.CodeOf(err) != "changed_meanwhile" || try == tries {
			return m, err
		}
	}
}

func (i *Issuer) attempt(ctx context.Context, c access.Caller, client clientauth.Proven, g Grant, r Request) (Minted, error) {
	asked, err := i.asked(ctx, c, client, g)
	if err != nil {
		return Minted{}, err
	}
	s, err := g.Prove(ctx, asked)
	if err != nil {
		return Minted{}, err
	}
	s.Client = asked.Client.ClientID()
	now, err := i.World.Stand(ctx, c.Tenant(), s.Who)
	if err != nil {
		return Minted{}, refusal(err)
	}
	d := draft{subject: s, now: now, at: i.DB.Now(), grant: g.Type()}
	if d.scopes, err = i.World.scopes(ctx, c.Tenant(), s, now, r.Scopes); err != nil {
		return Minted{}, err
	}
	if d.audience, err = audience(s, now, d.scopes, r.Resources); err != nil {
		return Minted{}, err
	}
	d.promise()
	if err := i.describe(ctx, c.Tenant(), &d); err != nil {
		return Minted{}, err
	}
	if err := i.spend(ctx, asked, g, &d); err != nil {
		return Minted{}, err
	}
	return i.sign(ctx, c.Tenant(), &d)
}

// asked reads tenant and client again and checks that the client may use the grant.
func (i *Issuer) asked(ctx context.Context, c access.Caller, client clientauth.Proven, g Grant) (Asked, error) {
	now, err := i.World.Stand(ctx, c.Tenant(), Who{Client: client.Client().ClientID()})
	if err != nil {
		return Asked{}, refusal(err)
	}
	if !now.Client.May(g.Type()) {
		return Asked{}, oauth.Refuse(oauth.UnauthorizedClient, "The client may not use this grant.")
	}
	return Asked{Caller: c, Client: now.Client, Tenant: now.Tenant}, nil
}

// refusal says in the words of the protocol what is not good any more.
func refusal(err error) error {
	g, ok := errors.AsType[*Gone](err)
	switch {
	case !ok:
		return err
	case g.What == "client":
		return &oauth.Error{Code: oauth.InvalidClient, Description: "Client authentication failed.", Err: err}
	case g.What == "tenant":
		return &oauth.Error{Code: oauth.InvalidRequest, Description: g.Why, Err: err}
	}
	return &oauth.Error{Code: oauth.InvalidGrant, Description: g.Why, Err: err}
}

// draft is a set of tokens before it is signed.
type draft struct {
	subject  Subject
	now      Standing
	at       time.Time
	grant    oauth.GrantType
	scopes   oauth.Scopes
	audience []string
	given    refresh.Access // jti and times of the access token

	opaque  string          // the access token, if it is opaque
	refresh secret.Value    // the refresh token, if there is one
	id      *oauth.IDClaims // nil if there is no id token
}

// promise fixes jti and times. A repeated refresh gets those of the first time.
func (d *draft) promise() {
	if t := d.subject.Turn; t != nil && t.Repeat {
		d.given = t.Repeated()
		return
	}
	life := d.now.Tenant.AccessLife
	if d.now.Client.AccessLife > 0 {
		life = d.now.Client.AccessLife.Duration()
	}
	if m := d.subject.MaxLife; m > 0 {
		life = min(life, m)
	}
	issued := d.at.Truncate(time.Second) // a JWT knows whole seconds
	d.given = refresh.Access{JTI: mint.JTI(), Issued: issued, Expires: issued.Add(life)}
}

// access is what the access token says.
func (d *draft) access() *Access {
	a := &Access{
		Form: d.now.Client.Access, JTI: d.given.JTI, Client: d.subject.Client, User: d.subject.User,
		Session: d.subject.Session, Org: d.subject.Org, Scopes: d.scopes, Audience: d.audience, Epochs: d.now.Epochs,
		Issued: d.given.Issued, Expires: d.given.Expires, AuthTime: d.now.Session.AuthTime,
	}
	if d.now.SessionOver {
		a.Session = ""
	}
	if d.subject.User != "" {
		a.ACR = oauth.ACR(d.now.Session.Strength)
	}
	return a
}

// spend commits, in one batch, the end of the artefact and the beginning of what it gives.
func (i *Issuer) spend(ctx context.Context, asked Asked, g Grant, d *draft) error {
	promise := Promise{Access: d.given}
	ops, err := i.refreshToken(ctx, asked, d, &promise)
	if err != nil {
		return err
	}
	ops = append(g.Spend(ctx, asked, promise), ops...)
	if d.now.Client.Access == oauth.Opaque {
		var op store.DocOp
		d.opaque, op = i.Opaque.make(ctx, asked.Caller.Tenant(), d.access())
		ops = append(ops, op)
	}
	if len(ops) == 0 {
		return nil
	}
	action, batch := access.Action("token.mint"), store.Batch{Docs: ops}
	switch d.grant {
	case oauth.GrantRefresh:
		action = "token.refresh"
	case oauth.GrantCode:
		action = "token.issue"
		batch.Events = []store.Event{{Kind: "token.issued", Public: map[string]string{
			"grant": string(d.grant), "client": string(d.subject.Client), "scope": d.scopes.String(),
		}}}
	}
	batch.Permit, err = i.Guard.Open(d.actor(asked.Caller), action, oauth.ClientObject(d.subject.Client))
	if err != nil {
		return err
	}
	_, err = i.DB.Commit(ctx, batch)
	return err
}

// actor is who gets the tokens, for the audit log.
func (d *draft) actor(c access.Caller) access.Caller {
	who := access.Service(string(d.subject.Client))
	if d.subject.User != "" {
		who = access.User(d.subject.User)
	}
	proof := access.Proof{Client: string(d.subject.Client), Session: d.subject.Session, Strength: d.now.Session.Strength}
	return access.Authenticated(c.Tenant(), who, proof, c.Origin())
}

// refreshToken advances the presented family, or begins one.
func (i *Issuer) refreshToken(ctx context.Context, asked Asked, d *draft, p *Promise) (ops []store.DocOp, err error) {
	s, bounds := &d.subject, refresh.BoundsOf(d.now.Tenant)
	if s.Turn != nil {
		d.refresh, ops, err = s.Turn.Advance(ctx, d.given, bounds)
		return ops, err
	}
	if !s.Family || !d.now.Client.May(oauth.GrantRefresh) {
		return nil, nil
	}
	text, family, op, err := i.Families.Start(ctx, asked.Caller.Tenant(), refresh.Family{
		Client: s.Client, User: s.User, Session: s.Session, Org: s.Org, Scopes: d.scopes, Audience: s.Audience,
		Epochs: d.now.Epochs, Offline: d.scopes.Has(oauth.ScopeOfflineAccess), AuthTime: d.now.Session.AuthTime,
		Strength: d.now.Session.Strength, Methods: d.now.Session.Methods,
	}, d.given, bounds)
	if err != nil {
		return nil, err
	}
	d.refresh, p.Family = text, family.ID
	return []store.DocOp{op}, nil
}

// sign makes the answer. Everything before it is durable.
func (i *Issuer) sign(ctx context.Context, t id.Tenant, d *draft) (Minted, error) {
	m := Minted{
		access: d.opaque, refresh: d.refresh.Reveal(), scope: d.scopes.String(), expires: d.given.Expires,
		life: int64(d.given.Expires.Sub(d.at) / time.Second),
	}
	alg, err := d.now.Client.Alg(), error(nil)
	if m.access == "" {
		if m.access, err = i.press.Access(ctx, t, alg, d.access().Claims(d.now.Tenant.Issuer)); err != nil {
			return Minted{}, err
		}
	}
	if d.id != nil {
		if m.id, err = i.press.ID(ctx, t, alg, d.id, m.access); err != nil {
			return Minted{}, err
		}
	}
	if i.Activity != nil {
		i.Activity(t, "token."+string(d.grant))
	}
	return m, nil
}

// describe collects the claims of the id token, if there is to be one. The nonce stands in the first
// one only (OpenID Connect Core, section 12.2).
func (i *Issuer) describe(ctx context.Context, t id.Tenant, d *draft) error {
	if d.subject.User == "" || !d.scopes.Has(oauth.ScopeOpenID) {
		return nil
	}
	a := d.access()
	d.id = &oauth.IDClaims{
		Issuer: d.now.Tenant.Issuer, Audience: a.Client, Subject: a.User, Issued: a.Issued.Unix(), Expires: a.Expires.Unix(),
		AuthTime: unix(a.AuthTime), Nonce: d.subject.Nonce, ACR: a.ACR, Methods: d.now.Session.Methods,
		Session: a.Session, Org: a.Org,
	}
	if d.now.Client.LeanIDToken {
		return nil
	}
	profile, err := i.World.Users.Profile(ctx, t, a.User)
	d.id.Person = oauth.ClaimsFor(profile, d.scopes)
	return oauth.Refusal(err, oauth.InvalidGrant, "The account does not exist.")
}
