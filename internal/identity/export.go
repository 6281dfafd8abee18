package identity

import (
	"context"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/store"
)

// Export reads an account that is about to be handed over with all that belongs to it, and notes that
// it was. The rest is read from its rooms, each of which asks its own guard.
func (s *Accounts) Export(ctx context.Context, c access.Caller, userID string) (*User, error) {
	permit, err := s.guard.Allow(ctx, c, "user.export", userObject(userID))
	if err != nil {
		return nil, err
	}
	u, err := s.users.In(c.Tenant()).Get(ctx, userID)
	if err != nil {
		return nil, err
	}
	_, err = s.db.Commit(ctx, store.Batch{Permit: permit, Events: []store.Event{{Kind: "user.exported", Person: u.ID}}})
	return u, err
}
