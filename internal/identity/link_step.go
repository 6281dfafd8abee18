package identity

import (
	"context"
	"slices"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/flow"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// LinkStep proves by a mailed link that its user reads the mail of an address. The page behind the
// link only shows a button: a mail scanner that fetches it uses nothing up.
type LinkStep struct{ *Accounts }

// Name is the step's name in the API.
func (LinkStep) Name() string { return "link" }

// Offer shows the step in every kind of flow that a mail can finish.
func (LinkStep) Offer(_ context.Context, s flow.State) (flow.View, bool, error) {
	kinds := []flow.Kind{flow.SignUp, flow.Recover, flow.VerifyEmail, flow.Unlock}
	if !slices.Contains(kinds, s.Kind) || s.Has(MethodMail) {
		return flow.View{}, false, nil
	}
	view := flow.View{Fields: []flow.Field{{Name: "token", Type: "text", Required: true}}}
	if s.Kind == flow.Recover {
		view.Fields = append(view.Fields, flow.Field{
			Name: "password", Type: "password", Autocomplete: "new-password", Required: true,
		})
	}
	return view, true, nil
}

// Submit checks the link, and for a recovery judges and hashes the new password, so that a refused
// password leaves the link as it was.
func (s LinkStep) Submit(ctx context.Context, c access.Caller, st flow.State, in flow.Input) (flow.Outcome, error) {
	t := c.Tenant()
	l, err := s.findLink(ctx, t, in.Text("token"), st.Kind)
	if err != nil {
		return flow.Outcome{}, err
	}
	out := flow.Outcome{
		User:   l.User,
		Proofs: []flow.Proof{{Method: MethodMail, User: l.User, Strength: access.OneFactor}},
		Memo:   map[string]string{memoLink: l.ID},
	}
	if st.Kind == flow.SignUp {
		return out, nil
	}
	u, err := s.users.In(t).Get(ctx, l.User)
	if errs.Is(err, errs.NotFound) || err == nil && !freshFor(u, l.Epoch) {
		return flow.Outcome{}, errLink()
	}
	if err != nil {
		return flow.Outcome{}, err
	}
	if st.Kind == flow.Recover {
		hash, err := s.newPassword(ctx, u, in.Secret("password"))
		if err != nil {
			return flow.Outcome{}, err
		}
		out.Memo[memoPassword] = string(hash)
	}
	return out, nil
}
