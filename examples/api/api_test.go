package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/cardeatest"
	"github.com/cardea-auth/cardea/test/port"
)

// call sends one request and returns status and body.
func call(h http.Handler, method, path, token, body string) (int, string) {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	all := newInvoices()
	h := routes(srv.NewClient(t), all)
	const both = "invoice:read invoice:write"
	alice := srv.Token(cardeatest.Claims{Subject: "alice", Scope: both})
	bob := srv.Token(cardeatest.Claims{Subject: "bob", Scope: both})
	root := srv.Token(cardeatest.Claims{Subject: "root", Scope: both})
	narrow := srv.Token(cardeatest.Claims{Subject: "root"})
	srv.Grant("bob", "invoice:read")
	srv.Grant("root", "invoice:read")
	srv.Grant("root", "invoice:delete")
	if status, body := call(h, "GET", "/invoices", bob, ""); status != 200 || !strings.Contains(body, `"invoices":[]`) {
		t.Errorf("no invoices yet: %d %s", status, body)
	}
	path := func() string { return "/invoices/" + all.add("alice", 100).ID }
	for _, c := range []struct {
		name, method, path, token, body string
		status                          int
		holds                           string
	}{
		{"public, nobody", "GET", "/public", "", "", 200, "stranger"},
		{"public, alice", "GET", "/public", alice, "", 200, "alice"},
		{"public, broken token", "GET", "/public", "x", "", 401, "token_invalid"},
		{"me, nobody", "GET", "/me", "", "", 401, "token_missing"},
		{"me, bob", "GET", "/me", bob, "", 200, `"subject":"bob"`},
		{"list, nobody", "GET", "/invoices", "", "", 401, "token_missing"},
		{"list without permission", "GET", "/invoices", alice, "", 403, `"permission":"invoice:read"`},
		{"list without scope", "GET", "/invoices", narrow, "", 403, `"scope":"invoice:read"`},
		{"list", "GET", "/invoices", bob, "", 200, `"invoices":[`},
		{"create", "POST", "/invoices", alice, `{"cents":500}`, 201, `"owner":"alice"`},
		{"create nothing", "POST", "/invoices", alice, `{}`, 400, "invalid_input"},
		{"delete, nobody", "DELETE", path(), "", "", 401, "token_missing"},
		{"delete, another user", "DELETE", path(), bob, "", 403, `"permission":"invoice:delete"`},
		{"delete, owner", "DELETE", path(), alice, "", 204, ""},
		{"delete, administrator", "DELETE", path(), root, "", 204, ""},
		{"delete what is not there", "DELETE", "/invoices/x", alice, "", 404, "not_found"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if status, body := call(h, c.method, c.path, c.token, c.body); status != c.status || !strings.Contains(body, c.holds) {
				t.Errorf("%d %s, want %d with %q", status, body, c.status, c.holds)
			}
		})
	}
}

// TestRun starts the program as main does and asks it one question.
func TestRun(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	free, err := port.Addresses(1)
	if err != nil {
		t.Fatal(err)
	}
	address := free[0]
	ctx, stop := context.WithCancel(t.Context())
	env := map[string]string{
		"API_ISSUER": srv.URL, "API_AUDIENCE": cardeatest.Audience, "API_CLIENT_ID": cardeatest.ClientID, "API_CLIENT_SECRET": cardeatest.ClientSecret,
	}
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, []string{"-listen", address}, func(name string) string { return env[name] }) }()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/me", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+srv.Token(cardeatest.Claims{Subject: "alice"}))
	if body := eventually(t, req); !strings.Contains(body, "alice") {
		t.Errorf("body %s", body)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("stopping: %v", err)
	}
	if err := run(t.Context(), nil, func(string) string { return "" }); err == nil || !strings.Contains(err.Error(), "ClientID") {
		t.Errorf("without credentials: %v", err)
	}
}

// eventually repeats a request until the program listens.
func eventually(t *testing.T, req *http.Request) string {
	t.Helper()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			return string(body)
		}
		select {
		case <-again.C:
		case <-deadline.C:
			t.Fatal(err)
		}
	}
}
