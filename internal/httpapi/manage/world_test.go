package manage_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/audit"
	"github.com/cardea-auth/cardea/internal/authz"
	"github.com/cardea-auth/cardea/internal/flow"
	"github.com/cardea-auth/cardea/internal/httpapi/credential"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/httpapi/manage"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
	"github.com/cardea-auth/cardea/internal/identity"
	"github.com/cardea-auth/cardea/internal/identity/apikey"
	"github.com/cardea-auth/cardea/internal/identity/password"
	"github.com/cardea-auth/cardea/internal/keyring"
	"github.com/cardea-auth/cardea/internal/kit/id"
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

// world is the API over real domains and a real store. What a test decides is who may do what.
type world struct {
	t       *testing.T
	db      *store.DB
	api     *manage.API
	handler http.Handler
	allow   func(access.Request) bool
}

func (w *world) DecideAccess(_ context.Context, r access.Request) (access.Decision, error) {
	return access.Decision{Allow: w.allow(r), Reason: "the test says so"}, nil
}

// Authenticate reads the subject off the token: "Bearer alice" is the user alice. A token that ends
// with a dot has no scopes; one that begins with svc is a service.
func (w *world) Authenticate(_ context.Context, t id.Tenant, c credential.Credential, from access.Origin) (access.Caller, error) {
	name, bare := strings.CutSuffix(c.Token.Reveal(), ".")
	p := access.Proof{Strength: access.TwoFactors, At: w.db.Now(), Scoped: true, Scopes: []string{access.ScopeAdmin, access.ScopeAccount}}
	if bare {
		p.Scopes = nil
	}
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

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, db: storetest.NewDB(t), allow: func(access.Request) bool { return true }}
	guard := access.NewGuard(w, w.db.Now)
	revocations := tenant.NewRevocations(w.db)
	w.api = &manage.API{
		Tenants: tenant.NewTenants(w.db, guard), Organisations: tenant.NewOrganisations(w.db, guard),
		InvitationLink: func(t id.Tenant, token string) string { return "https://id.example/" + string(t) + "/link#" + token },
		TenantMade:     func(context.Context, id.Tenant) error { return nil },
	}
	w.people(guard, revocations)
	w.machines(guard, revocations)
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
	a.Sessions = session.New(session.Config{DB: w.db, Guard: guard, Users: a.Accounts, Tenants: a.Tenants, Revocations: revocations})
	a.Accounts.Sessions = a.Sessions
	a.APIKeys = apikey.New(apikey.Config{DB: w.db, Guard: guard, Owners: w})
}

func (w *world) machines(guard *access.Guard, revocations *tenant.Revocations) {
	var err error
	a := w.api
	a.Decisions, err = authz.New(authz.Config{DB: w.db, Guard: guard})
	w.must(err)
	a.Keys, err = keyring.New(keyring.Config{DB: w.db, Guard: guard, Revocations: revocations})
	w.must(err)
	a.Clients = clients.New(w.db, guard, revocations)
	a.Consents = consent.New(w.db, guard)
	a.Scopes = scopes.New(w.db, guard, a.Clients, w)
	a.Audit = audit.New(audit.Config{DB: w.db, Guard: guard, Notary: a.Keys.Checkpoints(), Issuer: "https://id.example"})
}

func (w *world) serve() {
	routes, err := rest.Routes(w.api.Operations())
	w.must(err)
	dir, err := edge.NewSharedHost("https://id.example", func(context.Context, id.Tenant) error { return nil })
	w.must(err)
	w.handler, err = edge.New(edge.Config{
		Directory: dir, Authenticator: w, Origins: w, Now: time.Now, Metrics: prometheus.NewRegistry(),
		Gate: limit.NewGate(limit.NewLimiter(limit.Config{Now: time.Now}), limit.Policy{}), Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
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

// do sends a request as somebody; "" is nobody.
func (w *world) do(who, method, target, body string) answer {
	w.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = "id.example"
	if body == "" {
		r.Body, r.ContentLength = http.NoBody, 0
	} else {
		r.Header.Set("Content-Type", "application/json")
	}
	if who != "" {
		r.Header.Set("Authorization", "Bearer "+who)
	}
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	return answer{rec.Code, rec.Body.String(), rec.Result().Header}
}

// ok is do for a request that must succeed.
func (w *world) ok(who, method, target, body string) answer {
	w.t.Helper()
	a := w.do(who, method, target, body)
	if a.status >= 300 {
		w.t.Fatalf("%s %s as %s: %d %s", method, target, who, a.status, a.body)
	}
	return a
}
