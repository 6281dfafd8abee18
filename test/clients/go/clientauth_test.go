package clients_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// TestClientAuthentication has a client of each method exchange a code and refresh, and refuses it with
// any other method than its own.
func TestClientAuthentication(t *testing.T) {
	t.Parallel()
	s := theWorld(t).server
	u := s.addUser(t, "methods@clients.example")
	key := newClientKey(t)
	for _, c := range []struct {
		method string
		app    app
		style  oauth2.AuthStyle
	}{
		{"client_secret_basic", s.addApp(t, "web", "--auth-method", "client_secret_basic"), oauth2.AuthStyleInHeader},
		{"client_secret_post", s.addApp(t, "web", "--auth-method", "client_secret_post"), oauth2.AuthStyleInParams},
		{"private_key_jwt", s.addApp(t, "web", "--auth-method", "private_key_jwt", "--jwks", s.file(t, "client.jwks", key.public(t))), oauth2.AuthStyleInParams},
		{"none", s.addApp(t, "spa"), oauth2.AuthStyleInParams},
	} {
		t.Run(c.method, func(t *testing.T) {
			p := s.newParty(t, c.app, "openid")
			p.config.Endpoint.AuthStyle = c.style
			state, nonce, verifier := rand.Text(), rand.Text(), oauth2.GenerateVerifier()
			back := s.browser(t, u).visit(p.config.AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier)), c.app.redirect)
			options := []oauth2.AuthCodeOption{oauth2.VerifierOption(verifier)}
			if c.method == "private_key_jwt" {
				options = append(options, key.assertion(t, c.app.id, s.issuer)...)
			}
			got, err := p.config.Exchange(t.Context(), back.Get("code"), options...)
			if err != nil {
				t.Fatal(err)
			}
			p.check(t, got, nonce)
			if c.method != "private_key_jwt" { // oauth2 cannot refresh with an assertion
				p.mustRefresh(t, got.RefreshToken)
			}
		})
	}
}

// TestClientAuthenticationRefusals: every failure has one answer, and methods are not exchangeable.
func TestClientAuthenticationRefusals(t *testing.T) {
	t.Parallel()
	s := theWorld(t).server
	basic, posted := s.addApp(t, "service"), s.addApp(t, "service", "--auth-method", "client_secret_post")
	key := newClientKey(t)
	byKey := s.addApp(t, "service", "--auth-method", "private_key_jwt", "--jwks", s.file(t, "service.jwks", key.public(t)))
	spa := s.addApp(t, "spa")
	for _, c := range []struct {
		what   string
		header app
		pairs  []string
	}{
		{"wrong secret", app{id: basic.id, secret: posted.secret}, nil},
		{"unknown client", app{id: "app_nobody", secret: basic.secret}, nil},
		{"basic client by form", app{}, []string{"client_id", basic.id, "client_secret", basic.secret}},
		{"form client by basic", posted, nil},
		{"two methods at once", basic, []string{"client_id", basic.id, "client_secret", basic.secret}},
		{"no secret", app{}, []string{"client_id", basic.id}},
		{"assertion of another key", app{}, assertionPairs(newClientKey(t), t, byKey.id, s.issuer)},
		{"assertion for the token end point", app{}, assertionPairs(key, t, byKey.id, "https://elsewhere.example")},
	} {
		a := s.post(t, c.header, "/oauth/token", append(c.pairs, "grant_type", "client_credentials")...)
		code := a.refusal()
		if c.what == "two methods at once" && code == "invalid_request" { // RFC 6749, section 2.3
			continue
		}
		if a.status != http.StatusUnauthorized || code != "invalid_client" {
			t.Errorf("%s: %s", c.what, a)
		}
		if (c.header.secret != "") != (a.header.Get("WWW-Authenticate") != "") {
			t.Errorf("%s: WWW-Authenticate %q", c.what, a.header.Get("WWW-Authenticate"))
		}
	}
	pairs := append(assertionPairs(key, t, byKey.id, s.issuer), "grant_type", "client_credentials")
	if a := s.post(t, app{}, "/oauth/token", pairs...); a.status != http.StatusOK {
		t.Errorf("a good assertion: %s", a)
	}
	if a := s.post(t, app{}, "/oauth/token", pairs...); a.refusal() != "invalid_client" {
		t.Errorf("the same assertion again: %s", a)
	}
	if a := s.post(t, app{}, "/oauth/token", "client_id", spa.id, "grant_type", "client_credentials"); a.refusal() != "unauthorized_client" {
		t.Errorf("a public client asks for client credentials: %s", a)
	}
}

// TestClientCredentials is x/oauth2 as a service that acts for itself.
func TestClientCredentials(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	service := w.server.addApp(t, "service", flags(scopes("invoice:read"), []string{"--audience", audience})...)
	config := clientcredentials.Config{
		ClientID: service.id, ClientSecret: service.secret, TokenURL: w.server.issuer + "/oauth/token", AuthStyle: oauth2.AuthStyleInHeader,
	}
	got, err := config.Token(t.Context())
	if err != nil || got.RefreshToken != "" || got.Extra("id_token") != nil {
		t.Fatalf("token %+v, %v", got, err)
	}
	list := func() answer { return w.must(t, "GET", "/invoices", got.AccessToken, "") }
	if a := list(); a.status != http.StatusForbidden {
		t.Errorf("a service without the permission: %s", a)
	}
	w.server.cli(t, "role", "create", "service-reader", "--permission", "invoice:read")
	w.server.cli(t, "role", "assign", "service-reader", "service:"+service.id)
	if a := list(); a.status != http.StatusOK {
		t.Errorf("a service with the permission: %s", a)
	}
	w.server.cli(t, "role", "unassign", "service-reader", "service:"+service.id)
	if a := list(); a.status != http.StatusForbidden {
		t.Errorf("a service whose role was taken away: %s", a)
	}
}

// clientKey is the key pair of a client with private_key_jwt.
type clientKey struct{ *ecdsa.PrivateKey }

func newClientKey(t testing.TB) clientKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return clientKey{k}
}

// public is the key set that the client registers.
func (k clientKey) public(t testing.TB) []byte {
	t.Helper()
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: k.Public(), KeyID: "c1", Algorithm: "ES256", Use: "sig"}}})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// assertion proves the client to the token end point (RFC 7523, section 2.2).
func (k clientKey) assertion(t testing.TB, client, issuer string) []oauth2.AuthCodeOption {
	t.Helper()
	var out []oauth2.AuthCodeOption
	pairs := assertionPairs(k, t, client, issuer)
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, oauth2.SetAuthURLParam(pairs[i], pairs[i+1]))
	}
	return out
}

func assertionPairs(k clientKey, t testing.TB, client, issuer string) []string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: k.PrivateKey}, (&jose.SignerOptions{}).WithHeader("kid", "c1").WithType("JWT"))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	text, err := jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: client, Subject: client, Audience: jwt.Audience{issuer}, ID: rand.Text(),
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(time.Minute)),
	}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return []string{"client_id", client, "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "client_assertion", text}
}
