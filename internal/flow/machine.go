package flow

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/store"
)

// Machine runs flows. All fields are required; none may change after the first call.
type Machine struct {
	DB      *store.DB
	Guard   *access.Guard
	Handles *Handles
	Steps   []Step // in the order in which they are offered
	// Need reports whether everything that the kind of flow and policy ask for has been proved.
	Need func(context.Context, State) (bool, error)
	// Finish lists what ends each kind of flow. A kind without finishers cannot be started.
	Finish map[Kind][]Finisher
}

// Opening says what a new flow is for.
type Opening struct {
	Kind     Kind
	ReturnTo string
	Client   string
	Hint     string
	Want     Want
}

// Answer is what a door sends back.
type Answer struct {
	Handle string // replaces the one that the browser has; empty when the flow is over
	Kind   Kind
	Steps  []View // what may be done now
	Notice string // what to tell, e.g. mail_sent
	Done   bool
	Result Result // when Done
	Return string // ReturnTo of the opening
}

// tries bounds how often a commit is tried again after a conflict.
const tries = 10

// Start begins a flow. It writes nothing.
func (m *Machine) Start(ctx context.Context, c access.Caller, o Opening) (Answer, error) {
	if len(m.Finish[o.Kind]) == 0 {
		return Answer{}, errs.Bad("/kind", "is not a kind of flow")
	}
	s := State{
		Kind: o.Kind, Tenant: c.Tenant(), ReturnTo: o.ReturnTo, Client: o.Client, Hint: o.Hint, Want: o.Want,
		Started: m.DB.Now(),
	}
	handle, err := m.Handles.seal(ctx, s)
	if err != nil {
		return Answer{}, err
	}
	return m.answer(ctx, s, handle, "")
}

// Show says where a flow stands.
func (m *Machine) Show(ctx context.Context, c access.Caller, handle string) (Answer, error) {
	live, err := m.Handles.open(ctx, c.Tenant(), handle)
	if err != nil {
		return Answer{}, err
	}
	return m.answer(ctx, live.state, handle, "")
}

// Submit takes one step. Whatever the step proves is committed together with what ends the flow, if
// nothing more is needed. An error may be the step's refusal: then the failure has been counted and
// the flow stands where it stood.
func (m *Machine) Submit(ctx context.Context, c access.Caller, handle, step string, in Input) (Answer, error) {
	live, err := m.Handles.open(ctx, c.Tenant(), handle)
	if err != nil {
		return Answer{}, err
	}
	chosen, err := m.offered(ctx, live.state, step)
	if err != nil {
		return Answer{}, err
	}
	out, err := chosen.Submit(ctx, c, live.state, in)
	if err != nil {
		return Answer{}, err
	}
	if out.Settled != nil {
		defer out.Settled()
	}
	if out.Refusal != nil {
		if err := m.commitRefusal(ctx, c, out); err != nil {
			return Answer{}, err
		}
		return Answer{}, out.Refusal
	}
	return m.advance(ctx, c, live, out)
}

// advance adds what was proved and goes on or ends.
func (m *Machine) advance(ctx context.Context, c access.Caller, live live, out Outcome) (Answer, error) {
	next, err := merge(live.state, out, m.DB.Now())
	if err != nil {
		return Answer{}, err
	}
	enough := false
	if len(next.Proofs) > 0 {
		if enough, err = m.Need(ctx, next); err != nil {
			return Answer{}, err
		}
	}
	switch {
	case enough:
		return m.finish(ctx, c, live, next, out)
	case len(out.Proofs) == 0:
		if err := m.commit(ctx, c, m.steps(out)); err != nil {
			return Answer{}, err
		}
		return m.answer(ctx, live.state, live.handle, out.Notice)
	}
	handle, save, err := m.Handles.save(ctx, live, next)
	if err != nil {
		return Answer{}, err
	}
	if err := m.commit(ctx, c, append(m.steps(out), save)); err != nil {
		return Answer{}, err
	}
	return m.answer(ctx, next, handle, out.Notice)
}

// finish commits the step, the finishers and the end of the flow in one batch.
func (m *Machine) finish(ctx context.Context, c access.Caller, live live, s State, out Outcome) (Answer, error) {
	var result Result
	parts := m.steps(out)
	if end := m.Handles.end(live); end != nil {
		parts = append(parts, end)
	}
	// The finishers come first, since the first part of a batch names its action.
	err := m.commit(ctx, c, append([]part{func(ctx context.Context) (Change, error) {
		var total Change
		done := Completed{state: s}
		result = Result{}
		for _, f := range m.Finish[s.Kind] {
			add, err := f(ctx, c, done)
			if err != nil {
				return Change{}, err
			}
			total = both(total, add.Change)
			result = overlay(result, add.Result)
			if add.User != "" {
				done.state.User = add.User
			}
		}
		result.User = done.state.User
		return total, nil
	}}, parts...))
	if err != nil {
		return Answer{}, err
	}
	return Answer{Kind: s.Kind, Done: true, Result: result, Return: s.ReturnTo, Notice: result.Notice}, nil
}

func overlay(a, b Result) Result {
	if !b.Session.Empty() {
		a.Session, a.Expires = b.Session, b.Expires
	}
	if !b.Device.Empty() {
		a.Device = b.Device
	}
	if b.Notice != "" {
		a.Notice = b.Notice
	}
	return a
}

// part computes a part of a batch at the time of the commit.
type part func(context.Context) (Change, error)

func (m *Machine) steps(out Outcome) []part {
	if out.Change == nil {
		return nil
	}
	return []part{out.Change}
}

func (m *Machine) commitRefusal(ctx context.Context, c access.Caller, out Outcome) error {
	if out.Change == nil {
		return nil
	}
	return m.commit(ctx, c, []part{out.Change})
}

// commit writes all parts in one batch, and computes them again when something changed meanwhile.
func (m *Machine) commit(ctx context.Context, c access.Caller, parts []part) error {
	for try := 1; ; try++ {
		var total Change
		for _, p := range parts {
			add, err := p(ctx)
			if err != nil {
				return err
			}
			total = both(total, add)
		}
		if total.Action == "" {
			return nil
		}
		permit, err := m.Guard.Open(c, total.Action, total.Object)
		if err != nil {
			return err
		}
		total.Batch.Permit = permit
		_, err = m.DB.Commit(ctx, total.Batch)
		if errs.CodeOf(err) != "changed_meanwhile" || try == tries {
			return err
		}
	}
}

// both joins two parts. The first action that is not routine names the batch.
func both(a, b Change) Change {
	if a.Action == "" || access.RuleOf(a.Action).Routine && b.Action != "" {
		a.Action, a.Object = b.Action, b.Object
	}
	a.Batch = a.Batch.And(b.Batch)
	return a
}

// merge is the state after a step. A proof about another user than before is refused: two people
// cannot complete one flow.
func merge(s State, out Outcome, now time.Time) (State, error) {
	if out.User != "" {
		if s.User != "" && s.User != out.User {
			return s, errs.New(errs.Precondition, "flow_of_another_user", "This flow belongs to another account; start again.")
		}
		s.User = out.User
	}
	s.Proofs = append(s.Proofs[:len(s.Proofs):len(s.Proofs)], out.Proofs...)
	for i := range s.Proofs {
		if s.Proofs[i].At.IsZero() {
			s.Proofs[i].At = now
		}
	}
	if len(out.Memo) > 0 {
		memo := maps.Clone(s.Memo)
		if memo == nil {
			memo = map[string]string{}
		}
		maps.Copy(memo, out.Memo)
		s.Memo = memo
	}
	return s, nil
}

// offered finds the step called name, if it may be taken now.
func (m *Machine) offered(ctx context.Context, s State, name string) (Step, error) {
	for _, step := range m.Steps {
		if step.Name() != name {
			continue
		}
		_, ok, err := step.Offer(ctx, s)
		if err != nil {
			return nil, err
		}
		if ok {
			return step, nil
		}
	}
	return nil, errs.Wrap(errs.Precondition, errors.New("flow: step "+name+" is not offered"), "step_not_offered", "This cannot be done now; start again.")
}

func (m *Machine) answer(ctx context.Context, s State, handle, notice string) (Answer, error) {
	a := Answer{Handle: handle, Kind: s.Kind, Notice: notice, Return: s.ReturnTo}
	for _, step := range m.Steps {
		view, ok, err := step.Offer(ctx, s)
		if err != nil {
			return Answer{}, err
		}
		if ok {
			view.Step = step.Name()
			a.Steps = append(a.Steps, view)
		}
	}
	return a, nil
}
