package audit_test

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/audit"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

func TestList(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.happen(30)
	h.seal()
	at := func(n int) time.Time { return storetest.Epoch.Add(time.Duration(n+1) * time.Millisecond) }
	for name, x := range map[string]struct {
		filter audit.Filter
		want   []string // public n, in order
	}{
		"object":          {audit.Filter{Object: "u7"}, []string{"7"}},
		"person":          {audit.Filter{Person: "p7", Oldest: true}, []string{"7", "17", "27"}},
		"person, newest":  {audit.Filter{Person: "p7"}, []string{"27", "17", "7"}},
		"person and time": {audit.Filter{Person: "p7", From: at(8), Until: at(27)}, []string{"17"}},
		"time":            {audit.Filter{From: at(3), Until: at(6), Oldest: true}, []string{"3", "4", "5"}},
		"actor and time":  {audit.Filter{Actor: "op", From: at(29), Oldest: true}, []string{"29"}},
		"kind and time":   {audit.Filter{Kind: "user.updated", Until: at(2)}, []string{"1", "0"}},
		"nothing":         {audit.Filter{Kind: "user.created"}, nil},
	} {
		p, err := h.List(t.Context(), h.admin, x.filter, page.Request{})
		got := []string{}
		for _, e := range p.Items {
			got = append(got, e.Public["n"])
			if e.Salt != "" {
				t.Errorf("%s: the salt is shown", name)
			}
		}
		if err != nil || fmt.Sprint(got) != fmt.Sprint(x.want) {
			t.Errorf("%s: %v, %v; want %v", name, got, err, x.want)
		}
	}
	if _, err := h.List(t.Context(), h.admin, audit.Filter{Object: "u7", Kind: "x"}, page.Request{}); !errs.Is(err, errs.Invalid) {
		t.Errorf("two filters: %v", err)
	}
	all := 0
	for r := (page.Request{Limit: 7}); ; {
		p, err := h.List(t.Context(), h.admin, audit.Filter{Kind: "user.updated"}, r)
		if err != nil {
			t.Fatal(err)
		}
		all += len(p.Items)
		if r.Cursor = p.Next; r.Cursor == "" {
			break
		}
	}
	if all != 30 {
		t.Errorf("%d events on all pages", all)
	}
}

func TestReadingNeedsPermission(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.happen(3)
	h.settle()
	a := audit.NewActivity(h.guard, 1)
	for name, f := range map[string]func(access.Caller) error{
		"list": func(c access.Caller) error {
			_, err := h.List(t.Context(), c, audit.Filter{}, page.Request{})
			return err
		},
		"verify":  func(c access.Caller) error { _, err := h.Verify(t.Context(), c, ""); return err },
		"indexes": func(c access.Caller) error { _, err := h.VerifyIndexes(t.Context(), c); return err },
		"prove":   func(c access.Caller) error { _, err := h.Prove(t.Context(), c, 1, false); return err },
		"series": func(c access.Caller) error {
			_, err := h.Series(t.Context(), c, "x", time.Time{}, time.Time{})
			return err
		},
		"counters": func(c access.Caller) error {
			_, err := h.Counters(t.Context(), c, time.Time{}, time.Time{}, page.Request{})
			return err
		},
		"activity": func(c access.Caller) error { _, err := a.Recent(t.Context(), c); return err },
		"tail": func(c access.Caller) error {
			for _, err := range h.Tail(t.Context(), c, audit.FromStart) {
				return err
			}
			return nil
		},
	} {
		if err := f(access.Anonymous(acme, access.Origin{})); !errs.Is(err, errs.Unauthenticated) {
			t.Errorf("%s by nobody: %v", name, err)
		}
		if err := f(access.Caller{}); err == nil {
			t.Errorf("%s by the zero caller", name)
		}
	}
}

func TestTail(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.happen(70) // more than a page
	h.settle()
	want := int64(26)
	for e, err := range h.Tail(t.Context(), h.admin, 25) {
		if err != nil || e.Seq != want || e.Salt != "" {
			t.Fatalf("%+v, %v; want %d", e, err, want)
		}
		if want++; want == 72 {
			break
		}
	}
	// From now on: an event that is sealed here wakes the follower at once.
	got, ready := make(chan *audit.Event, 1), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		close(ready)
		for e, err := range h.Tail(ctx, h.admin, 0) {
			if err != nil {
				t.Error(err)
				return
			}
			select {
			case got <- e:
			case <-ctx.Done():
			}
		}
	}()
	<-ready
	for e := (*audit.Event)(nil); e == nil; {
		h.happen(1) // the follower may not have begun yet
		h.seal()
		select {
		case e = <-got:
			if e.Seq < 72 {
				t.Errorf("an old event: %+v", e)
			}
		case <-time.After(100 * time.Millisecond):
		}
	}
	cancel()
	<-ended
}

// revocable is a decider that can be told to deny.
type revocable struct{ deny chan struct{} }

func (r revocable) DecideAccess(context.Context, access.Request) (access.Decision, error) {
	select {
	case <-r.deny:
		return access.Decision{}, nil
	default:
		return access.Decision{Allow: true}, nil
	}
}

func TestTailEndsWithThePermission(t *testing.T) {
	t.Parallel()
	r := revocable{make(chan struct{})}
	clock := storetest.NewClock()
	h := build(t, options{clock: clock, change: func(c *audit.Config) { c.Guard = access.NewGuard(r, clock.Now) }})
	h.happen(2)
	h.settle()
	seen := 0
	for _, err := range h.Tail(t.Context(), h.admin, audit.FromStart) {
		if err != nil {
			if !errs.Is(err, errs.Denied) {
				t.Error(err)
			}
			break
		}
		if seen++; seen == 3 {
			close(r.deny)
			h.happen(1)
			h.seal()
		}
		if seen > 3 {
			t.Fatal("it goes on without the permission")
		}
	}
	if seen != 3 {
		t.Errorf("%d events", seen)
	}
}

// A person sees what happened to its account, and not from where somebody else did it.
func TestOfPerson(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	from := func(address string) access.Origin {
		return access.Origin{Address: netip.MustParseAddr(address), UserAgent: "browser"}
	}
	proof := access.Proof{Strength: access.TwoFactors, At: h.clock.Now()}
	for i, actor := range []access.Caller{
		access.Authenticated(acme, access.User("u1"), proof, from("192.0.2.1")),
		access.Authenticated(acme, access.User("root"), proof, from("192.0.2.2")),
	} {
		permit, err := h.guard.Allow(t.Context(), actor, "user.update", access.Object{Type: "cardea:user", ID: "u1"})
		if err != nil {
			t.Fatal(err)
		}
		h.clock.Advance(time.Millisecond)
		_, err = h.db.Commit(t.Context(), store.Batch{Permit: permit, Events: []store.Event{{
			Kind: "user.updated", Person: "u1", Public: map[string]string{"n": fmt.Sprint(i)}, Personal: map[string]string{"email": "u1@example.com"},
		}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	h.settle()
	p, err := h.OfPerson(t.Context(), storetest.User(acme, "u1", h.clock.Now()), "u1", page.Request{})
	if err != nil || len(p.Items) != 2 {
		t.Fatalf("%d events, %v", len(p.Items), err)
	}
	for _, e := range p.Items {
		address, mine := e.Personal["address"], e.Public["n"] == "0"
		if e.Salt != "" || e.Personal["email"] == "" || mine != (address == "192.0.2.1") || !mine && (address != "" || e.Personal["user_agent"] != "") {
			t.Errorf("%+v", e)
		}
	}
	clock := storetest.NewClock()
	strict := build(t, options{clock: clock, change: func(c *audit.Config) { c.Guard = access.NewGuard(nil, clock.Now) }})
	if _, err := strict.OfPerson(t.Context(), storetest.User(acme, "u1", clock.Now()), "u1", page.Request{}); err != nil {
		t.Errorf("one's own, without a permission: %v", err)
	}
	if _, err := strict.OfPerson(t.Context(), storetest.User(acme, "u2", clock.Now()), "u1", page.Request{}); !errs.Is(err, errs.Denied) {
		t.Errorf("another's, without a permission: %v", err)
	}
	if _, err := strict.List(t.Context(), storetest.User(acme, "u1", clock.Now()), audit.Filter{}, page.Request{}); !errs.Is(err, errs.Denied) {
		t.Errorf("everybody's, without a permission: %v", err)
	}
}
