package cardea_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cardea-auth/cardea"
	"github.com/cardea-auth/cardea/cardeatest"
)

const tokenPath = "/token"

func question(subject, action, resource string) cardea.Request {
	return cardea.Request{
		Subject: cardea.Entity{Type: "user", ID: subject}, Action: cardea.Action{Name: action},
		Resource: cardea.Entity{Type: "invoice", ID: resource},
	}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	auth := srv.NewClient(t)
	srv.Allow("user:alice", "read", "invoice:17")
	d, err := auth.Decide(t.Context(), question("alice", "read", "17"))
	if err != nil || !d.Allow || d.Reason != "allowed by the test" {
		t.Errorf("%+v %v", d, err)
	}
	for _, q := range []cardea.Request{question("alice", "write", "17"), question("alice", "read", "18"), question("bob", "read", "17")} {
		if d, err := auth.Decide(t.Context(), q); err != nil || d.Allow {
			t.Errorf("%+v: %+v %v", q, d, err)
		}
	}
	all, err := auth.DecideAll(t.Context(), []cardea.Request{question("bob", "read", "17"), question("alice", "read", "17")})
	if err != nil || len(all) != 2 || all[0].Allow || !all[1].Allow {
		t.Errorf("%+v %v", all, err)
	}
	if all, err := auth.DecideAll(t.Context(), nil); all != nil || err != nil {
		t.Errorf("no questions: %v %v", all, err)
	}
	if n := srv.Calls(tokenPath); n != 1 {
		t.Errorf("%d client tokens for all of it, want 1", n)
	}
}

// TestDecisionsFailClosed: whatever goes wrong, nothing is allowed.
func TestDecisionsFailClosed(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]struct {
		status int
		body   string
	}{
		"no decision":     {200, `{}`},
		"a string":        {200, `{"decision":"true"}`},
		"a number":        {200, `{"decision":1}`},
		"another case":    {200, `{"Decision":true}`},
		"twice":           {200, `{"decision":false,"decision":true}`},
		"an array":        {200, `[{"decision":true}]`},
		"not JSON":        {200, `yes`},
		"trailing":        {200, `{"decision":true} x`},
		"cut":             {200, `{"decision":true`},
		"empty":           {200, ``},
		"too long":        {200, `{"decision":true,"x":"` + strings.Repeat("x", 1<<20) + `"}`},
		"an error":        {500, `{"decision":true}`},
		"created":         {201, `{"decision":true}`},
		"forbidden":       {403, `{"decision":true}`},
		"a redirect":      {302, `{"decision":true}`},
		"still not known": {401, `{"decision":true}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := cardeatest.NewServer(t)
			fake := &fakeAnswer{prefix: "/access/", inner: srv.HTTPClient().Transport, status: answer.status, body: answer.body}
			auth := clientThrough(t, srv, fake)
			d, err := auth.Decide(t.Context(), question("a", "b", "c"))
			wantCode(t, err, cardea.CodeDecisionUnavailable)
			if d.Allow {
				t.Error("allowed")
			}
			fake.body = `{"evaluations":[` + answer.body + `]}`
			all, err := auth.DecideAll(t.Context(), []cardea.Request{question("a", "b", "c")})
			wantCode(t, err, cardea.CodeDecisionUnavailable)
			if all != nil {
				t.Errorf("decisions %v", all)
			}
		})
	}
}

func TestDecideAllNeedsEveryAnswer(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	fake := &fakeAnswer{prefix: "/access/", inner: srv.HTTPClient().Transport, status: 200}
	auth := clientThrough(t, srv, fake)
	questions := []cardea.Request{question("a", "b", "c"), question("d", "e", "f")}
	for _, body := range []string{
		`{"evaluations":[{"decision":true}]}`, `{"evaluations":[{"decision":true},{"decision":true},{"decision":true}]}`,
		`{"evaluations":{}}`, `{"decision":true}`, `{"evaluations":[{"decision":true},null]}`, `{"evaluations":[{"decision":true},true]}`,
	} {
		fake.body = body
		all, err := auth.DecideAll(t.Context(), questions)
		wantCode(t, err, cardea.CodeDecisionUnavailable)
		if all != nil {
			t.Errorf("%s: %v", body, all)
		}
	}
}

func TestIncompleteQuestionsAreNotAsked(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	auth := srv.NewClient(t)
	for _, q := range []cardea.Request{{}, question("", "b", "c"), question("a", "", "c"), question("a", "b", "")} {
		_, err := auth.Decide(t.Context(), q)
		wantCode(t, err, cardea.CodeDecisionUnavailable)
		_, err = auth.DecideAll(t.Context(), []cardea.Request{question("a", "b", "c"), q})
		wantCode(t, err, cardea.CodeDecisionUnavailable)
	}
	if n := srv.Calls("/access/v1/evaluation") + srv.Calls("/access/v1/evaluations"); n != 0 {
		t.Errorf("%d calls", n)
	}
}

// TestTheQuestionOnTheWire pins the AuthZEN request of RequirePermissions, facts of the token included.
func TestTheQuestionOnTheWire(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	fake := &fakeAnswer{prefix: "/access/", inner: srv.HTTPClient().Transport, status: 200, body: `{"decision":true}`}
	auth := clientThrough(t, srv, fake)
	token := srv.Token(cardeatest.Claims{ACR: "mfa", SessionID: "s1", Extra: map[string]any{"org_id": "acme", "iat": 1000, "auth_time": 900}})
	wantPass(t, call(auth.RequirePermissions("invoice:read")(greet), token), "alice")
	var got, want any
	if err := json.Unmarshal([]byte(fake.asked), &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(`{"subject":{"type":"user","id":"alice"},"action":{"name":"invoice:read"},
		"resource":{"type":"api","id":"https://api.test"},
		"context":{"client_id":"test-app","session_id":"s1","org_id":"acme","acr":"mfa","auth_time":900}}`), &want); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestQuestionsCanBeReworded(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	cfg := srv.Config()
	cfg.PermissionRequest = func(r *http.Request, who cardea.Caller, permission string) cardea.Request {
		return cardea.Request{
			Subject: who.Entity(), Action: cardea.Action{Name: permission},
			Resource: cardea.Entity{Type: "path", ID: r.URL.Path, Properties: map[string]any{"org": who.Organisation}},
		}
	}
	auth, err := cardea.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer auth.Close()
	srv.Allow("user:alice", "bill", "path:/invoices/17")
	wantPass(t, call(auth.RequirePermissions("bill")(greet), srv.Token(cardeatest.Claims{})), "alice")
}

// The client token is renewed before it ends, replaced when it is refused, and fetched once for all.
func TestClientTokens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cardeatest.NewServer(t, cardeatest.InMemory())
		auth := srv.NewClient(t)
		srv.Allow("user:*", "read", "invoice:*")
		ask := func() {
			t.Helper()
			if d, err := auth.Decide(t.Context(), question("a", "read", "1")); err != nil || !d.Allow {
				t.Errorf("%+v %v", d, err)
			}
		}
		wantFetches := func(n int) {
			t.Helper()
			synctest.Wait()
			if got := srv.Calls(tokenPath); got != n {
				t.Errorf("%d client tokens were fetched, want %d", got, n)
			}
		}
		var many sync.WaitGroup
		for range 50 {
			many.Go(ask)
		}
		many.Wait()
		wantFetches(1)
		time.Sleep(47 * time.Minute)
		ask()
		wantFetches(1)
		time.Sleep(2 * time.Minute)
		ask() // with the old token; a new one is fetched in the background
		wantFetches(2)
		ask()
		wantFetches(2)
		srv.ForgetServiceTokens(0)
		ask()
		wantFetches(3)
		time.Sleep(2 * time.Hour)
		srv.Break(cardeatest.Tokens)
		_, err := auth.Decide(t.Context(), question("a", "read", "1"))
		wantCode(t, err, cardea.CodeDecisionUnavailable)
		srv.Mend(cardeatest.Tokens)
		ask()
		wantFetches(5)
	})
}

// A caller who goes away does not fail the others who wait for the same token.
func TestWaitersDoNotFailEachOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cardeatest.NewServer(t, cardeatest.InMemory())
		slow := &slowly{path: tokenPath, by: time.Second, inner: srv.HTTPClient().Transport}
		auth := clientThrough(t, srv, slow)
		srv.Allow("user:a", "read", "invoice:1")
		impatient, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		var both sync.WaitGroup
		both.Go(func() {
			_, err := auth.Decide(impatient, question("a", "read", "1"))
			wantCode(t, err, cardea.CodeDecisionUnavailable)
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the cause is lost: %v", err)
			}
		})
		both.Go(func() {
			time.Sleep(50 * time.Millisecond)
			if d, err := auth.Decide(t.Context(), question("a", "read", "1")); err != nil || !d.Allow {
				t.Errorf("%+v %v", d, err)
			}
		})
		both.Wait()
		if n := srv.Calls(tokenPath); n != 1 {
			t.Errorf("%d fetches, want 1", n)
		}
	})
}

func TestBadTokenAnswers(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{}`, `{"access_token":"t","expires_in":60}`, `{"access_token":"t","token_type":"DPoP","expires_in":60}`,
		`{"access_token":"","token_type":"Bearer","expires_in":60}`, `{"access_token":"t","token_type":"Bearer"}`,
		`{"access_token":"t","token_type":"Bearer","expires_in":0}`, `{"access_token":"t","token_type":"Bearer","expires_in":"60"}`,
		`{"access_token":"a\r\nX: y","token_type":"Bearer","expires_in":60}`,
	} {
		srv := cardeatest.NewServer(t)
		fake := &fakeAnswer{prefix: tokenPath, inner: srv.HTTPClient().Transport, status: 200, body: body}
		_, err := clientThrough(t, srv, fake).Decide(t.Context(), question("a", "b", "c"))
		wantCode(t, err, cardea.CodeDecisionUnavailable)
		if n := srv.Calls("/access/v1/evaluation"); n != 0 {
			t.Errorf("%s: the token was used", body)
		}
	}
}

func TestIntrospectionAnswersAreReadStrictly(t *testing.T) {
	t.Parallel()
	for body, code := range map[string]cardea.Code{
		`{"active":true}`: "", `{"active":false}`: cardea.CodeTokenRevoked, `{"active":"true"}`: cardea.CodeRevocationUnknown,
		`{}`: cardea.CodeRevocationUnknown, `{"ACTIVE":true}`: cardea.CodeRevocationUnknown, `{"active":false,"active":true}`: cardea.CodeRevocationUnknown,
		`true`: cardea.CodeRevocationUnknown, ``: cardea.CodeRevocationUnknown,
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := cardeatest.NewServer(t, cardeatest.InMemory())
				auth := clientThrough(t, srv, &fakeAnswer{prefix: introspectPath, inner: srv.HTTPClient().Transport, status: 200, body: body})
				srv.Break(cardeatest.Feed)
				time.Sleep(6 * time.Second)
				verify(t, auth, srv.Token(cardeatest.Claims{}), code)
			})
		})
	}
}

func clientThrough(t *testing.T, srv *cardeatest.Server, transport http.RoundTripper) *cardea.Client {
	t.Helper()
	cfg := srv.Config()
	cfg.HTTPClient = &http.Client{Transport: transport}
	auth, err := cardea.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(auth.Close)
	return auth
}

// fakeAnswer answers requests for paths that begin with prefix itself.
type fakeAnswer struct {
	prefix string
	inner  http.RoundTripper
	status int
	body   string
	asked  string // the body of the last question
}

func (f *fakeAnswer) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasPrefix(r.URL.Path, f.prefix) {
		return f.inner.RoundTrip(r)
	}
	asked, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	f.asked = string(asked)
	rec := httptest.NewRecorder()
	rec.Header().Set("Location", "/elsewhere")
	rec.Header().Set("Content-Type", "application/json")
	rec.WriteHeader(f.status)
	_, _ = io.WriteString(rec, f.body)
	return rec.Result(), nil
}

// slowly delays one path.
type slowly struct {
	path  string
	by    time.Duration
	inner http.RoundTripper
}

func (s *slowly) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == s.path {
		time.Sleep(s.by)
	}
	return s.inner.RoundTrip(r)
}
