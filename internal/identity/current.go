package identity

import (
	"context"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/secret"
)

// proveCurrent refuses a caller who does not know the password that the account u has: an unlocked
// screen must not be enough to choose another one (ASVS 6.2.3). A wrong one counts like a failed
// sign-in and locks like one. An account without a password passes: its owner has proved itself a
// moment ago by something else.
func (s *Accounts) proveCurrent(ctx context.Context, c access.Caller, u *User, current secret.Value) error {
	if u.Password == "" {
		return nil
	}
	if current.Empty() {
		return errs.Bad("/current", "is missing").Breaks(errs.Required, nil)
	}
	step, who := PasswordStep{s}, candidate{user: u, account: knownAccount(u.ID)}
	leave, err := s.ledger.gates.enter(ctx, c.Tenant(), who.account)
	if err != nil {
		return err
	}
	defer leave() // the next attempt must see this one counted
	if err := step.mayTry(ctx, c, &who); err != nil {
		return err
	}
	ok, _, err := step.verify(ctx, u, current)
	if err != nil || ok {
		return err
	}
	if err := s.countWrong(ctx, c, step, who); err != nil {
		return err
	}
	return errs.Bad("/current", "is not the password of this account").Breaks(errs.WrongCurrent, nil)
}

// countWrong commits a failure. A count that was changed meanwhile is read again.
func (s *Accounts) countWrong(ctx context.Context, c access.Caller, step PasswordStep, who candidate) error {
	wrong := step.wrong(c, who)
	for try := 0; ; try++ {
		change, err := wrong.Change(ctx)
		if err != nil {
			return err
		}
		if change.Batch.Permit, err = s.guard.Open(c, change.Action, change.Object); err != nil {
			return err
		}
		_, err = s.db.Commit(ctx, change.Batch)
		if !errs.Is(err, errs.Conflict) || try == 10 {
			return err
		}
	}
}
