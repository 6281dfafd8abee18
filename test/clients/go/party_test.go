package clients_test

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// party is a relying party as the documentation of x/oauth2 and go-oidc says to write one.
type party struct {
	server   *server
	app      app
	provider *oidc.Provider
	config   oauth2.Config
}

// newParty makes the relying party of an application. Everything it knows of the server it has from
// discovery.
func (s *server) newParty(t testing.TB, a app, scopes ...string) *party {
	t.Helper()
	provider, err := oidc.NewProvider(oidc.ClientContext(t.Context(), s.client()), s.issuer)
	if err != nil {
		t.Fatal(err)
	}
	p := &party{server: s, app: a, provider: provider, config: oauth2.Config{
		ClientID: a.id, ClientSecret: a.secret, Endpoint: provider.Endpoint(), RedirectURL: a.redirect, Scopes: scopes,
	}}
	p.config.Endpoint.AuthStyle = oauth2.AuthStyleInHeader
	if a.secret == "" {
		p.config.Endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return p
}

// tokens is what a relying party holds after a login.
type tokens struct {
	*oauth2.Token
	id    *oidc.IDToken
	rawID string
}

// login signs the person at the browser in with code and PKCE and checks all that a relying party
// must check.
func (p *party) login(b *browser, more ...oauth2.AuthCodeOption) tokens {
	t := b.t
	t.Helper()
	state, nonce, verifier := rand.Text(), rand.Text(), oauth2.GenerateVerifier()
	options := append([]oauth2.AuthCodeOption{oidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier)}, more...)
	back := b.visit(p.config.AuthCodeURL(state, options...), p.app.redirect)
	if back.Get("state") != state || back.Get("iss") != p.server.issuer || back.Get("code") == "" {
		t.Fatalf("the browser came back with %v", back)
	}
	got, err := p.config.Exchange(oidc.ClientContext(t.Context(), p.server.client()), back.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatalf("exchanging the code: %v", err)
	}
	return p.check(t, got, nonce)
}

// check verifies the id token and that it belongs to the access token.
func (p *party) check(t testing.TB, got *oauth2.Token, nonce string) tokens {
	t.Helper()
	raw, _ := got.Extra("id_token").(string)
	verified, err := p.provider.Verifier(&oidc.Config{ClientID: p.app.id}).Verify(t.Context(), raw)
	if err != nil {
		t.Fatalf("the id token: %v", err)
	}
	if verified.Nonce != nonce {
		t.Fatalf("nonce %q, want %q", verified.Nonce, nonce)
	}
	if verified.AccessTokenHash == "" {
		t.Fatal("the id token has no at_hash")
	}
	if err := verified.VerifyAccessToken(got.AccessToken); err != nil {
		t.Fatalf("at_hash: %v", err)
	}
	return tokens{got, verified, raw}
}

// refresh gets new tokens for a refresh token, as oauth2 does when an access token has expired.
func (p *party) refresh(t testing.TB, refreshToken string) (*oauth2.Token, error) {
	return p.refreshAt(t, p.server, refreshToken)
}

// mustRefresh is refresh that must work.
func (p *party) mustRefresh(t testing.TB, refreshToken string) *oauth2.Token {
	t.Helper()
	got, err := p.refresh(t, refreshToken)
	if err != nil {
		t.Fatalf("refreshing: %v", err)
	}
	return got
}

// post sends a form to an end point of the server with the application's secret, by Basic.
func (s *server) post(t testing.TB, a app, path string, pairs ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.issuer+path, strings.NewReader(form(pairs).Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if a.secret != "" {
		r.SetBasicAuth(url.QueryEscape(a.id), url.QueryEscape(a.secret))
	}
	return s.send(t, r)
}

func form(pairs []string) url.Values {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	return values
}

// send sends a request without following redirects.
func (s *server) send(t testing.TB, r *http.Request) answer {
	t.Helper()
	a, err := send(s.client(), r)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// plain is the client of everybody who is no browser.
var plain = clientAt("")

// with gets a path of the server with a header.
func (s *server) with(t testing.TB, method, path, header, value string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.issuer+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if header != "" {
		r.Header.Set(header, value)
	}
	return s.send(t, r)
}

// active asks the server whether a token is good, as the given resource server or client.
func (s *server) active(t testing.TB, as app, token string) bool {
	t.Helper()
	a := s.post(t, as, "/oauth/introspect", "token", token)
	var said struct{ Active bool }
	if a.status != http.StatusOK {
		t.Fatalf("introspection: %s", a)
	}
	a.read(t, &said)
	return said.Active
}
