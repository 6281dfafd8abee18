package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/internal/authz"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/kit/strict"
	"github.com/cardea-auth/cardea/internal/store"
)

type roleCommands struct {
	Create   roleCreate   `cmd:"" help:"Define a role."`
	Update   roleUpdate   `cmd:"" help:"Change what a role permits."`
	List     roleList     `cmd:"" help:"List roles."`
	Show     roleShow     `cmd:"" help:"Show a role, and to whom it was given directly."`
	Delete   roleDelete   `cmd:"" help:"Remove a role that nobody has."`
	Assign   roleAssign   `cmd:"" help:"Give a role: in the whole tenant, or with --org on resources of that organisation."`
	Unassign roleUnassign `cmd:"" help:"Take a role back."`
}

type roleCreate struct {
	Name        string   `arg:"" help:"Name of the role."`
	Permission  []string `help:"What it permits, e.g. invoice:delete; may be repeated." sep:"none"`
	Inherits    []string `help:"Roles whose permissions it has as well; may be repeated." sep:"none"`
	Description string   `help:"What it is for."`
}

func (c *roleCreate) run(e *env) error {
	r, err := e.Decisions.CreateRole(e.ctx, e.caller(), authz.Role{
		Meta: store.Meta{ID: c.Name}, Description: c.Description, Permissions: c.Permission, Inherits: c.Inherits,
	})
	if err != nil {
		return err
	}
	return e.done(map[string]any{"role": r.ID}, "Role %s permits %s.", r.ID, words(r.Permissions))
}

func words(list []string) string {
	if len(list) == 0 {
		return "nothing yet"
	}
	return strings.Join(list, ", ")
}

type roleUpdate struct {
	Name        string   `arg:"" help:"Name of the role."`
	Add         []string `help:"Permission to add; may be repeated." sep:"none"`
	Remove      []string `help:"Permission to remove; may be repeated." sep:"none"`
	Inherits    []string `help:"Roles whose permissions it has as well, in place of those that it has; may be repeated." sep:"none"`
	NoInherits  bool     `help:"It has the permissions of no other role."`
	Description *string  `help:"What it is for."`
}

func (c *roleUpdate) run(e *env) error {
	r, err := e.Decisions.UpdateRole(e.ctx, e.caller(), c.Name, func(r *authz.Role) error {
		var kept []string
		for _, p := range append(r.Permissions, c.Add...) {
			if !contains(c.Remove, p) {
				kept = append(kept, p)
			}
		}
		r.Permissions = kept
		if len(c.Inherits) > 0 || c.NoInherits {
			r.Inherits = c.Inherits
		}
		set(&r.Description, c.Description)
		return nil
	})
	if err != nil {
		return err
	}
	return e.done(map[string]any{"role": r.ID, "permissions": r.Permissions}, "Role %s permits %s.", r.ID, words(r.Permissions))
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

type roleList struct{}

type roleOut struct {
	Name        string   `json:"name"`
	Description string   `json:"description,omitempty"`
	Permissions []string `json:"permissions"`
	Inherits    []string `json:"inherits,omitempty"`
}

func (c *roleList) run(e *env) error {
	roles, err := all(func(r page.Request) (page.Page[*authz.Role], error) {
		return e.Decisions.ListRoles(e.ctx, e.caller(), r)
	})
	if err != nil {
		return err
	}
	out := make([]roleOut, len(roles))
	for i, r := range roles {
		out[i] = roleOut{Name: r.ID, Description: r.Description, Permissions: append([]string{}, r.Permissions...), Inherits: r.Inherits}
	}
	return e.print(out, func(w io.Writer) {
		table(w, "ROLE PERMISSIONS INHERITS", func(row func(...any)) {
			for _, r := range out {
				row(r.Name, strings.Join(r.Permissions, ","), strings.Join(r.Inherits, ","))
			}
		})
	})
}

type roleShow struct {
	Name  string `arg:"" help:"Name of the role."`
	Org   string `help:"Who has it in this organisation." placeholder:"ID"`
	Store string `help:"Who has it on this store." placeholder:"STORE"`
}

type roleShown struct {
	roleOut
	Holders []authz.Assignment `json:"holders"`
}

func (c *roleShow) run(e *env) error {
	out := roleShown{roleOut: roleOut{Name: c.Name, Permissions: []string{}}}
	if c.Name != authz.AdminRole && c.Name != authz.ViewerRole { // those are not stored
		r, err := e.Decisions.GetRole(e.ctx, e.caller(), c.Name)
		if err != nil {
			return err
		}
		out.roleOut = roleOut{Name: r.ID, Description: r.Description, Permissions: append([]string{}, r.Permissions...), Inherits: r.Inherits}
	}
	storeID, err := storeNamed(e, c.Store)
	if err != nil {
		return err
	}
	if out.Holders, err = all(func(p page.Request) (page.Page[authz.Assignment], error) {
		return e.Decisions.Holders(e.ctx, e.caller(), authz.Assignment{Role: c.Name, Org: c.Org, Store: storeID}, p)
	}); err != nil {
		return err
	}
	return e.print(out, func(w io.Writer) {
		fmt.Fprintf(w, "%s  %s\n", out.Name, visible(out.Description))
		for _, p := range out.Permissions {
			fmt.Fprintf(w, "permits %s\n", p)
		}
		for _, r := range out.Inherits {
			fmt.Fprintf(w, "inherits %s\n", r)
		}
		for _, h := range out.Holders {
			fmt.Fprintf(w, "holder %s\n", subjectText(h.Subject))
		}
	})
}

// subjectText is a subject as commands take it.
func subjectText(s store.SubjectRef) string {
	if s.Relation == "" {
		return s.Type + ":" + s.ID
	}
	return s.Type + ":" + s.ID + "#" + s.Relation
}

type groupCommands struct {
	List   groupList   `cmd:"" help:"List the groups that have members."`
	Show   groupShow   `cmd:"" help:"List who belongs directly to a group."`
	Add    groupAdd    `cmd:"" help:"Add a subject to a group. A group exists by its members."`
	Remove groupRemove `cmd:"" help:"Take a subject out of a group."`
}

type groupList struct{}

type groupOut struct {
	ID      string `json:"id"`
	Members int    `json:"members"`
}

func (*groupList) run(e *env) error {
	list, err := all(func(r page.Request) (page.Page[authz.Group], error) { return e.Decisions.Groups(e.ctx, e.caller(), r) })
	if err != nil {
		return err
	}
	out := make([]groupOut, len(list))
	for i, g := range list {
		out[i] = groupOut(g)
	}
	return e.print(out, func(w io.Writer) {
		table(w, "GROUP MEMBERS", func(row func(...any)) {
			for _, g := range out {
				row(g.ID, g.Members)
			}
		})
	})
}

type groupShow struct {
	Group string `arg:"" help:"Name of the group."`
}

func (c *groupShow) run(e *env) error {
	list, err := all(func(r page.Request) (page.Page[store.SubjectRef], error) {
		return e.Decisions.Members(e.ctx, e.caller(), c.Group, r)
	})
	if err != nil {
		return err
	}
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = subjectText(s)
	}
	return e.print(out, func(w io.Writer) {
		for _, s := range out {
			fmt.Fprintln(w, visible(s))
		}
	})
}

// groupMember is what add and remove are about.
type groupMember struct {
	Group   string `arg:"" help:"Name of the group."`
	Subject string `arg:"" help:"Address or id of a user, service:ID or group:NAME#member."`
}

func (c *groupMember) change(e *env, member bool, done string) error {
	s, err := e.subject(c.Subject)
	if err != nil {
		return err
	}
	receipt, err := e.Decisions.SetMember(e.ctx, e.caller(), c.Group, s, member)
	if err != nil {
		return err
	}
	return e.done(map[string]any{"revision": receipt.Revision}, done, visible(c.Subject), visible(c.Group))
}

type groupAdd struct{ groupMember }

func (c *groupAdd) run(e *env) error { return c.change(e, true, "%s belongs to the group %s.") }

type groupRemove struct{ groupMember }

func (c *groupRemove) run(e *env) error { return c.change(e, false, "%s is out of the group %s.") }

type roleDelete struct {
	Name string `arg:"" help:"Name of the role."`
}

func (c *roleDelete) run(e *env) error {
	if err := e.Decisions.DeleteRole(e.ctx, e.caller(), c.Name); err != nil {
		return err
	}
	return e.done(nil, "Role %s is gone.", c.Name)
}

// assignment is what assign and unassign are about.
type assignment struct {
	Role    string        `arg:"" help:"Name of the role."`
	Subject string        `arg:"" help:"Address or id of a user, service:ID or group:ID#member."`
	Org     string        `help:"Only on resources of this organisation." placeholder:"ID"`
	Store   string        `help:"Only in this store of relation tuples, by id or name." placeholder:"STORE"`
	For     time.Duration `help:"Ends by itself after this time, e.g. 8h."`
}

func (c *assignment) parse(e *env) (authz.Assignment, error) {
	s, err := e.subject(c.Subject)
	if err != nil {
		return authz.Assignment{}, err
	}
	a := authz.Assignment{Role: c.Role, Org: c.Org, Subject: s}
	if a.Store, err = storeNamed(e, c.Store); err != nil {
		return a, err
	}
	if c.For > 0 {
		a.Expires = e.DB.Now().Add(c.For)
	}
	if c.Org != "" {
		if _, err := e.Organisations.Get(e.ctx, e.caller(), c.Org); err != nil {
			return a, err
		}
	}
	return a, nil
}

// storeNamed is the id of a store that is given by id or name; empty for none.
func storeNamed(e *env, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	return inStore{name}.id(e)
}

type roleAssign struct{ assignment }

func (c *roleAssign) run(e *env) error {
	a, err := c.parse(e)
	if err != nil {
		return err
	}
	receipt, err := e.Decisions.Assign(e.ctx, e.caller(), a)
	if err != nil {
		return err
	}
	return e.done(map[string]any{"revision": receipt.Revision}, "%s has role %s%s.", c.Subject, c.Role, held(a))
}

type roleUnassign struct{ assignment }

func (c *roleUnassign) run(e *env) error {
	a, err := c.parse(e)
	if err != nil {
		return err
	}
	receipt, err := e.Decisions.Unassign(e.ctx, e.caller(), a)
	if err != nil {
		return err
	}
	return e.done(map[string]any{"revision": receipt.Revision}, "%s no longer has role %s%s.", c.Subject, c.Role, held(a))
}

type checkCommand struct {
	Subject  string `arg:"" help:"Like user:alice@example.com."`
	Action   string `arg:"" help:"The permission, like invoice:delete."`
	Resource string `arg:"" help:"Like invoice:42."`
	Org      string `help:"The organisation that the resource belongs to." placeholder:"ID"`
	Explain  bool   `help:"Show the tuples that prove it, and what policies have read."`
	known
}

// known is what a question brings besides names.
type known struct {
	About   string `name:"subject" help:"What is known of the subject: a JSON object." placeholder:"JSON"`
	With    string `name:"resource" help:"What is known of the resource: a JSON object." placeholder:"JSON"`
	Context string `help:"What else the request knows: a JSON object, in which environment and authentication may stand." placeholder:"JSON"`
}

type checkOut struct {
	Decision bool           `json:"decision"`
	Reason   string         `json:"reason"`
	Reasons  []authz.Reason `json:"reasons"`
	Missing  []string       `json:"missing,omitempty"`
	Revision uint64         `json:"revision"`
	// How the subject would have to sign in to be allowed.
	ACRValues string `json:"acr_values,omitempty"`
	MaxAge    *int64 `json:"max_age,omitempty"`
}

// shownDecision is a decision for programs.
func shownDecision(d authz.Decision) checkOut {
	out := checkOut{Decision: d.Allow, Reason: d.Reasons[0].Text, Reasons: d.Reasons, Missing: d.Missing, Revision: d.Revision}
	if d.StepUp != nil {
		out.ACRValues = d.StepUp.ACR
		if d.StepUp.MaxAge != nil {
			seconds := int64(d.StepUp.MaxAge.Seconds())
			out.MaxAge = &seconds
		}
	}
	return out
}

func (c *checkCommand) run(e *env) error {
	r, err := c.request(e)
	if err != nil {
		return coded{exitBad, err}
	}
	d, err := e.Decisions.Decide(e.ctx, r)
	if err != nil {
		return coded{exitBad, err}
	}
	out := shownDecision(d)
	err = e.print(out, func(w io.Writer) {
		answer := "denied"
		if d.Allow {
			answer = "allowed"
		}
		fmt.Fprintf(w, "%s: %s\n", answer, visible(out.Reason))
		for _, r := range d.Reasons {
			if len(d.Reasons) > 1 {
				fmt.Fprintf(w, "  %s\n", visible(r.Text))
			}
			for _, t := range r.Path {
				fmt.Fprintf(w, "  %s\n", visible(t))
			}
			for _, name := range slices.Sorted(maps.Keys(r.Values)) {
				fmt.Fprintf(w, "    %s = %s\n", visible(name), visible(r.Values[name]))
			}
		}
	})
	if err == nil && !d.Allow {
		return coded{code: exitFailed}
	}
	return err
}

// request is the question.
func (c checkCommand) request(e *env) (authz.Request, error) {
	s, err := e.subject(c.Subject)
	if err != nil {
		return authz.Request{}, err
	}
	kind, name, ok := strings.Cut(c.Resource, ":")
	if !ok {
		return authz.Request{}, errs.Bad("RESOURCE", "must be like invoice:42")
	}
	r := authz.Request{
		Tenant: e.caller().Tenant(), Subject: authz.Subject{Type: s.Type, ID: s.ID}, Action: authz.Action{Name: c.Action},
		Resource: authz.Resource{Type: kind, ID: name}, Options: authz.Options{Explain: c.Explain},
	}
	for _, part := range []struct {
		flag, text string
		into       *authz.Properties
	}{
		{"--subject", c.About, &r.Subject.Properties}, {"--resource", c.With, &r.Resource.Properties}, {"--context", c.Context, &r.Context},
	} {
		if part.text == "" {
			continue
		}
		if err := strict.Unmarshal([]byte(part.text), part.into); err != nil {
			return authz.Request{}, errs.Bad(part.flag, "must be a JSON object")
		}
	}
	if c.Org != "" {
		if r.Resource.Properties == nil {
			r.Resource.Properties = authz.Properties{}
		}
		r.Resource.Properties["org"] = c.Org
	}
	return e.Decisions.Trusted(r)
}
