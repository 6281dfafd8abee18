package keyring_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/keyring"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

func TestPolicyMustHoldTogether(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]keyring.Policy{
		"lead shorter than the cache":    {Lead: 10 * time.Minute, Cache: 15 * time.Minute},
		"lead as long as cache and view": {Lead: 16 * time.Minute, Cache: 15 * time.Minute},
		"negative cache":                 {Cache: -time.Second},
		"rotation shorter than lead":     {Rotate: 2 * time.Hour, Lead: 3 * time.Hour},
		"rotation every minute":          {Rotate: time.Minute, Lead: 30 * time.Second, Cache: time.Second},
		"forgotten before tokens expire": {Keep: time.Hour},
		"negative keep":                  {Keep: -time.Hour},
		"negative lead":                  {Lead: -time.Hour},
	} {
		if _, err := keyring.New(keyring.Config{Policy: p}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestScheduledRotation(t *testing.T) {
	t.Parallel()
	h := newHouse(t, options{})
	start := h.clock.Now()
	h.tick()
	first := h.in(keyring.Tokens, keyring.ES256, keyring.Active)[0]
	token := h.access(keyring.ES256)

	h.clock.Set(start.Add(90*day - time.Hour - time.Second))
	h.tick()
	if n := len(h.in(keyring.Tokens, keyring.ES256, keyring.Next)); n != 0 {
		t.Error("the successor is there too early")
	}
	h.clock.Set(start.Add(90*day - time.Hour))
	h.tick()
	h.tick() // twice does nothing more
	next := h.in(keyring.Tokens, keyring.ES256, keyring.Next)
	if len(next) != 1 || len(h.keySet().Key(next[0].ID)) != 1 {
		t.Fatalf("the successor is not published an hour before: %+v", next)
	}
	if header(t, h.access(keyring.ES256)) != header(t, token) {
		t.Error("the successor signs already")
	}
	h.clock.Set(start.Add(90*day - time.Second))
	h.tick()
	if h.in(keyring.Tokens, keyring.ES256, keyring.Active)[0].ID != first.ID {
		t.Error("the successor signs before its time")
	}
	h.clock.Set(start.Add(90 * day))
	h.tick()
	active, retiring := h.in(keyring.Tokens, keyring.ES256, keyring.Active), h.in(keyring.Tokens, keyring.ES256, keyring.Retiring)
	if len(active) != 1 || active[0].ID != next[0].ID || len(retiring) != 1 || retiring[0].ID != first.ID {
		t.Fatalf("after its time: active %+v, retiring %+v", active, retiring)
	}
	if header(t, h.access(keyring.ES256)) == header(t, token) {
		t.Error("the old key still signs")
	}
	if !h.verifies(token) || !foreign(t, h.keySet(), token) {
		t.Error("what the old key signed does not count any more")
	}
	if body := bodyOf(t, h, first.ID); strings.Contains(body, `"private"`) || !strings.Contains(body, `"public"`) {
		t.Errorf("the private half of a key that has ceased to sign is kept: %s", body)
	}
	h.clock.Set(retiring[0].Until.Add(-time.Second))
	if !h.verifies(token) {
		t.Error("the old key was forgotten too early")
	}
	h.clock.Set(retiring[0].Until)
	h.refresh()
	if h.verifies(token) || len(h.keySet().Key(first.ID)) != 0 {
		t.Error("the old key was not forgotten")
	}
}

// party is a relying party that fetches the key set only when its cache life has ended, never for an
// unknown key: the least obliging that a standard allows.
type party struct {
	set     *jose.JSONWebKeySet
	expires time.Time
	every   time.Duration
}

func (p *party) accepts(t testing.TB, h *house, token string) bool {
	t.Helper()
	if now := h.clock.Now(); !now.Before(p.expires) {
		set, err := h.IssuerKeys(context.Background(), acme)
		if err != nil {
			t.Fatal(err)
		}
		p.set, p.expires = readSet(t, set), now.Add(min(p.every, set.MaxAge))
	}
	return foreign(t, p.set, token)
}

// R10: twenty planned rotations under use, six relying parties and two nodes, no failure to verify.
func TestPlannedRotationSurprisesNobody(t *testing.T) {
	t.Parallel()
	a, b := twins(t)
	a.tick()
	b.refresh()
	parties := []*party{{every: time.Minute}, {every: 5 * time.Minute}, {every: 15 * time.Minute}, {every: day}, {every: 7 * time.Minute}, {every: 11 * time.Minute}}
	seen := map[string]bool{}
	for round := range 20 {
		if _, err := a.Rotate(t.Context(), a.admin(), keyring.Tokens, keyring.ES256); err != nil {
			t.Fatal(err)
		}
		for step := range 80 { // minutes; only one node ticks, and not every minute
			a.clock.Advance(time.Minute)
			if (round+step)%3 == 0 {
				a.tick()
			}
			for i, h := range []*house{a, b} {
				token := h.access(keyring.ES256)
				seen[header(t, token)] = true
				for n, p := range parties {
					if !p.accepts(t, []*house{b, a}[i], token) {
						t.Fatalf("round %d, minute %d: relying party %d refuses", round, step, n)
					}
				}
				if !a.verifies(token) || !b.verifies(token) {
					t.Fatalf("round %d, minute %d: our own doors refuse", round, step)
				}
			}
		}
	}
	if len(seen) != 21 {
		t.Errorf("%d keys have signed, want 21", len(seen))
	}
}

// TestRotateDoesWhatIsDueFirst: a planned key whose time has come signs when the next one is asked for,
// however long ago the last Tick was.
func TestRotateDoesWhatIsDueFirst(t *testing.T) {
	t.Parallel()
	h := newHouse(t, options{})
	h.tick()
	planned, err := h.Rotate(t.Context(), h.admin(), keyring.Tokens, keyring.ES256)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := h.Rotate(t.Context(), h.admin(), keyring.Tokens, keyring.ES256); err != nil || again.ID != planned.ID {
		t.Errorf("before its time: %+v, %v", again, err)
	}
	h.clock.Set(planned.Ready)
	next, err := h.Rotate(t.Context(), h.admin(), keyring.Tokens, keyring.ES256)
	if err != nil || next.ID == planned.ID || next.State != keyring.Next {
		t.Errorf("at its time: %+v, %v", next, err)
	}
	if active := h.in(keyring.Tokens, keyring.ES256, keyring.Active); len(active) != 1 || active[0].ID != planned.ID {
		t.Errorf("at its time signs %+v", active)
	}
}

func TestEmergency(t *testing.T) {
	t.Parallel()
	a, b := twins(t)
	a.tick()
	b.refresh()
	leaked := a.in(keyring.Tokens, keyring.ES256, keyring.Active)[0]
	token := a.access(keyring.ES256)
	if !b.verifies(token) {
		t.Fatal("the other node does not know the key")
	}
	got, err := a.Revoke(t.Context(), a.admin().Because("it was on a laptop"), leaked.ID)
	if err != nil || got.State != keyring.Revoked {
		t.Fatalf("%+v, %v", got, err)
	}
	if a.verifies(token) {
		t.Error("the node that revoked still accepts")
	}
	if ok, err := a.Counts(t.Context(), acme, leaked.ID); ok || err != nil {
		t.Errorf("the key still counts: %v", err)
	}
	if len(a.keySet().Key(leaked.ID)) != 0 {
		t.Error("the key is still published")
	}
	fresh := a.access(keyring.ES256)
	if !a.verifies(fresh) || !foreign(t, a.keySet(), fresh) {
		t.Error("the new key does not verify")
	}
	// The other node hears of the new key when it meets it, of the revoked one within a minute.
	a.clock.Advance(6 * time.Second)
	if !b.verifies(fresh) {
		t.Error("the other node refuses the new key")
	}
	a.clock.Advance(time.Minute + time.Millisecond)
	if b.verifies(token) {
		t.Error("the other node accepts the revoked key after a minute")
	}
	feed, err := a.revocations.After(t.Context(), acme, time.Time{}, page.Request{})
	if err != nil || len(feed.Items) != 1 || feed.Items[0].About != leaked.ID || feed.Items[0].Kind != "key" {
		t.Errorf("the revocation feed: %+v, %v", feed, err)
	}
	again, err := a.Revoke(t.Context(), a.admin(), leaked.ID)
	if err != nil || again.State != keyring.Revoked || len(a.in(keyring.Tokens, keyring.ES256, keyring.Active)) != 1 {
		t.Errorf("revoking it again: %+v, %v", again, err)
	}
	if _, err := a.Revoke(t.Context(), a.admin(), "unknown"); !errs.Is(err, errs.NotFound) {
		t.Errorf("revoking an unknown key: %v", err)
	}
}

// A revoked key cannot come back, not even by somebody who edits its state in the database.
func TestRevokedKeyHasNoMaterial(t *testing.T) {
	t.Parallel()
	h := newHouse(t, options{})
	token := h.access(keyring.ES256)
	kid := h.in(keyring.Tokens, keyring.ES256, keyring.Active)[0].ID
	if _, err := h.Revoke(t.Context(), h.admin(), kid); err != nil {
		t.Fatal(err)
	}
	editBody(t, h, kid, `"state":"revoked"`, `"state":"retiring"`)
	h.refresh()
	if h.verifies(token) || len(h.keySet().Key(kid)) != 0 {
		t.Error("a revoked key came back")
	}
}

// The key set comes from sealed halves: a stranger's key in the database is not published.
func TestStrangersKeyIsNotPublished(t *testing.T) {
	t.Parallel()
	h := newHouse(t, options{})
	h.access(keyring.ES256)
	stranger := newHouse(t, options{})
	stranger.access(keyring.ES256)
	kid := stranger.in(keyring.Tokens, keyring.ES256, keyring.Active)[0].ID
	copyKey(t, stranger, h, kid)
	if err := h.Refresh(t.Context(), acme); err == nil {
		t.Errorf("a key that another database sealed was taken over: %+v", h.keySet())
	}
}

func TestRevokingOtherStates(t *testing.T) {
	t.Parallel()
	h := newHouse(t, options{})
	h.tick()
	next, err := h.Rotate(t.Context(), h.admin(), keyring.Tokens, keyring.ES256)
	if err != nil || next.State != keyring.Next {
		t.Fatalf("%+v, %v", next, err)
	}
	same, err := h.Rotate(t.Context(), h.admin(), keyring.Tokens, keyring.ES256)
	if err != nil || same.ID != next.ID {
		t.Errorf("a second plan: %+v, %v", same, err)
	}
	if _, err := h.Revoke(t.Context(), h.admin(), next.ID); err != nil {
		t.Fatal(err)
	}
	h.clock.Advance(2 * time.Hour)
	h.tick()
	if len(h.in(keyring.Tokens, keyring.ES256, keyring.Active)) != 1 || len(h.in(keyring.Tokens, keyring.ES256, keyring.Next)) != 0 {
		t.Errorf("after revoking the next key: %+v", h.list())
	}
	token := h.access(keyring.ES256)
	old := h.in(keyring.Tokens, keyring.ES256, keyring.Active)[0]
	if _, err := h.Rotate(t.Context(), h.admin(), keyring.Tokens, keyring.ES256); err != nil {
		t.Fatal(err)
	}
	h.clock.Advance(2 * time.Hour)
	h.tick()
	if _, err := h.Revoke(t.Context(), h.admin(), old.ID); err != nil {
		t.Fatal(err)
	}
	if h.verifies(token) {
		t.Error("a retiring key that was revoked still counts")
	}
	if n := len(h.in(keyring.Tokens, keyring.ES256, keyring.Active)); n != 1 {
		t.Errorf("%d active keys", n)
	}
	if _, err := h.Rotate(t.Context(), h.admin(), keyring.Checkpoints, keyring.RS256); !errs.Is(err, errs.Unsupported) {
		t.Errorf("checkpoints by RS256: %v", err)
	}
	if k, err := h.Rotate(t.Context(), h.admin(), keyring.Tokens, keyring.PS256); err != nil || k.State != keyring.Active {
		t.Errorf("the first key of a slot: %+v, %v", k, err)
	}
}

func TestNodesMakeOneKey(t *testing.T) {
	t.Parallel()
	a, b := twins(t)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			h := []*house{a, b}[i%2]
			if i < 4 {
				if err := h.Tick(t.Context(), acme); err != nil {
					t.Error(err)
				}
			}
			if _, err := h.Tokens().SignAccess(t.Context(), acme, keyring.EdDSA, someClaims); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	slots := map[string]int{}
	for _, k := range a.list() {
		slots[fmt.Sprint(k.Purpose, k.Alg, k.State)]++
	}
	for slot, n := range slots {
		if n != 1 {
			t.Errorf("%d keys for %s", n, slot)
		}
	}
	b.refresh()
	if !b.verifies(a.access(keyring.EdDSA)) || !a.verifies(b.access(keyring.EdDSA)) {
		t.Error("the nodes do not know each other's key")
	}
	// Both see that a rotation is due, and do it once.
	a.clock.Advance(91 * day)
	for range 2 {
		for _, h := range []*house{a, b} {
			all.Go(func() {
				if err := h.Tick(t.Context(), acme); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		a.clock.Advance(2 * time.Hour)
	}
	if n := len(a.in(keyring.Tokens, keyring.EdDSA, keyring.Active)); n != 1 {
		t.Errorf("%d active keys after a rotation by two nodes", n)
	}
	if n := len(a.in(keyring.Tokens, keyring.EdDSA, keyring.Retiring)); n != 1 {
		t.Errorf("%d retiring keys after a rotation by two nodes", n)
	}
}

func TestTickMakesWhatATenantNeeds(t *testing.T) {
	t.Parallel()
	h := newHouse(t, options{})
	h.tick()
	h.tick()
	for _, want := range []struct {
		p keyring.Purpose
		a keyring.Alg
	}{{keyring.Tokens, keyring.ES256}, {keyring.Logout, keyring.ES256}, {keyring.Checkpoints, keyring.EdDSA}} {
		if len(h.in(want.p, want.a, keyring.Active)) != 1 {
			t.Errorf("no key for %s with %s", want.p, want.a)
		}
	}
	if err := h.Prepare(t.Context(), acme, keyring.RS256); err != nil {
		t.Fatal(err)
	}
	h.tick()
	if len(h.in(keyring.Tokens, keyring.RS256, keyring.Active)) != 1 || len(h.in(keyring.Logout, keyring.RS256, keyring.Active)) != 1 {
		t.Error("no keys for a client that wants RS256")
	}
}

func TestStoreIsDown(t *testing.T) {
	t.Parallel()
	f := storetest.NewFaults()
	h := newHouse(t, options{faults: f})
	token := h.access(keyring.ES256)
	f.FailFrom(1, storetest.Refused)
	h.clock.Advance(59 * time.Second)
	if !h.verifies(token) || !h.verifies(h.access(keyring.ES256)) {
		t.Error("a view of less than a minute is not enough")
	}
	h.clock.Advance(2 * time.Second)
	if _, err := h.Tokens().SignAccess(t.Context(), acme, keyring.ES256, someClaims); !errs.Is(err, errs.Unavailable) {
		t.Errorf("signing with old keys: %v", err)
	}
	if _, err := h.Verify(t.Context(), acme, keyring.AccessToken, token); !errs.Is(err, errs.Unavailable) {
		t.Errorf("verifying with old keys: %v", err)
	}
	if ok, err := h.Counts(t.Context(), acme, "x"); ok || !errs.Is(err, errs.Unavailable) {
		t.Errorf("counting with old keys: %v, %v", ok, err)
	}
	if !foreign(t, h.keySet(), token) {
		t.Error("the key set is not served")
	}
	h.clock.Advance(time.Hour)
	if _, err := h.IssuerKeys(t.Context(), acme); !errs.Is(err, errs.Unavailable) {
		t.Errorf("a key set of more than an hour: %v", err)
	}
	f.Heal()
	if !h.verifies(token) {
		t.Error("no recovery")
	}
}

// A revocation that was committed holds even if the keys cannot be read afterwards.
func TestRevocationHoldsWithoutTheStore(t *testing.T) {
	t.Parallel()
	f := storetest.NewFaults()
	h := newHouse(t, options{faults: f})
	token := h.access(keyring.ES256)
	kid := h.in(keyring.Tokens, keyring.ES256, keyring.Active)[0].ID
	failed := false
	for k := 1; !failed; k++ { // find the first read after the commit
		f.FailFrom(k, storetest.Refused)
		_, err := h.Revoke(t.Context(), h.admin(), kid)
		f.FailFrom(1, storetest.Refused)
		if err == nil {
			failed = true
			if _, err := h.Verify(t.Context(), acme, keyring.AccessToken, token); err == nil {
				t.Error("the revoked key still counts in memory")
			}
		}
		f.Heal()
	}
}

func TestForgedKeysCostNoReads(t *testing.T) {
	t.Parallel()
	f := storetest.NewFaults()
	h := newHouse(t, options{faults: f})
	good := h.access(keyring.ES256)
	_, payload := parts(t, good)
	h.clock.Advance(10 * time.Second)
	f.Heal()
	for i := range 100 {
		h.clock.Advance(10 * time.Millisecond)
		refused(t, h, "a made-up key", forge(fmt.Sprintf(`{"alg":"ES256","kid":"made-up-%d","typ":"at+jwt"}`, i), payload, signatureOf(t, good)))
	}
	// One look, which is one query and the keys that it opens.
	if n := f.Calls(); n > 5 {
		t.Errorf("400 forged tokens cost %d calls to engine and sealer", n)
	}
}

func TestGuardAndEvents(t *testing.T) {
	t.Parallel()
	clock := storetest.NewClock()
	h := newHouse(t, options{clock: clock, guard: access.NewGuard(nil, clock.Now)}) // nobody may do anything
	h.tick()
	for name, f := range map[string]func(access.Caller) error{
		"list": func(c access.Caller) error { _, err := h.List(t.Context(), c); return err },
		"rotate": func(c access.Caller) error {
			_, err := h.Rotate(t.Context(), c, keyring.Tokens, keyring.ES256)
			return err
		},
		"revoke": func(c access.Caller) error { _, err := h.Revoke(t.Context(), c, "x"); return err },
	} {
		if err := f(h.admin()); !errs.Is(err, errs.Denied) {
			t.Errorf("%s without permission: %v", name, err)
		}
		if err := f(access.Anonymous(acme, access.Origin{})); !errs.Is(err, errs.Unauthenticated) {
			t.Errorf("%s by nobody: %v", name, err)
		}
		if err := f(access.Caller{}); err == nil {
			t.Errorf("%s by the zero caller", name)
		}
	}
	operator := access.Operator(acme, "op", "test")
	keys, err := h.List(t.Context(), operator)
	if err != nil || len(keys) != 3 {
		t.Fatalf("%+v, %v", keys, err)
	}
	if _, err := h.Revoke(t.Context(), operator, keys[0].ID); err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	events, err := h.db.Events().In(acme).Find(t.Context(), store.Query{Request: page.Request{Limit: 100}})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events.Items {
		kinds[e.Kind]++
		if e.ObjectType != "cardea:key" || e.ObjectID == "" || e.Public["purpose"] == "" || e.Public["alg"] == "" {
			t.Errorf("event %+v", e)
		}
	}
	if kinds["key.created"] != 4 || kinds["key.revoked"] != 1 {
		t.Errorf("events %v", kinds)
	}
}
