package point

import (
	"context"
	"io/fs"
	"regexp"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/egress"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
)

// Rego says that a point is a bundle of Rego policies, which is evaluated in this process.
type Rego struct {
	Version int    `json:"version"` // of the language, 0 or 1, where the bundle says nothing of a file
	Query   string `json:"query"`   // the rule that permits if it is true, as data.package.rule
}

// Bundle is where policies and their data documents are: one of the two is set.
type Bundle struct {
	Archive []byte // a bundle of OPA: tar, compressed with gzip
	Dir     fs.FS
}

// Evaluator makes bundles ready. It is given by a program that was built with one.
type Evaluator interface {
	Prepare(ctx context.Context, r Rego, b Bundle) (Prepared, error)
}

// Prepared is a bundle that can be asked. It is safe for concurrent use.
type Prepared interface {
	// Permits reports whether the rule is true. What is neither true, false nor undefined is an error.
	Permits(ctx context.Context, q Question) (bool, error)
}

// reloadAfter is how old a bundle may be.
const reloadAfter = 30 * time.Second

func (p *Points) checkRego(s Settings) error {
	switch {
	case p.config.Rego == nil:
		return errs.New(errs.Unsupported, "rego_not_built", "This program was built without Rego.")
	case s.Rego.Version != 0 && s.Rego.Version != 1:
		return errs.Bad("/rego/version", "must be 0 or 1")
	case len(s.Rego.Query) > maxText || !regexp.MustCompile(`^data(\.[A-Za-z_][A-Za-z0-9_]*)+$`).MatchString(s.Rego.Query):
		return errs.Bad("/rego/query", "must name a rule, as data.package.rule")
	}
	return nil
}

// evaluate asks a bundle. It is read anew when it is old; one that cannot be read or compiled answers
// nothing.
func (l *line) evaluate(ctx context.Context, p *Points, t id.Tenant, doc *Point, qs []Question) ([]Answer, error) {
	prepared, err := l.bundle(ctx, p, t, doc)
	if err != nil {
		return nil, err
	}
	out := make([]Answer, len(qs))
	for i, q := range qs {
		if out[i].Permit, err = prepared.Permits(ctx, q.plain()); err != nil {
			return nil, errs.Wrap(errs.Unavailable, err, "rego_failed", "The policy could not be evaluated.")
		}
	}
	return out, nil
}

// bundle is the bundle of a point. Whoever finds it old reads it, and the others wait.
func (l *line) bundle(ctx context.Context, p *Points, t id.Tenant, doc *Point) (Prepared, error) {
	if p.config.Rego == nil {
		return nil, errs.New(errs.Unsupported, "rego_not_built", "This program was built without Rego.")
	}
	select {
	case l.reading <- struct{}{}:
		defer func() { <-l.reading }()
	case <-ctx.Done():
		return nil, errs.Busy(time.Second, ctx.Err(), "rego_failed", "The policy could not be evaluated in time.")
	}
	now := p.config.DB.Now()
	if l.prepared != nil && now.Sub(l.read) < reloadAfter && !now.Before(l.read) {
		return l.prepared, nil
	}
	b, err := l.fetch(ctx, p, t, doc)
	if err != nil {
		return nil, err
	}
	l.prepared = nil
	prepared, err := p.config.Rego.Prepare(ctx, *doc.Rego, b)
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "rego_failed", "The bundle of policies is not sound.")
	}
	l.prepared, l.read = prepared, now
	return prepared, nil
}

func (l *line) fetch(ctx context.Context, p *Points, t id.Tenant, doc *Point) (Bundle, error) {
	if doc.URL == "" {
		dir, err := p.config.Bundles(t, doc.ID)
		if err != nil {
			return Bundle{}, errs.Wrap(errs.Unavailable, err, "rego_failed", "There is no bundle of policies.")
		}
		return Bundle{Dir: dir}, nil
	}
	header := map[string][]string{}
	if token := doc.Credential.Reveal(); token != "" {
		header["Authorization"] = []string{"Bearer " + token}
	}
	r, err := l.client.Do(ctx, egress.Decision, egress.Request{URL: doc.URL, Header: header})
	if err == nil && r.Status != 200 {
		err = errs.New(errs.Unavailable, "rego_failed", "There is no bundle of policies.")
	}
	if err != nil {
		return Bundle{}, err
	}
	return Bundle{Archive: r.Body}, nil
}
