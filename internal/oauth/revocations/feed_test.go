package revocations_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/opaque"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/oauthtest"
	"github.com/cardea-auth/cardea/internal/oauth/revocations"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/storetest"
	"github.com/cardea-auth/cardea/internal/tenant"
)

// revoke lists something as revoked.
func revoke(w *oauthtest.World, kind tenant.RevocationKind, about string, epoch int64) {
	w.T.Helper()
	_, err := w.DB.Commit(w.T.Context(), store.Batch{
		Permit: storetest.Permit(oauthtest.Tenant, "test.revoke"), Events: []store.Event{{Kind: "test.revoked"}},
		Docs: []store.DocOp{w.Revoked.Add(w.T.Context(), oauthtest.Tenant, kind, about, epoch)},
	})
	if err != nil {
		w.T.Fatal(err)
	}
}

func api(w *oauthtest.World) *oauthtest.App {
	return w.Register(oauth.Client{Name: "API", Type: oauth.Service, Serves: []string{oauthtest.API}})
}

// take reads entries of a feed until done says so.
func take(w *oauthtest.World, after string, done func(revocations.Entry) bool) []revocations.Entry {
	w.T.Helper()
	ctx, cancel := context.WithTimeout(w.T.Context(), 10*time.Second)
	defer cancel()
	feed, err := w.Board.Follow(ctx, api(w).Prove(), after)
	if err != nil {
		w.T.Fatal(err)
	}
	var out []revocations.Entry
	for e, err := range feed {
		if err != nil {
			w.T.Fatal(err)
		}
		out = append(out, e)
		if done(e) {
			return out
		}
	}
	w.T.Fatal("the feed ended by itself")
	return nil
}

func live(e revocations.Entry) bool { return e.Kind == revocations.Live }

func names(entries []revocations.Entry) string {
	var out []string
	for _, e := range entries {
		out = append(out, strings.TrimSuffix(string(e.Kind)+":"+e.ID, ":"))
	}
	return strings.Join(out, " ")
}

func TestFeedTellsEverythingAndGoesOn(t *testing.T) {
	w := oauthtest.New(t)
	revoke(w, tenant.RevokedSession, "s1", 4)
	w.Clock.Advance(time.Second)
	revoke(w, tenant.RevokedToken, "j1", 0)
	first := take(w, "", live)
	if got := names(first); got != "session:s1 jti:j1 live" {
		t.Fatalf("feed = %s", got)
	}
	e := first[0]
	over := w.Clock.Now().Add(tenant.RevocationLife + 5*time.Minute).Unix()
	if e.MinEpoch != 4 || e.Until < over-1 || e.Until > over+2 || e.Cursor == "" || len(e.Cursor) > 512 {
		t.Errorf("entry = %+v", e)
	}
	// What was said long ago is not repeated; what is new is.
	w.Clock.Advance(time.Minute)
	cursor := take(w, "", live)[2].Cursor
	w.Clock.Advance(time.Minute)
	revoke(w, tenant.RevokedUser, "u1", 2)
	if got := names(take(w, cursor, live)); got != "user:u1 live" {
		t.Errorf("resumed feed = %s", got)
	}
}

func TestFeedTellsWhatHappensWhileItRuns(t *testing.T) {
	w := oauthtest.New(t)
	started := false
	got := take(w, "", func(e revocations.Entry) bool {
		if live(e) && !started {
			started = true
			w.Clock.Advance(time.Second)
			revoke(w, tenant.RevokedClient, "c1", 7)
		}
		return e.Kind == tenant.RevokedClient
	})
	if got := names(got); got != "live client:c1" {
		t.Errorf("feed = %s", got)
	}
}

func TestFeedBeatsWhenNothingHappens(t *testing.T) {
	w := oauthtest.New(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	go func() { // the clock runs, and quickly
		for {
			select {
			case <-tick.C:
				w.Clock.Advance(50 * time.Millisecond)
			case <-ctx.Done():
				return
			}
		}
	}()
	got := take(w, "", func(e revocations.Entry) bool { return e.Kind == revocations.Heartbeat })
	if got := names(got); got != "live heartbeat" || got == "" {
		t.Errorf("feed = %s", got)
	}
}

func TestEndOfTheTenantIsTold(t *testing.T) {
	w := oauthtest.New(t)
	w.Tenants.Change(string(oauthtest.Tenant), func(s *oauth.TenantStanding) { s.Epoch = w.Clock.Now().Unix() })
	got := take(w, "", live)
	if names(got) != "tenant:default live" || got[0].MinEpoch != w.Clock.Now().Unix() {
		t.Errorf("feed = %+v", got)
	}
	w.Clock.Advance(2 * time.Hour)
	if got := names(take(w, "", live)); got != "live" {
		t.Errorf("two hours later: %s", got)
	}
}

func TestCursorsThatAreGone(t *testing.T) {
	w := oauthtest.New(t)
	by := api(w)
	old := take(w, "", live)[0].Cursor
	w.Clock.Advance(tenant.RevocationLife + time.Second)
	future := oauthtest.New(t)
	future.Clock.Advance(48 * time.Hour)
	for name, cursor := range map[string]string{
		"too old": old, "garbage": "x", "another kind": opaque.New(opaque.Code), "changed": old[:len(old)-1] + "x",
		"of the future": take(future, "", live)[0].Cursor, "too long": opaque.With(opaque.Feed, make([]byte, 9)),
	} {
		if _, err := w.Board.Follow(t.Context(), by.Prove(), cursor); errs.CodeOf(err) != revocations.CodeGone {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOnlyServicesMayFollow(t *testing.T) {
	w := oauthtest.New(t)
	spa := w.Register(oauth.Client{Name: "SPA", Type: oauth.SPA, Redirect: []oauth.RedirectURI{oauthtest.Callback}, Serves: []string{oauthtest.API}})
	for name, app := range map[string]*oauthtest.App{"an application": w.Register(oauthtest.WebApp()), "a public client": spa} {
		if _, err := w.Board.Follow(t.Context(), app.Prove(), ""); oauth.CodeOf(err) != oauth.UnauthorizedClient {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBoardFailsClosedAfterFiveSeconds(t *testing.T) {
	f := storetest.NewFaults()
	w := oauthtest.New(t, storetest.WithFaults(f))
	dead := func() (bool, error) { return w.Board.Dead(t.Context(), oauthtest.Tenant, "j1") }
	f.FailFrom(1, storetest.Refused)
	if _, err := dead(); !errs.Is(err, errs.Unavailable) {
		t.Fatalf("a list that was never read: %v", err)
	}
	f.Heal()
	if is, err := dead(); is || err != nil {
		t.Fatalf("an empty list: %v, %v", is, err)
	}
	f.FailFrom(1, storetest.Refused)
	w.Clock.Advance(4 * time.Second)
	if is, err := dead(); is || err != nil {
		t.Errorf("four seconds later: %v, %v", is, err)
	}
	w.Clock.Advance(time.Second)
	if _, err := dead(); !errs.Is(err, errs.Unavailable) {
		t.Errorf("five seconds later: %v", err)
	}
	f.Heal()
	revoke(w, tenant.RevokedToken, "j1", 0)
	if is, err := dead(); !is || err != nil {
		t.Errorf("when the store is back: %v, %v", is, err)
	}
	f.FailFrom(1, storetest.Refused)
	w.Clock.Advance(time.Minute)
	if is, err := dead(); !is || err != nil {
		t.Errorf("what is known to be dead stays dead: %v, %v", is, err)
	}
}

func TestFeedEndsWhenTheListCannotBeRead(t *testing.T) {
	f := storetest.NewFaults()
	w := oauthtest.New(t, storetest.WithFaults(f))
	feed, err := w.Board.Follow(t.Context(), api(w).Prove(), "")
	if err != nil {
		t.Fatal(err)
	}
	var last error
	for e, err := range feed {
		if last = err; err != nil {
			break
		}
		if e.Kind == revocations.Heartbeat {
			t.Errorf("a heartbeat while the list could not be read")
		}
		f.FailFrom(1, storetest.Refused)
		w.Clock.Advance(6 * time.Second)
	}
	if e, ok := errors.AsType[*errs.Error](last); !ok || e.Kind != errs.Unavailable {
		t.Errorf("the feed ended with %v", last)
	}
}

func TestNoticeIsHeardAtOnce(t *testing.T) {
	w := oauthtest.New(t)
	if is, err := w.Board.Dead(t.Context(), oauthtest.Tenant, "j1"); is || err != nil {
		t.Fatal(is, err)
	}
	revoke(w, tenant.RevokedToken, "j1", 0)
	if is, _ := w.Board.Dead(t.Context(), oauthtest.Tenant, "j1"); is {
		t.Fatalf("the list is read at every question")
	}
	w.Board.Notice(oauthtest.Tenant)
	if is, err := w.Board.Dead(t.Context(), oauthtest.Tenant, "j1"); !is || err != nil {
		t.Errorf("after a notice: %v, %v", is, err)
	}
	if is, err := w.Board.Dead(t.Context(), "other", "j1"); is || err != nil {
		t.Errorf("another tenant: %v, %v", is, err)
	}
	w.Clock.Advance(2 * time.Hour)
	if _, err := w.Board.Dead(t.Context(), oauthtest.Tenant, "j2"); err != nil { // reads the list, and forgets
		t.Fatal(err)
	}
	if is, err := w.Board.Dead(t.Context(), oauthtest.Tenant, "j1"); is || err != nil {
		t.Errorf("long after its token has expired: %v, %v", is, err)
	}
}

// reading is an engine whose reading of lists takes until somebody lets it go on, once it is held.
type reading struct {
	store.Engine
	store.Keeper
	held atomic.Pointer[chan struct{}]
	at   chan struct{} // receives when a reader is held
	rows atomic.Int64  // that were read
}

func (r *reading) Find(ctx context.Context, q store.Scan) ([]store.Record, error) {
	if held := r.held.Load(); held != nil {
		r.at <- struct{}{}
		<-*held
	}
	found, err := r.Engine.Find(ctx, q)
	r.rows.Add(int64(len(found)))
	return found, err
}

func slowly(t *testing.T) (*oauthtest.World, *reading) {
	r := &reading{at: make(chan struct{}, 2)}
	w := oauthtest.New(t, storetest.WithEngine(func(e store.Engine) store.Engine {
		r.Engine, r.Keeper = e, e.(store.Keeper)
		return r
	}))
	return w, r
}

// Nobody waits for the one who reads the list, while what was read before may still be used.
func TestOneReadsForAll(t *testing.T) {
	w, r := slowly(t)
	dead := func() (bool, error) { return w.Board.Dead(t.Context(), oauthtest.Tenant, "j1") }
	if is, err := dead(); is || err != nil {
		t.Fatal(is, err)
	}
	revoke(w, tenant.RevokedToken, "j1", 0)
	w.Clock.Advance(300 * time.Millisecond)
	gate := make(chan struct{})
	r.held.Store(&gate)
	answers := make(chan bool, 2)
	ask := func() { is, err := dead(); answers <- is && err == nil }
	go ask()
	<-r.at // it reads
	r.held.Store(nil)
	if is, err := dead(); is || err != nil {
		t.Errorf("meanwhile: %v, %v", is, err)
	}
	w.Clock.Advance(200 * time.Millisecond) // half a second after the last reading: now they wait
	go ask()
	select {
	case is := <-answers:
		t.Fatalf("somebody did not wait: %v", is)
	case <-time.After(20 * time.Millisecond):
	}
	close(gate)
	if one, two := <-answers, <-answers; !one || !two {
		t.Errorf("the one who reads and the one who waits: %v, %v", one, two)
	}
}

// A crowd that was revoked at once is read again only until nothing can be on its way any more.
func TestACrowdIsReadOnce(t *testing.T) {
	w, r := slowly(t)
	for range 50 {
		revoke(w, tenant.RevokedSession, "s", 1)
	}
	rows := func() int64 {
		before := r.rows.Load()
		w.Clock.Advance(time.Second)
		if _, err := w.Board.Dead(t.Context(), oauthtest.Tenant, "j1"); err != nil {
			t.Fatal(err)
		}
		return r.rows.Load() - before
	}
	for second := range 12 { // the last of these begins when all must have come
		if n := rows(); n < 50 {
			t.Fatalf("%d entries after %d s: one that came late would be missed", n, second+1)
		}
	}
	w.Clock.Advance(time.Minute) // nobody has asked for long
	if n := rows(); n > 0 {
		t.Errorf("%d entries are read again", n)
	}
	revoke(w, tenant.RevokedToken, "j1", 0)
	w.Clock.Advance(time.Second)
	if is, err := w.Board.Dead(t.Context(), oauthtest.Tenant, "j1"); !is || err != nil {
		t.Errorf("what is revoked after that: %v, %v", is, err)
	}
}

func TestManyRevocationsArePaged(t *testing.T) {
	w := oauthtest.New(t)
	for range 12 {
		var ops []store.DocOp
		for range 100 {
			ops = append(ops, w.Revoked.Add(t.Context(), oauthtest.Tenant, tenant.RevokedUser, "u", 1))
		}
		_, err := w.DB.Commit(t.Context(), store.Batch{
			Permit: storetest.Permit(oauthtest.Tenant, "test.revoke"), Events: []store.Event{{Kind: "test.revoked"}}, Docs: ops,
		})
		if err != nil {
			t.Fatal(err)
		}
	} // all within one millisecond
	if got := take(w, "", live); len(got) != 1201 {
		t.Errorf("%d entries", len(got))
	}
}

// FuzzFeedCursor: a cursor that we did not make is gone, whatever it is.
func FuzzFeedCursor(f *testing.F) {
	w := oauthtest.New(f)
	by := api(w).Prove()
	for _, seed := range []string{"x", opaque.With(opaque.Feed, make([]byte, 8)), opaque.With(opaque.Feed, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}), opaque.New(opaque.Feed)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, cursor string) {
		if _, err := w.Board.Follow(t.Context(), by, cursor); err != nil && errs.CodeOf(err) != revocations.CodeGone {
			t.Fatalf("%q: %v", cursor, err)
		}
	})
}
