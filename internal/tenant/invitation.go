package tenant

import (
	"context"
	"slices"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/opaque"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
)

// InvitationLife is how long an invitation can be accepted.
const InvitationLife = 7 * 24 * time.Hour

// Invitation offers a person with a certain mail address membership of an organisation. Its id is
// the hash of the mailed link, which no API returns, as it does not return the link; it is used once
// and kept as spent.
type Invitation struct {
	store.Meta
	Public    string    `json:"public"` // names the invitation to people and in the API
	Org       string    `json:"org"`
	Email     string    `json:"email"` // canonical
	Role      string    `json:"role,omitzero"`
	InvitedBy string    `json:"invited_by"`
	Created   time.Time `json:"created"`
	Spent     time.Time `json:"spent,omitzero"`
}

// Indexes of invitations.
const (
	invitationsByOrg    = "by_org"
	invitationsByEmail  = "by_email"
	invitationsByPublic = "by_public"
)

func invitationKind() store.Kind[Invitation] {
	return store.Kind[Invitation]{
		Name: "invitation", Noun: "invitation",
		Meta: func(i *Invitation) *store.Meta { return &i.Meta },
		Columns: []store.ColumnOf[Invitation]{
			{Name: "public", Kind: store.TextKind, Of: func(i *Invitation) store.Value { return store.TextOrNone(i.Public) }},
			{Name: "org", Kind: store.TextKind, Of: func(i *Invitation) store.Value { return store.Text(i.Org) }},
			{Name: "email", Kind: store.TextKind, Of: func(i *Invitation) store.Value { return store.Text(i.Email) }},
		},
		Indexes: []store.Index{
			{Name: invitationsByOrg, Columns: []string{"org", "email"}},
			{Name: invitationsByEmail, Columns: []string{"email"}},
			{Name: invitationsByPublic, Columns: []string{"public"}, Unique: true},
		},
	}
}

// Invite mails an invitation. The answer does not hold the link: only the mailbox has it. Who promises
// a role must be able to give it.
func (s *Organisations) Invite(ctx context.Context, c access.Caller, n NewInvitation) (*Invitation, error) {
	permit, err := s.guard.Allow(ctx, c, "member.invite", orgObject(n.Org))
	if err != nil {
		return nil, err
	}
	org, err := s.orgs.In(c.Tenant()).Get(ctx, n.Org)
	if err == nil && n.Role != "" {
		err = s.mayPromise(ctx, c, n.Role, n.Org)
	}
	if err != nil {
		return nil, err
	}
	token, now := opaque.New(opaque.Link), s.db.Now()
	i := &Invitation{
		Meta: store.Meta{ID: opaque.Hash(token), Expires: now.Add(InvitationLife)}, Public: id.New(),
		Org: n.Org, Email: n.Canonical, Role: n.Role, InvitedBy: c.Subject().String(), Created: now,
	}
	_, err = s.db.Commit(ctx, store.Batch{
		Permit: permit,
		Docs:   []store.DocOp{s.invites.In(c.Tenant()).Insert(ctx, i)},
		Events: []store.Event{{Kind: "member.invited", Personal: map[string]string{"email": n.Canonical}}},
		Outbox: []store.Message{{
			Channel: "mail", To: n.To, Template: "invitation", Expires: i.Expires,
			Data: map[string]string{"org": org.Name, "link": n.Link(token)},
		}},
	})
	return i, err
}

func (s *Organisations) mayPromise(ctx context.Context, c access.Caller, role, org string) error {
	if s.MayAssign == nil {
		return errs.New(errs.Denied, "permission_missing", "No role can be promised here.")
	}
	return s.MayAssign(ctx, c, role, org)
}

// NewInvitation is what Invite needs.
type NewInvitation struct {
	Org       string
	To        string                    // address as it is to be mailed
	Canonical string                    // its canonical form, to which the invitation is bound
	Role      string                    // role in the organisation that the member gets, if any
	Link      func(token string) string // address of the page that accepts the token
}

// Invitations lists the invitations of an organisation, spent ones too.
func (s *Organisations) Invitations(ctx context.Context, c access.Caller, orgID string, r page.Request) (page.Page[*Invitation], error) {
	if _, err := s.guard.Allow(ctx, c, "member.read", orgObject(orgID)); err != nil {
		return page.Page[*Invitation]{}, err
	}
	return s.invites.In(c.Tenant()).Find(ctx, store.Query{Index: invitationsByOrg, Eq: []store.Value{store.Text(orgID)}, Request: r})
}

// Withdraw ends an invitation that was not accepted yet; public is its public name.
func (s *Organisations) Withdraw(ctx context.Context, c access.Caller, orgID, public string) error {
	permit, err := s.guard.Allow(ctx, c, "member.invite", orgObject(orgID))
	if err != nil {
		return err
	}
	found, ok, err := s.invites.In(c.Tenant()).One(ctx, invitationsByPublic, store.Text(public))
	if err == nil && !ok {
		err = errs.Missing("invitation")
	}
	if err != nil {
		return err
	}
	_, err = s.invites.In(c.Tenant()).Update(ctx, found.ID, func(i *Invitation) (store.Batch, error) {
		if i.Org != orgID || !i.Spent.IsZero() {
			return store.Batch{}, errs.Missing("invitation")
		}
		i.Spent = s.db.Now()
		return store.Batch{Permit: permit, Events: []store.Event{{Kind: "member.invitation_withdrawn"}}}, nil
	})
	return err
}

// Offers lists what the calling user may accept: the open invitations to canonical, its verified
// address, to organisations that may act. The oldest page.MaxLimit invitations to an address are looked at.
func (s *Organisations) Offers(ctx context.Context, c access.Caller, canonical string) ([]*Invitation, error) {
	object := access.Object{Type: "cardea:user", ID: c.UserID(), Owner: access.User(c.UserID())}
	if _, err := s.guard.Allow(ctx, c, "member.read", object); err != nil || canonical == "" {
		return nil, err
	}
	found, err := s.invites.In(c.Tenant()).Find(ctx, store.Query{
		Index: invitationsByEmail, Eq: []store.Value{store.Text(canonical)}, Request: page.Request{Limit: page.MaxLimit},
	})
	if err != nil {
		return nil, err
	}
	var named []string
	for _, i := range found.Items {
		named = append(named, i.Org)
	}
	orgs, err := s.ByID(ctx, c.Tenant(), named)
	return slices.DeleteFunc(found.Items, func(i *Invitation) bool {
		org := orgs[i.Org]
		return !i.Spent.IsZero() || org == nil || org.Disabled
	}), err
}

// Give is the part of a batch that gives the role which an invitation promised to whoever accepts it. It refuses
// where that role is gone: then the invitation stays as it was.
type Give func(ctx context.Context, i *Invitation) (store.Batch, error)

// Accept makes the calling user a member, by the token of a mailed link. canonical is the user's verified
// address: an invitation to another address is as good as none. give is what gives the role, if one was promised.
func (s *Organisations) Accept(ctx context.Context, c access.Caller, token, canonical string, give Give) (*Member, error) {
	if !opaque.Valid(opaque.Link, token) {
		return nil, errs.Missing("invitation")
	}
	i, err := s.invites.In(c.Tenant()).Get(ctx, opaque.Hash(token))
	if err != nil {
		return nil, err
	}
	return s.accept(ctx, c, i.ID, canonical, give)
}

// AcceptOffer is Accept for whoever has come without the link: public is what Offers has named. The verified
// address proves as much as the link, which was mailed there.
func (s *Organisations) AcceptOffer(ctx context.Context, c access.Caller, public, canonical string, give Give) (*Member, error) {
	i, ok, err := s.invites.In(c.Tenant()).One(ctx, invitationsByPublic, store.Text(public))
	if err == nil && !ok {
		err = errs.Missing("invitation")
	}
	if err != nil {
		return nil, err
	}
	return s.accept(ctx, c, i.ID, canonical, give)
}

// Decline ends an open invitation to canonical, the caller's verified address; public is what Offers has
// named. Whoever has invited sees it as spent, and the event says why.
func (s *Organisations) Decline(ctx context.Context, c access.Caller, public, canonical string) error {
	found, ok, err := s.invites.In(c.Tenant()).One(ctx, invitationsByPublic, store.Text(public))
	if err == nil && (!ok || canonical == "" || found.Email != canonical) {
		err = errs.Missing("invitation")
	}
	if err != nil {
		return err
	}
	permit, err := s.guard.Open(c, "invitation.decline", orgObject(found.Org))
	if err != nil {
		return err
	}
	_, err = s.invites.In(c.Tenant()).Update(ctx, found.ID, func(i *Invitation) (store.Batch, error) {
		if !i.Spent.IsZero() {
			return store.Batch{}, errs.Missing("invitation")
		}
		i.Spent = s.db.Now()
		return store.Batch{Permit: permit, Events: []store.Event{{Kind: "member.invitation_declined"}}}, nil
	})
	return err
}

func (s *Organisations) accept(ctx context.Context, c access.Caller, invitation, canonical string, give Give) (*Member, error) {
	if c.UserID() == "" {
		return nil, errs.New(errs.Unauthenticated, "token_missing", "Sign in first.")
	}
	var m *Member
	_, err := s.invites.In(c.Tenant()).Update(ctx, invitation, func(i *Invitation) (store.Batch, error) {
		if !i.Spent.IsZero() || i.Email != canonical || canonical == "" {
			return store.Batch{}, errs.Missing("invitation")
		}
		org, err := s.orgs.In(c.Tenant()).Get(ctx, i.Org)
		if errs.Is(err, errs.NotFound) || err == nil && org.Disabled { // meanwhile
			return store.Batch{}, errs.Missing("invitation")
		}
		if err != nil {
			return store.Batch{}, err
		}
		permit, err := s.guard.Open(c, "invitation.accept", orgObject(i.Org))
		if err != nil {
			return store.Batch{}, err
		}
		i.Spent = s.db.Now()
		var batch, role store.Batch
		m, batch = s.join(ctx, c, i.Org, c.UserID())
		batch.Permit = permit
		if i.Role != "" {
			if role, err = give(ctx, i); err != nil {
				return store.Batch{}, err
			}
		}
		return batch.And(role), nil
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}
