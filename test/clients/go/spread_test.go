package clients_test

import (
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/cache/redis/redistest"
	"github.com/cardea-auth/cardea/internal/store/postgres/pgtest"
	"github.com/cardea-auth/cardea/test/proof"
)

// tailOnly has a node neither send notifications nor listen to any, as behind a pooler.
const tailOnly = "pgbouncer"

// TestNodesRevocationSpreads ends keys, sessions, roles, users and single tokens at one of three nodes, again
// and again, and looks how long the others accept them: where PostgreSQL notifies, where Redis does, and where
// nodes look by themselves. Single tokens are counted apart: they are looked up in a list that every node
// reads four times a second.
func TestNodesRevocationSpreads(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		aim  time.Duration // of the 99th of a hundred, in the long form
		env  func(t *testing.T) []string
	}{
		{"notifications", 100 * time.Millisecond, func(t *testing.T) []string { return []string{"CARDEA_DATABASE_URL=" + pgtest.URL(t)} }},
		{"Redis", 100 * time.Millisecond, func(t *testing.T) []string {
			return []string{
				"CARDEA_DATABASE_URL=" + pgtest.With(t, pgtest.URL(t), tailOnly, "true"),
				"CARDEA_REDIS_URL=" + redistest.Start(t).URL(), "CARDEA_EGRESS_ALLOW=redis=127.0.0.1/32",
			}
		}},
		{"the tail alone", 1500 * time.Millisecond, func(t *testing.T) []string {
			return []string{"CARDEA_DATABASE_URL=" + pgtest.With(t, pgtest.URL(t), tailOnly, "true")}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			// Not in parallel: it is timed.
			nodes := startClusterOn(t, 3, launch{env: append(c.env(t), "CARDEA_PASSWORD_ARGON2_MEMORY=7MiB", "CARDEA_PASSWORD_ARGON2_PASSES=5",
				"CARDEA_LIMITS_SIGN_IN_ADDRESS=off", "CARDEA_LIMITS_SIGN_IN_PAIR=1000/1m", "CARDEA_LIMITS_SIGN_IN_ACCOUNT=off",
				"CARDEA_LIMITS_CREDENTIAL_ADDRESS=off")}) // each thing that has ended is refused once at each node, 300 in a minute
			s := newSpread(t, nodes)
			for range 5 * proof.Rounds(t, 1) {
				s.round()
			}
			p99 := proof.Quantile(s.took, 0.99)
			proof.Figures(t, "revocations", s.ended, "p50", proof.Quantile(s.took, 0.5), "p99", p99, "longest", proof.Quantile(s.took, 1),
				"p99 of tokens", proof.Quantile(s.tokens, 0.99))
			if proof.Long() && p99 > c.aim {
				t.Errorf("p99 is %v, the aim %v", p99, c.aim)
			}
		})
	}
}

// spread ends things at the first node and looks at the others.
type spread struct {
	t     *testing.T
	nodes cluster
	m     manager
	api   app
	u     user
	ended int
	took  []time.Duration // for each thing and each other node

	tokens []time.Duration // for single ones
}

func newSpread(t *testing.T, nodes cluster) *spread {
	one := nodes[0]
	s := &spread{t: t, nodes: nodes, m: one.manager(t), api: one.addApp(t, "service", "--access-token", "opaque"), u: one.addUser(t, "spread@nodes.example")}
	one.cli(t, "role", "create", "editor", "--permission", "invoice:read")
	return s
}

// ends has accepted hold at the other nodes, ends what it is about, and looks until it holds nowhere.
func (s *spread) ends(what string, accepted func(at *server) bool, method, path string, body any) {
	s.t.Helper()
	others := s.nodes[1:]
	for _, n := range others {
		if !eventuallyTrue(func() bool { return accepted(n) }) {
			s.t.Fatalf("a good %s is not accepted", what)
		}
	}
	if what == "token" {
		if a := s.nodes[0].post(s.t, s.api, path, "token", body.(string)); a.status != http.StatusOK {
			s.t.Fatalf("ending a token: %s", a)
		}
	} else {
		s.m.must(s.t, method, path, body, nil)
	}
	since, took := time.Now(), make([]time.Duration, len(others))
	var all sync.WaitGroup
	for i, n := range others {
		all.Go(func() {
			for accepted(n) {
				if took[i] = time.Since(since); took[i] > mustHear {
					s.t.Errorf("a %s is accepted %v after its end", what, took[i])
					return
				}
				<-time.After(time.Millisecond)
			}
			took[i] = time.Since(since)
		})
	}
	all.Wait()
	if what == "token" {
		s.tokens = append(s.tokens, took...)
		return
	}
	s.ended++
	s.took = append(s.took, took...)
}

// mustHear is how long a node may act on what it remembers, and a second to the next look far back.
const mustHear = 6500 * time.Millisecond

func eventuallyTrue(so func() bool) bool {
	for since := time.Now(); !so(); <-time.After(time.Millisecond) {
		if time.Since(since) > mustHear {
			return false
		}
	}
	return true
}

// round ends one of each.
func (s *spread) round() {
	t, one := s.t, s.nodes[0]
	t.Helper()
	var given struct {
		Token string `json:"access_token"`
	}
	one.post(t, s.api, "/oauth/token", "grant_type", "client_credentials").read(t, &given)
	s.ends("token", func(at *server) bool { return at.active(t, s.api, given.Token) }, "POST", "/oauth/revoke", given.Token)

	var made struct {
		Secret string
		Key    struct{ ID string }
	}
	s.m.must(t, "POST", "/api/users/"+s.u.id+"/apikeys", object{"name": "spread", "scopes": []string{"cardea:admin"}}, &made)
	s.ends("key", func(at *server) bool {
		return at.with(t, "GET", "/session", "X-API-Key", made.Secret).status == http.StatusOK
	}, "DELETE", "/api/apikeys/"+made.Key.ID, nil)

	b := one.browser(t, s.u).signIn()
	here := func(at *server) me {
		there := *b.clone()
		there.server, there.http = at, at.client()
		return there.me()
	}
	s.m.must(t, "POST", "/api/roles/editor/assignments", object{"subject": object{"type": "user", "id": s.u.id}}, nil)
	s.ends("role", func(at *server) bool { return slices.Contains(here(at).Permissions, "invoice:read") },
		"DELETE", "/api/roles/editor/assignments?subject_type=user&subject_id="+s.u.id, nil)
	s.ends("session", func(at *server) bool { return here(at).Authenticated }, "DELETE", "/api/sessions/"+b.me().Session.ID, nil)

	b = one.browser(t, s.u).signIn()
	s.ends("user", func(at *server) bool { return here(at).Authenticated }, "POST", "/api/users/"+s.u.id+"/disable", nil)
	s.m.must(t, "POST", "/api/users/"+s.u.id+"/enable", nil, nil)
}
