package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
)

const password = "correct horse battery staple"

// furnish makes users, applications, roles and signed-in browsers, and the workloads over them.
func (s *server) furnish(ctx context.Context) ([]workload, error) {
	var api, opaque, web struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	redirect := "http://127.0.0.1:9/callback"
	steps := []struct {
		out  any
		args []string
	}{
		{&api, []string{"app", "create", "api", "--type", "service", "--serves", s.base}},
		{&opaque, []string{"app", "create", "opaque", "--type", "service", "--access-token", "opaque"}},
		{&web, []string{"app", "create", "web", "--type", "web", "--first-party", "--redirect", redirect, "--scope", "openid", "--scope", "email", "--scope", "offline_access"}},
		{&map[string]any{}, []string{"role", "create", "reader", "--permission", "doc:read"}},
		{&map[string]any{}, []string{"user", "add", "alice@example.com", "--verified", "--password-stdin"}},
		{&map[string]any{}, []string{"role", "assign", "reader", "alice@example.com"}},
	}
	for _, x := range steps {
		if err := s.cli(ctx, password, x.out, x.args...); err != nil {
			return nil, err
		}
	}
	browser, user, err := s.signIn(ctx, "alice@example.com")
	if err != nil {
		return nil, err
	}
	grants, err := s.refreshTokens(ctx, browser, web.ID, web.Secret, redirect, 64+asked)
	if err != nil {
		return nil, err
	}
	return s.workloads(ctx, api.ID, api.Secret, opaque.ID, opaque.Secret, web.ID, web.Secret, user, browser, grants)
}

// signIn runs the flow of a person and returns the browser that is signed in.
func (s *server) signIn(ctx context.Context, address string) (*http.Client, string, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, "", err
	}
	browser := &http.Client{Jar: secureJar{jar}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	var flow struct {
		CSRF string `json:"csrf_token"`
		Done bool   `json:"done"`
		User string `json:"user"`
	}
	if err := s.call(ctx, browser, "/flows", "", map[string]string{"kind": "sign_in"}, &flow); err != nil {
		return nil, "", err
	}
	err = s.call(ctx, browser, "/flow/password", flow.CSRF, map[string]string{"email": address, "password": password}, &flow)
	if err == nil && !flow.Done {
		err = errors.New("the flow is not done")
	}
	return browser, flow.User, err
}

// secureJar sends Secure cookies to http://localhost, as browsers do.
type secureJar struct{ *cookiejar.Jar }

func (j secureJar) SetCookies(u *url.URL, cookies []*http.Cookie) {
	j.Jar.SetCookies(https(u), cookies)
}
func (j secureJar) Cookies(u *url.URL) []*http.Cookie { return j.Jar.Cookies(https(u)) }

func https(u *url.URL) *url.URL {
	c := *u
	c.Scheme = "https"
	return &c
}

func (s *server) call(ctx context.Context, c *http.Client, path, csrf string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if csrf != "" {
		r.Header.Set("X-CSRF-Token", csrf)
	}
	return decode(c, r, out)
}

func decode(c *http.Client, r *http.Request, out any) error {
	answer, err := c.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %d %.300s", r.URL.Path, answer.StatusCode, text)
	}
	return json.Unmarshal(text, out)
}

// tokenSet is what the token endpoint answers.
type tokenSet struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
}

// refreshTokens makes n families by n authorization code flows.
func (s *server) refreshTokens(ctx context.Context, browser *http.Client, id, secret, redirect string, n int) ([]tokenSet, error) {
	out := make([]tokenSet, n)
	for i := range out {
		verifier := base64.RawURLEncoding.EncodeToString(random(32))
		sum := sha256.Sum256([]byte(verifier))
		q := url.Values{
			"response_type": {"code"}, "client_id": {id}, "redirect_uri": {redirect}, "scope": {"openid email offline_access"},
			"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}, "state": {"x"},
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+"/oauth/authorize?"+q.Encode(), nil)
		if err != nil {
			return nil, err
		}
		answer, err := browser.Do(r)
		if err != nil {
			return nil, err
		}
		_ = answer.Body.Close()
		to, err := answer.Location()
		if err != nil {
			return nil, fmt.Errorf("authorize: status %d: %w", answer.StatusCode, err)
		}
		code := to.Query().Get("code")
		if code == "" {
			return nil, fmt.Errorf("authorize: no code in %s", to.Path)
		}
		form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirect}, "code_verifier": {verifier}}
		if err := s.token(ctx, form.Encode(), id, secret, &out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// token asks the token endpoint.
func (s *server) token(ctx context.Context, form, id, secret string, out *tokenSet) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+"/oauth/token", strings.NewReader(form))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(id, secret)
	return decode(http.DefaultClient, r, out)
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}
