package tenant

import (
	"context"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
)

// Member is a user's membership of an organisation. The relation tuple org:ID#member@user:ID is
// written in the same batch and is what decisions read.
type Member struct {
	store.Meta
	Org    string    `json:"org"`
	User   string    `json:"user"`
	Joined time.Time `json:"joined"`
}

// Indexes of memberships.
const (
	membersByOrg  = "by_org"
	membersByUser = "by_user"
)

func memberKind() store.Kind[Member] {
	return store.Kind[Member]{
		Name: "member", Noun: "member",
		Meta: func(m *Member) *store.Meta { return &m.Meta },
		Columns: []store.ColumnOf[Member]{
			{Name: "org", Kind: store.TextKind, Of: func(m *Member) store.Value { return store.Text(m.Org) }},
			{Name: "user", Kind: store.TextKind, Of: func(m *Member) store.Value { return store.Text(m.User) }},
		},
		Indexes: []store.Index{
			{Name: membersByOrg, Columns: []string{"org", "user"}, Unique: true},
			{Name: membersByUser, Columns: []string{"user"}},
		},
	}
}

// memberID is the id of a membership. Both parts are ids of ours, which hold no '/'.
func memberID(org, user string) string { return org + "/" + user }

// MemberTuple says in the relation graph that user is a member of org.
func MemberTuple(org, user string) store.Tuple {
	return store.Tuple{
		Object: store.ObjectRef{Type: OrgType, ID: org}, Relation: MemberRelation,
		Subject: store.SubjectRef{Type: access.TypeUser, ID: user},
	}
}

// AddMember makes user a member of org. Whether there is such a user is asked after the guard, so that
// who may not add members learns nothing.
func (s *Organisations) AddMember(ctx context.Context, c access.Caller, orgID, userID string) (*Member, error) {
	permit, err := s.guard.Allow(ctx, c, "member.add", orgObject(orgID))
	if err != nil {
		return nil, err
	}
	if _, err := s.orgs.In(c.Tenant()).Get(ctx, orgID); err != nil {
		return nil, err
	}
	if s.Exists != nil {
		if err := s.Exists(ctx, c.Tenant(), userID); err != nil {
			return nil, err
		}
	}
	m, batch := s.join(ctx, c, orgID, userID)
	batch.Permit = permit
	_, err = s.db.Commit(ctx, batch)
	return m, err
}

// join is the part of a batch that makes user a member.
func (s *Organisations) join(ctx context.Context, c access.Caller, orgID, userID string) (*Member, store.Batch) {
	m := &Member{Meta: store.Meta{ID: memberID(orgID, userID)}, Org: orgID, User: userID, Joined: s.db.Now()}
	return m, store.Batch{
		Docs:   []store.DocOp{s.members.In(c.Tenant()).Insert(ctx, m)},
		Tuples: []store.TupleOp{store.WriteTuple(MemberTuple(orgID, userID))},
		Events: []store.Event{{Kind: "member.added", Object: orgObject(orgID), Public: map[string]string{"user": userID}}},
	}
}

// RemoveMember ends a membership and, with also, what else the user holds in the organisation. A
// user may leave by itself.
func (s *Organisations) RemoveMember(ctx context.Context, c access.Caller, orgID, userID string, also []store.TupleOp) error {
	action := access.Action("member.remove")
	object := orgObject(orgID)
	if c.UserID() == userID {
		action, object.Owner = "member.leave", c.Subject()
	}
	permit, err := s.guard.Allow(ctx, c, action, object)
	if err != nil {
		return err
	}
	m, err := s.members.In(c.Tenant()).Get(ctx, memberID(orgID, userID))
	if err != nil {
		return err
	}
	_, err = s.db.Commit(ctx, store.Batch{
		Permit: permit, Docs: []store.DocOp{s.members.In(c.Tenant()).Delete(m)},
		Tuples: append([]store.TupleOp{store.DeleteTuple(MemberTuple(orgID, userID))}, also...),
		Events: []store.Event{{Kind: "member.removed", Public: map[string]string{"user": userID}}},
	})
	return err
}

// Members lists the members of an organisation.
func (s *Organisations) Members(ctx context.Context, c access.Caller, orgID string, r page.Request) (page.Page[*Member], error) {
	if _, err := s.guard.Allow(ctx, c, "member.read", orgObject(orgID)); err != nil {
		return page.Page[*Member]{}, err
	}
	return s.members.In(c.Tenant()).Find(ctx, store.Query{Index: membersByOrg, Eq: []store.Value{store.Text(orgID)}, Request: r})
}

// Of lists the memberships of a user.
func (s *Organisations) Of(ctx context.Context, c access.Caller, userID string, r page.Request) (page.Page[*Member], error) {
	object := access.Object{Type: "cardea:user", ID: userID, Owner: access.User(userID)}
	if _, err := s.guard.Allow(ctx, c, "member.read", object); err != nil {
		return page.Page[*Member]{}, err
	}
	return s.members.In(c.Tenant()).Find(ctx, store.Query{Index: membersByUser, Eq: []store.Value{store.Text(userID)}, Request: r})
}

// Standing reports, through the cache, whether an organisation may act and whether user is a member of
// it now; for the one road that mints tokens. Both are false for an organisation that does not exist.
func (s *Organisations) Standing(ctx context.Context, t id.Tenant, orgID, userID string) (enabled, member bool, err error) {
	o, err := s.orgs.In(t).View(ctx, orgID)
	if errs.Is(err, errs.NotFound) {
		return false, false, nil
	}
	if err != nil || o.Disabled || userID == "" {
		return err == nil && !o.Disabled, false, err
	}
	// Not through the cache: that somebody is no member yet is not kept there, and is asked often.
	found, err := s.members.In(t).GetMany(ctx, []string{memberID(orgID, userID)})
	return true, len(found) == 1, err
}

// Forget deletes what is kept of a deleted account.
func (s *Organisations) Forget(ctx context.Context, t id.Tenant, userID string) error {
	return s.members.In(t).Clear(ctx, s.guard.Task(t, "user.forget"), store.Query{Index: membersByUser, Eq: []store.Value{store.Text(userID)}})
}
