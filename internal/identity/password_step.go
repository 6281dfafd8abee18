package identity

import (
	"context"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/flow"
	"github.com/cardea-auth/cardea/internal/identity/email"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store"
)

// What steps remember in a flow.
const (
	memoDevice   = "device"   // id of the known device
	memoLink     = "link"     // id of the link that was opened
	memoPassword = "password" // hash of the password to set
)

// MethodPassword is the amr value of a password (RFC 8176, section 2); MethodMail is ours: the
// person has read a mail to the account's address, which is no second factor.
const (
	MethodPassword = "pwd"
	MethodMail     = "mail"
)

// PasswordStep proves an account by its address and password.
type PasswordStep struct{ *Accounts }

// Name is the step's name in the API.
func (PasswordStep) Name() string { return "password" }

// Offer shows the step where nothing was proved by password yet.
func (PasswordStep) Offer(_ context.Context, s flow.State) (flow.View, bool, error) {
	if s.Kind != flow.SignIn && s.Kind != flow.StepUp || s.Has(MethodPassword) {
		return flow.View{}, false, nil
	}
	fields := []flow.Field{{Name: "password", Type: "password", Autocomplete: "current-password", Required: true}}
	if s.Kind == flow.SignIn {
		identifier := flow.Field{Name: "email", Type: "email", Autocomplete: "username", Required: true, Value: s.Hint}
		fields = append([]flow.Field{identifier}, fields...)
	}
	return flow.View{Fields: fields}, true, nil
}

// Proves implements flow.Prover.
func (PasswordStep) Proves() flow.Proof {
	return flow.Proof{Method: MethodPassword, Strength: access.OneFactor}
}

// candidate is whose password is tried: an account, or a name that nobody has.
type candidate struct {
	user    *User
	account account
	device  string // id of the known device from which it is tried
	failed  bool   // others have failed before, and were counted
}

// Submit checks an address and a password. Known and unknown, right and wrong take the same road:
// limit, turn, count, hash, count.
func (s PasswordStep) Submit(ctx context.Context, c access.Caller, st flow.State, in flow.Input) (flow.Outcome, error) {
	who, err := s.candidate(ctx, c, st, in)
	if err != nil {
		return flow.Outcome{}, err
	}
	leave, err := s.ledger.gates.enter(ctx, c.Tenant(), who.account)
	if err != nil {
		return flow.Outcome{}, err
	}
	out, err := s.try(ctx, c, who, in)
	if err != nil {
		leave()
		return flow.Outcome{}, err
	}
	out.Settled = leave // the next attempt must see this one counted
	return out, nil
}

func (s PasswordStep) try(ctx context.Context, c access.Caller, who candidate, in flow.Input) (flow.Outcome, error) {
	if err := s.mayTry(ctx, c, &who); err != nil {
		return flow.Outcome{}, err
	}
	ok, rehash, err := s.verify(ctx, who.user, in.Secret("password"))
	if err != nil {
		return flow.Outcome{}, err
	}
	if !ok {
		return s.wrong(c, who), nil
	}
	return s.right(ctx, c.Tenant(), who, in.Secret("password"), rehash)
}

func (s PasswordStep) candidate(ctx context.Context, c access.Caller, st flow.State, in flow.Input) (candidate, error) {
	t := c.Tenant()
	if st.Kind == flow.StepUp {
		if c.UserID() == "" {
			return candidate{}, errs.New(errs.Unauthenticated, "session_expired", "Sign in again.")
		}
		u, err := s.users.In(t).Get(ctx, c.UserID())
		if err != nil {
			return candidate{}, err
		}
		return s.known(ctx, t, u, in)
	}
	a, err := email.Parse(in.Text("email"))
	if err != nil { // what is no address is nobody's: it goes the road of unknown names
		return candidate{account: unknownName(in.Text("email"))}, nil
	}
	u, err := s.byKey(ctx, t, a.Canonical())
	if errs.Is(err, errs.NotFound) {
		return candidate{account: unknownName(a.Canonical())}, nil
	}
	if err != nil {
		return candidate{}, err
	}
	return s.known(ctx, t, u, in)
}

func (s PasswordStep) known(ctx context.Context, t id.Tenant, u *User, in flow.Input) (candidate, error) {
	who := candidate{user: u, account: knownAccount(u.ID)}
	deviceID, err := s.knows(ctx, t, u, in.Text("device"))
	if deviceID != "" {
		who.device, who.account = deviceID, knownDevice(deviceID)
	}
	return who, err
}

// mayTry refuses an attempt while its account waits, with the longer of the two waits.
func (s PasswordStep) mayTry(ctx context.Context, c access.Caller, who *candidate) error {
	limit := s.Limits.SignIn(c, string(who.account))
	before, err := s.ledger.read(ctx, c.Tenant(), who.account)
	if err != nil {
		return err
	}
	who.failed = before.Failures > 0
	wait := s.ledger.wait(before)
	if wait > 0 && (limit == nil || errs.From(limit).RetryAfter < wait) {
		return errs.TooMany(wait, "account_locked", "Too many failed attempts; wait, or use the link in the mail we have sent.")
	}
	return limit
}

func (s PasswordStep) verify(ctx context.Context, u *User, p secret.Value) (ok, rehash bool, err error) {
	if u == nil || u.Password == "" {
		return false, false, s.Hasher.Decoy(ctx, p)
	}
	return s.Hasher.Verify(ctx, u.Password, p)
}

// wrong counts the failure. At the failure that locks a real account its owner gets a link that
// lifts the lock.
func (s PasswordStep) wrong(c access.Caller, who candidate) flow.Outcome {
	s.Limits.SignInFailed(c, string(who.account))
	return flow.Outcome{
		Refusal: errs.New(errs.Unauthenticated, "invalid_credentials", "The address or the password is wrong."),
		Change: func(ctx context.Context) (flow.Change, error) {
			op, count, err := s.ledger.failed(ctx, c.Tenant(), who.account)
			if err != nil {
				return flow.Change{}, err
			}
			event := store.Event{Kind: "signin.failed", Public: map[string]string{"reason": "invalid_credentials"}}
			batch := store.Batch{Docs: []store.DocOp{op}}
			if who.user != nil {
				event.Object, event.Person = who.user.adminObject(), who.user.ID
				if count.Failures == s.ledger.rule.Free {
					mail, err := s.unlockMail(ctx, c.Tenant(), who.user)
					if err != nil {
						return flow.Change{}, err
					}
					batch = batch.And(mail)
				}
			}
			batch.Events = []store.Event{event}
			return flow.Change{Action: "signin.fail", Object: event.Object, Batch: batch}, nil
		},
	}
}

func (s PasswordStep) unlockMail(ctx context.Context, t id.Tenant, u *User) (store.Batch, error) {
	l := &link{Purpose: flow.Unlock, User: u.ID, Epoch: u.Epoch, Email: u.Email, EmailKey: u.EmailKey, Name: u.Name}
	token, ops, err := s.issueLink(ctx, t, l)
	return store.Batch{Docs: ops, Outbox: []store.Message{s.mail(t, "account_locked", l, token)}}, err
}

// right proposes the proof. A hash that is not today's kind is replaced in the same batch; when the
// queue is too full for that, the next sign-in will do it.
func (s PasswordStep) right(ctx context.Context, t id.Tenant, who candidate, p secret.Value, rehash bool) (flow.Outcome, error) {
	u := who.user
	if err := u.Standing(); err != nil {
		return s.refuse(ctx, t, u, err)
	}
	var better = u.Password
	if rehash {
		if h, err := s.Hasher.Hash(ctx, p); err == nil {
			better = h
		}
	}
	out := flow.Outcome{
		User:   u.ID,
		Proofs: []flow.Proof{{Method: MethodPassword, User: u.ID, Strength: access.OneFactor}},
		Memo:   map[string]string{memoDevice: who.device},
	}
	out.Change = func(ctx context.Context) (flow.Change, error) {
		var batch store.Batch
		if who.failed { // one that fails at another node just now stays counted, and is forgotten in time
			op, found, err := s.ledger.reset(ctx, t, who.account)
			if err != nil {
				return flow.Change{}, err
			}
			if found {
				batch.Docs = append(batch.Docs, op)
			}
		}
		if better == u.Password {
			return flow.Change{Action: "password.rehash", Batch: batch}, nil
		}
		fresh, err := s.users.In(t).Get(ctx, u.ID)
		if err != nil {
			return flow.Change{}, err
		}
		if fresh.Password == u.Password { // nobody has chosen another one meanwhile
			fresh.Password = better
			batch.Docs = append(batch.Docs, s.users.In(t).Replace(ctx, fresh))
		}
		return flow.Change{Action: "password.rehash", Object: u.adminObject(), Batch: batch}, nil
	}
	return out, nil
}

// refuse answers somebody who knows the password of an account that may not sign in. The owner of an
// unverified address gets a new link.
func (s PasswordStep) refuse(_ context.Context, t id.Tenant, u *User, why error) (flow.Outcome, error) {
	return flow.Outcome{Refusal: why, Change: func(ctx context.Context) (flow.Change, error) {
		batch := store.Batch{Events: []store.Event{{
			Kind: "signin.failed", Object: u.adminObject(), Person: u.ID, Public: map[string]string{"reason": errs.CodeOf(why)},
		}}}
		if u.State() == Unverified {
			a, err := email.Parse(u.Email)
			if err != nil {
				return flow.Change{}, err
			}
			mail, err := s.verification(ctx, t, u, a)
			if err != nil {
				return flow.Change{}, err
			}
			batch = batch.And(mail)
		}
		return flow.Change{Action: "signin.fail", Object: u.adminObject(), Batch: batch}, nil
	}}, nil
}

// freshFor reports whether a link that was made in epoch is still good for u.
func freshFor(u *User, epoch int64) bool { return u.Epoch == epoch && u.Disabled.IsZero() }
