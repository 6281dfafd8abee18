package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const redirect = "http://localhost:9999/callback"

// serve starts the program and returns its issuer once it answers.
func serve(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close() // the program opens it again
	ctx, stop := context.WithCancel(t.Context())
	env := map[string]string{"UPSTREAM_LISTEN": address, "UPSTREAM_ISSUER": "http://" + address, "UPSTREAM_REDIRECT": redirect}
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, nil, func(name string) string { return env[name] }) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		answer, err := http.Get("http://" + address + "/healthz")
		if err == nil {
			_ = answer.Body.Close()
			return "http://" + address
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// login fills in the form as a person does, and returns the query with which the client is called back.
func login(t *testing.T, begin, user, pass string) (url.Values, string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	var back *url.URL
	browser := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), redirect) {
			back = r.URL
			return http.ErrUseLastResponse
		}
		return nil
	}}
	page := func(answer *http.Response, err error) (*url.URL, string) {
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = answer.Body.Close() }()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.Request.URL, string(text)
	}
	at, form := page(browser.Get(begin))
	id := regexp.MustCompile(`name="id" value="([^"]+)"`).FindStringSubmatch(form)
	if id == nil {
		t.Fatalf("no form at %s: %s", at, form)
	}
	_, text := page(browser.PostForm(at.ResolveReference(&url.URL{Path: "/login/username"}).String(), url.Values{"id": {id[1]}, "username": {user}, "password": {pass}}))
	if back == nil {
		return nil, text
	}
	return back.Query(), text
}

// TestSignIn: a client that nobody here wrote signs people in, with PKCE, and reads who they are.
func TestSignIn(t *testing.T) {
	issuer := serve(t)
	ctx := t.Context()
	provider, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		t.Fatal(err)
	}
	client := oauth2.Config{
		ClientID: "cardea", ClientSecret: "upstream-secret", Endpoint: provider.Endpoint(), RedirectURL: redirect,
		Scopes: []string{oidc.ScopeOpenID, "email", "profile"},
	}
	begin := func(verifier, nonce string) string {
		return client.AuthCodeURL("a-state", oauth2.S256ChallengeOption(verifier), oidc.Nonce(nonce))
	}
	for name, verified := range map[string]bool{"ada": true, "grace": false} {
		t.Run(name, func(t *testing.T) {
			verifier := oauth2.GenerateVerifier()
			got, text := login(t, begin(verifier, "n-"+name), name, password)
			if got.Get("code") == "" || got.Get("state") != "a-state" {
				t.Fatalf("called back with %v\n%s", got, text)
			}
			if _, err := client.Exchange(ctx, got.Get("code"), oauth2.VerifierOption(oauth2.GenerateVerifier())); err == nil {
				t.Error("a code was redeemed with another verifier")
			}
			got, _ = login(t, begin(verifier, "n-"+name), name, password)
			token, err := client.Exchange(ctx, got.Get("code"), oauth2.VerifierOption(verifier))
			if err != nil {
				t.Fatal(err)
			}
			raw, _ := token.Extra("id_token").(string)
			idToken, err := provider.Verifier(&oidc.Config{ClientID: client.ClientID}).Verify(ctx, raw)
			if err != nil || idToken.Nonce != "n-"+name {
				t.Fatalf("id token %+v, %v", idToken, err)
			}
			who, err := provider.UserInfo(ctx, client.TokenSource(ctx, token))
			if err != nil || who.Subject != idToken.Subject || who.Email != name+"@example.com" || who.EmailVerified != verified {
				t.Errorf("user info %+v, %v", who, err)
			}
		})
	}
	if got, text := login(t, begin(oauth2.GenerateVerifier(), "n"), "ada", "wrong"); got != nil || !strings.Contains(text, "wrong") {
		t.Errorf("with a wrong password: %v\n%s", got, text)
	}
}
