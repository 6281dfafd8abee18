package apikey_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/identity/apikey"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

const acme = id.Tenant("acme")

// owners may act until they are barred.
type owners struct{ barred error }

func (o *owners) Standing(context.Context, id.Tenant, access.Subject) error { return o.barred }

type house struct {
	*apikey.Keys
	clock  *storetest.Clock
	owners *owners
	alice  access.Caller
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{clock: storetest.NewClock(), owners: &owners{}}
	db := storetest.NewDB(t, storetest.WithClock(h.clock))
	h.Keys = apikey.New(apikey.Config{DB: db, Guard: storetest.Guard(h.clock.Now), Owners: h.owners})
	storetest.Ensure(t, db)
	h.alice = storetest.User(acme, "alice", h.clock.Now())
	return h
}

func (h *house) create(t *testing.T, n apikey.NewKey) (*apikey.Key, string) {
	t.Helper()
	n.Owner, n.Name = access.User("alice"), "deploy"
	k, token, err := h.Create(t.Context(), h.alice, n)
	if err != nil {
		t.Fatalf("creating a key: %v", err)
	}
	return k, token.Reveal()
}

func (h *house) wantDead(t *testing.T, what, token string) {
	t.Helper()
	if _, err := h.Resolve(t.Context(), acme, token); errs.CodeOf(err) != "token_invalid" {
		t.Errorf("%s: %v, want token_invalid", what, err)
	}
}

// TestRegress_042_KeysEndWithPolicyAndOwner: no key outlives what stands behind it.
func TestRegress_042_KeysEndWithPolicyAndOwner(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	k, token := h.create(t, apikey.NewKey{Life: time.Hour, Scopes: []string{"invoices"}})
	got, err := h.Resolve(t.Context(), acme, token)
	if err != nil || got.Owner() != access.User("alice") || len(got.Scopes) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	for _, barred := range []error{errs.Missing("user"), errs.New(errs.Denied, "account_disabled", "")} {
		h.owners.barred = barred
		h.wantDead(t, "owner barred", token)
	}
	h.owners.barred = errs.Busy(0, nil, "store_unavailable", "")
	if _, err := h.Resolve(t.Context(), acme, token); !errs.Is(err, errs.Unavailable) {
		t.Errorf("owner unknown: %v, want unavailable", err)
	}
	h.owners.barred = nil
	h.clock.Advance(time.Hour)
	h.wantDead(t, "after its life", token)
	if _, _, err := h.Create(t.Context(), h.alice, apikey.NewKey{Owner: access.User("alice"), Name: "x", Life: apikey.MaxLife + 1}); !errs.Is(err, errs.Denied) && !errs.Is(err, errs.Invalid) {
		t.Errorf("a life beyond the policy: %v", err)
	}
	_ = k
}

func TestRevokeAndRotate(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	k, old := h.create(t, apikey.NewKey{})
	_, next, err := h.Rotate(t.Context(), h.alice, k.Public, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{old, next.Reveal()} {
		if _, err := h.Resolve(t.Context(), acme, token); err != nil {
			t.Errorf("in the overlap: %v", err)
		}
	}
	h.clock.Advance(time.Minute)
	h.wantDead(t, "after the overlap", old)
	p, err := h.List(t.Context(), h.alice, access.User("alice"), page.Request{})
	if err != nil || len(p.Items) != 1 {
		t.Fatalf("%d keys, %v", len(p.Items), err)
	}
	if err := h.Revoke(t.Context(), h.alice, p.Items[0].Public); err != nil {
		t.Fatal(err)
	}
	h.wantDead(t, "revoked", next.Reveal())
}

// TestRegress_032_TruncatedKeys: every proper part and every other spelling of a key is refused.
func TestRegress_032_TruncatedKeys(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, token := h.create(t, apikey.NewKey{})
	for i := range token {
		h.wantDead(t, "prefix", token[:i])
		if i > 0 {
			h.wantDead(t, "suffix", token[i:])
		}
	}
	for _, odd := range []string{strings.ToUpper(token), token + "=", token + " ", " " + token} {
		h.wantDead(t, "spelling", odd)
	}
	if _, err := h.Resolve(t.Context(), "other", token); errs.CodeOf(err) != "token_invalid" {
		t.Errorf("in another tenant: %v", err)
	}
}
