package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/internal/identity/email"
	"github.com/cardea-auth/cardea/internal/keyring"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store/portable"
	"github.com/cardea-auth/cardea/internal/tenant"
)

type orgCommands struct {
	Add        orgAdd        `cmd:"" help:"Open an organisation."`
	List       orgList       `cmd:"" help:"List organisations."`
	Show       orgShow       `cmd:"" help:"Show an organisation and its members."`
	Update     orgUpdate     `cmd:"" help:"Change an organisation."`
	Delete     orgDelete     `cmd:"" help:"Remove an organisation without members."`
	Invite     orgInvite     `cmd:"" help:"Mail an invitation."`
	Member     orgMember     `cmd:"" help:"Members of an organisation."`
	Invitation orgInvitation `cmd:"" help:"Invitations that were mailed."`
}

type orgAdd struct {
	Name   string   `arg:"" help:"Name that people see."`
	Domain []string `help:"Mail domain of its members; may be repeated." sep:"none"`
}

func (c *orgAdd) run(e *env) error {
	o, err := e.Organisations.Create(e.ctx, e.caller(), c.Name, c.Domain)
	if err != nil {
		return err
	}
	return e.done(map[string]any{"id": o.ID}, "%s is the organisation %s.", o.ID, visible(o.Name))
}

type orgOut struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Domains  []string `json:"domains,omitempty"`
	Disabled bool     `json:"disabled"`
	Members  []string `json:"members,omitempty"`
}

type orgList struct{}

func (*orgList) run(e *env) error {
	list, err := all(func(r page.Request) (page.Page[*tenant.Organisation], error) {
		return e.Organisations.List(e.ctx, e.caller(), "", r)
	})
	if err != nil {
		return err
	}
	out := make([]orgOut, len(list))
	for i, o := range list {
		out[i] = orgOut{ID: o.ID, Name: o.Name, Domains: o.Domains, Disabled: o.Disabled}
	}
	return e.print(out, func(w io.Writer) {
		table(w, "ID NAME DOMAINS", func(row func(...any)) {
			for _, o := range out {
				row(o.ID, o.Name, strings.Join(o.Domains, ","))
			}
		})
	})
}

type orgShow struct {
	Org string `arg:"" help:"Id of the organisation."`
}

func (c *orgShow) run(e *env) error {
	o, err := e.Organisations.Get(e.ctx, e.caller(), c.Org)
	if err != nil {
		return err
	}
	members, err := all(func(r page.Request) (page.Page[*tenant.Member], error) {
		return e.Organisations.Members(e.ctx, e.caller(), c.Org, r)
	})
	if err != nil {
		return err
	}
	out := orgOut{ID: o.ID, Name: o.Name, Domains: o.Domains, Disabled: o.Disabled}
	for _, m := range members {
		out.Members = append(out.Members, m.User)
	}
	return e.print(out, func(w io.Writer) {
		fmt.Fprintf(w, "%s  %s\n", out.ID, visible(out.Name))
		for _, m := range out.Members {
			fmt.Fprintf(w, "member %s\n", m)
		}
	})
}

type orgDelete struct {
	Org string `arg:"" help:"Id of the organisation."`
}

func (c *orgDelete) run(e *env) error {
	if err := e.Organisations.Delete(e.ctx, e.caller(), c.Org); err != nil {
		return err
	}
	return e.done(nil, "The organisation is gone.")
}

type orgInvite struct {
	Org   string `arg:"" help:"Id of the organisation."`
	Email string `arg:"" help:"Whom to invite."`
	Role  string `help:"Role in the organisation that the person gets."`
}

func (c *orgInvite) run(e *env) error {
	a, err := email.Parse(c.Email)
	if err != nil {
		return err
	}
	i, err := e.Organisations.Invite(e.ctx, e.caller(), tenant.NewInvitation{
		Org: c.Org, To: a.String(), Canonical: string(a.Canonical()), Role: c.Role, Link: e.InvitationLink(e.caller().Tenant()),
	})
	if err != nil {
		return err
	}
	return e.done(map[string]any{"expires": i.Expires}, "An invitation is on its way to %s; it is good until %s.", a, i.Expires.Format(time.RFC3339))
}

type orgUpdate struct {
	Org     string   `arg:"" help:"Id of the organisation."`
	Name    *string  `help:"Name that people see."`
	Domain  []string `help:"Mail domain of its members, in place of those that it has; may be repeated." sep:"none"`
	Disable bool     `help:"Refuse it: no token for it, no membership in it counts." xor:"state"`
	Enable  bool     `help:"Let it in again." xor:"state"`
}

func (c *orgUpdate) run(e *env) error {
	o, err := e.Organisations.Update(e.ctx, e.caller(), c.Org, func(o *tenant.Organisation) error {
		set(&o.Name, c.Name)
		if len(c.Domain) > 0 {
			o.Domains = c.Domain
		}
		if c.Disable || c.Enable {
			o.Disabled = c.Disable
		}
		return nil
	})
	if err != nil {
		return err
	}
	return e.done(map[string]any{"id": o.ID}, "The organisation %s is changed.", visible(o.Name))
}

// set changes what was named on the command line.
func set[T any](to *T, named *T) {
	if named != nil {
		*to = *named
	}
}

type orgInvitation struct {
	List     invitationList     `cmd:"" help:"List the invitations of an organisation, spent ones too."`
	Withdraw invitationWithdraw `cmd:"" help:"Withdraw an invitation."`
}

type invitationList struct {
	Org string `arg:"" help:"Id of the organisation."`
}

type invitationOut struct {
	ID      string     `json:"id"`
	Email   string     `json:"email"`
	Role    string     `json:"role,omitempty"`
	Expires time.Time  `json:"expires"`
	Spent   *time.Time `json:"spent,omitempty"`
}

func (c *invitationList) run(e *env) error {
	list, err := all(func(r page.Request) (page.Page[*tenant.Invitation], error) {
		return e.Organisations.Invitations(e.ctx, e.caller(), c.Org, r)
	})
	if err != nil {
		return err
	}
	out := make([]invitationOut, len(list))
	for i, x := range list {
		out[i] = invitationOut{ID: x.Public, Email: x.Email, Role: x.Role, Expires: x.Expires}
		if !x.Spent.IsZero() {
			out[i].Spent = &x.Spent
		}
	}
	return e.print(out, func(w io.Writer) {
		table(w, "ID EMAIL ROLE EXPIRES SPENT", func(row func(...any)) {
			for _, x := range out {
				row(x.ID, x.Email, x.Role, x.Expires.Format(time.DateOnly), x.Spent != nil)
			}
		})
	})
}

type invitationWithdraw struct {
	Org        string `arg:"" help:"Id of the organisation."`
	Invitation string `arg:"" help:"Id of the invitation."`
}

func (c *invitationWithdraw) run(e *env) error {
	if err := e.Organisations.Withdraw(e.ctx, e.caller(), c.Org, c.Invitation); err != nil {
		return err
	}
	return e.done(nil, "The invitation cannot be accepted any more.")
}

type orgMember struct {
	Add    memberAdd    `cmd:"" help:"Make a user a member."`
	Remove memberRemove `cmd:"" help:"End a membership, and what the user held in the organisation."`
}

type memberAdd struct {
	Org  string `arg:"" help:"Id of the organisation."`
	User string `arg:"" help:"Address or id."`
}

func (c *memberAdd) run(e *env) error {
	u, err := e.user(c.User)
	if err == nil {
		_, err = e.Organisations.AddMember(e.ctx, e.caller(), c.Org, u.ID)
	}
	if err != nil {
		return err
	}
	return e.done(nil, "%s is a member.", u.Email)
}

type memberRemove struct {
	Org  string `arg:"" help:"Id of the organisation."`
	User string `arg:"" help:"Address or id."`
}

func (c *memberRemove) run(e *env) error {
	u, err := e.user(c.User)
	if err != nil {
		return err
	}
	held, err := e.Decisions.RolesInOrg(e.ctx, e.caller().Tenant(), u.ID, c.Org)
	if err != nil {
		return err
	}
	if err := e.Organisations.RemoveMember(e.ctx, e.caller(), c.Org, u.ID, held); err != nil {
		return err
	}
	return e.done(nil, "%s is no longer a member.", u.Email)
}

type keysCommands struct {
	List   keysList   `cmd:"" help:"List signing keys."`
	Rotate keysRotate `cmd:"" help:"Plan a new signing key: published now, signing once everybody has seen it."`
	Revoke keysRevoke `cmd:"" help:"For a key that may have leaked: its signatures do not count any more."`
}

type keysList struct{}

func (*keysList) run(e *env) error {
	keys, err := e.Keys.List(e.ctx, e.caller())
	if err != nil {
		return err
	}
	return e.print(keys, func(w io.Writer) {
		table(w, "KID PURPOSE ALG STATE CREATED", func(row func(...any)) {
			for _, k := range keys {
				row(k.ID, k.Purpose, k.Alg, k.State, k.Created.Format(time.RFC3339))
			}
		})
	})
}

type keysRotate struct {
	Purpose string `help:"token, logout, context or checkpoint." default:"token"`
	Alg     string `help:"Algorithm; by default the purpose's own."`
}

func (c *keysRotate) run(e *env) error {
	p := keyring.Purpose(c.Purpose)
	a := keyring.Alg(c.Alg)
	if algs := p.Algs(); a == "" && len(algs) > 0 {
		a = algs[0]
	}
	k, err := e.Keys.Rotate(e.ctx, e.caller(), p, a)
	if err != nil {
		return err
	}
	return e.done(map[string]any{"key": k}, "Key %s is published and signs from %s.", k.ID, k.Ready.Format(time.RFC3339))
}

type keysRevoke struct {
	Kid string `arg:"" help:"Id of the key."`
}

func (c *keysRevoke) run(e *env) error {
	k, err := e.Keys.Revoke(e.ctx, e.caller(), c.Kid)
	if err != nil {
		return err
	}
	return e.done(map[string]any{"key": k}, "Signatures of key %s do not count any more.", k.ID)
}

type backupCommand struct {
	File string `arg:"" help:"New file."`
}

func (c *backupCommand) run(e *env) error {
	path := absolute(e.dir, c.File)
	if err := e.Backup(e.ctx, path); err != nil {
		return err
	}
	return e.done(map[string]any{"file": path}, "Backup written to %s. The master key is not in it.", path)
}

type exportCommand struct {
	File string `arg:"" help:"New file."`
}

func (c *exportCommand) run(e *env) error {
	path := absolute(e.dir, c.File)
	done, err := e.ExportTo(e.ctx, path, e.progress)
	if err != nil {
		return fmt.Errorf("exporting: %w", err)
	}
	return e.print(moved{true, path, done.Docs, done.Tuples, done.Kept, done.Parts}, func(w io.Writer) {
		printParts(w, done.Parts)
		if done.Kept > 0 {
			fmt.Fprintf(w, "%d documents were there already, from an export that was interrupted.\n", done.Kept)
		}
		fmt.Fprintf(w, "%d documents and %d tuples written to %s.\n", done.Docs, done.Tuples, path)
	})
}

// moved says what an export or import has moved.
type moved struct {
	OK        bool            `json:"ok"`
	File      string          `json:"file,omitempty"`
	Documents int64           `json:"documents"`
	Tuples    int64           `json:"tuples"`
	Kept      int64           `json:"kept,omitempty"` // documents that an interrupted export had already
	Parts     []portable.Part `json:"parts"`
}

// printParts shows what there is, without what is empty.
func printParts(w io.Writer, parts []portable.Part) {
	table(w, "COLLECTION COUNT SHA-256", func(row func(...any)) {
		for _, p := range parts {
			if p.Count > 0 {
				row(p.Name, p.Count, p.SHA256)
			}
		}
	})
}
