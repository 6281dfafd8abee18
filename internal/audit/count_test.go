package audit_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/audit"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

func (h *house) flush() {
	h.t.Helper()
	if err := h.Flush(h.t.Context()); err != nil {
		h.t.Fatalf("flushing: %v", err)
	}
}

// counted are the counters of acme, all hours together.
func (h *house) counted() map[string]int64 {
	h.t.Helper()
	out := map[string]int64{}
	for r := (page.Request{}); ; {
		p, err := h.Counters(h.t.Context(), h.admin, storetest.Epoch.Add(-time.Hour), h.clock.Now().Add(time.Hour), r)
		if err != nil {
			h.t.Fatal(err)
		}
		for _, c := range p.Items {
			out[c.Name] += c.Count
		}
		if r.Cursor = p.Next; r.Cursor == "" {
			return out
		}
	}
}

func TestCounters(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.happen(12)
	permit := h.guard.Task(acme, "signin.fail")
	for _, reason := range []string{"wrong_password", "wrong_password", "locked", ""} {
		_, err := h.db.Commit(t.Context(), store.Batch{Permit: permit, Events: []store.Event{{Kind: "signin.failed", Public: map[string]string{"reason": reason}}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	h.settle()
	h.Count(acme, "token.refresh", 40)
	h.Count("other", "token.refresh", 7)
	h.flush()
	h.flush() // nothing is counted twice
	h.Count(acme, "token.refresh", 2)
	h.flush()
	got := h.counted()
	for name, want := range map[string]int64{
		"user.updated": 12, "token.refresh": 42, "signin.failed/wrong_password": 2, "signin.failed/locked": 1, "signin.failed": 1,
	} {
		if got[name] != want {
			t.Errorf("%s: %d, want %d", name, got[name], want)
		}
	}
}

func TestSeries(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for hour := range 5 {
		h.Count(acme, "token.refresh", int64(hour+1))
		h.Count(acme, "other", 100)
		h.clock.Advance(time.Hour)
	}
	h.flush()
	h.admin = storetest.User(acme, "root", h.clock.Now())
	got, err := h.Series(t.Context(), h.admin, "token.refresh", storetest.Epoch.Add(time.Hour), storetest.Epoch.Add(4*time.Hour))
	text := ""
	for _, c := range got {
		text += fmt.Sprint(c.Hour.Sub(storetest.Epoch).Hours(), ":", c.Count, " ")
	}
	if err != nil || text != "1:2 2:3 3:4 " {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := h.Series(t.Context(), h.admin, "x", storetest.Epoch, storetest.Epoch.AddDate(2, 0, 0)); !errs.Is(err, errs.Invalid) {
		t.Errorf("two years: %v", err)
	}
}

// Many counters, many nodes: nothing is lost.
func TestFlushIsShared(t *testing.T) {
	t.Parallel()
	a, b := twins(t)
	for i := range 130 { // more than a batch
		a.Count(acme, fmt.Sprint("name-", i), 1)
		b.Count(acme, fmt.Sprint("name-", i), 2)
	}
	var all sync.WaitGroup
	for _, h := range []*house{a, b} {
		all.Go(func() {
			for range 20 { // what did not get through stays for the next time
				if err := h.Flush(t.Context()); err == nil {
					return
				}
			}
			t.Error("never got through")
		})
	}
	all.Wait()
	got := a.counted()
	for i := range 130 {
		if n := got[fmt.Sprint("name-", i)]; n != 3 {
			t.Errorf("name-%d: %d, want 3", i, n)
		}
	}
}

func TestFlushKeepsWhatFails(t *testing.T) {
	t.Parallel()
	f := storetest.NewFaults()
	h := build(t, options{faults: f})
	h.Count(acme, "token.refresh", 5)
	f.FailFrom(1, storetest.Refused)
	if err := h.Flush(t.Context()); err == nil {
		t.Error("no error")
	}
	f.Heal()
	h.Count(acme, "token.refresh", 1)
	h.flush()
	if got := h.counted(); got["token.refresh"] != 6 {
		t.Errorf("%v", got)
	}
}

func TestActivity(t *testing.T) {
	t.Parallel()
	clock := storetest.NewClock()
	a := audit.NewActivity(storetest.Guard(clock.Now), 10)
	admin := storetest.User(acme, "root", clock.Now())
	recent := func(c access.Caller) []audit.Act {
		t.Helper()
		acts, err := a.Recent(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		return acts
	}
	if got := recent(admin); len(got) != 0 {
		t.Errorf("before anything: %v", got)
	}
	for i := range 95 {
		a.Note(acme, audit.Act{At: clock.Now(), Name: "token.refresh", Client: fmt.Sprint("c", i)})
	}
	a.Note(acme, audit.Act{At: clock.Now(), Name: "token.introspect", Client: "last", Allow: true})
	got := recent(admin)
	if len(got) != 11 || got[0].Client != "last" || got[1].Client != "c90" || got[10].Client != "c0" || got[1].Of != 10 {
		t.Errorf("%+v", got)
	}
	for i := range 10_000 {
		a.Note(acme, audit.Act{Name: "token.refresh", Client: fmt.Sprint("d", i)})
	}
	if got := recent(admin); len(got) != 128 || got[127].Name != "token.refresh" {
		t.Errorf("%d acts are remembered", len(got))
	}
	if got := recent(storetest.User("other", "root", clock.Now())); len(got) != 0 {
		t.Errorf("another tenant sees %v", got)
	}
	for i := range 5_000 { // more tenants than are remembered: dropped, not grown
		a.Note(id.Tenant(fmt.Sprint("t", i)), audit.Act{Name: "x"})
	}
	if got := recent(storetest.User("t4999", "root", clock.Now())); len(got) != 0 {
		t.Errorf("tenant 5,000 is remembered: %v", got)
	}
}
