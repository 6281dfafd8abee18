package problem_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/cardea-auth/cardea/internal/httpapi/problem"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

func answer(t *testing.T, err error) (*http.Response, problem.Problem, string) {
	t.Helper()
	w := httptest.NewRecorder()
	problem.Write(w, err, "req-1", "")
	var p problem.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	return w.Result(), p, w.Body.String()
}

func TestWrite(t *testing.T) {
	missing := errs.New(errs.Denied, "insufficient_scope", "The credential lacks the scope cardea:admin.")
	missing.Missing = "cardea:admin"
	tests := []struct {
		name      string
		err       error
		status    int
		code      string
		challenge string
		retry     string
	}{
		{"wrong input", errs.Bad("/name", "must be a name"), 400, "invalid_input", "", ""},
		{"no credential", errs.New(errs.Unauthenticated, "token_missing", "Sign in first."), 401, "token_missing", "Bearer", ""},
		{"bad credential", errs.New(errs.Unauthenticated, "token_expired", "It is over."), 401, "token_expired", `Bearer error="invalid_token"`, ""},
		{"scope", missing, 403, "insufficient_scope", `Bearer error="insufficient_scope", scope="cardea:admin"`, ""},
		{"permission", errs.New(errs.Denied, "permission_missing", "No."), 403, "permission_missing", "", ""},
		{"step-up", errs.New(errs.Denied, "insufficient_user_authentication", "Again."), 401, "insufficient_user_authentication", `Bearer error="insufficient_user_authentication", max_age=900`, ""},
		{"limit", errs.TooMany(1500*time.Millisecond, "rate_limited", "Wait."), 429, "rate_limited", "", "2"},
		{"store", errs.Busy(2*time.Second, errors.New("dsn=secret"), "store_unavailable", "Wait."), 503, "store_unavailable", "", "2"},
		{"too large", errs.New(errs.Invalid, problem.CodeBodyTooLarge, "Too large."), 413, "body_too_large", "", ""},
		{"unsupported", errs.New(errs.Unsupported, "", "Not here."), 422, "unsupported", "", ""},
		{"unknown", errors.New("dsn=secret"), 500, "internal", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, p, body := answer(t, tt.err)
			got := []string{p.Code, resp.Header.Get("WWW-Authenticate"), resp.Header.Get("Retry-After"), p.RequestID}
			if diff := cmp.Diff([]string{tt.code, tt.challenge, tt.retry, "req-1"}, got); diff != "" {
				t.Error(diff)
			}
			if resp.StatusCode != tt.status || p.Status != tt.status || p.Title == "" || !strings.HasSuffix(p.Type, "#"+tt.code) {
				t.Errorf("status %d, want %d; document %+v", resp.StatusCode, tt.status, p)
			}
			if resp.Header.Get("Content-Type") != problem.ContentType || resp.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("headers %v", resp.Header)
			}
			if strings.Contains(body, "secret") {
				t.Errorf("the cause is shown: %s", body)
			}
		})
	}
}

// TestRegress_147_ClosedBodies: whatever an error of ours says, its cause and the text of an
// internal one stay inside.
func TestRegress_147_ClosedBodies(t *testing.T) {
	for k := errs.Internal; k <= errs.Unsupported; k++ {
		e := errs.Wrap(k, errors.New("postgres://root:hunter2@db"), "", "Plain text.")
		if k == errs.Internal {
			e.Text, e.Code, e.Missing = "hunter2", "hunter2", "hunter2"
			e.Fields = []errs.Field{{Pointer: "/a", Detail: "hunter2"}}
		}
		resp, _, body := answer(t, e)
		if strings.Contains(body, "hunter2") || strings.Contains(resp.Header.Get("WWW-Authenticate"), "hunter2") {
			t.Errorf("%s: %s", k, body)
		}
	}
}

func TestChallengeCannotBeBroken(t *testing.T) {
	e := errs.New(errs.Denied, "insufficient_scope", "No.")
	e.Missing = "a\"\r\nSet-Cookie: x=y"
	if c := problem.Challenge(e, ""); c != `Bearer error="insufficient_scope"` {
		t.Errorf("challenge %q", c)
	}
}
