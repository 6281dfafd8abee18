package identity

import (
	"context"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/flow"
	"github.com/cardea-auth/cardea/internal/identity/email"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
)

// RecoverStep asks for a link that sets a new password. It proves nothing and says the same for
// known and unknown addresses.
type RecoverStep struct{ *Accounts }

// Name is the step's name in the API.
func (RecoverStep) Name() string { return "recover" }

// Offer shows the step at the start of a recovery.
func (RecoverStep) Offer(_ context.Context, s flow.State) (flow.View, bool, error) {
	if s.Kind != flow.Recover || len(s.Proofs) > 0 {
		return flow.View{}, false, nil
	}
	return flow.View{Fields: []flow.Field{
		{Name: "email", Type: "email", Autocomplete: "username", Required: true, Value: s.Hint},
	}}, true, nil
}

// Submit mails a link to the owner of an account. For an unknown address it stores a link that
// nobody is told, so that both take one commit.
func (s RecoverStep) Submit(ctx context.Context, c access.Caller, _ flow.State, in flow.Input) (flow.Outcome, error) {
	a, err := email.Parse(in.Text("email"))
	if err != nil {
		return flow.Outcome{}, err
	}
	if err := s.Limits.Mail(c, flow.Recover); err != nil {
		return flow.Outcome{}, err
	}
	return flow.Outcome{Notice: NoticeMailSent, Change: func(ctx context.Context) (flow.Change, error) {
		batch, err := s.recovery(ctx, c.Tenant(), a)
		return flow.Change{Action: "user.recover", Object: access.Object{Type: "cardea:user"}, Batch: batch}, err
	}}, nil
}

func (s RecoverStep) recovery(ctx context.Context, t id.Tenant, a email.Address) (store.Batch, error) {
	l := &link{Purpose: flow.Recover, Email: a.String(), EmailKey: a.Canonical()}
	event := store.Event{Kind: "user.recovery_requested", Personal: map[string]string{"email": a.String()}}
	u, err := s.byKey(ctx, t, a.Canonical())
	known := err == nil && u.Disabled.IsZero()
	if err != nil && !errs.Is(err, errs.NotFound) {
		return store.Batch{}, err
	}
	if known {
		l.User, l.Epoch, l.Email, l.Name = u.ID, u.Epoch, u.Email, u.Name
		event.Object, event.Person = u.adminObject(), u.ID
	}
	token, ops, err := s.issueLink(ctx, t, l)
	if err != nil {
		return store.Batch{}, err
	}
	batch := store.Batch{Docs: ops, Events: []store.Event{event}}
	if known {
		batch.Outbox = []store.Message{s.mail(t, "recover", l, token)}
	}
	return batch, nil
}
