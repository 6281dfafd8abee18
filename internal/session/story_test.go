package session_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/flow"
	"github.com/cardea-auth/cardea/internal/identity"
	"github.com/cardea-auth/cardea/internal/identity/password"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/storetest"
	"github.com/cardea-auth/cardea/internal/tenant"
)

func wantCode(t *testing.T, what string, err error, code string) {
	t.Helper()
	if errs.CodeOf(err) != code {
		t.Errorf("%s: %v (code %q), want code %q", what, err, errs.CodeOf(err), code)
	}
}

func TestSignUpVerifySignIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a, err := h.step(visitor(), flow.SignUp, "sign_up", map[string]string{"email": "Alice@Example.com", "password": good, "name": "Alice"})
	if err != nil || a.Done || a.Notice != identity.NoticeMailSent {
		t.Fatalf("signing up: %+v, %v", a, err)
	}
	_, err = h.signIn(visitor(), "alice@example.com", good)
	wantCode(t, "signing in before the link is used", err, "invalid_credentials")
	_, token := h.mailed("sign_up")
	a, err = h.step(visitor(), flow.SignUp, "link", map[string]string{"token": token})
	if err != nil || !a.Done || a.Result.Session.Empty() {
		t.Fatalf("using the link: %+v, %v", a, err)
	}
	me := h.as(a.Result.Session.Reveal())
	u, err := h.accounts.Get(t.Context(), me, me.UserID())
	if err != nil || u.Email != "Alice@example.com" || u.State() != identity.Active {
		t.Errorf("the account is %+v, %v", u, err)
	}
	_, err = h.step(visitor(), flow.SignUp, "link", map[string]string{"token": token})
	wantCode(t, "using the link again", err, "link_expired")
	h.mustSignIn(visitor(), "ALICE@example.COM", good)
}

// TestRegress_115_SignUpTellsNothing: a known address gets the same answer, and its owner a hint.
func TestRegress_115_SignUpTellsNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.user("known@example.com")
	values := map[string]string{"email": "known@example.com", "password": good}
	known, err := h.step(visitor(), flow.SignUp, "sign_up", values)
	if err != nil {
		t.Fatal(err)
	}
	if m, token := h.mailed("account_exists"); m.To != "known@example.com" || token != "" {
		t.Errorf("the owner was mailed %+v", m)
	}
	values["email"] = "new@example.com"
	fresh, err := h.step(visitor(), flow.SignUp, "sign_up", values)
	if err != nil || known.Notice != fresh.Notice || len(known.Steps) != len(fresh.Steps) {
		t.Errorf("known %+v, new %+v, %v", known, fresh, err)
	}
	for _, address := range []string{"known@example.com", "nobody@example.com"} {
		if a, err := h.step(visitor(), flow.Recover, "recover", map[string]string{"email": address}); err != nil || a.Notice != identity.NoticeMailSent {
			t.Errorf("recovering %s: %+v, %v", address, a, err)
		}
		_, err := h.signIn(visitor(), address, "a wrong password")
		wantCode(t, "wrong password for "+address, err, "invalid_credentials")
	}
}

func TestResetEndsEverything(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.user("alice@example.com")
	session := h.mustSignIn(visitor(), "alice@example.com", good)
	ask := func() string {
		h.clock.Advance(time.Millisecond) // mails lie in the order of their milliseconds
		if _, err := h.step(visitor(), flow.Recover, "recover", map[string]string{"email": "alice@example.com"}); err != nil {
			t.Fatal(err)
		}
		_, token := h.mailed("recover")
		return token
	}
	older, newer := ask(), ask()
	reset := func(token, pass string) error {
		_, err := h.step(visitor(), flow.Recover, "link", map[string]string{"token": token, "password": pass})
		return err
	}
	wantCode(t, "an older link", reset(older, "another long passphrase"), "link_expired")
	if err := reset(newer, "short"); !errs.Is(err, errs.Invalid) {
		t.Errorf("a weak password: %v, want invalid", err)
	}
	if err := reset(newer, "another long passphrase"); err != nil {
		t.Fatalf("a weak password must not use the link up: %v", err)
	}
	wantCode(t, "the link again", reset(newer, "yet another passphrase"), "link_expired")
	if _, err := h.sessions.Resolve(t.Context(), id.Default, session); errs.CodeOf(err) != "session_expired" {
		t.Errorf("the old session: %v, want session_expired", err)
	}
	_, err := h.signIn(visitor(), "alice@example.com", good)
	wantCode(t, "the old password", err, "invalid_credentials")
	h.mustSignIn(visitor(), "alice@example.com", "another long passphrase")
}

func TestLinkDiesAfterItsLife(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.user("alice@example.com")
	if _, err := h.step(visitor(), flow.Recover, "recover", map[string]string{"email": "alice@example.com"}); err != nil {
		t.Fatal(err)
	}
	_, token := h.mailed("recover")
	h.clock.Advance(30 * time.Minute)
	_, err := h.step(visitor(), flow.Recover, "link", map[string]string{"token": token, "password": "another long passphrase"})
	wantCode(t, "after 30 minutes", err, "link_expired")
}

// TestRegress_019_LinksOfOneKindAreNotAnother tries each kind of link in each kind of flow.
func TestRegress_019_LinksOfOneKindAreNotAnother(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.user("alice@example.com")
	if _, err := h.step(visitor(), flow.Recover, "recover", map[string]string{"email": "alice@example.com"}); err != nil {
		t.Fatal(err)
	}
	_, token := h.mailed("recover")
	for _, k := range []flow.Kind{flow.SignUp, flow.VerifyEmail, flow.Unlock} {
		_, err := h.step(visitor(), k, "link", map[string]string{"token": token})
		wantCode(t, string(k), err, "link_expired")
	}
	session := h.mustSignIn(visitor(), "alice@example.com", good)
	for _, odd := range []string{session, "", "cdl_", token[:len(token)-1], strings.ToUpper(token), token + "A"} {
		_, err := h.step(visitor(), flow.Recover, "link", map[string]string{"token": odd, "password": "another long passphrase"})
		wantCode(t, "odd token", err, "link_expired")
	}
}

func race(n int, f func() error) (won int) {
	var wg sync.WaitGroup
	var wins atomic.Int32
	start := make(chan struct{})
	for range n {
		wg.Go(func() {
			<-start
			if f() == nil {
				wins.Add(1)
			}
		})
	}
	close(start)
	wg.Wait()
	return int(wins.Load())
}

// TestSingleUse: 100 parallel redemptions of each mailed artefact, exactly one wins.
func TestSingleUse(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.user("bob@example.com")
	if _, err := h.step(visitor(), flow.SignUp, "sign_up", map[string]string{"email": "alice@example.com", "password": good}); err != nil {
		t.Fatal(err)
	}
	_, signUp := h.mailed("sign_up")
	if n := race(100, func() error {
		_, err := h.step(visitor(), flow.SignUp, "link", map[string]string{"token": signUp})
		return err
	}); n != 1 {
		t.Errorf("a sign-up link was used %d times", n)
	}
	h.clock.Advance(time.Millisecond) // mails lie in the order of their milliseconds
	if _, err := h.step(visitor(), flow.Recover, "recover", map[string]string{"email": "bob@example.com"}); err != nil {
		t.Fatal(err)
	}
	_, reset := h.mailed("recover")
	if n := race(100, func() error {
		_, err := h.step(visitor(), flow.Recover, "link", map[string]string{"token": reset, "password": "another long passphrase"})
		return err
	}); n != 1 {
		t.Errorf("a reset link was used %d times", n)
	}
}

// TestE11Lockout is acceptance example E11, without limits by address.
func TestE11Lockout(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.user("alice@example.com")
	for _, address := range []string{"alice@example.com", "nobody@example.com"} {
		for i := 1; i <= 5; i++ {
			_, err := h.signIn(visitor(), address, "wrong")
			wantCode(t, "failure", err, "invalid_credentials")
		}
		for minutes := range []int{1, 2, 4, 8, 16, 32, 60, 60} {
			wait := time.Duration(min(1<<minutes, 60)) * time.Minute
			_, err := h.signIn(visitor(), address, good)
			wantCode(t, "while waiting, even with the right password", err, "account_locked")
			if got := errs.From(err).RetryAfter; got != wait {
				t.Errorf("%s waits %v after failure %d, want %v", address, got, minutes+5, wait)
			}
			h.clock.Advance(wait)
			_, err = h.signIn(visitor(), address, "wrong")
			wantCode(t, "after waiting", err, "invalid_credentials")
		}
	}
	h.clock.Advance(time.Hour)
	h.mustSignIn(visitor(), "alice@example.com", good) // success resets
	for range 4 {
		_, err := h.signIn(visitor(), "alice@example.com", "wrong")
		wantCode(t, "after success", err, "invalid_credentials")
	}
	h.mustSignIn(visitor(), "alice@example.com", good)
}

// TestRegress_105_KnownDevicePasses: guesses from elsewhere never lock the owner out.
func TestRegress_105_KnownDevicePasses(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	u := h.user("alice@example.com")
	a, err := h.signIn(visitor(), "alice@example.com", good)
	if err != nil || a.Result.Device.Empty() {
		t.Fatalf("%+v, %v", a, err)
	}
	for range 5 {
		_, _ = h.signIn(visitor(), "alice@example.com", "wrong")
	}
	_, err = h.signIn(visitor(), "alice@example.com", good)
	wantCode(t, "from elsewhere", err, "account_locked")
	values := map[string]string{"email": "alice@example.com", "password": good, "device": a.Result.Device.Reveal()}
	if a, err := h.step(visitor(), flow.SignIn, "password", values); err != nil || !a.Done {
		t.Errorf("from the known device: %+v, %v", a, err)
	}
	// The owner of the mail account can lift the lock as well.
	message, token := newest(h, "account_locked")
	if message.To != u.Email {
		t.Errorf("the unlock mail went to %s", message.To)
	}
	if a, err := h.step(visitor(), flow.Unlock, "link", map[string]string{"token": token}); err != nil || a.Notice != identity.NoticeUnlocked {
		t.Errorf("unlocking: %+v, %v", a, err)
	}
	h.mustSignIn(visitor(), "alice@example.com", good)
}

// newest finds the newest message of a template, whatever came after it.
func newest(h *house, template string) (m struct{ To string }, token string) {
	h.t.Helper()
	for _, message := range h.mails(id.Default) {
		if message.Template == template {
			m.To = message.To
			_, token, _ = strings.Cut(message.Data["link"], "#")
		}
	}
	return m, token
}

// TestNewDeviceIsTold: whoever signs in where the owner has not been before is told of to the owner.
func TestNewDeviceIsTold(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	told := func() (n int) {
		for _, m := range h.mails(id.Default) {
			if m.Template == "new_device" {
				n++
			}
		}
		return n
	}
	if _, err := h.step(visitor(), flow.SignUp, "sign_up", map[string]string{"email": "alice@example.com", "password": good, "name": "Alice"}); err != nil {
		t.Fatal(err)
	}
	_, token := h.mailed("sign_up")
	opened, err := h.step(visitor(), flow.SignUp, "link", map[string]string{"token": token})
	if err != nil || opened.Result.Device.Empty() || told() != 0 {
		t.Fatalf("at sign-up: %+v, %v, %d mails", opened, err, told())
	}
	from := func(device string) flow.Answer {
		t.Helper()
		a, err := h.step(visitor(), flow.SignIn, "password", map[string]string{"email": "alice@example.com", "password": good, "device": device})
		if err != nil || !a.Done {
			t.Fatalf("signing in: %+v, %v", a, err)
		}
		return a
	}
	from(opened.Result.Device.Reveal())
	if told() != 0 {
		t.Error("the owner is told of the browser in which the account was opened")
	}
	h.clock.Advance(time.Millisecond) // mails lie in the order of their milliseconds
	second := from("")
	m, token := h.mailed("new_device")
	if m.To != "alice@example.com" || token != "" || m.Data["device"] != "Firefox on Linux" || m.Data["address"] != "192.0.2.7" || m.Data["name"] != "Alice" {
		t.Errorf("the owner was mailed %+v", m)
	}
	from(second.Result.Device.Reveal())
	if told() != 1 {
		t.Errorf("%d mails, want one", told())
	}
	if _, err := h.signIn(visitor(), "alice@example.com", "wrong"); err == nil || told() != 1 {
		t.Errorf("a failure: %v, %d mails", err, told())
	}
	me := h.as(second.Result.Session.Reveal())
	if a, err := h.step(me, flow.StepUp, "password", map[string]string{"password": good}); err != nil || !a.Done || told() != 1 {
		t.Errorf("a step-up: %v, %d mails", err, told())
	}
}

// TestRegress_106_ParallelGuesses: a burst of guesses is evaluated no more often than one by one.
func TestRegress_106_ParallelGuesses(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.user("alice@example.com")
	var evaluated atomic.Int32
	race(200, func() error {
		_, err := h.signIn(visitor(), "alice@example.com", "wrong")
		if errs.CodeOf(err) == "invalid_credentials" {
			evaluated.Add(1)
		}
		return err
	})
	if n := evaluated.Load(); n > 5 {
		t.Errorf("%d guesses were evaluated, want at most 5", n)
	}
}

// TestRegress_100_SpellingDoesNotReset: every spelling of a name counts on one count.
func TestRegress_100_SpellingDoesNotReset(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.user("alice@example.com")
	for _, known := range []string{"alice@example.com", "nobody@example.com"} {
		local, domain, _ := strings.Cut(known, "@")
		capital := strings.ToUpper(known[:1]) + known[1:]
		for _, spelling := range []string{known, strings.ToUpper(known), local + "@EXAMPLE.com", capital, local + "@" + domain} {
			_, err := h.signIn(visitor(), spelling, "wrong")
			wantCode(t, spelling, err, "invalid_credentials")
		}
		_, err := h.signIn(visitor(), known, "wrong")
		wantCode(t, known, err, "account_locked")
	}
}

// TestE15OldHashes is acceptance example E15.
func TestE15OldHashes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	u, err := h.accounts.Create(t.Context(), h.operator, identity.NewUser{
		Email: "old@example.com", Hash: password.Hash(mustBcrypt(t, good)), Verified: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(u.Password), "$2") {
		t.Fatalf("imported as %.10s", string(u.Password))
	}
	h.mustSignIn(visitor(), "old@example.com", good)
	after, err := h.accounts.Get(t.Context(), h.operator, u.ID)
	if err != nil || !strings.HasPrefix(string(after.Password), "$argon2id$") {
		t.Errorf("after signing in the hash begins with %.10s, %v", string(after.Password), err)
	}
	h.mustSignIn(visitor(), "old@example.com", good)
}

// TestE19Fixation is acceptance example E19: what the cookie holds changes at sign-in, step-up and
// password change. To applications the session stays the same after the latter two.
func TestE19Fixation(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.user("alice@example.com")
	dead := func(token string) {
		t.Helper()
		if _, err := h.sessions.Resolve(t.Context(), id.Default, token); errs.CodeOf(err) != "session_expired" {
			t.Errorf("the old session: %v, want session_expired", err)
		}
	}
	first := h.mustSignIn(visitor(), "alice@example.com", good)
	stale := h.live(first).ID
	second := h.mustSignIn(h.as(first), "alice@example.com", good)
	dead(first)
	before := h.live(second)
	a, err := h.step(h.as(second), flow.StepUp, "password", map[string]string{"password": good})
	if err != nil || !a.Done {
		t.Fatalf("stepping up: %+v, %v", a, err)
	}
	dead(second)
	third := a.Result.Session.Reveal()
	me, stepped := h.as(third), h.live(third)
	if before.ID == stale || stepped.ID != before.ID || stepped.Epoch != before.Epoch || len(stepped.Proofs) != 1 {
		t.Errorf("a step-up made %+v of %+v", stepped.Session, before.Session)
	}
	result, err := h.accounts.ChangePassword(t.Context(), me, me.UserID(), secret.New(good), secret.New("another long passphrase"))
	if err != nil || result.Session.Empty() {
		t.Fatalf("changing the password: %v", err)
	}
	dead(third)
	after := h.live(result.Session.Reveal())
	if after.ID != before.ID || after.UserEpoch != before.UserEpoch+1 {
		t.Errorf("a new password made %+v of %+v", after.Session, before.Session)
	}
	for sid, token := range map[string]string{"the first": first, "the second": second, "the third": third} {
		if token == result.Session.Reveal() {
			t.Errorf("%s secret is used again", sid)
		}
	}
}

// TestRevokedSessionIsRememberedLongest: what was given under a session that was ended from elsewhere is
// judged by its row, so the row outlives all of that. Where the session was is forgotten at once.
func TestRevokedSessionIsRememberedLongest(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.user("alice@example.com")
	revoked := h.live(h.mustSignIn(visitor(), "alice@example.com", good)).ID
	out := h.mustSignIn(visitor(), "alice@example.com", good)
	left := h.live(out).ID
	if err := h.sessions.Revoke(t.Context(), h.operator, revoked); err != nil {
		t.Fatal(err)
	}
	if err := h.sessions.SignOut(t.Context(), h.as(out)); err != nil {
		t.Fatal(err)
	}
	h.clock.Advance(tenant.LongestRefresh - time.Hour)
	doc, err := h.sessions.View(t.Context(), id.Default, revoked)
	if err != nil || !doc.Revoked() || doc.Address != "" || doc.UserAgent != "" {
		t.Errorf("the revoked session: %+v, %v", doc, err)
	}
	if _, err := h.sessions.View(t.Context(), id.Default, left); !errs.Is(err, errs.NotFound) {
		t.Errorf("the session that was left: %v", err)
	}
	h.clock.Advance(2 * time.Hour)
	if _, err := h.sessions.View(t.Context(), id.Default, revoked); !errs.Is(err, errs.NotFound) {
		t.Errorf("for ever: %v", err)
	}
}

// TestRevokingWhatWasLeft: a session out of which somebody has signed can still be revoked, which ends
// what was to outlive it.
func TestRevokingWhatWasLeft(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.user("alice@example.com")
	token := h.mustSignIn(visitor(), "alice@example.com", good)
	sid := h.live(token).ID
	if err := h.sessions.SignOut(t.Context(), h.as(token)); err != nil {
		t.Fatal(err)
	}
	if err := h.sessions.Revoke(t.Context(), h.operator, sid); err != nil {
		t.Fatal(err)
	}
	if doc, err := h.sessions.View(t.Context(), id.Default, sid); err != nil || !doc.Revoked() {
		t.Errorf("%+v, %v", doc, err)
	}
}

// TestRegress_086_SecondUserOfOneBrowser: whoever signs in gets nothing of who was there before.
func TestRegress_086_SecondUserOfOneBrowser(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.user("alice@example.com")
	bob := h.user("bob@example.com")
	first := h.mustSignIn(visitor(), "alice@example.com", good)
	second := h.mustSignIn(h.as(first), "bob@example.com", good)
	live, err := h.sessions.Resolve(t.Context(), id.Default, second)
	if err != nil || live.Session.User != bob.ID || len(live.Proofs) != 1 {
		t.Errorf("%+v, %v", live, err)
	}
	_, err = h.sessions.Resolve(t.Context(), id.Default, first)
	wantCode(t, "the first user's session", err, "session_expired")
}

// TestRegress_087_PasswordChangeEndsOthers and leaves the browser that asked signed in.
func TestRegress_087_PasswordChangeEndsOthers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.user("alice@example.com")
	phone := h.mustSignIn(visitor(), "alice@example.com", good)
	laptop := h.mustSignIn(visitor(), "alice@example.com", good)
	me := h.as(laptop)
	if _, err := h.accounts.ChangePassword(t.Context(), me, me.UserID(), secret.New(good), secret.New("another long passphrase")); err != nil {
		t.Fatal(err)
	}
	_, err := h.sessions.Resolve(t.Context(), id.Default, phone)
	wantCode(t, "the phone", err, "session_expired")
	h.clock.Advance(access.FreshFor + time.Second)
	me2 := h.mustSignIn(visitor(), "alice@example.com", "another long passphrase")
	h.clock.Advance(access.FreshFor + time.Second)
	me = h.as(me2)
	_, err = h.accounts.ChangePassword(t.Context(), me, me.UserID(), secret.New("another long passphrase"), secret.New("one more long passphrase"))
	wantCode(t, "a change without a fresh proof", err, "insufficient_user_authentication")
}

// TestRegress_088_DisabledMeansDisabled for sessions, sign-in, recovery and links.
func TestRegress_088_DisabledMeansDisabled(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	u := h.user("alice@example.com")
	token := h.mustSignIn(visitor(), "alice@example.com", good)
	if _, err := h.step(visitor(), flow.Recover, "recover", map[string]string{"email": u.Email}); err != nil {
		t.Fatal(err)
	}
	_, link := h.mailed("recover")
	if _, err := h.accounts.Disable(t.Context(), h.operator, u.ID); err != nil {
		t.Fatal(err)
	}
	_, err := h.sessions.Resolve(t.Context(), id.Default, token)
	wantCode(t, "session", err, "session_expired")
	_, err = h.signIn(visitor(), u.Email, good)
	wantCode(t, "sign-in", err, "account_disabled")
	_, err = h.signIn(visitor(), u.Email, "wrong")
	wantCode(t, "sign-in with a wrong password", err, "invalid_credentials")
	_, err = h.step(visitor(), flow.Recover, "link", map[string]string{"token": link, "password": "another long passphrase"})
	wantCode(t, "link", err, "link_expired")
	if _, err := h.accounts.Enable(t.Context(), h.operator, u.ID); err != nil {
		t.Fatal(err)
	}
	_, err = h.sessions.Resolve(t.Context(), id.Default, token)
	wantCode(t, "what was ended stays ended", err, "session_expired")
	h.mustSignIn(visitor(), u.Email, good)
}

func TestUnverifiedAddressGetsANewLink(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if _, err := h.accounts.Create(t.Context(), h.operator, identity.NewUser{Email: "new@example.com", Password: secret.New(good)}); err != nil {
		t.Fatal(err)
	}
	_, err := h.signIn(visitor(), "new@example.com", good)
	wantCode(t, "before verification", err, "email_unverified")
	_, token := h.mailed("verify_email")
	if a, err := h.step(visitor(), flow.VerifyEmail, "link", map[string]string{"token": token}); err != nil || a.Notice != identity.NoticeEmailVerified {
		t.Fatalf("%+v, %v", a, err)
	}
	h.mustSignIn(visitor(), "new@example.com", good)
}

func TestChangeEmail(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.user("old@example.com")
	h.user("taken@example.com")
	me := h.as(h.mustSignIn(visitor(), "old@example.com", good))
	if err := h.accounts.ChangeEmail(t.Context(), me, me.UserID(), "taken@example.com"); err != nil {
		t.Fatalf("a taken address must not be told from a free one: %v", err)
	}
	h.clock.Advance(time.Millisecond)
	if err := h.accounts.ChangeEmail(t.Context(), me, me.UserID(), "fresh@example.com"); err != nil {
		t.Fatal(err)
	}
	old, _ := newest(h, "email_change_requested")
	_, token := newest(h, "verify_email")
	if old.To != "old@example.com" {
		t.Errorf("the old address was not told: %+v", old)
	}
	h.mustSignIn(visitor(), "old@example.com", good) // nothing changes before the link is used
	if _, err := h.step(visitor(), flow.VerifyEmail, "link", map[string]string{"token": token}); err != nil {
		t.Fatal(err)
	}
	h.mustSignIn(visitor(), "fresh@example.com", good)
	_, err := h.signIn(visitor(), "old@example.com", good)
	wantCode(t, "the old address", err, "invalid_credentials")
}

func TestSessionLifetimes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.user("alice@example.com")
	configure := func(f func(*tenant.Settings)) {
		t.Helper()
		if _, err := h.tenants.Configure(t.Context(), h.operator, func(s *tenant.Settings) error { f(s); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	configure(func(s *tenant.Settings) { s.SessionIdle, s.SessionAbsolute = 600, 3600 })
	token := h.mustSignIn(visitor(), "alice@example.com", good)
	ctx := t.Context()
	go h.sessions.Run(ctx)
	for range 5 { // activity keeps it alive
		h.clock.Advance(9 * time.Minute)
		live, err := h.sessions.Resolve(ctx, id.Default, token)
		if err != nil {
			t.Fatalf("an active session: %v", err)
		}
		for live.Active.Before(h.clock.Now()) { // until the write behind the request is done
			if live, err = h.sessions.Resolve(ctx, id.Default, token); err != nil {
				t.Fatal(err)
			}
		}
	}
	h.clock.Advance(10 * time.Minute)
	_, err := h.sessions.Resolve(ctx, id.Default, token)
	wantCode(t, "idle", err, "session_expired")
	token = h.mustSignIn(visitor(), "alice@example.com", good)
	configure(func(s *tenant.Settings) { s.SessionIdle, s.SessionAbsolute = 300, 300 })
	h.clock.Advance(6 * time.Minute)
	_, err = h.sessions.Resolve(ctx, id.Default, token)
	wantCode(t, "a tightened policy", err, "session_expired") // row 34
}

// TestActiveSessions: a session counts once in each hour in which it is used; the hour of its start counts it
// by session.started.
func TestActiveSessions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	counted := make(chan string, 10)
	h.sessions.Activity = func(in id.Tenant, name string) { counted <- string(in) + " " + name }
	h.user("alice@example.com")
	h.clock.Advance(time.Hour - h.clock.Now().Sub(h.clock.Now().Truncate(time.Hour)) + time.Minute) // one minute past
	token := h.mustSignIn(visitor(), "alice@example.com", good)
	go h.sessions.Run(t.Context())
	use := func() {
		t.Helper()
		for live := h.live(token); live.Active.Before(h.clock.Now()); { // until the write behind the request is done
			live = h.live(token)
		}
	}
	for range 2 {
		h.clock.Advance(20 * time.Minute)
		use()
	}
	h.clock.Advance(20 * time.Minute) // the next hour
	use()
	h.clock.Advance(10 * time.Minute)
	use()
	if got := <-counted; got != "default session.active" || len(counted) != 0 {
		t.Errorf("counted %q and %d more, want one session.active", got, len(counted))
	}
}

func TestSessionLimit(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	u := h.user("alice@example.com")
	set := func(refuse bool) {
		_, err := h.tenants.Configure(t.Context(), h.operator, func(s *tenant.Settings) error {
			s.SessionLimit, s.SessionRefuse = 2, refuse
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	set(false)
	first := h.mustSignIn(visitor(), u.Email, good)
	h.clock.Advance(time.Second)
	h.mustSignIn(visitor(), u.Email, good)
	h.clock.Advance(time.Second)
	third := h.mustSignIn(visitor(), u.Email, good)
	_, err := h.sessions.Resolve(t.Context(), id.Default, first)
	wantCode(t, "the oldest", err, "session_expired")
	set(true)
	_, err = h.signIn(visitor(), u.Email, good)
	wantCode(t, "one too many", err, "session_limit")
	me := h.as(third)
	list, err := h.sessions.List(t.Context(), me, u.ID)
	if err != nil || len(list) != 2 || list[0].Device() != "Firefox on Linux" || list[0].Address != "192.0.2.7" {
		t.Errorf("%d sessions, %v", len(list), err)
	}
	if n, err := h.sessions.RevokeAll(t.Context(), me, u.ID); n != 1 || err != nil {
		t.Errorf("revoked %d others, %v", n, err)
	}
	if want := (offline{ended: u.ID, kept: me.Proof().Session}); h.offline != want {
		t.Errorf("offline access: %+v, want %+v", h.offline, want)
	}
	h.as(third)
	if err := h.sessions.Revoke(t.Context(), me, me.Proof().Session); err != nil {
		t.Fatal(err)
	}
	_, err = h.sessions.Resolve(t.Context(), id.Default, third)
	wantCode(t, "revoked", err, "session_expired")
}

// TestRegress_091_SetUpClosesForGood: one of many wins, and deleting the administrator opens nothing.
func TestRegress_091_SetUpClosesForGood(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	platform := access.Operator(id.System, "root", "test")
	token, err := h.accounts.NewSetUpToken(t.Context(), platform)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{"token": token, "email": "root@example.com", "password": good}
	setUp := func() error {
		_, err := h.step(visitorOf(id.System), flow.SetUp, "set_up", values)
		return err
	}
	if _, err := h.step(visitor(), flow.SetUp, "set_up", values); err == nil {
		t.Error("set-up worked in another tenant")
	}
	if n := race(20, setUp); n != 1 {
		t.Fatalf("%d became first administrator", n)
	}
	wantCode(t, "again", setUp(), "set_up_closed")
	u, err := h.accounts.ByEmail(t.Context(), platform, "root@example.com")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.accounts.Delete(t.Context(), platform, u.ID); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "after deleting the administrator", setUp(), "set_up_closed")
	_, err = h.accounts.NewSetUpToken(t.Context(), platform)
	wantCode(t, "a new link", err, "set_up_closed")
}

// TestRegress_090_MutatedTokens: no change of a session token is a session.
func TestRegress_090_MutatedTokens(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.user("alice@example.com")
	token := h.mustSignIn(visitor(), "alice@example.com", good)
	try := func(s string) {
		t.Helper()
		if s == token {
			return
		}
		if _, err := h.sessions.Resolve(t.Context(), id.Default, s); errs.CodeOf(err) != "session_expired" {
			t.Errorf("%q: %v", s, err)
		}
	}
	for i := range token {
		try(token[:i])
		try(token[i:])
		for _, c := range "Aa0-_ =\x00" {
			try(token[:i] + string(c) + token[i+1:])
		}
	}
	_, err := h.sessions.Resolve(t.Context(), id.System, token)
	wantCode(t, "another tenant (E18)", err, "session_expired")
}

// TestRegress_123_ClosedSignUpIsClosedInTheDomain: no page is asked, and a link from before is dead too.
func TestRegress_123_ClosedSignUpIsClosedInTheDomain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	values := map[string]string{"email": "alice@example.com", "password": good}
	if _, err := h.step(visitor(), flow.SignUp, "sign_up", values); err != nil {
		t.Fatal(err)
	}
	_, token := h.mailed("sign_up")
	if _, err := h.tenants.Configure(t.Context(), h.operator, func(s *tenant.Settings) error { s.SignUpClosed = true; return nil }); err != nil {
		t.Fatal(err)
	}
	_, err := h.step(visitor(), flow.SignUp, "sign_up", values)
	wantCode(t, "signing up", err, "sign_up_closed")
	_, err = h.step(visitor(), flow.SignUp, "link", map[string]string{"token": token})
	wantCode(t, "a link from before", err, "sign_up_closed")
	_, err = h.step(visitorOf(id.System), flow.SignUp, "sign_up", values)
	wantCode(t, "in the system tenant", err, "sign_up_closed")
}

// TestRegress_125_IdsAreNeverGivenAgain: the next owner of an address is another user, and nothing of
// the earlier one is theirs.
func TestRegress_125_IdsAreNeverGivenAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first := h.user("alice@example.com")
	token := h.mustSignIn(visitor(), "alice@example.com", good)
	if err := h.accounts.Delete(t.Context(), h.operator, first.ID); err != nil {
		t.Fatal(err)
	}
	second := h.user("alice@example.com")
	if second.ID == first.ID {
		t.Errorf("the id %s was given again", second.ID)
	}
	_, err := h.sessions.Resolve(t.Context(), id.Default, token)
	wantCode(t, "the first owner's session", err, "session_expired")
	if list, err := h.sessions.List(t.Context(), h.operator, second.ID); err != nil || len(list) != 0 {
		t.Errorf("the second owner has %d sessions, %v", len(list), err)
	}
}

// TestDeletedAccountHasNoGrants: not one is left, also where they are more than a commit takes.
func TestDeletedAccountHasNoGrants(t *testing.T) {
	if testing.Short() {
		t.Skip("two thousand tuples take minutes on what stands for MongoDB")
	}
	t.Parallel()
	h := newHouse(t)
	u := h.user("alice@example.com")
	subject := store.SubjectRef{Type: "user", ID: u.ID}
	for _, prefix := range []string{"a", "b"} {
		var groups []store.TupleOp
		for i := range store.MaxTuples {
			groups = append(groups, store.WriteTuple(store.Tuple{Object: store.ObjectRef{Type: "group", ID: fmt.Sprint(prefix, i)}, Relation: "member", Subject: subject}))
		}
		if _, err := h.db.Commit(t.Context(), store.Batch{
			Permit: storetest.Permit(id.Default, "group.change"), Tuples: groups, Events: []store.Event{{Kind: "group.member_added"}},
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.accounts.Delete(t.Context(), h.operator, u.ID); err != nil {
		t.Fatal(err)
	}
	left, err := h.db.Tuples().ListTuples(t.Context(), store.OwnTuples(id.Default), store.TupleFilter{Subject: subject}, store.TuplePage{Limit: 1})
	if err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
