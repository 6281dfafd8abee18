package manage_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/audit"
	"github.com/cardea-auth/cardea/internal/authz"
	"github.com/cardea-auth/cardea/internal/authz/index"
	"github.com/cardea-auth/cardea/internal/authz/journal"
	"github.com/cardea-auth/cardea/internal/authz/model"
	"github.com/cardea-auth/cardea/internal/authz/point"
	"github.com/cardea-auth/cardea/internal/authz/policy"
	"github.com/cardea-auth/cardea/internal/authz/scenario"
	"github.com/cardea-auth/cardea/internal/authz/stores"
	"github.com/cardea-auth/cardea/internal/flow"
	"github.com/cardea-auth/cardea/internal/httpapi/credential"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/httpapi/manage"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
	"github.com/cardea-auth/cardea/internal/identity"
	"github.com/cardea-auth/cardea/internal/identity/apikey"
	"github.com/cardea-auth/cardea/internal/identity/password"
	"github.com/cardea-auth/cardea/internal/keyring"
	"github.com/cardea-auth/cardea/internal/kit/egress"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/limit"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/clients"
	"github.com/cardea-auth/cardea/internal/oauth/consent"
	"github.com/cardea-auth/cardea/internal/oauth/scopes"
	"github.com/cardea-auth/cardea/internal/session"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/storetest"
	"github.com/cardea-auth/cardea/internal/tenant"
)

// world is the API over real domains and a real store. What a test decides is who may do what; with
// allow nil the decision engine says it, as in the server.
type world struct {
	t        testing.TB
	clock    *storetest.Clock
	db       *store.DB
	api      *manage.API
	flows    *flow.Machine
	handler  http.Handler
	allow    func(access.Request) bool
	answered map[string]map[int]bool // statuses by operation
	router   *http.ServeMux          // finds the operation of a request
}

func (w *world) DecideAccess(ctx context.Context, r access.Request) (access.Decision, error) {
	if w.allow == nil {
		return w.api.Decisions.DecideAccess(ctx, r)
	}
	return access.Decision{Allow: w.allow(r), Reason: "the test says so"}, nil
}

// Authenticate reads the subject off the token: "Bearer alice" is the user alice. A token that ends
// with a dot has no scopes; one that begins with svc is a service; one that begins with account has
// the scope of an account only. Session cookies are real.
func (w *world) Authenticate(ctx context.Context, t id.Tenant, c credential.Credential, from access.Origin) (access.Caller, error) {
	if c.Kind == credential.Session {
		live, err := w.api.Sessions.Resolve(ctx, t, c.Token.Reveal())
		if err != nil {
			return access.Caller{}, err
		}
		p := access.Proof{Strength: live.Strength, At: live.AuthTime(), Session: live.Session.ID}
		return access.Authenticated(t, access.User(live.Session.User), p, from), nil
	}
	name, bare := strings.CutSuffix(c.Token.Reveal(), ".")
	name, limited := strings.CutPrefix(name, "account-")
	p := access.Proof{Strength: access.TwoFactors, At: w.db.Now(), Scoped: true, Scopes: []string{access.ScopeAdmin, access.ScopeAccount}}
	if limited {
		p.Scopes = []string{access.ScopeAccount}
	}
	if bare {
		p.Scopes = nil
	}
	name, session, _ := strings.Cut(name, "~") // a token that was made in a session
	p.Session = session
	who := access.User(name)
	if strings.HasPrefix(name, "svc") {
		who = access.Service(name)
	}
	return access.Authenticated(t, who, p, from), nil
}

func (w *world) Listed(context.Context, id.Tenant, edge.CORS, string) (bool, error) {
	return false, nil
}

func (w *world) Narrow(_ context.Context, _ id.Tenant, _ oauth.Holder, asked oauth.Scopes) (oauth.Scopes, error) {
	return asked, nil
}

// Standing tells API keys whether their owner may act, as wiring does.
func (w *world) Standing(ctx context.Context, t id.Tenant, s access.Subject) error {
	if s.Type == access.TypeService {
		_, err := w.api.Clients.Standing(ctx, t, oauth.ClientID(s.ID))
		return err
	}
	_, err := w.api.Accounts.View(ctx, t, s.ID)
	return err
}

// unlimited lets every attempt pass: limits have tests of their own.
type unlimited struct{}

func (unlimited) SignIn(access.Caller, string) error  { return nil }
func (unlimited) SignInFailed(access.Caller, string)  {}
func (unlimited) Mail(access.Caller, flow.Kind) error { return nil }

func newWorld(t testing.TB) *world {
	t.Helper()
	sealer := storetest.NewSealer()
	clock := storetest.NewClock()
	w := &world{
		t: t, clock: clock, db: storetest.NewDB(t, storetest.WithSealer(sealer), storetest.WithClock(clock)), allow: func(access.Request) bool { return true },
		answered: map[string]map[int]bool{}, router: http.NewServeMux(),
	}
	guard := access.NewGuard(w, w.db.Now)
	revocations := tenant.NewRevocations(w.db)
	w.api = &manage.API{
		Tenants: tenant.NewTenants(w.db, guard), Organisations: tenant.NewOrganisations(w.db, guard),
		InvitationLink: func(t id.Tenant, token string) string { return "https://id.example/" + string(t) + "/link#" + token },
		TenantMade:     func(context.Context, id.Tenant) error { return nil },
		Heartbeat:      5 * time.Millisecond,
	}
	w.people(guard, revocations)
	w.machines(guard, revocations)
	w.api.Organisations.Exists = func(ctx context.Context, t id.Tenant, userID string) error {
		_, err := w.api.Accounts.View(ctx, t, userID)
		return err
	}
	w.api.Organisations.MayAssign = w.api.Decisions.MayAssign
	w.flows = &flow.Machine{
		DB: w.db, Guard: guard, Handles: flow.NewHandles(w.db, sealer), Steps: identity.Steps(w.api.Accounts),
		Need: w.api.Accounts.Enough, Finish: w.api.Accounts.Finishers(w.api.Sessions.Start),
	}
	storetest.Ensure(t, w.db)
	if err := w.api.Tenants.EnsureBuiltIn(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.api.Tenants.Create(t.Context(), access.System(id.System, "test"), "acme", "Acme"); err != nil {
		t.Fatal(err)
	}
	w.serve()
	return w
}

func (w *world) people(guard *access.Guard, revocations *tenant.Revocations) {
	hasher, err := password.New(password.Config{Params: password.Params{Memory: 7168, Passes: 5, Threads: 1}})
	w.must(err)
	a := w.api
	a.Accounts = identity.New(identity.Config{
		DB: w.db, Guard: guard, Hasher: hasher, Limits: unlimited{}, Tenants: a.Tenants, Revocations: revocations,
		LinkTo: func(_ id.Tenant, k flow.Kind, token string) string { return "https://id.example/#" + token },
	})
	a.Sessions = session.New(session.Config{DB: w.db, Guard: guard, Users: a.Accounts, Tenants: a.Tenants, Revocations: revocations, Offline: w})
	a.Accounts.Sessions = a.Sessions
	a.APIKeys = apikey.New(apikey.Config{DB: w.db, Guard: guard, Owners: w})
}

func (w *world) machines(guard *access.Guard, revocations *tenant.Revocations) {
	var err error
	a := w.api
	a.Policies = policy.New(policy.Config{DB: w.db, Guard: guard})
	way, err := egress.New(egress.Config{})
	w.must(err)
	a.Points = point.New(point.Config{DB: w.db, Guard: guard, Egress: way, Issuer: func(id.Tenant) string { return "https://id.example" }})
	a.Decisions, err = authz.New(authz.Config{DB: w.db, Guard: guard, Policies: a.Policies, Points: a.Points})
	w.must(err)
	a.Stores = stores.New(stores.Config{DB: w.db, Guard: guard, Graphs: index.New(w.db, index.Bounds{}), Scenario: runScenario})
	a.Journal = journal.New(w.db, guard, a.Decisions)
	a.Decisions.Records(a.Journal)
	a.Keys, err = keyring.New(keyring.Config{DB: w.db, Guard: guard, Revocations: revocations})
	w.must(err)
	a.Clients = clients.New(w.db, guard, revocations)
	a.Consents = consent.New(w.db, guard, revocations)
	a.Scopes = scopes.New(w.db, guard, a.Clients, w)
	a.Audit = audit.New(audit.Config{DB: w.db, Guard: guard, Notary: a.Keys.Checkpoints(), Issuer: "https://id.example"})
}

func (w *world) serve() {
	ops := w.api.Operations()
	routes, err := rest.Routes(ops)
	w.must(err)
	for _, o := range ops {
		w.router.Handle(o.Method+" "+o.Path, http.NotFoundHandler())
	}
	w.t.Cleanup(w.checkDeclared)
	dir, err := edge.NewSharedHost("https://id.example", nil, func(context.Context, id.Tenant) error { return nil })
	w.must(err)
	w.handler, err = edge.New(edge.Config{
		Directory: dir, Authenticator: w, Origins: w, Now: w.clock.Now, Metrics: prometheus.NewRegistry(),
		Gate: limit.NewGate(limit.NewLimiter(limit.Config{Now: time.Now}), nil, limit.Policy{}), Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}, routes)
	w.must(err)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// answer is what came back.
type answer struct {
	status int
	body   string
	header http.Header
}

// get is a member of the answer, by a path such as "client.client_id" or "items.0.id".
func (a answer) get(path string) string {
	var v any
	_ = json.Unmarshal([]byte(a.body), &v)
	for _, key := range strings.Split(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[key]
		case []any:
			if len(x) == 0 {
				return ""
			}
			v = x[0]
		}
	}
	s, _ := v.(string)
	return s
}

// do sends a request as somebody; "" is nobody. One who begins with cookie: comes with a session.
func (w *world) do(who, method, target, body string, header ...string) answer {
	w.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = "id.example"
	if body == "" {
		r.Body, r.ContentLength = http.NoBody, 0
	} else {
		r.Header.Set("Content-Type", "application/json")
	}
	if token, ok := strings.CutPrefix(who, "cookie:"); ok {
		r.Header.Set("Cookie", credential.Jar{}.Full(credential.SessionCookie, id.Default)+"="+token)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set(credential.CSRFHeader, credential.CSRFToken(secret.New(token)))
	} else if who != "" {
		r.Header.Set("Authorization", "Bearer "+who)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
		if header[i+1] == "" {
			r.Header.Del(header[i])
		}
	}
	return w.send(r)
}

func (w *world) send(r *http.Request) answer {
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	w.note(r, rec.Code)
	return answer{rec.Code, rec.Body.String(), rec.Result().Header}
}

// note keeps which statuses an operation has answered.
func (w *world) note(r *http.Request, status int) {
	path := r.URL.Path
	if rest, ok := strings.CutPrefix(path, "/t/"); ok {
		_, path, _ = strings.Cut(rest, "/")
		path = "/" + path
	}
	_, pattern := w.router.Handler(&http.Request{Method: r.Method, URL: &url.URL{Path: path}, Host: r.Host})
	if pattern == "" {
		return
	}
	if w.answered[pattern] == nil {
		w.answered[pattern] = map[int]bool{}
	}
	w.answered[pattern][status] = true
}

// checkDeclared compares what was answered in a test with what the contract says may be.
func (w *world) checkDeclared() {
	d := w.document()
	for pattern, statuses := range w.answered {
		method, path, _ := strings.Cut(pattern, " ")
		for status := range statuses {
			// 413 and 415 are about the transport of a body, and the same everywhere.
			if _, ok := d.Paths[path][strings.ToLower(method)].Responses[strconv.Itoa(status)]; !ok && status != 413 && status != 415 {
				w.t.Errorf("%s has answered %d, which the contract does not name", pattern, status)
			}
		}
	}
}

const goodPassword = "correct horse battery staple"

// person makes an account with a password and returns its id.
func (w *world) person(address string) string {
	w.t.Helper()
	u, err := w.api.Accounts.Create(w.t.Context(), access.Operator(id.Default, "root", "test"), identity.NewUser{
		Email: address, Password: secret.New(goodPassword), Verified: true,
	})
	w.must(err)
	return u.ID
}

// signIn returns who somebody is that has signed in, for do.
func (w *world) signIn(address string) string {
	w.t.Helper()
	w.clock.Advance(time.Second) // so that sessions have an order
	c := access.Anonymous(id.Default, access.Origin{Address: netip.MustParseAddr("192.0.2.7"), UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"})
	start, err := w.flows.Start(w.t.Context(), c, flow.Opening{Kind: flow.SignIn})
	w.must(err)
	a, err := w.flows.Submit(w.t.Context(), c, start.Handle, "password", flow.NewInput(map[string]string{"email": address, "password": goodPassword}))
	w.must(err)
	return "cookie:" + a.Result.Session.Reveal()
}

// mailed is the token in the link of the newest mail that has one.
func (w *world) mailed() string {
	w.t.Helper()
	p, err := w.db.Outbox().In(id.Default).Find(w.t.Context(), store.Query{Desc: true})
	w.must(err)
	for _, r := range p.Items {
		var m store.Message
		w.must(json.Unmarshal([]byte(r.Envelope.Reveal()), &m))
		if _, token, ok := strings.Cut(m.Data["link"], "#"); ok {
			return token
		}
	}
	return ""
}

// ok is do for a request that must succeed.
func (w *world) ok(who, method, target, body string, header ...string) answer {
	w.t.Helper()
	a := w.do(who, method, target, body, header...)
	if a.status >= 300 {
		w.t.Fatalf("%s %s as %s: %d %s", method, target, who, a.status, a.body)
	}
	return a
}

// runScenario has store files run, as wiring does.
func runScenario(ctx context.Context, file string, m *model.Model, now time.Time) ([]stores.Outcome, error) {
	found, err := scenario.Options{Now: now, Model: m, Most: scenario.MostQuestions}.RunText(ctx, file)
	out := make([]stores.Outcome, len(found))
	for i, o := range found {
		out[i] = stores.Outcome(o)
	}
	return out, err
}

// EndOffline ends nothing: no application is given anything here.
func (w *world) EndOffline(context.Context, access.Caller, string, string) error { return nil }
