package app_test

import (
	"bytes"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/app"
	"github.com/cardea-auth/cardea/internal/authz"
	"github.com/cardea-auth/cardea/internal/authz/graph/w1"
	"github.com/cardea-auth/cardea/internal/authz/model"
	"github.com/cardea-auth/cardea/internal/authz/stores"
	"github.com/cardea-auth/cardea/internal/identity/apikey"
	"github.com/cardea-auth/cardea/internal/identity/password"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/limit"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/store"
)

// hot is a whole server without a network, with the data set W1 in a store and a service that may ask it.
type hot struct {
	handler    http.Handler
	store, key string
}

func newHot(t testing.TB) *hot {
	t.Helper()
	data := w1.New()
	a, err := app.Open(t.Context(), app.Config{
		Dir: t.TempDir(), Issuer: "http://localhost:8420", Log: slog.New(slog.NewJSONHandler(io.Discard, nil)), Now: time.Now,
		Limits: limit.Defaults(), Password: password.Config{Params: password.Params{Memory: 19 << 10, Passes: 2, Threads: 1}, Slots: 1},
		Product: "Cardea", Notice: func(string) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx, c := t.Context(), a.Operator(id.Default, "test", "test")
	service, err := a.Clients.Create(ctx, c, oauth.Client{Name: "enforcement", Type: oauth.Service, Auth: oauth.AuthBasic, Grants: []oauth.GrantType{oauth.GrantClientCredentials}})
	must(err)
	_, err = a.Decisions.Assign(ctx, c, authz.Assignment{Role: authz.AdminRole, Subject: store.SubjectRef{Type: access.TypeService, ID: string(service.Client.ClientID())}})
	must(err)
	_, key, err := a.APIKeys.Create(ctx, c, apikey.NewKey{Owner: access.Service(string(service.Client.ClientID())), Name: "key", Scopes: []string{access.ScopeAuthz, "cardea:decide"}})
	must(err)
	s, err := a.Stores.Create(ctx, c, "w1")
	must(err)
	m, err := model.Parse(w1.Model)
	must(err)
	_, err = a.Stores.WriteModel(ctx, c, s.ID, m)
	must(err)
	for i := 0; i < len(data.Tuples); i += stores.MaxTuples {
		_, err = a.Stores.WriteTuples(ctx, c, s.ID, stores.Write{Writes: data.Tuples[i:min(i+stores.MaxTuples, len(data.Tuples))]})
		must(err)
	}
	must(a.Decisions.SetPlan(ctx, c, "doc", authz.Plan{Store: s.ID, Relations: map[string]string{"can_read": "can_read"}}))
	h, err := a.Handler(ctx)
	must(err)
	return &hot{handler: h, store: s.ID, key: key.Reveal()}
}

// answer is a ResponseWriter that costs what that of net/http does in headers, and no more.
type answer struct {
	header, sent http.Header
	status       int
	body         bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }
func (a *answer) WriteHeader(status int) {
	a.status, a.sent = status, maps.Clone(a.header)
}
func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }

// ask is a question as a client sends it, which can be asked again and again.
func (h *hot) ask(path, body string) func() *answer {
	r, _ := http.NewRequest("POST", "http://localhost:8420"+path, nil)
	r.Header = http.Header{"Authorization": {"Bearer " + h.key}, "Content-Type": {"application/json"}, "User-Agent": {"test/1"}}
	r.RemoteAddr, r.ContentLength = "192.0.2.1:4711", int64(len(body))
	reader := strings.NewReader(body)
	closer := io.NopCloser(reader)
	again := new(http.Request)
	w := &answer{}
	return func() *answer {
		reader.Reset(body)
		*again = *r
		again.Body = closer
		w.header, w.status = http.Header{}, 0
		w.body.Reset()
		h.handler.ServeHTTP(w, again)
		return w
	}
}

func (h *hot) check() func() *answer {
	return h.ask("/stores/"+h.store+"/check", `{"tuple_key":{"user":"user:u17","relation":"can_read","object":"doc:d4711"}}`)
}

func (h *hot) evaluate() func() *answer {
	return h.ask("/access/v1/evaluation", `{"subject":{"type":"user","id":"u17"},"action":{"name":"can_read"},"resource":{"type":"doc","id":"d4711"}}`)
}

func (h *hot) list() func() *answer {
	return h.ask("/stores/"+h.store+"/list-objects", `{"type":"doc","relation":"can_read","user":"user:`+w1.User(w1.Mix(200, 1, w1.Users)).ID+`"}`)
}

// TestHotGarbage: what is asked most leaves little behind for the collector, which else takes its part of every
// processor. The bounds are a fifth above what was counted; 3 of them are the test's own.
func TestHotGarbage(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("loads a data set, and the race detector has garbage of its own")
	}
	h := newHot(t)
	for _, x := range []struct {
		name string
		ask  func() *answer
		most float64
	}{{"check", h.check(), 24}, {"evaluation", h.evaluate(), 34}} {
		if a := x.ask(); a.status != http.StatusOK {
			t.Fatal(x.name, a.status, a.body.String())
		}
		if n := testing.AllocsPerRun(1000, func() { x.ask() }); n > x.most {
			t.Errorf("%s: %v allocations, at most %v are expected", x.name, n, x.most)
		} else {
			t.Logf("%s: %v allocations", x.name, n)
		}
	}
}

// BenchmarkHot is a question over everything but the network.
func BenchmarkHot(b *testing.B) {
	h := newHot(b)
	for _, x := range []struct {
		name string
		ask  func() *answer
	}{{"check", h.check()}, {"evaluation", h.evaluate()}, {"list", h.list()}} {
		if a := x.ask(); a.status != http.StatusOK {
			b.Fatal(a.status, a.body.String())
		}
		b.Run(x.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				x.ask()
			}
		})
	}
}
