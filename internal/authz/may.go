package authz

import (
	"context"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/store"
)

// MayAssign refuses what Assign would refuse c: to give role in org, or in the whole tenant if org is
// empty. It is for whoever promises a role that is given later, such as an invitation: the promise
// needs the same right as the gift.
func (e *Engine) MayAssign(ctx context.Context, c access.Caller, role, org string) error {
	somebody := store.SubjectRef{Type: access.TypeUser, ID: "somebody"}
	_, _, err := e.mayAssign(ctx, c, Assignment{Role: role, Org: org, Subject: somebody})
	return err
}
