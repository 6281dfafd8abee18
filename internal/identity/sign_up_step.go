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

// NoticeMailSent tells that a mail is on its way, whether or not there is an account.
const NoticeMailSent = "mail_sent"

// SignUpStep asks for a new account. It proves nothing: the account is opened when the mailed link
// is used, so no address is taken by somebody who cannot read its mail.
type SignUpStep struct{ *Accounts }

// Name is the step's name in the API.
func (SignUpStep) Name() string { return "sign_up" }

// Offer shows the step at the start of a sign-up.
func (SignUpStep) Offer(_ context.Context, s flow.State) (flow.View, bool, error) {
	if s.Kind != flow.SignUp || len(s.Proofs) > 0 {
		return flow.View{}, false, nil
	}
	return flow.View{Fields: []flow.Field{
		{Name: "email", Type: "email", Autocomplete: "username", Required: true, Value: s.Hint},
		{Name: "password", Type: "password", Autocomplete: "new-password", Required: true},
		{Name: "name", Type: "text", Autocomplete: "name"},
	}}, true, nil
}

// Submit mails a link to a new address, and a hint to the owner of a known one. Both cost one hash,
// one commit and one mail, and have one answer.
func (s SignUpStep) Submit(ctx context.Context, c access.Caller, _ flow.State, in flow.Input) (flow.Outcome, error) {
	t := c.Tenant()
	if err := s.mayOpen(ctx, t); err != nil {
		return flow.Outcome{}, err
	}
	if err := s.Limits.Mail(c, flow.SignUp); err != nil {
		return flow.Outcome{}, err
	}
	a, err := email.Parse(in.Text("email"))
	if err != nil {
		return flow.Outcome{}, err
	}
	name, err := personName(in.Text("name"))
	if err != nil {
		return flow.Outcome{}, err
	}
	hash, err := s.newPassword(ctx, &User{Email: a.String(), Name: name}, in.Secret("password"))
	if err != nil {
		return flow.Outcome{}, err
	}
	l := link{Purpose: flow.SignUp, Email: a.String(), EmailKey: a.Canonical(), Name: name, Password: hash}
	return flow.Outcome{Notice: NoticeMailSent, Change: func(ctx context.Context) (flow.Change, error) {
		batch, err := s.invite(ctx, t, l)
		return flow.Change{Action: "user.sign_up", Object: access.Object{Type: "cardea:user"}, Batch: batch}, err
	}}, nil
}

// mayOpen refuses where accounts are opened by administrators only.
func (s *Accounts) mayOpen(ctx context.Context, t id.Tenant) error {
	tenant, err := s.Tenants.Standing(ctx, t)
	if err != nil {
		return err
	}
	if tenant.Settings.SignUpClosed {
		return errs.New(errs.Denied, "sign_up_closed", "Accounts are opened by an administrator here.")
	}
	return nil
}

// invite is the part of a batch that mails either the link or the hint.
func (s SignUpStep) invite(ctx context.Context, t id.Tenant, l link) (store.Batch, error) {
	token, ops, err := s.issueLink(ctx, t, &l)
	if err != nil {
		return store.Batch{}, err
	}
	message := s.mail(t, "sign_up", &l, token)
	owner, err := s.byKey(ctx, t, l.EmailKey)
	switch {
	case err == nil:
		// The link exists, as it would for a new address, but nobody is told its token.
		message = notice("account_exists", owner, nil)
	case !errs.Is(err, errs.NotFound):
		return store.Batch{}, err
	}
	return store.Batch{
		Docs: ops, Outbox: []store.Message{message},
		Events: []store.Event{{Kind: "user.sign_up_requested", Personal: map[string]string{"email": l.Email}}},
	}, nil
}
