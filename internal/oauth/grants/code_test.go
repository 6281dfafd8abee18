package grants_test

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/codes"
	"github.com/cardea-auth/cardea/internal/oauth/grants"
	"github.com/cardea-auth/cardea/internal/oauth/oauthtest"
	"github.com/cardea-auth/cardea/internal/oauth/tokens"
)

// claims reads a JWT without looking at its signature.
func claims(t *testing.T, token secret.Value) map[string]any {
	t.Helper()
	parts := strings.Split(token.Reveal(), ".")
	if len(parts) != 3 {
		t.Fatalf("not a JWT of three parts")
	}
	out := map[string]any{}
	if err := json.Unmarshal(decode(t, parts[1]), &out); err != nil {
		t.Fatalf("reading the claims: %v", err)
	}
	return out
}

func TestCodeFlowGivesWhatWasAskedFor(t *testing.T) {
	w := oauthtest.New(t)
	app := w.Register(oauthtest.WebApp())
	m := app.Tokens()

	got := claims(t, m.Access())
	now := float64(w.Clock.Now().Unix())
	want := map[string]any{
		"iss": oauthtest.Issuer, "aud": oauthtest.Issuer, "sub": oauthtest.Alice, "client_id": app.ID, "scope": "openid email",
		"iat": now, "exp": now + 600, "jti": got["jti"], "sid": oauthtest.Sid, "acr": oauth.ACRTwoFactors, "auth_time": now,
		"ep": map[string]any{"s": 1.0, "u": 1.0, "c": float64(app.Epoch), "t": 1.0},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("access token (-want +got):\n%s", diff)
	}
	id := claims(t, m.ID())
	want = map[string]any{
		"iss": oauthtest.Issuer, "aud": app.ID, "sub": oauthtest.Alice, "iat": now, "exp": now + 600, "auth_time": now,
		"nonce": "the-nonce", "acr": oauth.ACRTwoFactors, "amr": []any{"pwd", "otp"}, "sid": oauthtest.Sid,
		"at_hash": id["at_hash"], "email": "alice@example.com", "email_verified": true,
	}
	if diff := cmp.Diff(want, id); diff != "" {
		t.Errorf("id token (-want +got):\n%s", diff)
	}
	if m.Refresh().Empty() {
		t.Errorf("no refresh token was given")
	}
	var answer map[string]any
	if err := json.Unmarshal(m.AppendJSON(nil), &answer); err != nil {
		t.Fatalf("the answer is no JSON: %v", err)
	}
	if answer["token_type"] != "Bearer" || answer["expires_in"] != 600.0 || answer["scope"] != "openid email" {
		t.Errorf("answer = %v", answer)
	}
}

func TestRegress_016_PKCEDowngrade(t *testing.T) {
	w := oauthtest.New(t)
	plain := oauthtest.WebApp()
	plain.UnsafeNoPKCE = true
	app := w.Register(plain)
	cases := map[string]struct {
		begin    []string
		verifier string
		good     bool
	}{
		"challenge and its verifier":   {nil, oauthtest.Verifier, true},
		"challenge, no verifier":       {nil, "", false},
		"challenge, other verifier":    {nil, strings.Repeat("b", 43), false},
		"no challenge, but a verifier": {[]string{"code_challenge", "", "code_challenge_method", ""}, oauthtest.Verifier, false},
		"neither, and exempted":        {[]string{"code_challenge", "", "code_challenge_method", ""}, "", true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			proof := codes.Proof{Code: app.Code(c.begin...), Redirect: oauthtest.Callback, Verifier: secret.New(c.verifier)}
			_, err := app.Issue(grants.NewCode(w.Codes, proof), tokens.Request{})
			if c.good != (err == nil) || err != nil && oauth.CodeOf(err) != oauth.InvalidGrant {
				t.Errorf("exchange: %v", err)
			}
		})
	}
	for name, pairs := range map[string][]string{
		"plain":           {"code_challenge_method", "plain", "code_challenge", oauthtest.Verifier},
		"method missing":  {"code_challenge_method", ""},
		"short challenge": {"code_challenge", "abc"},
	} {
		answer, err := app.Begin(w.Browser(oauthtest.Alice, oauthtest.Sid), pairs...)
		if err != nil || answer.Response == nil || answer.Response.Get("error") != "invalid_request" {
			t.Errorf("%s: %+v, %v", name, answer.Response, err)
		}
	}
	strict := w.Register(oauthtest.WebApp())
	answer, err := strict.Begin(w.Browser(oauthtest.Alice, oauthtest.Sid), "code_challenge", "", "code_challenge_method", "")
	if err != nil || answer.Response.Get("error") != "invalid_request" {
		t.Errorf("no PKCE without an exemption: %+v, %v", answer.Response, err)
	}
}

func TestRegress_017_CodeOfAnotherClientIsBurned(t *testing.T) {
	w := oauthtest.New(t)
	a, b := w.Register(oauthtest.WebApp()), w.Register(oauthtest.WebApp())
	code := a.Code()
	if _, err := b.Exchange(code); oauth.CodeOf(err) != oauth.InvalidGrant {
		t.Fatalf("another client's code: %v", err)
	}
	if _, err := a.Exchange(code); oauth.CodeOf(err) != oauth.InvalidGrant {
		t.Errorf("the code works after another client has shown it: %v", err)
	}
	code = a.Code()
	proof := codes.Proof{Code: code, Redirect: oauthtest.Callback + "/", Verifier: secret.New(oauthtest.Verifier)}
	if _, err := a.Issue(grants.NewCode(w.Codes, proof), tokens.Request{}); oauth.CodeOf(err) != oauth.InvalidGrant {
		t.Errorf("another redirect URI: %v", err)
	}
	if _, err := a.Exchange(code); err == nil {
		t.Errorf("the code works after it was shown with another redirect URI")
	}
}

func TestRegress_022_CodeReplayEndsWhatItGave(t *testing.T) {
	for name, after := range map[string]time.Duration{"at once": 0, "after 30 seconds": 30 * time.Second, "after its life": 5 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			w := oauthtest.New(t)
			app := w.Register(oauthtest.WebApp())
			code := app.Code()
			first, err := app.Exchange(code)
			if err != nil {
				t.Fatal(err)
			}
			second, err := app.Refresh(first.Refresh())
			if err != nil {
				t.Fatal(err)
			}
			if !app.Active(first.Access()) || !app.Active(second.Access()) || !app.Active(second.Refresh()) {
				t.Fatalf("fresh tokens are not active")
			}
			w.Clock.Advance(after)
			if _, err := app.Exchange(code); oauth.CodeOf(err) != oauth.InvalidGrant {
				t.Fatalf("second use: %v", err)
			}
			for what, token := range map[string]secret.Value{"first access": first.Access(), "second access": second.Access(), "refresh": second.Refresh()} {
				if app.Active(token) {
					t.Errorf("%s token lives on after the code was replayed", what)
				}
			}
			if _, err := app.Refresh(second.Refresh()); oauth.CodeOf(err) != oauth.InvalidGrant {
				t.Errorf("refresh after the replay: %v", err)
			}
		})
	}
}

func TestCodeReplayWithoutRefreshTokenEndsTheAccessToken(t *testing.T) {
	w := oauthtest.New(t)
	draft := oauthtest.WebApp()
	draft.Grants = []oauth.GrantType{oauth.GrantCode}
	app := w.Register(draft)
	code := app.Code()
	m, err := app.Exchange(code)
	if err != nil || !m.Refresh().Empty() {
		t.Fatalf("exchange: %v", err)
	}
	if _, err := app.Exchange(code); err == nil || app.Active(m.Access()) {
		t.Errorf("the access token lives on after the code was replayed")
	}
}

func TestCodeExpiresAfterSixtySeconds(t *testing.T) {
	w := oauthtest.New(t)
	app := w.Register(oauthtest.WebApp())
	good, late := app.Code(), app.Code()
	w.Clock.Advance(codes.Life - time.Millisecond)
	if _, err := app.Exchange(good); err != nil {
		t.Errorf("at the end of its life: %v", err)
	}
	w.Clock.Advance(time.Millisecond)
	if _, err := app.Exchange(late); oauth.CodeOf(err) != oauth.InvalidGrant {
		t.Errorf("after its life: %v", err)
	}
}

func TestHundredRedemptionsHaveOneWinner(t *testing.T) {
	w := oauthtest.New(t)
	app := w.Register(oauthtest.WebApp())
	for range 3 {
		code := app.Code()
		won := race(t, 100, func() (tokens.Minted, error) { return app.Exchange(code) })
		if len(won) != 1 {
			t.Fatalf("%d of 100 redemptions succeeded", len(won))
		}
		if app.Active(won[0].Access()) || app.Active(won[0].Refresh()) {
			t.Errorf("99 replays left the winner's tokens alive")
		}
	}
}

// race calls f n times at once and returns the successes; every failure must be invalid_grant.
func race(t *testing.T, n int, f func() (tokens.Minted, error)) []tokens.Minted {
	t.Helper()
	var mu sync.Mutex
	var won []tokens.Minted
	var wg sync.WaitGroup
	start := make(chan struct{})
	for range n {
		wg.Go(func() {
			<-start
			m, err := f()
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won = append(won, m)
			} else if oauth.CodeOf(err) != oauth.InvalidGrant {
				t.Errorf("a loser got %v", err)
			}
		})
	}
	close(start)
	wg.Wait()
	return won
}
