package tenant

import (
	"context"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
)

// Organisation is a customer inside a tenant: a company, a team, a school. In the API, in tokens
// (org_id) and in the relation graph it is called org.
type Organisation struct {
	store.Meta
	Name     string    `json:"name"`
	Domains  []string  `json:"domains,omitzero"` // mail domains of its members, lower case
	Disabled bool      `json:"disabled,omitzero"`
	Created  time.Time `json:"created"`
}

// Object is the organisation as the guard and the relation graph name it.
func (o *Organisation) Object() access.Object {
	return access.Object{Type: "cardea:org", ID: o.ID, Org: o.ID}
}

// OrgType is the type of organisations in the relation graph, and MemberRelation the relation of
// their members to them.
const (
	OrgType        = "org"
	MemberRelation = "member"
)

const orgsByName = "by_name"

func orgKind() store.Kind[Organisation] {
	return store.Kind[Organisation]{
		Name: "org", Noun: "organisation",
		Meta: func(o *Organisation) *store.Meta { return &o.Meta },
		Columns: []store.ColumnOf[Organisation]{
			{Name: "name", Kind: store.TextKind, Of: func(o *Organisation) store.Value { return store.Text(strings.ToLower(o.Name)) }},
		},
		Indexes: []store.Index{{Name: orgsByName, Columns: []string{"name"}}},
	}
}

// Organisations are the organisations of all tenants, with their members and invitations.
type Organisations struct {
	// Exists is nil for a user of the tenant who exists, and NotFound for one who does not: this room
	// knows no users. Wiring sets it; without it the callers of AddMember answer for that.
	Exists func(ctx context.Context, t id.Tenant, userID string) error

	// MayAssign refuses a caller who may not give role in org. Wiring sets it; without it no invitation
	// can promise a role.
	MayAssign func(ctx context.Context, c access.Caller, role, org string) error

	db      *store.DB
	guard   *access.Guard
	orgs    *store.Collection[Organisation]
	members *store.Collection[Member]
	invites *store.Collection[Invitation]
}

// NewOrganisations declares organisations to db.
func NewOrganisations(db *store.DB, g *access.Guard) *Organisations {
	return &Organisations{
		db: db, guard: g, orgs: store.NewCollection(db, orgKind()),
		members: store.NewCollection(db, memberKind()), invites: store.NewCollection(db, invitationKind()),
	}
}

// Create opens an organisation.
func (s *Organisations) Create(ctx context.Context, c access.Caller, name string, domains []string) (*Organisation, error) {
	name, err := DisplayName("/name", name)
	if err != nil {
		return nil, err
	}
	domains, err = parseDomains(domains)
	if err != nil {
		return nil, err
	}
	o := &Organisation{Meta: store.Meta{ID: id.New()}, Name: name, Domains: domains, Created: s.db.Now()}
	permit, err := s.guard.Allow(ctx, c, "org.create", access.Object{Type: "cardea:org", ID: o.ID})
	if err != nil {
		return nil, err
	}
	_, err = s.db.Commit(ctx, store.Batch{
		Permit: permit,
		Docs:   []store.DocOp{s.orgs.In(c.Tenant()).Insert(ctx, o)},
		Events: []store.Event{{Kind: "org.created"}},
	})
	return o, err
}

// Get reads an organisation.
func (s *Organisations) Get(ctx context.Context, c access.Caller, orgID string) (*Organisation, error) {
	if _, err := s.guard.Allow(ctx, c, "org.read", orgObject(orgID)); err != nil {
		return nil, err
	}
	return s.orgs.In(c.Tenant()).Get(ctx, orgID)
}

// ByID reads organisations for those to whom they are named already: members, and who was invited. What does
// not exist is left out.
func (s *Organisations) ByID(ctx context.Context, t id.Tenant, ids []string) (map[string]*Organisation, error) {
	return s.orgs.In(t).GetMany(ctx, ids)
}

// List lists organisations by name.
func (s *Organisations) List(ctx context.Context, c access.Caller, prefix string, r page.Request) (page.Page[*Organisation], error) {
	if _, err := s.guard.Allow(ctx, c, "org.read", access.Object{Type: "cardea:org"}); err != nil {
		return page.Page[*Organisation]{}, err
	}
	return s.orgs.In(c.Tenant()).Find(ctx, store.Query{Index: orgsByName, Prefix: strings.ToLower(prefix), Request: r})
}

// Update changes name, domains and state.
func (s *Organisations) Update(ctx context.Context, c access.Caller, orgID string, change func(*Organisation) error) (*Organisation, error) {
	permit, err := s.guard.Allow(ctx, c, "org.update", orgObject(orgID))
	if err != nil {
		return nil, err
	}
	return s.orgs.In(c.Tenant()).Update(ctx, orgID, func(o *Organisation) (store.Batch, error) {
		batch := store.Batch{Permit: permit, Events: []store.Event{{Kind: "org.updated"}}}
		if err := change(o); err != nil {
			return batch, err
		}
		if _, err := DisplayName("/name", o.Name); err != nil {
			return batch, err
		}
		var err error
		o.Domains, err = parseDomains(o.Domains)
		return batch, err
	})
}

// Delete removes an organisation. It must have no members left: removing them ends what they hold
// in it, one audited step each.
func (s *Organisations) Delete(ctx context.Context, c access.Caller, orgID string) error {
	permit, err := s.guard.Allow(ctx, c, "org.delete", orgObject(orgID))
	if err != nil {
		return err
	}
	o, err := s.orgs.In(c.Tenant()).Get(ctx, orgID)
	if err != nil {
		return err
	}
	_, found, err := s.members.In(c.Tenant()).One(ctx, membersByOrg, store.Text(orgID))
	if err != nil {
		return err
	}
	if found {
		return errs.New(errs.Precondition, "org_has_members", "Remove the members of the organisation first.")
	}
	_, err = s.db.Commit(ctx, store.Batch{
		Permit: permit, Docs: []store.DocOp{s.orgs.In(c.Tenant()).Delete(o)},
		Events: []store.Event{{Kind: "org.deleted"}},
	})
	return err
}

func orgObject(orgID string) access.Object {
	return access.Object{Type: "cardea:org", ID: orgID, Org: orgID}
}

func parseDomains(domains []string) ([]string, error) {
	if len(domains) > 50 {
		return nil, errs.Bad("/domains", "must not be more than 50").Breaks(errs.Items, errs.Between(0, 50))
	}
	out := make([]string, 0, len(domains))
	for _, d := range domains {
		d = strings.ToLower(strings.TrimSuffix(d, "."))
		if !validDomain(d) {
			return nil, errs.Bad("/domains", "must be names like example.com").Breaks(errs.MailDomain, nil)
		}
		out = append(out, d)
	}
	return out, nil
}

// validDomain accepts host names of two labels and more in ASCII (RFC 1123, section 2.1).
func validDomain(d string) bool {
	labels := strings.Split(d, ".")
	if len(d) > 253 || len(labels) < 2 {
		return false
	}
	for _, l := range labels {
		if !id.ValidTenant(l) { // the same alphabet: letters, digits and inner hyphens
			return false
		}
	}
	return true
}
