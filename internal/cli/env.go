package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/app"
	"github.com/cardea-auth/cardea/internal/identity"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
)

// grammar is the whole command line.
type grammar struct {
	global

	Serve      serveCommand      `cmd:"" help:"Start the server."`
	SetupLink  setupLinkCommand  `cmd:"" name:"setup-link" help:"Make a new link for the first administrator."`
	User       userCommands      `cmd:"" help:"Accounts of people."`
	App        appCommands       `cmd:"" help:"Applications: OAuth clients."`
	Role       roleCommands      `cmd:"" help:"Roles, and who has them."`
	Group      groupCommands     `cmd:"" help:"Groups of subjects, to give roles to."`
	Scope      scopeCommands     `cmd:"" help:"Scopes, in the words that people read."`
	Check      checkCommand      `cmd:"" help:"Ask whether somebody may do something, and why. Exits 0 if allowed, 1 if denied, 2 on error."`
	Authz      authzCommands     `cmd:"" help:"Stores of relation tuples, policies, and which of them decide."`
	Org        orgCommands       `cmd:"" help:"Organisations, members and invitations."`
	Apikey     apikeyCommands    `cmd:"" help:"API keys of people and services."`
	Keys       keysCommands      `cmd:"" help:"Signing keys."`
	Session    sessionCommands   `cmd:"" help:"Sessions of people."`
	Tenant     tenantCommands    `cmd:"" help:"Tenants: issuers with their own users, applications and keys."`
	Audit      auditCommands     `cmd:"" help:"What happened, and the proof of it."`
	Backup     backupCommand     `cmd:"" help:"Write a consistent copy of the database, while the server works."`
	Restore    restoreCommand    `cmd:"" help:"Put a backup in place of the database. The server must not run."`
	Export     exportCommand     `cmd:"" help:"Write all data in a form that every engine can import."`
	Import     importCommand     `cmd:"" help:"Fill an empty data directory from an export."`
	Migrate    migrateCommands   `cmd:"" help:"Upgrade the database, and how far that can be taken back."`
	Config     configCommands    `cmd:"" help:"Check, print or explain the configuration."`
	Health     healthCommand     `cmd:"" help:"Ask whether the server on this machine is ready. Exits 1 if not."`
	Completion completionCommand `cmd:"" help:"Print a script that makes a shell complete commands and flags."`
	Version    versionCommand    `cmd:"" help:"Print the version."`
}

// global are the flags that every command has.
type global struct {
	Data     string `help:"Data directory (default ./cardea-data, with --dev ./cardea-dev)." placeholder:"DIR"`
	Config   string `help:"Configuration file." placeholder:"FILE"`
	Database string `help:"PostgreSQL or MongoDB database, without a password (default: a file in the data directory)." placeholder:"URL"`
	Dev      bool   `help:"Development: demo data, mails to a page, loopback only."`
	Tenant   string `help:"The tenant that the command is about." default:"default"`
	JSON     bool   `name:"json" help:"Print JSON, for programs."`
}

// env is what a command over an App has.
type env struct {
	ctx context.Context
	*app.App
	global *global
	who    string // the operator, for the audit log
	stdin  string
	dir    string // working directory of who has typed the command
	out    io.Writer

	progress func(step string, done, total int64)
}

// caller is the operator, acting in the tenant of the command.
func (e *env) caller() access.Caller { return e.in(id.Tenant(e.global.Tenant)) }

func (e *env) in(t id.Tenant) access.Caller { return access.Operator(t, e.who, "command line") }

// print writes v as JSON, or else what human writes.
func (e *env) print(v any, human func(w io.Writer)) error {
	if !e.global.JSON {
		human(e.out)
		return nil
	}
	enc := json.NewEncoder(e.out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// done reports success: a sentence for people, {"ok":true} and more for programs.
func (e *env) done(more map[string]any, format string, args ...any) error {
	if more == nil {
		more = map[string]any{}
	}
	more["ok"] = true
	return e.print(more, func(w io.Writer) { fmt.Fprintf(w, format+"\n", args...) })
}

// table writes rows under headings.
func table(w io.Writer, headings string, rows func(row func(cells ...any))) {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, strings.ReplaceAll(headings, " ", "\t"))
	rows(func(cells ...any) {
		texts := make([]string, len(cells))
		for i, c := range cells {
			texts[i] = visible(fmt.Sprint(c))
		}
		fmt.Fprintln(t, strings.Join(texts, "\t"))
	})
	_ = t.Flush()
}

// visible makes text from strangers harmless on a terminal: no control characters, no reordering.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '?'
		}
		return r
	}, s)
}

// all reads every page of a list.
func all[T any](list func(page.Request) (page.Page[T], error)) ([]T, error) {
	out := []T{}
	for r := (page.Request{Limit: page.MaxLimit}); ; {
		p, err := list(r)
		if err != nil {
			return nil, err
		}
		out = append(out, p.Items...)
		if r.Cursor = p.Next; r.Cursor == "" {
			return out, nil
		}
	}
}

// user finds an account by address or id.
func (e *env) user(text string) (*identity.User, error) {
	if strings.Contains(text, "@") {
		return e.Accounts.ByEmail(e.ctx, e.caller(), text)
	}
	return e.Accounts.Get(e.ctx, e.caller(), text)
}

// subject reads TYPE:ID; for users the id may be an address. Without a type it is a user.
func (e *env) subject(text string) (store.SubjectRef, error) {
	kind, name, ok := strings.Cut(text, ":")
	if !ok || strings.Contains(kind, "@") {
		kind, name = access.TypeUser, text
	}
	name, relation, _ := strings.Cut(name, "#")
	if name == "" {
		return store.SubjectRef{}, errs.Bad("SUBJECT", "must be like user:alice@example.com")
	}
	if kind == access.TypeUser && strings.Contains(name, "@") {
		u, err := e.user(name)
		if err != nil {
			return store.SubjectRef{}, err
		}
		name = u.ID
	}
	return store.SubjectRef{Type: kind, ID: name, Relation: relation}, nil
}
