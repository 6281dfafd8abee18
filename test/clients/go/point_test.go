package clients_test

import (
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// front is TLS in front of a server, as a proxy of its operator would be.
type front struct {
	*httptest.Server
	requests, batches atomic.Int64
}

func startFront(t *testing.T, s *server) *front {
	t.Helper()
	to, err := url.Parse(s.issuer)
	if err != nil {
		t.Fatal(err)
	}
	proxy, f := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}, &front{}
	f.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.requests.Add(1)
		if strings.HasSuffix(r.URL.Path, "/evaluations") {
			f.batches.Add(1)
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(f.Close)
	return f
}

func certificate(s *httptest.Server) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
}

// asksPoint has s ask a decision point about documents.
func (s *server) asksPoint(t *testing.T, name string, at *httptest.Server, credential string) {
	t.Helper()
	ca := s.file(t, name+".pem", certificate(at))
	words := []string{"authz", "point", "set", name, at.URL, "--ca", ca, "--timeout", "500ms", "--credential-stdin"}
	if r, err := s.command(t.Context(), credential, words...); err != nil || r.code != 0 {
		t.Fatal(r, err)
	}
	s.cli(t, "authz", "plan", "set", "doc", "--points", name)
}

var reachesLoopback = launch{env: []string{"CARDEA_EGRESS_ALLOW=decision=127.0.0.0/8"}}

// TestRemoteDecisionPoint has one Cardea ask another one, by the API and by the command: it allows what the
// other allows, asks once for several questions, and comes to an end where both ask each other.
func TestRemoteDecisionPoint(t *testing.T) {
	t.Parallel()
	here, there := startServer(t, reachesLoopback), startServer(t, reachesLoopback)
	there.cli(t, "role", "create", "reader", "--permission", "read")
	there.cli(t, "role", "assign", "reader", "user:anne")
	toThere, toHere := startFront(t, there), startFront(t, here)
	key := there.manager(t).key
	here.asksPoint(t, "other", toThere.Server, key)
	d := here.decisionPoint(t)
	yes := d.evaluate(t, question("user:anne", "read", "doc:1", ""))
	if !yes.Decision || yes.Context.Reasons[0].Kind != "point" {
		t.Errorf("%+v", yes)
	}
	if no := d.evaluate(t, question("user:bob", "read", "doc:1", "")); no.Decision || no.Context.Reasons[0].Kind != "not_granted" {
		t.Errorf("%+v", no)
	}
	if r := here.check(t, "user:anne", "read", "doc:1"); r.code != 0 || !strings.Contains(r.stdout, "Decision point other permits it.") {
		t.Error(r)
	}
	toThere.requests.Store(0)
	var many struct{ Evaluations []decided }
	d.post(t, "/access/v1/evaluations", object{"evaluations": []object{
		question("user:anne", "read", "doc:1", ""), question("user:bob", "read", "doc:1", ""), question("user:anne", "write", "doc:1", ""),
	}}).read(t, &many)
	if e := many.Evaluations; len(e) != 3 || !e[0].Decision || e[1].Decision || e[2].Decision || toThere.requests.Load() != 1 || toThere.batches.Load() != 1 {
		t.Errorf("%+v after %d requests", many, toThere.requests.Load())
	}
	there.cli(t, "role", "unassign", "reader", "user:anne")
	if d.evaluate(t, question("user:anne", "read", "doc:1", "")).Decision {
		t.Error("what was taken back there is allowed here")
	}

	// The credential is sent to the point and shown to nobody.
	m := here.manager(t)
	if a := m.send(t, "GET", "/api/decision-points", nil, nil); a.status != 200 || strings.Contains(a.String(), key) || !strings.Contains(a.String(), `"has_credential":true`) {
		t.Error(a)
	}
	if a := m.send(t, "DELETE", "/api/decision-points/other", nil, nil); a.status != 412 && a.status != 409 && a.status != 422 {
		t.Errorf("a point that a plan names: %s", a)
	}

	there.asksPoint(t, "back", toHere.Server, m.key)
	toThere.requests.Store(0)
	toHere.requests.Store(0)
	if d.evaluate(t, question("user:anne", "read", "doc:1", "")).Decision {
		t.Error("two who ask each other allow")
	}
	if n, m := toThere.requests.Load(), toHere.requests.Load(); n != 1 || m != 1 {
		t.Errorf("%d and %d questions", n, m)
	}
}

// TestMisbehavingDecisionPoint: an answer that is none denies, in time, and the decision names the engine.
func TestMisbehavingDecisionPoint(t *testing.T) {
	t.Parallel()
	here := startServer(t, reachesLoopback)
	d := here.decisionPoint(t)
	for name, h := range map[string]http.HandlerFunc{
		"slow":    func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"garbage": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"decision":"true"}`) },
		"broken": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(500)
			_, _ = io.WriteString(w, `{"decision":true}`)
		},
		"huge": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"decision":true,"x":"`+strings.Repeat("x", 2<<20)+`"}`)
		},
	} {
		server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // only then it notices that the asker leaves
			h(w, r)
		}))
		t.Cleanup(server.Close)
		here.asksPoint(t, name, server, "token")
		began := time.Now()
		got := d.evaluate(t, question("user:anne", "read", "doc:1", ""))
		if took := time.Since(began); got.Decision || got.Context.Reasons[0].Kind != "failed" || !strings.HasPrefix(got.Context.Reason, "point:"+name+" could not answer") || took > 3*time.Second {
			t.Errorf("%s: %+v after %v", name, got, took)
		}
	}
}
