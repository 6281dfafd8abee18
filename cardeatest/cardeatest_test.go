package cardeatest_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea"
	"github.com/cardea-auth/cardea/cardeatest"
)

// post sends a form to the server with Basic credentials and returns status and body.
func post(t *testing.T, srv *cardeatest.Server, path, secret string, form url.Values) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(cardeatest.ClientID, secret)
	return send(t, srv, req)
}

func send(t *testing.T, srv *cardeatest.Server, req *http.Request) (int, string) {
	t.Helper()
	res, err := srv.HTTPClient().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var body strings.Builder
	buffer := make([]byte, 4096)
	n, _ := res.Body.Read(buffer) // enough for every answer here, and does not wait for the end of a feed
	body.Write(buffer[:n])
	return res.StatusCode, body.String()
}

// A test kit that accepted anything would prove nothing.
func TestTheServerAsksForCredentials(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	token := url.Values{"token": {srv.Token(cardeatest.Claims{})}}
	grant := url.Values{"grant_type": {"client_credentials"}}
	for _, c := range []struct {
		path, secret string
		form         url.Values
		status       int
		holds        string
	}{
		{"/introspect", "wrong", token, 401, ""}, {"/introspect", cardeatest.ClientSecret, token, 200, `"active":true`},
		{"/introspect", cardeatest.ClientSecret, url.Values{"token": {"x"}}, 200, `"active":false`},
		{"/introspect", cardeatest.ClientSecret, url.Values{"token": {"x.y.z"}}, 200, `"active":false`},
		{"/token", "wrong", grant, 401, "invalid_client"}, {"/token", cardeatest.ClientSecret, grant, 200, "access_token"},
		{"/token", cardeatest.ClientSecret, url.Values{"grant_type": {"password"}}, 400, "unsupported_grant_type"},
		{"/access/v1/evaluation", cardeatest.ClientSecret, nil, 401, ""}, {"/access/v1/evaluations", "", nil, 401, ""},
	} {
		if status, body := post(t, srv, c.path, c.secret, c.form); status != c.status || !strings.Contains(body, c.holds) {
			t.Errorf("%s with %q: %d %s, want %d %s", c.path, c.secret, status, body, c.status, c.holds)
		}
	}
}

func TestIntrospectionKnowsEveryRevocation(t *testing.T) {
	t.Parallel()
	for name, revoke := range map[string]func(*cardeatest.Server, string){
		"session": func(s *cardeatest.Server, _ string) { s.RevokeSession("session-of-alice") },
		"user":    func(s *cardeatest.Server, _ string) { s.RevokeUser("alice") },
		"client":  func(s *cardeatest.Server, _ string) { s.RevokeClient(cardeatest.UserClient) },
		"tenant":  func(s *cardeatest.Server, _ string) { s.RevokeAll() },
		"token":   func(s *cardeatest.Server, token string) { s.RevokeToken(token) },
		"key":     func(s *cardeatest.Server, _ string) { s.RevokeKey(s.KeyID()); s.RotateKey() },
	} {
		t.Run(name, func(t *testing.T) {
			srv := cardeatest.NewServer(t)
			token := srv.Token(cardeatest.Claims{})
			revoke(srv, token)
			if _, body := post(t, srv, "/introspect", cardeatest.ClientSecret, url.Values{"token": {token}}); !strings.Contains(body, "false") {
				t.Errorf("the old token: %s", body)
			}
			fresh := srv.Token(cardeatest.Claims{})
			if _, body := post(t, srv, "/introspect", cardeatest.ClientSecret, url.Values{"token": {fresh}}); !strings.Contains(body, "true") {
				t.Errorf("a new token: %s", body)
			}
		})
	}
}

func TestTheFeedOnTheWire(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	srv.RevokeUser("alice")
	srv.RevokeUser("alice")
	ask := func(after, secret string) (int, string) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL+"/revocations?after="+url.QueryEscape(after), http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth(cardeatest.ClientID, secret)
		return send(t, srv, req)
	}
	if status, body := ask("", cardeatest.ClientSecret); status != 200 || strings.Count(body, `"kind":"user"`) != 2 ||
		!strings.Contains(body, `"min_epoch":2`) || !strings.HasSuffix(body, `{"kind":"live","cursor":"0-2"}`+"\n") {
		t.Errorf("from nothing: %d %s", status, body)
	}
	if status, body := ask("0-1", cardeatest.ClientSecret); status != 200 || strings.Count(body, `"kind":"user"`) != 1 {
		t.Errorf("from a cursor: %d %s", status, body)
	}
	for _, cursor := range []string{"1-1", "0-3", "0--1", "x"} {
		if status, _ := ask(cursor, cardeatest.ClientSecret); status != http.StatusGone {
			t.Errorf("cursor %q: %d", cursor, status)
		}
	}
	if status, _ := ask("", "wrong"); status != http.StatusUnauthorized {
		t.Errorf("wrong secret: %d", status)
	}
}

func TestRulesWithEveryID(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	auth := srv.NewClient(t)
	srv.Allow("user:*", "read", "invoice:1")
	srv.Allow("user:root", "write", "invoice:*")
	for _, c := range []struct {
		user, action, invoice string
		want                  bool
	}{
		{"a", "read", "1", true}, {"a", "read", "2", false}, {"root", "write", "9", true}, {"a", "write", "1", false}, {"root", "read", "*", false},
	} {
		d, err := auth.Decide(t.Context(), cardea.Request{
			Subject: cardea.Entity{Type: "user", ID: c.user}, Action: cardea.Action{Name: c.action}, Resource: cardea.Entity{Type: "invoice", ID: c.invoice},
		})
		if err != nil || d.Allow != c.want {
			t.Errorf("%+v: %+v %v", c, d, err)
		}
	}
}

func TestClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cardeatest.NewServer(t, cardeatest.InMemory(), cardeatest.Clock(func() time.Time { return time.Now().Add(1000 * time.Hour) }))
		who, err := srv.NewClient(t).Verify(t.Context(), srv.Token(cardeatest.Claims{Life: time.Minute}))
		if err != nil || time.Until(who.Expires) < 999*time.Hour {
			t.Errorf("%v %v", who.Expires, err)
		}
	})
}

// Example of a test of a service that uses package cardea.
func Example() {
	// A real test has a *testing.T and this body:
	_ = func(t *testing.T) {
		srv := cardeatest.NewServer(t)
		auth := srv.NewClient(t)
		srv.Grant("alice", "invoice:read")
		list := auth.RequirePermissions("invoice:read")(http.NotFoundHandler()) // your handler

		r := httptest.NewRequest(http.MethodGet, "/invoices", http.NoBody)
		r.Header.Set("Authorization", "Bearer "+srv.Token(cardeatest.Claims{Subject: "alice"}))
		w := httptest.NewRecorder()
		list.ServeHTTP(w, r)
		if w.Code != http.StatusNotFound {
			t.Errorf("alice is refused: %d %s", w.Code, w.Body)
		}
	}
}
