// Package oauthtest builds a whole provider for tests: every package of the provider over a real store,
// with tenants, users, sessions and organisations that a test can change under its feet, and one key.
package oauthtest

import (
	"crypto/sha256"
	"encoding/base64"
	"net/netip"
	"net/url"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/cache/memory"
	"github.com/cardea-auth/cardea/internal/keyring"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/opaque"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/authenticate"
	"github.com/cardea-auth/cardea/internal/oauth/authorize"
	"github.com/cardea-auth/cardea/internal/oauth/clientauth"
	"github.com/cardea-auth/cardea/internal/oauth/clients"
	"github.com/cardea-auth/cardea/internal/oauth/codes"
	"github.com/cardea-auth/cardea/internal/oauth/consent"
	"github.com/cardea-auth/cardea/internal/oauth/grants"
	"github.com/cardea-auth/cardea/internal/oauth/introspect"
	"github.com/cardea-auth/cardea/internal/oauth/logout"
	"github.com/cardea-auth/cardea/internal/oauth/refresh"
	"github.com/cardea-auth/cardea/internal/oauth/revocations"
	"github.com/cardea-auth/cardea/internal/oauth/revoke"
	"github.com/cardea-auth/cardea/internal/oauth/scopes"
	"github.com/cardea-auth/cardea/internal/oauth/tokens"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/storetest"
	"github.com/cardea-auth/cardea/internal/tenant"
)

// Fixed names of the world.
const (
	Tenant   = id.Default
	Issuer   = "https://id.example.com"
	Callback = "https://app.example.com/callback"
	API      = "https://api.example.com"
	Alice    = "alice0000000000000000000000"
	Sid      = "alice-session"
	Verifier = "a-verifier-of-forty-three-characters-or-more"
)

// World is a provider.
type World struct {
	T             testing.TB
	Clock         *storetest.Clock
	DB            *store.DB
	Guard         *access.Guard
	Tenants       Tenants
	Users         Users
	Sessions      Sessions
	Organisations Organisations
	Policy        Policy
	Keys          *keyring.Ring
	Revoked       *tenant.Revocations
	Board         *revocations.Board
	Clients       *clients.Clients
	Catalogue     *scopes.Catalogue
	Consents      *consent.Consents
	Families      *refresh.Families
	Codes         *codes.Codes
	Auth          *clientauth.Authenticator
	Standing      tokens.World
	Opaque        *tokens.Opaque
	Issuer        *tokens.Issuer
	Reader        *tokens.Reader
	Authorizer    *authorize.Authorizer
	Introspector  *introspect.Introspector
	Revoker       *revoke.Revoker
	Logout        *logout.Logout
	Authenticator *authenticate.Authenticator
}

// New makes a world with one tenant and one user, Alice, signed in by Sid with two factors.
func New(t testing.TB, options ...storetest.Option) *World {
	t.Helper()
	w := &World{T: t, Clock: storetest.NewClock()}
	sealer := storetest.NewSealer()
	cache, err := memory.New(memory.Config{Now: w.Clock.Now})
	if err != nil {
		t.Fatalf("making the cache: %v", err)
	}
	w.DB = storetest.NewDB(t, append([]storetest.Option{storetest.WithClock(w.Clock), storetest.WithSealer(sealer), storetest.WithCache(cache)}, options...)...)
	w.Guard = storetest.Guard(w.Clock.Now)
	w.Tenants, w.Users = Tenants{newBook[oauth.TenantStanding]()}, Users{newBook[User]()}
	w.Sessions = Sessions{newBook[oauth.SessionStanding](), newBook[string]()}
	w.Organisations, w.Policy = Organisations{newBook[oauth.OrgStanding]()}, Policy{newBook[bool]()}
	w.build(sealer)
	storetest.Ensure(t, w.DB)
	w.Tenants.Put(string(Tenant), oauth.TenantStanding{
		Issuer: Issuer, Enabled: true, Epoch: 1, AccessLife: 10 * time.Minute,
		RefreshIdle: 7 * 24 * time.Hour, RefreshAbsolute: 30 * 24 * time.Hour, RefreshGrace: 10 * time.Second,
	})
	w.Users.Put(Alice, User{
		UserStanding: oauth.UserStanding{Active: true, Epoch: 1},
		Person:       oauth.Profile{Name: "Alice", Email: "alice@example.com", EmailVerified: true},
	})
	w.Sessions.Put(Sid, oauth.SessionStanding{
		Alive: true, Epoch: 1, UserID: Alice, AuthTime: w.Clock.Now(), Strength: access.TwoFactors, Methods: []string{"pwd", "otp"},
	})
	return w
}

func (w *World) build(sealer store.Sealer) {
	w.Revoked = tenant.NewRevocations(w.DB)
	var err error
	if w.Keys, err = keyring.New(keyring.Config{DB: w.DB, Guard: w.Guard, Revocations: w.Revoked}); err != nil {
		w.T.Fatalf("making the keyring: %v", err)
	}
	w.Board = revocations.NewBoard(w.Revoked, w.Tenants, w.DB.Now)
	w.Clients = clients.New(w.DB, w.Guard, w.Revoked)
	w.Catalogue = scopes.New(w.DB, w.Guard, w.Clients, w.Policy)
	w.Consents = consent.New(w.DB, w.Guard, w.Revoked)
	w.Families = refresh.New(refresh.Config{DB: w.DB, Guard: w.Guard, Board: w.Board, Clients: w.Clients, Owners: w.Users})
	w.Codes = codes.New(w.DB, w.Guard, w.Board, w.Families)
	w.Auth = clientauth.New(clientauth.Config{DB: w.DB, Guard: w.Guard, Clients: w.Clients, Tenants: w.Tenants})
	w.Standing = tokens.World{
		Tenants: w.Tenants, Clients: w.Clients, Users: w.Users, Sessions: w.Sessions, Organisations: w.Organisations,
		Consents: w.Consents, Policy: w.Policy,
	}
	w.Opaque = tokens.NewOpaque(w.DB)
	w.Issuer = tokens.NewIssuer(tokens.IssuerConfig{
		DB: w.DB, Guard: w.Guard, World: w.Standing, Families: w.Families, Opaque: w.Opaque, Signer: w.Keys.Tokens(),
	})
	w.Reader = tokens.NewReader(tokens.ReaderConfig{
		World: w.Standing, Opaque: w.Opaque, Verifier: w.Keys, Board: w.Board, Now: w.DB.Now,
	})
	w.Authorizer = authorize.New(authorize.Config{
		Now: w.DB.Now, Sealer: sealer, World: w.Standing, Reader: w.Reader, Codes: w.Codes, Consents: w.Consents, Scopes: w.Catalogue,
		Strongest: access.HardToPhish,
	})
	w.Introspector = introspect.New(introspect.Config{Reader: w.Reader, World: w.Standing, Families: w.Families, Now: w.DB.Now})
	w.Revoker = revoke.New(revoke.Config{DB: w.DB, Guard: w.Guard, Reader: w.Reader, Families: w.Families, Board: w.Board})
	w.Logout = logout.New(logout.Config{Reader: w.Reader, Clients: w.Clients, Sessions: w.Sessions})
	w.Authenticator = authenticate.New(authenticate.Config{Reader: w.Reader, Sessions: w.Sessions})
}

// RevokeKeys makes the signatures of every key so far count no more.
func (w *World) RevokeKeys() {
	w.T.Helper()
	keys, err := w.Keys.List(w.T.Context(), w.Admin())
	for _, k := range keys {
		if err == nil {
			_, err = w.Keys.Revoke(w.T.Context(), w.Admin(), k.ID)
		}
	}
	if err != nil {
		w.T.Fatalf("revoking the keys: %v", err)
	}
}

// Admin is a caller who may do everything.
func (w *World) Admin() access.Caller { return storetest.User(Tenant, "admin", w.Clock.Now()) }

// Origin is where requests come from.
func (w *World) Origin() access.Origin {
	return access.Origin{Address: netip.MustParseAddr("192.0.2.7"), UserAgent: "test", RequestID: "request"}
}

// Nobody is an anonymous caller.
func (w *World) Nobody() access.Caller { return access.Anonymous(Tenant, w.Origin()) }

// Browser is the caller whom a session cookie proves.
func (w *World) Browser(user, sid string) access.Caller {
	proof := access.Proof{Strength: access.TwoFactors, At: w.Clock.Now(), Session: sid}
	return access.Authenticated(Tenant, access.User(user), proof, w.Origin())
}

// App is a registered client and how it authenticates.
type App struct {
	*oauth.Client
	world  *World
	secret secret.Value
}

// WebApp is a draft of a client of the operator that may do everything a web application may.
func WebApp() oauth.Client {
	return oauth.Client{
		Name: "App", Type: oauth.Web, FirstParty: true, Redirect: []oauth.RedirectURI{Callback},
		Scopes: oauth.Scopes{"openid", "profile", "email", "offline_access", "invoices:read", "invoices:write"},
		Grants: []oauth.GrantType{oauth.GrantCode, oauth.GrantRefresh, oauth.GrantClientCredentials},
	}
}

// Register registers a client.
func (w *World) Register(draft oauth.Client) *App {
	w.T.Helper()
	made, err := w.Clients.Create(w.T.Context(), w.Admin(), draft)
	if err != nil {
		w.T.Fatalf("registering the client: %v", err)
	}
	return &App{Client: made.Client, world: w, secret: made.Secret}
}

// Attempt is how the client authenticates.
func (a *App) Attempt() clientauth.Attempt {
	switch a.Auth {
	case oauth.AuthBasic:
		return clientauth.Attempt{Basic: &clientauth.Basic{ID: a.ID, Secret: a.secret}}
	case oauth.AuthPost:
		return clientauth.Attempt{ClientID: a.ID, Secret: a.secret}
	}
	return clientauth.Attempt{ClientID: a.ID}
}

// Prove authenticates the client.
func (a *App) Prove() clientauth.Proven {
	a.world.T.Helper()
	p, err := a.world.Auth.Authenticate(a.world.T.Context(), a.world.Nobody(), a.Attempt())
	if err != nil {
		a.world.T.Fatalf("authenticating the client: %v", err)
	}
	return p
}

// Challenge is the PKCE challenge of Verifier.
func Challenge() string {
	sum := sha256.Sum256([]byte(Verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Params are the parameters of a good authorization request; pairs of name and value replace or add.
func (a *App) Params(pairs ...string) url.Values {
	redirect := ""
	if len(a.Redirect) > 0 {
		redirect = string(a.Redirect[0])
	}
	v := url.Values{
		"client_id": {a.ID}, "redirect_uri": {redirect}, "response_type": {"code"}, "scope": {"openid email"},
		"state": {"the-state"}, "nonce": {"the-nonce"}, "code_challenge": {Challenge()}, "code_challenge_method": {"S256"},
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
		if pairs[i+1] == "" {
			v.Del(pairs[i])
		}
	}
	return v
}

// Begin sends an authorization request from c.
func (a *App) Begin(c access.Caller, pairs ...string) (authorize.Answer, error) {
	p, err := authorize.NewParams(a.Params(pairs...))
	if err != nil {
		return authorize.Answer{}, err
	}
	return a.world.Authorizer.Begin(a.world.T.Context(), c, p)
}

// Code is a code for Alice's session.
func (a *App) Code(pairs ...string) secret.Value {
	a.world.T.Helper()
	answer, err := a.Begin(a.world.Browser(Alice, Sid), pairs...)
	if err != nil {
		a.world.T.Fatalf("authorizing: %v", err)
	}
	if answer.Response == nil || !opaque.Valid(opaque.Code, answer.Response.Get("code")) {
		a.world.T.Fatalf("authorizing gave no code: %+v, need %+v", answer.Response, answer.Need)
	}
	return secret.New(answer.Response.Get("code"))
}

// Exchange exchanges a code for tokens.
func (a *App) Exchange(code secret.Value) (tokens.Minted, error) {
	proof := codes.Proof{Code: code, Redirect: string(a.Redirect[0]), Verifier: secret.New(Verifier)}
	return a.Issue(grants.NewCode(a.world.Codes, proof), tokens.Request{})
}

// Refresh exchanges a refresh token.
func (a *App) Refresh(token secret.Value) (tokens.Minted, error) {
	return a.Issue(grants.NewRefresh(a.world.Families, token), tokens.Request{})
}

// Issue authenticates the client and exchanges g.
func (a *App) Issue(g tokens.Grant, r tokens.Request) (tokens.Minted, error) {
	p, err := a.world.Auth.Authenticate(a.world.T.Context(), a.world.Nobody(), a.Attempt())
	if err != nil {
		return tokens.Minted{}, err
	}
	return a.world.Issuer.Issue(a.world.T.Context(), a.world.Nobody(), p, g, r)
}

// Tokens are fresh tokens for Alice.
func (a *App) Tokens(pairs ...string) tokens.Minted {
	a.world.T.Helper()
	m, err := a.Exchange(a.Code(pairs...))
	if err != nil {
		a.world.T.Fatalf("exchanging the code: %v", err)
	}
	return m
}

// Active reports whether a token is good, as introspection by its own client sees it.
func (a *App) Active(token secret.Value) bool {
	a.world.T.Helper()
	answer, err := a.world.Introspector.Introspect(a.world.T.Context(), a.Prove(), token.Reveal())
	if err != nil {
		a.world.T.Fatalf("introspecting: %v", err)
	}
	return answer.Active()
}
