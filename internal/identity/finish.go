package identity

import (
	"context"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/flow"
	"github.com/cardea-auth/cardea/internal/identity/password"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
)

// What the browser is told at the end of a flow.
const (
	NoticePasswordChanged = "password_changed"
	NoticeEmailVerified   = "email_verified"
	NoticeUnlocked        = "account_unlocked"
)

// errUnproved answers a finisher that was wired to a flow in which the link was not opened.
func errUnproved() error {
	return errs.New(errs.Internal, "", "Something went wrong on our side.")
}

// openedLink reads again, at the commit, the link that the flow has opened.
func (s *Accounts) openedLink(ctx context.Context, done flow.Completed) (*link, error) {
	linkID := done.Memo(memoLink)
	if !done.Valid() || linkID == "" {
		return nil, errUnproved()
	}
	return s.linkByID(ctx, done.Tenant(), linkID, done.Kind())
}

// OpenAccount is the finisher of a sign-up: the account exists from here on, with a proved address.
func (s *Accounts) OpenAccount(ctx context.Context, _ access.Caller, done flow.Completed) (flow.Contribution, error) {
	l, err := s.openedLink(ctx, done)
	if err != nil {
		return flow.Contribution{}, err
	}
	t, now := done.Tenant(), s.db.Now()
	if err := s.mayOpen(ctx, t); err != nil { // it may have been closed since the mail was sent
		return flow.Contribution{}, err
	}
	if _, err := s.byKey(ctx, t, l.EmailKey); err == nil { // opened by another road meanwhile
		return flow.Contribution{}, errLink()
	} else if !errs.Is(err, errs.NotFound) {
		return flow.Contribution{}, err
	}
	u := &User{
		Meta: store.Meta{ID: id.New()}, Email: l.Email, EmailKey: l.EmailKey, EmailVerified: now, Name: l.Name,
		Password: l.Password, PasswordAt: now, Created: now, Epoch: 1,
	}
	return flow.Contribution{User: u.ID, Change: flow.Change{
		Action: "user.sign_up", Object: u.adminObject(),
		Batch: store.Batch{
			Docs: []store.DocOp{s.users.In(t).Insert(ctx, u), s.spend(ctx, t, l)},
			Events: []store.Event{{
				Kind: "user.created", Object: u.adminObject(), Person: u.ID, Personal: map[string]string{"email": u.Email},
			}},
		},
	}}, nil
}

// SetPassword is the finisher of a recovery. Every session, token and link of the account ends; the
// person signs in with the new password, so that a second factor is never stepped over.
func (s *Accounts) SetPassword(ctx context.Context, _ access.Caller, done flow.Completed) (flow.Contribution, error) {
	hash := password.Hash(done.Memo(memoPassword))
	if hash == "" {
		return flow.Contribution{}, errUnproved()
	}
	return s.finishLink(ctx, done, "user.reset_password", NoticePasswordChanged, func(t id.Tenant, u *User, l *link) (store.Batch, error) {
		now := s.db.Now()
		u.Password, u.PasswordAt = hash, now
		if l.EmailKey == u.EmailKey && u.EmailVerified.IsZero() {
			u.EmailVerified = now
		}
		batch := s.endEverything(ctx, t, u)
		batch.Events = []store.Event{{Kind: "user.password_changed", Object: u.adminObject(), Person: u.ID}}
		batch.Outbox = []store.Message{notice("password_changed", u, nil)}
		op, found, err := s.ledger.reset(ctx, t, knownAccount(u.ID))
		if found {
			batch.Docs = append(batch.Docs, op)
		}
		return batch, err
	})
}

// ConfirmEmail is the finisher of a verification: the address to which the link was mailed becomes,
// or stays, the account's, and is proved.
func (s *Accounts) ConfirmEmail(ctx context.Context, _ access.Caller, done flow.Completed) (flow.Contribution, error) {
	return s.finishLink(ctx, done, "user.verify_email", NoticeEmailVerified, func(t id.Tenant, u *User, l *link) (store.Batch, error) {
		batch := store.Batch{Events: []store.Event{{
			Kind: "user.email_verified", Object: u.adminObject(), Person: u.ID, Personal: map[string]string{"email": l.Email},
		}}}
		if l.EmailKey != u.EmailKey {
			other, err := s.byKey(ctx, t, l.EmailKey)
			if err == nil && other.ID != u.ID {
				return batch, errLink()
			}
			if err != nil && !errs.Is(err, errs.NotFound) {
				return batch, err
			}
			batch.Outbox = []store.Message{notice("email_changed", u, map[string]string{"email": l.Email})}
		}
		u.Email, u.EmailKey, u.EmailVerified = l.Email, l.EmailKey, s.db.Now()
		return batch, nil
	})
}

// LiftLock is the finisher of an unlock: the owner, who reads the account's mail, may try again.
func (s *Accounts) LiftLock(ctx context.Context, _ access.Caller, done flow.Completed) (flow.Contribution, error) {
	return s.finishLink(ctx, done, "user.unlock", NoticeUnlocked, func(t id.Tenant, u *User, _ *link) (store.Batch, error) {
		batch := store.Batch{Events: []store.Event{{Kind: "user.unlocked", Object: u.adminObject(), Person: u.ID}}}
		op, found, err := s.ledger.reset(ctx, t, knownAccount(u.ID))
		if found {
			batch.Docs = append(batch.Docs, op)
		}
		return batch, err
	})
}

// finishLink reads link and user again, lets change alter the user, and spends the link with it.
func (s *Accounts) finishLink(ctx context.Context, done flow.Completed, a access.Action, told string, change func(id.Tenant, *User, *link) (store.Batch, error)) (flow.Contribution, error) {
	t := done.Tenant()
	l, err := s.openedLink(ctx, done)
	if err != nil {
		return flow.Contribution{}, err
	}
	u, err := s.users.In(t).Get(ctx, l.User)
	if errs.Is(err, errs.NotFound) || err == nil && !freshFor(u, l.Epoch) {
		return flow.Contribution{}, errLink()
	}
	if err != nil {
		return flow.Contribution{}, err
	}
	batch, err := change(t, u, l)
	if err != nil {
		return flow.Contribution{}, err
	}
	batch.Docs = append(batch.Docs, s.users.In(t).Replace(ctx, u), s.spend(ctx, t, l))
	return flow.Contribution{
		Change: flow.Change{Action: a, Object: u.adminObject(), Batch: batch}, Result: flow.Result{Notice: told},
	}, nil
}

// Steps are the steps of this package in the order in which they are offered.
func Steps(s *Accounts) []flow.Step {
	return []flow.Step{PasswordStep{s}, SignUpStep{s}, RecoverStep{s}, LinkStep{s}, SetUpStep{s}}
}

// Finishers are what ends each kind of flow; start is the finisher that begins a session.
func (s *Accounts) Finishers(start flow.Finisher) map[flow.Kind][]flow.Finisher {
	return map[flow.Kind][]flow.Finisher{
		flow.SignIn:      {start, s.RememberDevice},
		flow.StepUp:      {start},
		flow.SignUp:      {s.OpenAccount, start, s.RememberDevice},
		flow.SetUp:       {s.FinishSetUp, start, s.RememberDevice},
		flow.Recover:     {s.SetPassword},
		flow.VerifyEmail: {s.ConfirmEmail},
		flow.Unlock:      {s.LiftLock},
	}
}

// Enough says what each kind of flow needs: one proof of the kind that it is about, and for a
// sign-in the strength that was asked for.
func (s *Accounts) Enough(_ context.Context, st flow.State) (bool, error) {
	switch st.Kind {
	case flow.SignIn, flow.StepUp:
		return st.Has(MethodPassword) && st.Strength() >= access.OneFactor, nil
	case flow.SetUp:
		return st.Has(MethodPassword) && st.Memo[memoEmail] != "", nil
	case flow.SignUp, flow.Recover, flow.VerifyEmail, flow.Unlock:
		return st.Has(MethodMail) && st.Memo[memoLink] != "", nil
	}
	return false, nil
}
