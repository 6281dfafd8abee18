package manage_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/httpapi/credential"
	"github.com/cardea-auth/cardea/internal/identity"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/opaque"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/tenant"
)

// TestCSRFOnOwnAccount: by the power of a cookie nothing is changed unless the request comes from our
// own pages and repeats the token. A token in a header needs neither.
func TestCSRFOnOwnAccount(t *testing.T) {
	w := newWorld(t)
	w.person("alice@example.com")
	w.allow = nil
	alice := w.signIn("alice@example.com")
	for _, o := range w.api.Operations() {
		if !strings.HasPrefix(o.Path, "/account") || o.Method == "GET" || public(o.Name) {
			continue
		}
		for name, header := range map[string][]string{
			"without the token":      {credential.CSRFHeader, ""},
			"with another token":     {credential.CSRFHeader, strings.Repeat("A", 43)},
			"from another site":      {"Sec-Fetch-Site", "cross-site"},
			"from a sibling":         {"Sec-Fetch-Site", "same-site"},
			"from another origin":    {"Origin", "https://evil.example"},
			"from an unknown place":  {"Sec-Fetch-Site", ""},
			"with a form's own type": {credential.CSRFHeader, "", "Content-Type", "application/x-www-form-urlencoded"},
		} {
			a := w.do(alice, o.Method, target(o, nil), bodies()[o.Name], header...)
			if a.status != 403 || a.get("code") != "csrf_failed" {
				t.Errorf("%s %s: %d %s", o.Name, name, a.status, a.body)
			}
		}
	}
	if a := w.ok(alice, "GET", "/account/profile", "", credential.CSRFHeader, "", "Sec-Fetch-Site", "cross-site"); a.get("email") != "alice@example.com" {
		t.Errorf("reading: %s", a.body)
	}
	w.ok(alice, "PATCH", "/account/profile", `{"name":"A"}`)
	w.ok(w.as("alice@example.com"), "PATCH", "/account/profile", `{"name":"B"}`)
}

// TestOwnPassword: the browser goes on with another session, all others end, and a token gets none.
func TestOwnPassword(t *testing.T) {
	w := newWorld(t)
	userID := w.person("alice@example.com")
	w.allow = nil
	phone, laptop := w.signIn("alice@example.com"), w.signIn("alice@example.com")
	const next = `"orchard lantern mountain"`
	for name, body := range map[string]string{
		"without the current one": `{"password":` + next + `}`, "with a wrong one": `{"current":"x","password":` + next + `}`,
	} {
		if a := w.do(laptop, "PUT", "/account/password", body); a.status != 400 || !strings.Contains(a.body, `"/current"`) {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	a := w.ok(laptop, "PUT", "/account/password", `{"current":"`+goodPassword+`","password":`+next+`}`)
	cookies := a.header["Set-Cookie"]
	if len(cookies) != 2 || !strings.Contains(cookies[0], "HttpOnly") {
		t.Fatalf("cookies: %q", cookies)
	}
	token, _, _ := strings.Cut(strings.TrimPrefix(cookies[0], credential.Jar{}.Full(credential.SessionCookie, id.Default)+"="), ";")
	for who, want := range map[string]int{phone: 401, laptop: 401, "cookie:" + token: 200} {
		if a := w.do(who, "GET", "/account/profile", ""); a.status != want {
			t.Errorf("after the change: %d, want %d", a.status, want)
		}
	}
	// A program with a token that was made in the session must not come out with a session.
	live, err := w.api.Sessions.Resolve(t.Context(), id.Default, token)
	w.must(err)
	a = w.ok("account-"+userID+"~"+live.Session.ID, "PUT", "/account/password", `{"current":`+next+`,"password":"harbour pencil tortoise"}`)
	if len(a.header["Set-Cookie"]) != 0 {
		t.Errorf("a token has become a session: %q", a.header["Set-Cookie"])
	}
	if a := w.do("cookie:"+token, "GET", "/account/profile", ""); a.status != 401 {
		t.Errorf("the session after another's change: %d", a.status)
	}
	if a := w.ok(userID, "GET", "/account/sessions", ""); a.body != `{"items":[]}` {
		t.Errorf("a session is left that nobody has: %s", a.body)
	}
}

// TestWrongCurrentPasswordLocks: guessing the current password is as hard as guessing at sign-in.
func TestWrongCurrentPasswordLocks(t *testing.T) {
	w := newWorld(t)
	userID := w.person("alice@example.com")
	alice := w.signIn("alice@example.com")
	for range 5 {
		w.do(alice, "PUT", "/account/password", `{"current":"wrong","password":"harbour pencil tortoise"}`)
	}
	a := w.do(alice, "PUT", "/account/password", `{"current":"`+goodPassword+`","password":"harbour pencil tortoise"}`)
	if a.status != 429 || a.get("code") != "account_locked" || a.header.Get("Retry-After") == "" {
		t.Errorf("the sixth attempt: %d %s", a.status, a.body)
	}
	if a := w.ok("root", "GET", "/api/users/"+userID, ""); !strings.Contains(a.body, `"locked_for":`) {
		t.Errorf("the account does not look locked: %s", a.body)
	}
	w.ok("root", "POST", "/api/users/"+userID+"/unlock", "")
	w.ok(alice, "PUT", "/account/password", `{"current":"`+goodPassword+`","password":"harbour pencil tortoise"}`)
}

func TestOwnSessions(t *testing.T) {
	w := newWorld(t)
	w.person("alice@example.com")
	w.allow = nil
	phone, laptop, tablet := w.signIn("alice@example.com"), w.signIn("alice@example.com"), w.signIn("alice@example.com")
	list := w.items(w.ok(laptop, "GET", "/account/sessions", ""))
	current := 0
	for _, s := range list.Items {
		if s["current"] == true {
			current++
		}
		if s["device"] != "Firefox on Linux" || s["address"] != "192.0.2.7" {
			t.Errorf("session: %v", s)
		}
	}
	if len(list.Items) != 3 || current != 1 {
		t.Errorf("%d sessions, %d of them current", len(list.Items), current)
	}
	oldest, _ := list.Items[2]["id"].(string)
	w.ok(laptop, "DELETE", "/account/sessions/"+oldest, "")
	if a := w.do(phone, "GET", "/account/profile", ""); a.status != 401 || a.get("code") != "session_expired" {
		t.Errorf("a session that was ended: %d %s", a.status, a.body)
	}
	if a := w.do(laptop, "DELETE", "/account/sessions/"+oldest, ""); a.status != 404 {
		t.Errorf("ended again: %d", a.status)
	}
	if a := w.ok(laptop, "DELETE", "/account/sessions", ""); a.body != `{"ended":1}` {
		t.Errorf("all others: %s", a.body)
	}
	if a := w.do(tablet, "GET", "/account/profile", ""); a.status != 401 {
		t.Errorf("the last other one: %d", a.status)
	}
	own, _ := w.items(w.ok(laptop, "GET", "/account/sessions", "")).Items[0]["id"].(string)
	if a := w.ok(laptop, "DELETE", "/account/sessions/"+own, ""); len(a.header["Set-Cookie"]) != 2 {
		t.Errorf("the cookies of the session that has ended itself stay: %q", a.header["Set-Cookie"])
	}
}

// TestOwnAPIKeys: a person makes, rotates and ends its keys; a credential with fewer scopes does not
// come to more by way of a key.
func TestOwnAPIKeys(t *testing.T) {
	w := newWorld(t)
	userID := w.person("alice@example.com")
	w.allow = nil
	alice := w.signIn("alice@example.com")
	made := w.ok(alice, "POST", "/account/apikeys", `{"name":"ci","scopes":["cardea:admin"],"life":3600}`)
	at := "/account/apikeys/" + made.get("key.id")
	if made.status != 201 || !strings.HasPrefix(made.get("secret"), made.get("key.hint")) || made.get("key.owner_id") != userID {
		t.Errorf("made: %s", made.body)
	}
	limited := "account-" + userID
	for name, a := range map[string]answer{
		"a wider key":   w.do(limited, "POST", "/account/apikeys", `{"name":"more","scopes":["cardea:admin"]}`),
		"a wider heir":  w.do(limited, "POST", at+"/rotate", `{}`),
		"by /api":       w.do(limited, "POST", "/api/apikeys/"+made.get("key.id")+"/rotate", `{}`),
		"for somebody":  w.do(limited, "POST", "/api/users/"+userID+"/apikeys", `{"name":"x","scopes":["cardea:admin"]}`),
		"with no scope": w.do(userID+".", "POST", "/account/apikeys", `{"name":"x"}`),
	} {
		if a.status != 403 || a.get("code") != "insufficient_scope" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	w.ok(limited, "POST", "/account/apikeys", `{"name":"same","scopes":["cardea:account"]}`)
	next := w.ok(alice, "POST", at+"/rotate", `{"overlap":0}`)
	if next.get("key.id") == made.get("key.id") || next.get("secret") == made.get("secret") {
		t.Errorf("rotated: %s", next.body)
	}
	if a := w.do(alice, "DELETE", at, ""); a.status != 404 {
		t.Errorf("the old key: %d", a.status)
	}
	w.ok(alice, "DELETE", "/account/apikeys/"+next.get("key.id"), "")
	if list := w.items(w.ok(alice, "GET", "/account/apikeys", "")); len(list.Items) != 1 {
		t.Errorf("left: %v", list.Items)
	}
	// A service looks after its own keys too.
	client := w.operator("POST", "/api/clients", `{"client_id":"svc-robot","name":"Robot","type":"service"}`).get("client.client_id")
	key := w.ok(client, "POST", "/account/apikeys", `{"name":"robot's"}`)
	if key.get("key.owner_type") != "service" || len(w.items(w.ok(client, "GET", "/account/apikeys", "")).Items) != 1 {
		t.Errorf("a service's key: %s", key.body)
	}
}

// operator is ok as somebody who may do everything.
func (w *world) operator(method, at, body string) answer {
	w.t.Helper()
	decide := w.allow
	defer func() { w.allow = decide }()
	w.allow = func(access.Request) bool { return true }
	return w.ok("root", method, at, body)
}

func TestOwnExportAndEvents(t *testing.T) {
	w := newWorld(t)
	userID := w.person("alice@example.com")
	w.allow = nil
	alice := w.signIn("alice@example.com")
	org := w.operator("POST", "/api/orgs", `{"name":"Org"}`).get("id")
	w.operator("POST", "/api/orgs/"+org+"/members", `{"user":"`+userID+`"}`)
	w.operator("POST", "/api/roles", `{"name":"editor","permissions":["posts:write"]}`)
	w.operator("POST", "/api/roles/editor/assignments", `{"subject":{"type":"user","id":"`+userID+`"}}`)
	w.operator("POST", "/api/users/"+userID+"/unlock", "")
	w.ok(alice, "POST", "/account/apikeys", `{"name":"ci"}`)
	w.ok(alice, "PATCH", "/account/profile", `{"name":"Alice"}`)

	export := w.ok(alice, "POST", "/account/export", "")
	for _, want := range []string{
		`"name":"Alice"`, `"role":"editor"`, `"org":"` + org + `"`, `"hint":"cdk_`, `"device":"Firefox on Linux"`, `"kind":"user.updated"`, `"by":"administrator"`,
		`"devices":[{"since":`,
	} {
		if !strings.Contains(export.body, want) {
			t.Errorf("the export lacks %s: %s", want, export.body)
		}
	}
	events := w.items(w.ok(alice, "GET", "/account/events?limit=500", ""))
	kinds := map[string]map[string]any{}
	for _, e := range events.Items {
		kind, _ := e["kind"].(string)
		kinds[kind] = e
	}
	if e := kinds["session.started"]; e["address"] != "192.0.2.7" || e["by"] == "administrator" {
		t.Errorf("the sign-in: %v", e)
	}
	if e := kinds["user.unlocked"]; e["by"] != "administrator" || e["address"] != nil || e["user_agent"] != nil {
		t.Errorf("what an administrator did tells from where: %v", e)
	}
	if strings.Contains(export.body, `"root"`) {
		t.Errorf("the export names the administrator: %s", export.body)
	}
	// An administrator may export too, with the permissions for each part.
	if a := w.operator("POST", "/api/users/"+userID+"/export", ""); a.get("user.id") != userID {
		t.Errorf("by an administrator: %s", a.body)
	}
	if a := w.do("mallory", "POST", "/api/users/"+userID+"/export", ""); a.status != 403 {
		t.Errorf("by somebody else: %d", a.status)
	}
	if a := w.ok(alice, "GET", "/account/roles", ""); a.get("items.0.role") != "editor" {
		t.Errorf("roles: %s", a.body)
	}
	if a := w.ok(alice, "GET", "/account/orgs", ""); a.get("items.0.org") != org {
		t.Errorf("organisations: %s", a.body)
	}
	w.ok(alice, "DELETE", "/account/orgs/"+org, "")
}

// TestInvitation: the link is mailed and nowhere else; it opens once, for the address it was sent to.
func TestInvitation(t *testing.T) {
	w := newWorld(t)
	bob, mallory := w.person("bob@example.com"), w.person("mallory@example.com")
	w.allow = nil
	org := w.operator("POST", "/api/orgs", `{"name":"Org"}`).get("id")
	w.operator("POST", "/api/roles", `{"name":"editor","permissions":["posts:write"]}`)
	made := w.operator("POST", "/api/orgs/"+org+"/invitations", `{"email":"Bob@Example.com","role":"editor"}`)
	token := w.mailed()
	listed := w.operator("GET", "/api/orgs/"+org+"/invitations", "")
	if strings.Contains(made.body+listed.body, token) || made.get("id") == "" || listed.get("items.0.id") != made.get("id") {
		t.Errorf("made %s, listed %s", made.body, listed.body)
	}
	accept := `{"token":"` + token + `"}`
	if a := w.do(mallory, "POST", "/account/invitations", accept); a.status != 404 {
		t.Errorf("somebody else's invitation: %d %s", a.status, a.body)
	}
	if a := w.ok(bob, "POST", "/account/invitations", accept); a.get("org") != org || a.get("user") != bob {
		t.Errorf("accepted: %s", a.body)
	}
	if a := w.do(bob, "POST", "/account/invitations", accept); a.status != 404 {
		t.Errorf("twice: %d", a.status)
	}
	if a := w.ok(bob, "GET", "/account/roles", ""); a.get("items.0.role") != "editor" || a.get("items.0.org") != org {
		t.Errorf("roles: %s", a.body)
	}
	w.operator("POST", "/api/orgs/"+org+"/invitations", `{"email":"mallory@example.com"}`)
	second := w.mailed()
	at := w.items(w.operator("GET", "/api/orgs/"+org+"/invitations", "")).Items
	for _, i := range at {
		if i["spent"] == nil {
			w.operator("DELETE", "/api/orgs/"+org+"/invitations/"+i["id"].(string), "")
		}
	}
	if a := w.do(mallory, "POST", "/account/invitations", `{"token":"`+second+`"}`); a.status != 404 {
		t.Errorf("a withdrawn invitation: %d", a.status)
	}
}

// TestRegress_122_InvitationUse: an invitation is accepted once, by the person whose verified address it was
// mailed to, within its week, while the organisation is there; and its link is in no answer.
func TestRegress_122_InvitationUse(t *testing.T) {
	w := newWorld(t)
	bob, mallory := w.person("bob@example.com"), w.person("mallory@example.com")
	w.allow = nil
	unverified, err := w.api.Accounts.Create(t.Context(), access.Operator(id.Default, "root", "test"), identity.NewUser{Email: "late@example.com", Password: secret.New(goodPassword)})
	w.must(err)
	invite := func(address string) (org, token string) {
		org = w.operator("POST", "/api/orgs", `{"name":"Org"}`).get("id")
		w.clock.Advance(time.Millisecond) // mails lie in the order of their milliseconds
		made := w.operator("POST", "/api/orgs/"+org+"/invitations", `{"email":"`+address+`"}`)
		token = w.mailed()
		for _, where := range []string{"/api/orgs/" + org + "/invitations", "/api/audit/events?limit=500", "/api/orgs/" + org} {
			if all := w.operator("GET", where, "").body + made.body; strings.Contains(all, token) || strings.Contains(all, opaque.Hash(token)) {
				t.Errorf("%s shows the link or its hash", where)
			}
		}
		return org, token
	}
	accept := func(who, token string) int {
		return w.do(who, "POST", "/account/invitations", `{"token":"`+token+`"}`).status
	}
	org, token := invite("bob@example.com")
	for name, who := range map[string]string{"somebody else": mallory, "nobody": "", "an address that was never verified": unverified.ID} {
		if got := accept(who, token); got < 400 {
			t.Errorf("%s: %d", name, got)
		}
	}
	_, forLate := invite("late@example.com")
	if got := accept(unverified.ID, forLate); got != 404 {
		t.Errorf("the invited address, which was never verified: %d", got)
	}
	for _, odd := range []string{"", "x", token[:len(token)-1], token + "A", strings.ToUpper(token)} {
		if got := accept(bob, odd); got != 404 && got != 400 {
			t.Errorf("the token %q: %d", odd, got)
		}
	}
	// Many at once: one wins.
	var wins atomic.Int32
	var racers sync.WaitGroup
	c := access.Authenticated(id.Default, access.User(bob), access.Proof{Strength: access.OneFactor, At: w.clock.Now()}, access.Origin{})
	for range 50 {
		racers.Go(func() {
			if _, err := w.api.Organisations.Accept(t.Context(), c, token, "bob@example.com", nil); err == nil {
				wins.Add(1)
			}
		})
	}
	racers.Wait()
	if n := wins.Load(); n != 1 {
		t.Errorf("accepted %d times at once", n)
	}
	// Who has left does not come back by the same link.
	w.operator("DELETE", "/api/orgs/"+org+"/members/"+bob, "")
	if got := accept(bob, token); got != 404 {
		t.Errorf("the link again, after leaving: %d", got)
	}
	_, token = invite("bob@example.com")
	w.clock.Advance(tenant.InvitationLife)
	if got := accept(bob, token); got != 404 {
		t.Errorf("after a week: %d", got)
	}
	org, token = invite("bob@example.com")
	w.operator("PATCH", "/api/orgs/"+org, `{"disabled":true}`)
	if got := accept(bob, token); got != 404 {
		t.Errorf("to an organisation that is not in use: %d", got)
	}
	org, token = invite("bob@example.com")
	w.operator("DELETE", "/api/orgs/"+org, "")
	if got := accept(bob, token); got != 404 {
		t.Errorf("to an organisation that is gone: %d", got)
	}
}

// TestOffers: whoever has lost the mail finds the invitation in the account, if the address is verified, and
// nobody else does.
func TestOffers(t *testing.T) {
	w := newWorld(t)
	bob, mallory := w.person("bob@example.com"), w.person("mallory@example.com")
	w.allow = nil
	org := w.operator("POST", "/api/orgs", `{"name":"Hinges"}`).get("id")
	closed := w.operator("POST", "/api/orgs", `{"name":"Closed"}`).get("id")
	w.operator("POST", "/api/orgs/"+org+"/invitations", `{"email":"Bob@Example.com"}`)
	w.operator("POST", "/api/orgs/"+closed+"/invitations", `{"email":"bob@example.com"}`)
	w.operator("PATCH", "/api/orgs/"+closed, `{"disabled":true}`)
	unverified := w.operator("POST", "/api/users", `{"email":"eve@example.com"}`).get("id")
	w.operator("POST", "/api/orgs/"+org+"/invitations", `{"email":"eve@example.com"}`)

	listed := w.ok(bob, "GET", "/account/invitations", "")
	if len(w.items(listed).Items) != 1 || listed.get("items.0.name") != "Hinges" || listed.get("items.0.org") != org {
		t.Fatalf("listed: %s", listed.body)
	}
	accept := "/account/invitations/" + listed.get("items.0.id") + "/accept"
	for name, who := range map[string]string{"somebody else": mallory, "an unverified address": unverified} {
		if a := w.do(who, "GET", "/account/invitations", ""); a.body != `{"items":[]}` {
			t.Errorf("%s sees %s", name, a.body)
		}
		if a := w.do(who, "POST", accept, ""); a.status != 404 {
			t.Errorf("%s accepts: %d %s", name, a.status, a.body)
		}
	}
	w.ok(bob, "POST", accept, "")
	if a := w.do(bob, "POST", accept, ""); a.status != 404 {
		t.Errorf("twice: %d", a.status)
	}
	if a := w.ok(bob, "GET", "/account/invitations", ""); a.body != `{"items":[]}` {
		t.Errorf("after it was accepted: %s", a.body)
	}
	if a := w.ok(bob, "GET", "/account/orgs", ""); a.get("items.0.name") != "Hinges" || a.get("items.0.org") != org {
		t.Errorf("organisations: %s", a.body)
	}
}

// TestDecline: who does not want to belong says so, and nobody else can say it.
func TestDecline(t *testing.T) {
	w := newWorld(t)
	bob, mallory := w.person("bob@example.com"), w.person("mallory@example.com")
	w.allow = nil
	org := w.operator("POST", "/api/orgs", `{"name":"Hinges"}`).get("id")
	invited := w.operator("POST", "/api/orgs/"+org+"/invitations", `{"email":"bob@example.com"}`).get("id")
	decline, accept := "/account/invitations/"+invited+"/decline", "/account/invitations/"+invited+"/accept"
	if a := w.do(mallory, "POST", decline, ""); a.status != 404 {
		t.Errorf("somebody else declines: %d %s", a.status, a.body)
	}
	w.ok(bob, "POST", decline, "")
	for at, a := range map[string]answer{"declined twice": w.do(bob, "POST", decline, ""), "accepted after all": w.do(bob, "POST", accept, "")} {
		if a.status != 404 {
			t.Errorf("%s: %d %s", at, a.status, a.body)
		}
	}
	if a := w.ok(bob, "GET", "/account/invitations", ""); a.body != `{"items":[]}` {
		t.Errorf("after it was declined: %s", a.body)
	}
	if a := w.operator("GET", "/api/orgs/"+org+"/invitations", ""); a.get("items.0.spent") == "" {
		t.Errorf("who has invited sees %s", a.body)
	}
}

// TestOwnConsents are in words, also when the application is gone.
func TestOwnConsents(t *testing.T) {
	w := newWorld(t)
	ids := w.furnish("")
	w.operator("PUT", "/api/scopes", `{"name":"docs:read","words":"read your documents"}`)
	me := access.Authenticated(id.Default, access.User(ids["user"]), access.Proof{}, access.Origin{})
	_, err := w.api.Consents.Allow(t.Context(), me, oauth.ClientID(ids["client"]), oauth.Scopes{"docs:read"})
	w.must(err)
	w.allow = nil
	a := w.ok(ids["user"], "GET", "/account/consents", "")
	for _, want := range []string{`"client_name":"App"`, `{"name":"docs:read","words":"read your documents"}`} {
		if !strings.Contains(a.body, want) {
			t.Errorf("without %s: %s", want, a.body)
		}
	}
	if a := w.ok(ids["user"], "GET", "/account/scopes", ""); !strings.Contains(a.body, "read your documents") || a.get("items.0.name") != "cardea:account" {
		t.Errorf("scopes of keys: %s", a.body)
	}
	w.operator("DELETE", "/api/clients/"+ids["client"], "")
	if a := w.ok(ids["user"], "GET", "/account/consents", ""); strings.Contains(a.body, `"App"`) {
		t.Errorf("of an application that is gone: %s", a.body)
	}
}

// TestPasswordStrength needs nobody to be signed in, and says what would be refused.
func TestPasswordStrength(t *testing.T) {
	w := newWorld(t)
	for body, want := range map[string]string{
		`{"password":"password"}`: `"problems":[{"pointer":"/password","rule":"password_too_short","params":{"min":15},`, `{"password":"` + goodPassword + `"}`: `"accepted":true`,
		`{"password":"alice.liddell@example.com","words":["alice.liddell@example.com"]}`: `"reason":"personal"`,
	} {
		if a := w.ok("", "POST", "/account/password/strength", body); !strings.Contains(a.body, want) {
			t.Errorf("%s: %s, want %s", body, a.body, want)
		}
	}
	if a := w.do("", "POST", "/account/password/strength", `{"password":"`+strings.Repeat("x", 1025)+`"}`); a.status != 400 {
		t.Errorf("a password that is too long: %d", a.status)
	}
}

// TestFreshness: what cannot be undone asks for a recent proof.
func TestFreshness(t *testing.T) {
	w := newWorld(t)
	w.person("alice@example.com")
	alice := w.signIn("alice@example.com")
	w.clock.Advance(access.FreshFor + time.Second)
	for at, body := range map[string]string{
		"PUT /account/password": `{"current":"` + goodPassword + `","password":"harbour pencil tortoise"}`, "PUT /account/email": `{"email":"new@example.com"}`,
		"DELETE /account": "", "POST /account/apikeys": `{"name":"x"}`,
	} {
		method, path, _ := strings.Cut(at, " ")
		a := w.do(alice, method, path, body)
		if a.status != 401 || a.get("code") != "insufficient_user_authentication" || !strings.Contains(a.header.Get("WWW-Authenticate"), "max_age=900") {
			t.Errorf("%s: %d %s", at, a.status, a.body)
		}
	}
	w.ok(alice, "PATCH", "/account/profile", `{"name":"A"}`)
}
