package cli

import (
	"io"
	"os"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/internal/authz/point"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/secret"
)

type authzPoint struct {
	List   pointList   `cmd:"" help:"List decision points outside, which decision plans can name."`
	Set    pointSet    `cmd:"" help:"Say where a decision point is, and how it is asked."`
	Remove pointRemove `cmd:"" help:"Remove a decision point that no decision plan names."`
}

type pointList struct{}

type pointOut struct {
	Name          string `json:"name"`
	URL           string `json:"url"`
	Timeout       int64  `json:"timeout_ms"`
	HasCredential bool   `json:"has_credential"`
	Description   string `json:"description,omitempty"`
}

func (c *pointList) run(e *env) error {
	all, err := e.Points.List(e.ctx, e.caller())
	if err != nil {
		return err
	}
	out := make([]pointOut, len(all))
	for i, p := range all {
		out[i] = pointOut{p.ID, p.URL, p.Timeout, p.Credential.Reveal() != "", p.Description}
	}
	return e.print(out, func(w io.Writer) {
		table(w, "NAME URL TIMEOUT_MS CREDENTIAL DESCRIPTION", func(row func(...any)) {
			for _, p := range out {
				row(p.Name, p.URL, p.Timeout, p.HasCredential, p.Description)
			}
		})
	})
}

type pointSet struct {
	Name        string        `arg:"" help:"Name, by which decision plans name it."`
	URL         string        `arg:"" optional:"" help:"The address before /access/v1/evaluation; with --rego that of a bundle, or none for one in the data directory, in bundles/TENANT/NAME."`
	Description string        `help:"What it decides."`
	Timeout     time.Duration `help:"For a question and its answer." default:"1s"`
	CA          string        `name:"ca" help:"File of certificates in PEM to trust in place of the system's." placeholder:"FILE"`

	Rego  string `help:"Evaluate a bundle of Rego here, of this version of the language where it says nothing of a file." enum:",v0,v1" default:""`
	Query string `help:"With --rego: the rule that permits if it is true." default:"data.cardea.allow"`

	CredentialStdin bool `help:"Read from standard input what is sent as bearer token; by default it stays as it is." xor:"credential"`
	NoCredential    bool `help:"Send no credential." xor:"credential"`
}

func (c *pointSet) readsStdin() bool { return c.CredentialStdin }

func (c *pointSet) run(e *env) error {
	s := point.Settings{Description: c.Description, URL: c.URL, Timeout: c.Timeout.Milliseconds()}
	if c.Rego != "" {
		s.Rego = &point.Rego{Query: c.Query}
		if c.Rego == "v1" {
			s.Rego.Version = 1
		}
	}
	if c.CA != "" {
		text, err := os.ReadFile(absolute(e.dir, c.CA))
		if err != nil {
			return err
		}
		s.CA = string(text)
	}
	var credential *secret.Value
	if c.CredentialStdin || c.NoCredential {
		given := secret.New(strings.TrimRight(e.stdin, "\r\n"))
		credential = &given
	}
	if c.CredentialStdin && credential.Empty() {
		return errs.Bad("credential", "is empty: standard input held none")
	}
	if _, err := e.Points.Set(e.ctx, e.caller(), c.Name, s, credential); err != nil {
		return err
	}
	return e.done(map[string]any{"name": c.Name}, "Decision point %s is set; it is asked where a decision plan names it.", c.Name)
}

type pointRemove struct {
	Name string `arg:"" help:"Name of the decision point."`
}

func (c *pointRemove) run(e *env) error {
	if err := e.Points.Remove(e.ctx, e.caller(), c.Name); err != nil {
		return err
	}
	return e.done(nil, "Decision point %s is gone.", c.Name)
}
