package session_test

import (
	"context"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/flow"
	"github.com/cardea-auth/cardea/internal/identity"
	"github.com/cardea-auth/cardea/internal/identity/password"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/session"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/storetest"
	"github.com/cardea-auth/cardea/internal/tenant"
)

const good = "correct horse battery staple"

// house is the rooms that a sign-in walks through, put together as wiring does.
type house struct {
	t        *testing.T
	clock    *storetest.Clock
	db       *store.DB
	tenants  *tenant.Tenants
	accounts *identity.Accounts
	sessions *session.Sessions
	machine  *flow.Machine
	hasher   *password.Hasher
	operator access.Caller
	offline  offline
}

// offline notes whose offline access was ended, and under which session it was kept.
type offline struct{ ended, kept string }

func (o *offline) EndOffline(_ context.Context, _ access.Caller, userID, keepSession string) error {
	*o = offline{userID, keepSession}
	return nil
}

// open lets every attempt pass: the limits of addresses have tests of their own.
type open struct{}

func (open) SignIn(access.Caller, string) error  { return nil }
func (open) SignInFailed(access.Caller, string)  {}
func (open) Mail(access.Caller, flow.Kind) error { return nil }

func newHouse(t *testing.T, options ...storetest.Option) *house {
	t.Helper()
	clock := storetest.NewClock()
	sealer := storetest.NewSealer()
	db := storetest.NewDB(t, append([]storetest.Option{storetest.WithClock(clock), storetest.WithSealer(sealer)}, options...)...)
	guard := storetest.Guard(clock.Now)
	// Cheap hashes: what they cost is measured where they are made.
	hasher, err := password.New(password.Config{Params: password.Params{Memory: 7168, Passes: 5, Threads: 1}, Wait: 60e9, Queue: 500})
	if err != nil {
		t.Fatalf("making the hasher: %v", err)
	}
	h := &house{t: t, clock: clock, db: db, hasher: hasher, operator: access.Operator(id.Default, "root", "test")}
	h.tenants = tenant.NewTenants(db, guard)
	revocations := tenant.NewRevocations(db)
	h.accounts = identity.New(identity.Config{
		DB: db, Guard: guard, Hasher: hasher, Limits: open{}, Tenants: h.tenants, Revocations: revocations,
		LinkTo: func(_ id.Tenant, k flow.Kind, token string) string {
			return "https://id.example/" + string(k) + "#" + token
		},
	})
	h.sessions = session.New(session.Config{DB: db, Guard: guard, Users: h.accounts, Tenants: h.tenants, Revocations: revocations, Offline: &h.offline})
	h.accounts.Sessions = h.sessions
	h.machine = &flow.Machine{
		DB: db, Guard: guard, Handles: flow.NewHandles(db, sealer),
		Steps: identity.Steps(h.accounts), Need: h.accounts.Enough, Finish: h.accounts.Finishers(h.sessions.Start),
	}
	storetest.Ensure(t, db)
	if err := h.tenants.EnsureBuiltIn(t.Context()); err != nil {
		t.Fatalf("creating tenants: %v", err)
	}
	return h
}

func visitor() access.Caller { return visitorOf(id.Default) }

func visitorOf(t id.Tenant) access.Caller {
	return access.Anonymous(t, access.Origin{Address: netip.MustParseAddr("192.0.2.7"), UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"})
}

// user adds a verified account with the password good.
func (h *house) user(address string) *identity.User {
	h.t.Helper()
	u, err := h.accounts.Create(h.t.Context(), h.operator, identity.NewUser{Email: address, Password: secret.New(good), Verified: true})
	if err != nil {
		h.t.Fatalf("creating %s: %v", address, err)
	}
	return u
}

// step starts a flow of a kind and takes one step in it.
func (h *house) step(c access.Caller, k flow.Kind, step string, values map[string]string) (flow.Answer, error) {
	h.t.Helper()
	start, err := h.machine.Start(h.t.Context(), c, flow.Opening{Kind: k})
	if err != nil {
		return start, err
	}
	return h.machine.Submit(h.t.Context(), c, start.Handle, step, flow.NewInput(values))
}

func (h *house) signIn(c access.Caller, address, pass string) (flow.Answer, error) {
	return h.step(c, flow.SignIn, "password", map[string]string{"email": address, "password": pass})
}

// mustSignIn signs in and returns the session's token.
func (h *house) mustSignIn(c access.Caller, address, pass string) string {
	h.t.Helper()
	a, err := h.signIn(c, address, pass)
	if err != nil || !a.Done || a.Result.Session.Empty() {
		h.t.Fatalf("signing in %s: %+v, %v", address, a, err)
	}
	return a.Result.Session.Reveal()
}

// live is the session of a token, as it is now.
func (h *house) live(token string) session.Live {
	h.t.Helper()
	live, err := h.sessions.Resolve(h.t.Context(), id.Default, token)
	if err != nil {
		h.t.Fatalf("resolving a session: %v", err)
	}
	return live
}

// as is the caller that a door makes of a session's token.
func (h *house) as(token string) access.Caller {
	h.t.Helper()
	live := h.live(token)
	return access.Authenticated(id.Default, access.User(live.Session.User), access.Proof{
		Strength: live.Strength, At: live.AuthTime(), Session: live.Session.ID,
	}, visitor().Origin())
}

// mails are the messages that wait to be sent, oldest first.
func (h *house) mails(t id.Tenant) []store.Message {
	h.t.Helper()
	p, err := h.db.Outbox().In(t).Find(h.t.Context(), store.Query{Request: page.Request{Limit: page.MaxLimit}})
	if err != nil {
		h.t.Fatalf("reading the outbox: %v", err)
	}
	out := make([]store.Message, len(p.Items))
	for i, r := range p.Items {
		if err := json.Unmarshal([]byte(r.Envelope.Reveal()), &out[i]); err != nil {
			h.t.Fatalf("reading a message: %v", err)
		}
	}
	return out
}

// mailed is the newest message of a template; its token is what stands behind '#' in its link.
func (h *house) mailed(template string) (message store.Message, token string) {
	h.t.Helper()
	for _, m := range h.mails(id.Default) {
		if m.Template == template {
			message = m
		}
	}
	if message.Template == "" {
		h.t.Fatalf("there is no mail %s", template)
	}
	_, token, _ = strings.Cut(message.Data["link"], "#")
	return message, token
}
