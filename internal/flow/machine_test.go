package flow_test

import (
	"context"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/flow"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

const acme = id.Tenant("acme")

// proof is a step that proves its method for the user named in its input, or fails.
type proof struct{ method string }

func (p proof) Name() string { return p.method }

func (p proof) Offer(_ context.Context, s flow.State) (flow.View, bool, error) {
	return flow.View{}, !s.Has(p.method), nil
}

func (p proof) Submit(_ context.Context, _ access.Caller, _ flow.State, in flow.Input) (flow.Outcome, error) {
	user := in.Text("user")
	if user == "" {
		return flow.Outcome{Refusal: errs.New(errs.Unauthenticated, "invalid_credentials", "wrong")}, nil
	}
	return flow.Outcome{User: user, Proofs: []flow.Proof{{Method: p.method, User: user, Strength: access.OneFactor}}}, nil
}

// world runs a machine over two factors and remembers what was completed.
type world struct {
	machine   *flow.Machine
	completed []flow.Completed
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{}
	sealer := storetest.NewSealer()
	db := storetest.NewDB(t, storetest.WithSealer(sealer))
	w.machine = &flow.Machine{
		DB: db, Guard: storetest.Guard(db.Now), Handles: flow.NewHandles(db, sealer),
		Steps: []flow.Step{proof{"pwd"}, proof{"otp"}},
		Need: func(_ context.Context, s flow.State) (bool, error) {
			return s.Has("pwd") && s.Has("otp"), nil
		},
		Finish: map[flow.Kind][]flow.Finisher{flow.SignIn: {func(_ context.Context, _ access.Caller, c flow.Completed) (flow.Contribution, error) {
			w.completed = append(w.completed, c)
			return flow.Contribution{Change: flow.Change{
				Action: "session.start", Object: access.Object{Type: "cardea:session"},
				Batch: store.Batch{Events: []store.Event{{Kind: "session.started"}}},
			}}, nil
		}}},
	}
	storetest.Ensure(t, db)
	return w
}

// TestRegress_083_StepsInAnyOrder: whatever is submitted to whichever handle in whatever order, also
// handles of the past, a flow completes only with both proofs about one user, and a stored flow once.
func TestRegress_083_StepsInAnyOrder(t *testing.T) {
	w := newWorld(t)
	nobody := access.Anonymous(acme, access.Origin{})
	rapid.Check(t, func(r *rapid.T) {
		w.completed = nil
		start, err := w.machine.Start(t.Context(), nobody, flow.Opening{Kind: flow.SignIn})
		if err != nil {
			r.Fatal(err)
		}
		handles := []string{start.Handle}
		proved := map[string]map[string]string{start.Handle: {}} // handle → method → user
		spent := map[string]bool{}
		for range rapid.IntRange(1, 8).Draw(r, "steps") {
			handle := rapid.SampledFrom(handles).Draw(r, "handle")
			method := rapid.SampledFrom([]string{"pwd", "otp", "none"}).Draw(r, "method")
			user := rapid.SampledFrom([]string{"", "alice", "bob"}).Draw(r, "user")
			before := len(w.completed)
			a, err := w.machine.Submit(t.Context(), nobody, handle, method, flow.NewInput(map[string]string{"user": user}))
			has := proved[handle]
			done := len(w.completed) > before
			if done != (err == nil && a.Done) {
				r.Fatalf("done = %v, but the answer is %+v, %v", done, a, err)
			}
			if err != nil {
				continue
			}
			if spent[handle] || user == "" || has[method] != "" || method == "none" {
				r.Fatalf("%s by %q was accepted after %v (spent %v)", method, user, has, spent[handle])
			}
			next := map[string]string{method: user}
			for m, u := range has {
				if u != user {
					r.Fatalf("one flow holds proofs about %s and %s", u, user)
				}
				next[m] = u
			}
			if done != (len(next) == 2) {
				r.Fatalf("done = %v with %v", done, next)
			}
			if done {
				c := w.completed[before]
				if c.User() != user || len(c.Proofs()) != 2 || !c.Valid() {
					r.Fatalf("completed %+v", c)
				}
				spent[handle] = true
				continue
			}
			handles, proved[a.Handle] = append(handles, a.Handle), next
		}
	})
}

// TestRegress_084_NothingMovesAFlowForward but a proof: empty, repeated and early answers do not.
func TestRegress_084_NothingMovesAFlowForward(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	nobody := access.Anonymous(acme, access.Origin{})
	start, err := w.machine.Start(t.Context(), nobody, flow.Opening{Kind: flow.SignIn})
	if err != nil {
		t.Fatal(err)
	}
	submit := func(handle, step, user string) (flow.Answer, error) {
		return w.machine.Submit(t.Context(), nobody, handle, step, flow.NewInput(map[string]string{"user": user}))
	}
	for _, step := range []string{"", "finish", "Pwd", "pwd ", "session"} {
		if _, err := submit(start.Handle, step, "alice"); errs.CodeOf(err) != "step_not_offered" {
			t.Errorf("step %q: %v", step, err)
		}
	}
	if _, err := submit(start.Handle, "pwd", ""); errs.CodeOf(err) != "invalid_credentials" {
		t.Errorf("an empty answer: %v", err)
	}
	a, err := submit(start.Handle, "pwd", "alice")
	if err != nil || a.Done {
		t.Fatalf("%+v, %v", a, err)
	}
	if _, err := submit(a.Handle, "pwd", "alice"); errs.CodeOf(err) != "step_not_offered" {
		t.Errorf("a repeated answer: %v", err)
	}
	if _, err := submit(a.Handle, "otp", "bob"); errs.CodeOf(err) != "flow_of_another_user" {
		t.Errorf("another user's proof: %v", err)
	}
	if a, err = submit(a.Handle, "otp", "alice"); err != nil || !a.Done {
		t.Fatalf("%+v, %v", a, err)
	}
}

func TestHandlesAreBound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	nobody := access.Anonymous(acme, access.Origin{})
	start, err := w.machine.Start(t.Context(), nobody, flow.Opening{Kind: flow.SignIn, ReturnTo: "/x"})
	if err != nil {
		t.Fatal(err)
	}
	odd := []string{"", "cdf_", start.Handle + "A", start.Handle[:len(start.Handle)-1], "cds" + start.Handle[3:]}
	for i := 0; i < len(start.Handle); i += 7 {
		odd = append(odd, start.Handle[:i], fmt.Sprintf("%s%c%s", start.Handle[:i], start.Handle[i]^1, start.Handle[i+1:]))
	}
	for _, handle := range odd {
		if _, err := w.machine.Show(t.Context(), nobody, handle); errs.CodeOf(err) != "flow_expired" {
			t.Errorf("%q: %v", handle, err)
		}
	}
	stranger := access.Anonymous("other", access.Origin{})
	if _, err := w.machine.Show(t.Context(), stranger, start.Handle); errs.CodeOf(err) != "flow_expired" {
		t.Errorf("in another tenant: %v", err)
	}
	if _, err := w.machine.Start(t.Context(), nobody, flow.Opening{Kind: flow.Recover}); !errs.Is(err, errs.Invalid) {
		t.Errorf("a kind without finishers: %v", err)
	}
}
