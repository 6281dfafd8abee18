package manage

import (
	"context"
	"net/http"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
	"github.com/cardea-auth/cardea/internal/identity/email"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/tenant"
)

// Organisation is a customer inside the tenant.
type Organisation struct {
	ID       string    `json:"id" doc:"org_id in tokens"`
	Name     string    `json:"name"`
	Domains  []string  `json:"domains" doc:"mail domains of its members"`
	Disabled bool      `json:"disabled"`
	Created  time.Time `json:"created"`
}

func showOrganisation(o *tenant.Organisation) Organisation {
	return Organisation{ID: o.ID, Name: o.Name, Domains: append([]string{}, o.Domains...), Disabled: o.Disabled, Created: o.Created}
}

// NewOrganisation is an organisation to be opened.
type NewOrganisation struct {
	Name    string   `json:"name" max:"200"`
	Domains []string `json:"domains,omitzero" max:"50"`
}

// OrganisationChange is what may be changed of an organisation; what is left out stays as it is.
type OrganisationChange struct {
	Name     *string   `json:"name,omitzero" min:"1" max:"200"`
	Domains  *[]string `json:"domains,omitzero" max:"50"`
	Disabled *bool     `json:"disabled,omitzero"`
}

// Member is a user's membership of an organisation.
type Member struct {
	Org    string    `json:"org"`
	User   string    `json:"user"`
	Joined time.Time `json:"joined"`
}

func showMember(m *tenant.Member) Member { return Member{Org: m.Org, User: m.User, Joined: m.Joined} }

// NewMember names the user who becomes a member.
type NewMember struct {
	User string `json:"user" max:"64"`
}

// Invitation is an offer of membership. The link in the mail is known to the mailbox only.
type Invitation struct {
	ID        string    `json:"id"`
	Org       string    `json:"org"`
	Email     string    `json:"email"`
	Role      string    `json:"role,omitzero" doc:"role in the organisation that comes with it"`
	InvitedBy string    `json:"invited_by"`
	Created   time.Time `json:"created"`
	Expires   time.Time `json:"expires"`
	Spent     time.Time `json:"spent,omitzero" doc:"when it was accepted, declined or withdrawn"`
}

func showInvitation(i *tenant.Invitation) Invitation {
	return Invitation{
		ID: i.Public, Org: i.Org, Email: i.Email, Role: i.Role, InvitedBy: i.InvitedBy, Created: i.Created, Expires: i.Expires, Spent: i.Spent,
	}
}

// NewInvitation is an invitation to be mailed.
type NewInvitation struct {
	Email string `json:"email" format:"email" max:"254"`
	Role  string `json:"role,omitzero" max:"100" doc:"role in the organisation; you must be able to give it"`
}

type orgPath struct {
	Org string `path:"org" max:"64"`
}

// ofOrg is the input of what is about an organisation and needs nothing else.
type ofOrg struct {
	within
	orgPath
}

// listOfOrg is the input of a list of what belongs to an organisation.
type listOfOrg struct {
	ofOrg
	paging
}

type updateOrg struct {
	ofOrg
	Body OrganisationChange `body:"json"`
}

type invitationPath struct {
	Invitation string `path:"invitation" max:"64"`
}

const groupOrganisations = "Organisations"

func (a *API) organisations() []rest.Operation {
	const group = groupOrganisations
	removed := administers("DELETE /api/orgs/{org}", "org.delete", "org.delete", group, "Delete an organisation without members")
	return []rest.Operation{
		endpoint(a, administers("GET /api/orgs", "org.list", "org.read", group, "List organisations by name"),
			func(ctx context.Context, c access.Caller, in struct {
				within
				paging
				Name string `query:"name" max:"200" doc:"how the name begins"`
			}) (page.Page[Organisation], error) {
				p, err := a.Organisations.List(ctx, c, in.Name, in.request())
				return turned(p, err, showOrganisation)
			}),
		endpoint(a, status(administers("POST /api/orgs", "org.create", "org.create", group, "Open an organisation"), http.StatusCreated),
			func(ctx context.Context, c access.Caller, in struct {
				within
				Body NewOrganisation `body:"json"`
			}) (Organisation, error) {
				o, err := a.Organisations.Create(ctx, c, in.Body.Name, in.Body.Domains)
				return one(o, err, showOrganisation)
			}),
		endpoint(a, administers("GET /api/orgs/{org}", "org.get", "org.read", group, "Read an organisation"),
			func(ctx context.Context, c access.Caller, in ofOrg) (Organisation, error) {
				o, err := a.Organisations.Get(ctx, c, in.Org)
				return one(o, err, showOrganisation)
			}),
		endpoint(a, administers("PATCH /api/orgs/{org}", "org.update", "org.update", group, "Change an organisation"),
			func(ctx context.Context, c access.Caller, in updateOrg) (Organisation, error) {
				o, err := a.Organisations.Update(ctx, c, in.Org, func(o *tenant.Organisation) error {
					set(&o.Name, in.Body.Name)
					set(&o.Domains, in.Body.Domains)
					set(&o.Disabled, in.Body.Disabled)
					return nil
				})
				return one(o, err, showOrganisation)
			}),
		endpoint(a, refusing(removed, errs.Precondition), func(ctx context.Context, c access.Caller, in ofOrg) (rest.None, error) {
			return done(a.Organisations.Delete(ctx, c, in.Org))
		}),
	}
}

// set changes a member that was sent.
func set[T any](to *T, sent *T) {
	if sent != nil {
		*to = *sent
	}
}

func (a *API) members() []rest.Operation {
	const group = groupOrganisations
	added := status(administers("POST /api/orgs/{org}/members", "member.add", "member.add", group, "Make a user a member"), http.StatusCreated)
	return []rest.Operation{
		endpoint(a, administers("GET /api/orgs/{org}/members", "member.list", "member.read", group, "List the members of an organisation"),
			func(ctx context.Context, c access.Caller, in listOfOrg) (page.Page[Member], error) {
				p, err := a.Organisations.Members(ctx, c, in.Org, in.request())
				return turned(p, err, showMember)
			}),
		endpoint(a, added, func(ctx context.Context, c access.Caller, in struct {
			ofOrg
			Body NewMember `body:"json"`
		}) (Member, error) {
			m, err := a.Organisations.AddMember(ctx, c, in.Org, in.Body.User)
			return one(m, err, showMember)
		}),
		endpoint(a, administers("DELETE /api/orgs/{org}/members/{user}", "member.remove", "member.remove", group, "End a membership, and the roles that came with it"),
			func(ctx context.Context, c access.Caller, in struct {
				ofOrg
				userPath
			}) (rest.None, error) {
				return done(a.leave(ctx, c, in.Org, in.User))
			}),
		endpoint(a, administers("GET /api/users/{user}/orgs", "member.list_of_user", "member.read", group, "List the organisations of a user"),
			func(ctx context.Context, c access.Caller, in listOfUser) (page.Page[Member], error) {
				p, err := a.Organisations.Of(ctx, c, in.User, in.request())
				return turned(p, err, showMember)
			}),
	}
}

// leave ends a membership together with the roles that the user holds in the organisation.
func (a *API) leave(ctx context.Context, c access.Caller, org, user string) error {
	also, err := a.Decisions.RolesInOrg(ctx, c.Tenant(), user, org)
	if err != nil {
		return err
	}
	return a.Organisations.RemoveMember(ctx, c, org, user, also)
}

func (a *API) invitations() []rest.Operation {
	const group = groupOrganisations
	return []rest.Operation{
		endpoint(a, administers("GET /api/orgs/{org}/invitations", "invitation.list", "member.read", group, "List invitations, spent ones too"),
			func(ctx context.Context, c access.Caller, in listOfOrg) (page.Page[Invitation], error) {
				p, err := a.Organisations.Invitations(ctx, c, in.Org, in.request())
				return turned(p, err, showInvitation)
			}),
		endpoint(a, status(administers("POST /api/orgs/{org}/invitations", "invitation.create", "member.invite", group, "Mail an invitation"), http.StatusCreated), a.invite),
		endpoint(a, administers("DELETE /api/orgs/{org}/invitations/{invitation}", "invitation.withdraw", "member.invite", group, "Withdraw an invitation"),
			func(ctx context.Context, c access.Caller, in struct {
				ofOrg
				invitationPath
			}) (rest.None, error) {
				return done(a.Organisations.Withdraw(ctx, c, in.Org, in.Invitation))
			}),
	}
}

func (a *API) invite(ctx context.Context, c access.Caller, in struct {
	ofOrg
	Body NewInvitation `body:"json"`
}) (Invitation, error) {
	to, err := email.Parse(in.Body.Email)
	if err != nil {
		return Invitation{}, err
	}
	i, err := a.Organisations.Invite(ctx, c, tenant.NewInvitation{
		Org: in.Org, To: to.String(), Canonical: string(to.Canonical()), Role: in.Body.Role,
		Link: func(token string) string { return a.InvitationLink(c.Tenant(), token) },
	})
	return one(i, err, showInvitation)
}
