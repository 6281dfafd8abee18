package oauth_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/oauth"
)

func TestParseScopes(t *testing.T) {
	many := strings.TrimSpace(strings.Repeat("a ", 1))
	for i := range 64 {
		many += " s" + strings.Repeat("x", i)
	}
	cases := []struct {
		text string
		want oauth.Scopes
		good bool
	}{
		{"", nil, true},
		{"openid", oauth.Scopes{"openid"}, true},
		{"b a b", oauth.Scopes{"b", "a"}, true},
		{"https://api.example.com/read!", oauth.Scopes{"https://api.example.com/read!"}, true},
		{" openid", nil, false}, {"openid ", nil, false}, {"a  b", nil, false}, {"a\tb", nil, false}, {"a\"b", nil, false},
		{`a\b`, nil, false}, {"ä", nil, false}, {"a\x00", nil, false}, {strings.Repeat("a", 129), nil, false}, {many, nil, false},
	}
	for _, c := range cases {
		got, err := oauth.ParseScopes(c.text)
		if (err == nil) != c.good || err != nil && oauth.CodeOf(err) != oauth.InvalidScope {
			t.Errorf("ParseScopes(%q): %v", c.text, err)
		}
		if c.good && cmp.Diff(c.want, got) != "" {
			t.Errorf("ParseScopes(%q) = %v", c.text, got)
		}
	}
}

func TestScopesAreSets(t *testing.T) {
	s := oauth.Scopes{"c", "a", "b"}
	if got := s.And(oauth.Scopes{"b", "c", "x"}); cmp.Diff(oauth.Scopes{"c", "b"}, got) != "" {
		t.Errorf("And = %v", got)
	}
	if got := s.Without("a", "x"); cmp.Diff(oauth.Scopes{"c", "b"}, got) != "" {
		t.Errorf("Without = %v", got)
	}
	if !s.Within(oauth.Scopes{"a", "b", "c", "d"}) || s.Within(oauth.Scopes{"a", "b"}) || !(oauth.Scopes)(nil).Within(nil) {
		t.Errorf("Within is wrong")
	}
	if cmp.Diff(oauth.Scopes{"c", "a", "b"}, s) != "" {
		t.Errorf("the set itself was changed: %v", s)
	}
}

func TestChallenge(t *testing.T) {
	// RFC 7636, appendix B.
	const verifier, challenge = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	c, err := oauth.ParseChallenge(challenge, "S256")
	if err != nil || !c.Meets(verifier) {
		t.Fatalf("the example of RFC 7636 does not pass: %v", err)
	}
	for _, bad := range []string{"", verifier[1:], verifier + "x", strings.ToUpper(verifier), challenge, verifier[:42], strings.Repeat("a", 129)} {
		if c.Meets(bad) {
			t.Errorf("verifier %q passes", bad)
		}
	}
	if none := oauth.Challenge(""); none.Meets(verifier) || !none.Meets("") {
		t.Errorf("no challenge must go with no verifier, and only so")
	}
	for _, pair := range [][2]string{{challenge, ""}, {challenge, "plain"}, {challenge, "s256"}, {"", "S256"}, {challenge + "=", "S256"}, {challenge[1:], "S256"}, {challenge[:42] + "N", "S256"}} {
		if _, err := oauth.ParseChallenge(pair[0], pair[1]); oauth.CodeOf(err) != oauth.InvalidRequest {
			t.Errorf("ParseChallenge(%q, %q): %v", pair[0], pair[1], err)
		}
	}
}

func TestWantedStrength(t *testing.T) {
	for text, want := range map[string]access.Strength{
		"": access.NoProof, "unknown": access.NoProof, oauth.ACRTwoFactors: access.TwoFactors,
		oauth.ACRNoPhishing + " " + oauth.ACRTwoFactors: access.TwoFactors, "x " + oauth.ACRNoPhishing: access.HardToPhish,
	} {
		if got := oauth.WantedStrength(text); got != want {
			t.Errorf("WantedStrength(%q) = %d", text, got)
		}
	}
	for s := access.NoProof; s <= access.HardToPhish; s++ {
		if oauth.StrengthOf(oauth.ACR(s)) != s {
			t.Errorf("strength %d does not survive its acr %q", s, oauth.ACR(s))
		}
	}
	if oauth.ACR(200) != "" {
		t.Errorf("an unknown strength has an acr")
	}
}

func TestClaimsAreJSONThatOthersRead(t *testing.T) {
	nasty := "a\"\\\u2028<>&\x01é🎉"
	c := oauth.AccessClaims{
		Issuer: nasty, Audience: []string{"a", nasty}, Subject: nasty, Client: oauth.ClientID(nasty), Scope: "a b", Issued: 1, Expires: 2,
		JTI: nasty, Session: nasty, Org: nasty, Epochs: oauth.Epochs{Session: 1, Tenant: 1 << 53}, ACR: nasty, AuthTime: 3,
	}
	b, err := c.AppendJSON(nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]any{}
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	want := map[string]any{
		"iss": nasty, "aud": []any{"a", nasty}, "sub": nasty, "client_id": nasty, "scope": "a b", "iat": 1.0, "exp": 2.0,
		"jti": nasty, "sid": nasty, "org_id": nasty, "ep": map[string]any{"s": 1.0, "t": float64(1 << 53)}, "acr": nasty, "auth_time": 3.0,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	c.JTI = "\xff"
	if _, err := c.AppendJSON(nil); err == nil {
		t.Errorf("text that is not UTF-8 was written")
	}
}

func TestClaimsOpenByScope(t *testing.T) {
	p := oauth.Profile{Name: "N", Email: "e@example.com", Phone: "+1", PhoneVerified: true}
	for scope, want := range map[string]string{
		"":              `{"sub":"s"}`,
		"profile":       `{"sub":"s","name":"N"}`,
		"email":         `{"sub":"s","email":"e@example.com","email_verified":false}`,
		"phone":         `{"sub":"s","phone_number":"+1","phone_number_verified":true}`,
		"profile email": `{"sub":"s","name":"N","email":"e@example.com","email_verified":false}`,
	} {
		scopes, err := oauth.ParseScopes(scope)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := oauth.ClaimsFor(p, scopes).AppendJSON(nil, "s"); err != nil || string(got) != want {
			t.Errorf("%q: %s, %v", scope, got, err)
		}
	}
}

func TestRefusalPassesOtherErrorsOn(t *testing.T) {
	if err := oauth.Refusal(errs.Missing("code"), oauth.InvalidGrant, "no"); oauth.CodeOf(err) != oauth.InvalidGrant {
		t.Errorf("NotFound became %v", err)
	}
	down := errors.New("down")
	if err := oauth.Refusal(down, oauth.InvalidGrant, "no"); !errors.Is(err, down) || oauth.CodeOf(err) != "" {
		t.Errorf("another error became %v", err)
	}
	if err := oauth.Refusal(nil, oauth.InvalidGrant, "no"); err != nil {
		t.Errorf("nil became %v", err)
	}
}

func TestResources(t *testing.T) {
	c := &oauth.Client{Audience: []string{"https://a.example", "urn:b"}}
	for _, good := range [][]string{nil, {"https://a.example"}, {"urn:b", "https://a.example"}} {
		if err := oauth.CheckResources(c, "https://id.example", good); err != nil {
			t.Errorf("%v: %v", good, err)
		}
	}
	for _, bad := range [][]string{{""}, {"https://id.example"}, {"https://a.example/"}, {"https://a.example#x"}, {"a.example"}, {"urn:b", "urn:b"}} {
		if err := oauth.CheckResources(c, "https://id.example", bad); oauth.CodeOf(err) != oauth.InvalidTarget {
			t.Errorf("%v: %v", bad, err)
		}
	}
	if got := (&oauth.Client{}).DefaultAudience("https://id.example"); got != "https://id.example" {
		t.Errorf("a client without an audience has %q", got)
	}
}
