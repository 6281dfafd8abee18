package clients_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/oauth2"

	"github.com/cardea-auth/cardea/internal/store/postgres/pgtest"
	"github.com/cardea-auth/cardea/test/proof"
)

// TestNodesOneWinner has a hundred racers at three nodes redeem each thing that is good once: an
// authorization code, the assertion of a client, a link for a new account, a new password, a changed address, a
// lifted lockout, and an invitation. One of them has it, and every other is refused.
func TestNodesOneWinner(t *testing.T) {
	t.Parallel()
	m := startMailServer(t)
	// A hundred new passwords at once are more than can be hashed in time: some are told so, which is logged.
	nodes := startClusterOn(t, 3, launch{mayFail: true, env: append(m.settings(), "CARDEA_DATABASE_URL="+pgtest.URL(t),
		"CARDEA_PASSWORD_ARGON2_MEMORY=7MiB", "CARDEA_PASSWORD_ARGON2_PASSES=5", "CARDEA_LIMITS_SIGN_IN_ADDRESS=off", "CARDEA_LIMITS_SIGN_IN_PAIR=1000/1m",
		"CARDEA_LIMITS_RESET_ADDRESS=off", "CARDEA_LIMITS_RESET_ACCOUNT=off", "CARDEA_LIMITS_SIGN_UP_ADDRESS=off",
		"CARDEA_LIMITS_SEND_MAIL_ADDRESS=off", "CARDEA_LIMITS_SEND_MAIL_ACCOUNT=off", "CARDEA_LIMITS_CREDENTIAL_ADDRESS=off")})
	r := &race{cluster: nodes, mails: m, answers: map[int]int{}}
	rounds := 3
	if proof.Long() {
		rounds = 5 * proof.Rounds(t, rounds)
	}
	const things = 7
	key := newClientKey(t)
	byKey := nodes[0].addApp(t, "service", "--auth-method", "private_key_jwt", "--jwks", nodes[0].file(t, "client.jwks", key.public(t)))
	for round := range rounds {
		r.code(t, round)
		r.assertion(t, key, byKey)
		for _, way := range mailings() {
			r.link(t, round, way)
		}
		r.invitation(t, round)
	}
	proof.Figures(t, "things", things*rounds, "racers for each", racers, "winners", r.answers[http.StatusOK]+r.answers[http.StatusCreated], "answers", r.answers)
}

// TestNodesOneAdministrator has a hundred racers at three nodes become the first administrator with one set-up
// link, each with an address of their own: one of them is it, and nobody else has an account. A server is set up
// once, so each round has one of its own.
func TestNodesOneAdministrator(t *testing.T) {
	t.Parallel()
	rounds := 1
	if proof.Long() {
		rounds = proof.Rounds(t, rounds)
	}
	all := map[int]int{}
	for round := range rounds {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			nodes := startClusterOn(t, 3, launch{mayFail: true, env: []string{"CARDEA_DATABASE_URL=" + pgtest.URL(t),
				"CARDEA_PASSWORD_ARGON2_MEMORY=7MiB", "CARDEA_PASSWORD_ARGON2_PASSES=5", "CARDEA_LIMITS_SIGN_IN_ADDRESS=off", "CARDEA_LIMITS_CREDENTIAL_ADDRESS=off"}})
			_, token, ok := strings.Cut(strings.TrimSpace(nodes[0].cli(t, "setup-link")), "/set-up#")
			if !ok {
				t.Fatal("no link")
			}
			for _, s := range nodes {
				s.tenant, s.issuer = "system", s.origin+"/t/system"
			}
			r := &race{cluster: nodes, answers: all}
			var racer atomic.Int64
			r.run(t, "set-up", http.StatusOK, func(at *server) func() int {
				b := at.browser(t, user{})
				b.begin(map[string]string{"kind": "set_up"})
				values := map[string]string{"token": token, "email": fmt.Sprintf("admin%d@once.example", racer.Add(1)), "password": password}
				return func() int { return b.post("/flow/set_up", values).status }
			})
			var users []struct{ Email string }
			if nodes[1].ask(t, &users, "user", "list"); len(users) != 1 {
				t.Errorf("%d accounts: %v", len(users), users)
			}
		})
	}
	proof.Figures(t, "set-up links", rounds, "racers for each", racers, "winners", all[http.StatusOK], "answers", all)
}

const racers = 100

// race is many who want the same thing.
type race struct {
	cluster
	mails   *mailServer
	answers map[int]int // by status
}

// run has everybody ask at once. ask prepares a racer at a node and returns its request.
func (r *race) run(t *testing.T, what string, good int, ask func(at *server) func() int) {
	t.Helper()
	requests := make([]func() int, racers)
	got := make([]int, racers)
	var all sync.WaitGroup
	for i := range racers {
		all.Go(func() { requests[i] = ask(r.cluster[i%len(r.cluster)]) })
	}
	all.Wait()
	for i := range racers {
		all.Go(func() { got[i] = requests[i]() })
	}
	all.Wait()
	winners := 0
	for _, status := range got {
		r.answers[status]++
		switch {
		case status == good:
			winners++
		case status < 400 || status >= 500 && status != http.StatusServiceUnavailable:
			t.Errorf("%s: a loser is answered with %d", what, status)
		}
	}
	if winners != 1 {
		t.Errorf("%s: %d winners of %d", what, winners, racers)
	}
}

func (r *race) code(t *testing.T, round int) {
	s := r.cluster[0]
	p := s.newParty(t, s.addApp(t, "web", append(scopes("openid"), "--first-party")...), "openid")
	b := s.browser(t, s.addUser(t, name("code", round)))
	verifier := oauth2.GenerateVerifier()
	back := b.visit(p.config.AuthCodeURL("state", oauth2.S256ChallengeOption(verifier)), p.app.redirect)
	r.run(t, "code", http.StatusOK, func(at *server) func() int {
		ctx := context.WithValue(t.Context(), oauth2.HTTPClient, at.client())
		return func() int {
			_, err := p.config.Exchange(ctx, back.Get("code"), oauth2.VerifierOption(verifier))
			if e, ok := err.(*oauth2.RetrieveError); ok {
				return e.Response.StatusCode
			}
			if err != nil {
				t.Error(err)
			}
			return http.StatusOK
		}
	})
}

// assertion is what a client proves itself with (RFC 7523, section 3: an identifier that was used before is refused).
func (r *race) assertion(t *testing.T, key clientKey, client app) {
	pairs := append(assertionPairs(key, t, client.id, r.cluster[0].issuer), "grant_type", "client_credentials")
	r.run(t, "assertion", http.StatusOK, func(at *server) func() int {
		return func() int { return at.post(t, app{}, "/oauth/token", pairs...).status }
	})
}

func name(what string, round int) string {
	return strings.ReplaceAll(what, "_", "") + string(rune('a'+round/26)) + string(rune('a'+round%26)) + "@once.example"
}

func (r *race) link(t *testing.T, round int, way mailing) {
	s, email := r.cluster[0], name(way.name, round)
	way.prepare(t, s, email)
	way.ask(t, s.browser(t, user{email: email}), func(*http.Request) {})
	token := ""
	for token == "" {
		if got := r.mails.next(t, email); strings.Contains(got.text, "/link#"+way.name+".") {
			token = got.token(t, way.name)
		}
	}
	values := map[string]string{"token": token}
	if way.name == "recover" {
		values["password"] = "tortoise-lantern-mountain"
	}
	r.run(t, way.name, http.StatusOK, func(at *server) func() int {
		b := at.browser(t, user{})
		b.begin(map[string]string{"kind": way.name})
		return func() int { return b.post("/flow/link", values).status }
	})
}

func (r *race) invitation(t *testing.T, round int) {
	s := r.cluster[0]
	u := s.addUser(t, name("invited", round))
	var org struct{ ID string }
	s.ask(t, &org, "org", "add", "Once "+url.QueryEscape(u.email[:9]))
	s.cli(t, "org", "invite", org.ID, u.email)
	token := r.mails.about(t, u.email, "Invitation").token(t, "invitation")
	signedIn := s.browser(t, u).signIn()
	r.run(t, "invitation", http.StatusCreated, func(at *server) func() int {
		b := at.browser(t, u)
		b.cookies = signedIn.clone().cookies
		b.get("/session") // for the CSRF token
		return func() int { return b.post("/account/invitations", map[string]string{"token": token}).status }
	})
}
