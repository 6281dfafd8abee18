package point_test

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz/point"
	"github.com/cardea-auth/cardea/internal/kit/egress"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

const acme id.Tenant = "acme"

const issuer = "https://cardea.example/t/acme"

// world is the points of one node, and what they were told of failures.
type world struct {
	*testing.T
	*point.Points
	db    *store.DB
	admin access.Caller
	inUse bool
	told  atomic.Int64
}

func newWorld(t *testing.T, dev bool) *world {
	t.Helper()
	way, err := egress.New(egress.Config{Dev: dev})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(way.Close)
	w := &world{T: t, db: storetest.NewDB(t), admin: access.Operator(acme, "root", "test")}
	w.Points = point.New(point.Config{
		DB: w.db, Guard: storetest.Guard(time.Now), Egress: way, Issuer: func(t id.Tenant) string { return "https://cardea.example/t/" + string(t) },
		InUse:  func(context.Context, id.Tenant, string) (bool, error) { return w.inUse, nil },
		Failed: func(id.Tenant, string, error) { w.told.Add(1) },
	})
	storetest.Ensure(t, w.db)
	return w
}

// serve makes a point that answers by h.
func (w *world) serve(name string, s point.Settings, h http.HandlerFunc) {
	w.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // only then does the server notice that the asker leaves
		r.Body = io.NopCloser(bytes.NewReader(body))
		h(rw, r)
	}))
	w.Cleanup(server.Close)
	s.URL = server.URL
	if _, err := w.Set(w.Context(), w.admin, name, s, nil); err != nil {
		w.Fatal(err)
	}
}

func about(subject string) point.Question {
	return point.Question{
		Subject: point.Entity{Type: "user", ID: subject}, Action: point.Action{Name: "read"}, Resource: point.Entity{Type: "doc", ID: "1"},
		Context: map[string]any{"explain": true, "revision": "7", "channel": "web"},
	}
}

func say(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
}

// TestAsk sends what the asker has said, in AuthZEN's words, with the credential and who passes it on.
func TestAsk(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	var body, header atomic.Value
	var path atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		body.Store(string(text))
		header.Store(r.Header)
		path.Store(r.Method + " " + r.URL.Path)
		if strings.HasSuffix(r.URL.Path, "s") {
			say(`{"evaluations":[{"decision":true,"context":{"reason":"because"}},{"decision":false},{"decision":true,"context":{"error":{"status":500}}}],"x":1}`)(rw, r)
			return
		}
		say(`{"decision":true}`)(rw, r)
	}))
	t.Cleanup(server.Close)
	token := secret.New("s3cret")
	if _, err := w.Set(t.Context(), w.admin, "other", point.Settings{URL: server.URL + "/base"}, &token); err != nil {
		t.Fatal(err)
	}
	got, err := w.Ask(t.Context(), acme, "other", []string{"https://first.example"}, []point.Question{about("anne")})
	if diff := cmp.Diff([]point.Answer{{Permit: true}}, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	if want := `{"subject":{"type":"user","id":"anne"},"action":{"name":"read"},"resource":{"type":"doc","id":"1"},"context":{"channel":"web"}}`; body.Load() != want {
		t.Errorf("sent %s", body.Load())
	}
	h := header.Load().(http.Header)
	if path.Load() != "POST /base/access/v1/evaluation" || h.Get("Authorization") != "Bearer s3cret" || h.Get("Content-Type") != "application/json" ||
		h.Get(point.AskedByHeader) != "https://first.example, "+issuer {
		t.Errorf("sent %v with %v", path.Load(), h)
	}
	got, err = w.Ask(t.Context(), acme, "other", nil, []point.Question{about("anne"), about("bob"), about("carl")})
	if diff := cmp.Diff([]point.Answer{{Permit: true, Reason: "because"}, {}, {Failed: "It could not answer this question."}}, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	if path.Load() != "POST /base/access/v1/evaluations" || strings.Count(body.Load().(string), `"subject"`) != 3 {
		t.Errorf("sent %v: %v", path.Load(), body.Load())
	}
}

// TestMisbehaving: whatever is not an answer in time and in AuthZEN's words is a failure, and no permit.
func TestMisbehaving(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		h    http.HandlerFunc
		many bool
		code string
	}{
		"slow": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, false, "fetch_failed"},
		"hangs in its answer": {func(w http.ResponseWriter, r *http.Request) {
			say(`{"decision":tr`)(w, r)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, false, "fetch_failed"},
		"garbage":                 {say("<html>yes</html>"), false, "decision_point_failed"},
		"nothing":                 {say(""), false, "decision_point_failed"},
		"no decision":             {say(`{"context":{}}`), false, "decision_point_failed"},
		"a decision that is null": {say(`{"decision":null}`), false, "decision_point_failed"},
		"a decision as text":      {say(`{"decision":"true"}`), false, "decision_point_failed"},
		"two decisions":           {say(`{"decision":false,"decision":true}`), false, "decision_point_failed"},
		"two documents":           {say(`{"decision":true}{"decision":true}`), false, "decision_point_failed"},
		"500":                     {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500); say(`{"decision":true}`)(w, r) }, false, "decision_point_failed"},
		"a status of success":     {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(202); say(`{"decision":true}`)(w, r) }, false, "decision_point_failed"},
		"401":                     {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(401) }, false, "decision_point_failed"},
		"refuses the question":    {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(422) }, false, "decision_point_refused"},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusTemporaryRedirect)
		}, false, "decision_point_failed"},
		"huge": {func(w http.ResponseWriter, r *http.Request) {
			say(`{"decision":true,"x":"`+strings.Repeat("x", 1<<20)+`"}`)(w, r)
		}, false, "fetch_failed"},
		"without end": {func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				say(strings.Repeat(" ", 1<<16))(w, r)
			}
		}, false, "fetch_failed"},
		"deep":                 {say(`{"decision":true,"x":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`), false, "decision_point_failed"},
		"too few answers":      {say(`{"evaluations":[{"decision":true}]}`), true, "decision_point_failed"},
		"too many answers":     {say(`{"evaluations":[{"decision":true},{"decision":true},{"decision":true}]}`), true, "decision_point_failed"},
		"one answer for two":   {say(`{"decision":true}`), true, "decision_point_failed"},
		"a hole in its answer": {say(`{"evaluations":[{"decision":true},{}]}`), true, "decision_point_failed"},
		"dies":                 {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, false, "fetch_failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, true)
			w.serve("other", point.Settings{Timeout: 300}, c.h)
			qs := []point.Question{about("anne")}
			if c.many {
				qs = append(qs, about("bob"))
			}
			began := time.Now()
			got, err := w.Ask(t.Context(), acme, "other", nil, qs)
			if errs.CodeOf(err) != c.code || errs.KindOf(err) != errs.Unavailable || len(got) > 0 {
				t.Errorf("%v, %v", got, err)
			}
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("took %v", took)
			}
			if w.told.Load() != 1 {
				t.Errorf("told of %d failures", w.told.Load())
			}
		})
	}
}

// TestWithoutEvaluations asks one by one where there is no end point for several.
func TestWithoutEvaluations(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.serve("other", point.Settings{}, func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.HasSuffix(r.URL.Path, "s") {
			http.NotFound(rw, r)
			return
		}
		say(fmt.Sprintf(`{"decision":%t}`, strings.Contains(string(body), `"anne"`)))(rw, r)
	})
	got, err := w.Ask(t.Context(), acme, "other", nil, []point.Question{about("bob"), about("anne")})
	if diff := cmp.Diff([]point.Answer{{}, {Permit: true}}, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

// TestBreaker: a point that fails again and again is left alone, and others are not.
func TestBreaker(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	var asked atomic.Int64
	w.serve("bad", point.Settings{}, func(rw http.ResponseWriter, r *http.Request) { asked.Add(1); rw.WriteHeader(503) })
	w.serve("strict", point.Settings{}, func(rw http.ResponseWriter, r *http.Request) { asked.Add(1); rw.WriteHeader(400) })
	w.serve("good", point.Settings{}, say(`{"decision":true}`))
	ask := func(ctx context.Context, name string) error {
		_, err := w.Ask(ctx, acme, name, nil, []point.Question{about("anne")})
		return err
	}
	for range 5 {
		if err := ask(t.Context(), "bad"); errs.CodeOf(err) != "decision_point_failed" {
			t.Error(err)
		}
	}
	for range 20 {
		if err := ask(t.Context(), "bad"); errs.CodeOf(err) != "decision_point_resting" {
			t.Error(err)
		}
	}
	if asked.Load() != 5 || w.told.Load() != 1 {
		t.Errorf("asked %d times, told of %d failures", asked.Load(), w.told.Load())
	}
	for range 10 { // what is wrong with a question says nothing of the point, nor does an asker who leaves
		gone, leave := context.WithCancel(t.Context())
		leave()
		_ = ask(gone, "strict")
		if err := ask(t.Context(), "strict"); errs.CodeOf(err) != "decision_point_refused" {
			t.Error(err)
		}
	}
	if err := ask(t.Context(), "good"); err != nil {
		t.Error(err)
	}
	w.serve("bad", point.Settings{}, say(`{"decision":true}`)) // it was moved: the node begins anew
	if err := ask(t.Context(), "bad"); err != nil {
		t.Error(err)
	}
}

// TestLoop: a question that has been here is not passed on, nor is one that many have passed on.
func TestLoop(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.serve("other", point.Settings{}, func(http.ResponseWriter, *http.Request) { t.Error("it was asked") })
	for _, by := range []string{issuer, "https://a.example, HTTPS://CARDEA.example/t/acme", "a,b,c,d", strings.Repeat("x,", 1000)} {
		_, err := w.Ask(t.Context(), acme, "other", point.ParseAskedBy(by), []point.Question{about("anne")})
		if errs.CodeOf(err) != "decision_point_loop" {
			t.Errorf("%.40s: %v", by, err)
		}
	}
}

// TestCertificates trusts what the point says, and nothing else.
func TestCertificates(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	server := httptest.NewUnstartedServer(say(`{"decision":true}`))
	server.Config.ErrorLog = nil
	server.StartTLS()
	t.Cleanup(server.Close)
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	for name, want := range map[string]struct{ ca, code string }{"known": {ca, ""}, "unknown": {"", "fetch_failed"}} {
		if _, err := w.Set(t.Context(), w.admin, name, point.Settings{URL: server.URL, CA: want.ca}, nil); err != nil {
			t.Fatal(err)
		}
		_, err := w.Ask(t.Context(), acme, name, nil, []point.Question{about("anne")})
		if errs.CodeOf(err) != want.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSettings refuses what can never be asked, and never sends a credential to where it was not meant for.
func TestSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t, false)
	token, bad := secret.New("s3cret"), secret.New("two words")
	for name, c := range map[string]struct {
		name string
		s    point.Settings
		c    *secret.Value
		at   string
	}{
		"name":         {"Other", point.Settings{URL: "https://a.example"}, nil, "/name"},
		"http":         {"other", point.Settings{URL: "http://a.example"}, nil, "/url"},
		"loopback":     {"other", point.Settings{URL: "https://127.0.0.1"}, nil, "/url"},
		"metadata":     {"other", point.Settings{URL: "https://169.254.169.254"}, nil, "/url"},
		"user":         {"other", point.Settings{URL: "https://a:b@a.example"}, nil, "/url"},
		"query":        {"other", point.Settings{URL: "https://a.example/?x=1"}, nil, "/url"},
		"slash":        {"other", point.Settings{URL: "https://a.example/"}, nil, "/url"},
		"itself":       {"other", point.Settings{URL: "https://CARDEA.example/t/acme"}, nil, "/url"},
		"too quick":    {"other", point.Settings{URL: "https://a.example", Timeout: 1}, nil, "/timeout_ms"},
		"too slow":     {"other", point.Settings{URL: "https://a.example", Timeout: 60_000}, nil, "/timeout_ms"},
		"certificates": {"other", point.Settings{URL: "https://a.example", CA: "x"}, nil, "/ca"},
		"credential":   {"other", point.Settings{URL: "https://a.example"}, &bad, "/credential"},
		"long":         {"other", point.Settings{URL: "https://a.example", Description: strings.Repeat("x", 501)}, nil, "/description"},
	} {
		_, err := w.Set(t.Context(), w.admin, c.name, c.s, c.c)
		if e := errs.From(err); e == nil || len(e.Fields) != 1 || e.Fields[0].Pointer != c.at {
			t.Errorf("%s: %v", name, err)
		}
	}
	set := func(url string, c *secret.Value) error {
		_, err := w.Set(t.Context(), w.admin, "other", point.Settings{URL: url}, c)
		return err
	}
	if err := errors.Join(set("https://a.example", &token), set("https://a.example", nil), set("https://b.example", &token)); err != nil {
		t.Fatal(err)
	}
	if err := set("https://c.example", nil); errs.KindOf(err) != errs.Invalid {
		t.Errorf("a credential was sent elsewhere: %v", err)
	}
	all, err := w.List(t.Context(), w.admin)
	if err != nil || len(all) != 1 || all[0].URL != "https://b.example" || all[0].Credential.Reveal() != "s3cret" || all[0].Timeout != 1000 {
		t.Errorf("%+v, %v", all, err)
	}
	w.inUse = true
	if err := w.Remove(t.Context(), w.admin, "other"); errs.CodeOf(err) != "decision_point_in_use" {
		t.Error(err)
	}
	w.inUse = false
	if err := w.Remove(t.Context(), w.admin, "other"); err != nil {
		t.Error(err)
	}
	if _, err := w.Ask(t.Context(), acme, "other", nil, []point.Question{about("anne")}); errs.CodeOf(err) != "decision_point_not_found" {
		t.Error(err)
	}
	for i := range point.MaxPoints {
		if _, err := w.Set(t.Context(), w.admin, fmt.Sprint("p", i), point.Settings{URL: "https://a.example"}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := set("https://a.example", nil); errs.CodeOf(err) != "too_many_decision_points" {
		t.Error(err)
	}
}

// TestPrivateNetwork is reached by no name either, once it is asked.
func TestPrivateNetwork(t *testing.T) {
	t.Parallel()
	w := newWorld(t, false)
	if _, err := w.Set(t.Context(), w.admin, "other", point.Settings{URL: "https://localhost"}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Ask(t.Context(), acme, "other", nil, []point.Question{about("anne")}); errs.CodeOf(err) != "fetch_failed" {
		t.Error(err)
	}
}
