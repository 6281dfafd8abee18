package consent_test

import (
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/consent"
	"github.com/cardea-auth/cardea/internal/oauth/oauthtest"
	"github.com/cardea-auth/cardea/internal/tenant"
)

func TestConsentIsGivenTakenAndGivenAgain(t *testing.T) {
	w := oauthtest.New(t)
	alice := w.Browser(oauthtest.Alice, oauthtest.Sid)
	standing := func() oauth.ConsentStanding {
		s, err := w.Consents.Standing(t.Context(), oauthtest.Tenant, oauthtest.Alice, "app")
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if s := standing(); s.Given || s.Epoch != 0 {
		t.Errorf("nothing was given: %+v", s)
	}
	for _, scopes := range []oauth.Scopes{{"a", "b"}, {"b", "c"}} {
		if _, err := w.Consents.Allow(t.Context(), alice, "app", scopes); err != nil {
			t.Fatal(err)
		}
	}
	first := standing()
	if !first.Given || first.Scopes.String() != "a b c" || first.Epoch == 0 {
		t.Errorf("given: %+v", first)
	}
	if err := w.Consents.Take(t.Context(), alice, oauthtest.Alice, "app"); err != nil {
		t.Fatal(err)
	}
	if s := standing(); s.Given || len(s.Scopes) != 0 || s.Epoch <= first.Epoch {
		t.Errorf("taken: %+v", s)
	}
	feed, err := w.Revoked.After(t.Context(), oauthtest.Tenant, time.Time{}, page.Request{})
	if err != nil || len(feed.Items) != 1 || feed.Items[0].Kind != tenant.RevokedConsent || feed.Items[0].About != oauthtest.Alice+"/app" || feed.Items[0].MinEpoch != standing().Epoch {
		t.Errorf("the feed after taking: %+v, %v", feed, err)
	}
	p, err := w.Consents.List(t.Context(), alice, oauthtest.Alice, page.Request{})
	if err != nil || len(p.Items) != 0 {
		t.Errorf("list after taking: %+v, %v", p, err)
	}
	w.Clock.Advance(time.Second)
	if _, err := w.Consents.Allow(t.Context(), alice, "app", oauth.Scopes{"c"}); err != nil {
		t.Fatal(err)
	}
	again := standing()
	if !again.Given || again.Scopes.String() != "c" || again.Epoch <= first.Epoch || !again.At.Equal(w.Clock.Now()) {
		t.Errorf("given again: %+v", again)
	}
	if p, err = w.Consents.List(t.Context(), alice, oauthtest.Alice, page.Request{}); err != nil || len(p.Items) != 1 {
		t.Errorf("list: %+v, %v", p, err)
	}
}

func TestConsentIsOnesOwn(t *testing.T) {
	w := oauthtest.New(t)
	closed := consent.New(w.DB, access.NewGuard(nil, w.Clock.Now), w.Revoked)
	alice, bob := w.Browser(oauthtest.Alice, oauthtest.Sid), w.Browser("bob", "bobs")
	if _, err := closed.Allow(t.Context(), alice, "app", oauth.Scopes{"a"}); err != nil {
		t.Fatal(err)
	}
	if err := closed.Take(t.Context(), bob, oauthtest.Alice, "app"); !errs.Is(err, errs.Denied) {
		t.Errorf("bob takes alice's consent: %v", err)
	}
	if _, err := closed.List(t.Context(), bob, oauthtest.Alice, page.Request{}); !errs.Is(err, errs.Denied) {
		t.Errorf("bob lists alice's consents: %v", err)
	}
	if _, err := closed.Allow(t.Context(), w.Nobody(), "app", oauth.Scopes{"a"}); !errs.Is(err, errs.Unauthenticated) {
		t.Errorf("nobody consents: %v", err)
	}
	limited := access.Authenticated(oauthtest.Tenant, access.User(oauthtest.Alice), access.Proof{Scoped: true, Scopes: []string{"openid"}}, w.Origin())
	if _, err := closed.Allow(t.Context(), limited, "app", oauth.Scopes{"b"}); errs.CodeOf(err) != "insufficient_scope" {
		t.Errorf("a token without our scope consents: %v", err)
	}
	if err := closed.Take(t.Context(), alice, oauthtest.Alice, "unknown"); !errs.Is(err, errs.NotFound) {
		t.Errorf("taking what was not given: %v", err)
	}
}
