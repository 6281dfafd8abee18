package session_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/flow"
	"github.com/cardea-auth/cardea/internal/identity"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

// counting counts what is asked of an engine.
type counting struct {
	store.Engine
	mu    sync.Mutex
	calls map[string]int
}

func (e *counting) note(what string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.calls == nil {
		e.calls = map[string]int{}
	}
	e.calls[what]++
}

// take returns the calls since the last time, in one line.
func (e *counting) take() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []string
	for _, what := range slices.Sorted(maps.Keys(e.calls)) {
		out = append(out, fmt.Sprintf("%s×%d", what, e.calls[what]))
	}
	e.calls = nil
	return strings.Join(out, " ")
}

// Ensure implements store.Keeper as far as a DB needs it.
func (e *counting) Ensure(ctx context.Context, schemas []store.Schema) error {
	return e.Engine.(interface {
		Ensure(context.Context, []store.Schema) error
	}).Ensure(ctx, schemas)
}

func (e *counting) Get(ctx context.Context, k store.Key) (store.Record, error) {
	e.note("get " + k.Collection)
	return e.Engine.Get(ctx, k)
}

func (e *counting) GetMany(ctx context.Context, k []store.Key) ([]store.Record, error) {
	e.note("get many")
	return e.Engine.GetMany(ctx, k)
}

func (e *counting) Find(ctx context.Context, q store.Scan) ([]store.Record, error) {
	e.note("find " + q.Collection)
	return e.Engine.Find(ctx, q)
}

func (e *counting) Count(ctx context.Context, q store.Scan, limit int) (int, error) {
	e.note("count " + q.Collection)
	return e.Engine.Count(ctx, q, limit)
}

func (e *counting) Commit(ctx context.Context, w store.Write) (store.Receipt, error) {
	e.note("commit")
	return e.Engine.Commit(ctx, w)
}

// TestRegress_115_SameWork: an account that exists costs as many hashes, readings and transactions as
// one that does not, in each flow that takes an address. Time is what this work takes.
func TestRegress_115_SameWork(t *testing.T) {
	t.Parallel()
	engine := &counting{}
	h := newHouse(t, storetest.WithEngine(func(e store.Engine) store.Engine { engine.Engine = e; return engine }))
	people := map[string]func(address string){
		"nobody": func(string) {},
		"active": func(address string) { h.user(address) },
		"disabled": func(address string) {
			if _, err := h.accounts.Disable(t.Context(), h.operator, h.user(address).ID); err != nil {
				t.Fatal(err)
			}
		},
		"unverified": func(address string) {
			if _, err := h.accounts.Create(t.Context(), h.operator, identity.NewUser{Email: address, Password: secret.New(good)}); err != nil {
				t.Fatal(err)
			}
		},
		"without a password": func(address string) {
			if _, err := h.accounts.Create(t.Context(), h.operator, identity.NewUser{Email: address, Verified: true}); err != nil {
				t.Fatal(err)
			}
		},
	}
	ways := []struct {
		name   string
		kind   flow.Kind
		step   string
		values map[string]string
		times  int // so many in a row: the last one locks nobody yet
	}{
		{"a wrong password", flow.SignIn, "password", map[string]string{"password": "not the password"}, 4},
		{"a wrong password from a device", flow.SignIn, "password", map[string]string{"password": "not the password", "device": "cdd_x"}, 1},
		{"a recovery", flow.Recover, "recover", nil, 2},
		{"a sign-up", flow.SignUp, "sign_up", map[string]string{"password": good}, 2},
	}
	h.mustSignIn(visitor(), h.user("warm@example.com").Email, good) // whatever is remembered is remembered now
	for i, way := range ways {
		work := map[string][]string{}
		for who, make := range people {
			address := fmt.Sprintf("%s%d@example.com", strings.ReplaceAll(who, " ", ""), i)
			make(address)
			for range way.times {
				start, err := h.machine.Start(t.Context(), visitor(), flow.Opening{Kind: way.kind})
				if err != nil {
					t.Fatal(err)
				}
				values := maps.Clone(way.values)
				if values == nil {
					values = map[string]string{}
				}
				values["email"] = address
				engine.take()
				before := h.hasher.Stats().Done
				_, _ = h.machine.Submit(t.Context(), visitor(), start.Handle, way.step, flow.NewInput(values))
				work[who] = append(work[who], fmt.Sprintf("%d hashes; %s", h.hasher.Stats().Done-before, engine.take()))
				h.clock.Advance(time.Millisecond)
			}
		}
		if work["nobody"][0] == "0 hashes; " {
			t.Fatalf("%s: nothing was counted", way.name)
		}
		for who, did := range work {
			if !slices.Equal(did, work["nobody"]) {
				t.Errorf("%s: an account that is %s costs\n\t%s\nan unknown one\n\t%s", way.name, who, strings.Join(did, "\n\t"), strings.Join(work["nobody"], "\n\t"))
			}
		}
	}
}
