package point

import (
	"context"
	"crypto/x509"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/egress"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store"
)

// Point is a decision point of somebody else. Its name is its id.
type Point struct {
	store.Meta
	Settings
	Created    time.Time    `json:"created"`
	Updated    time.Time    `json:"updated"`
	Credential secret.Value `json:"-"` // sent as bearer token; empty: none is
}

// Settings are what an administrator says of a point.
type Settings struct {
	Description string `json:"description,omitzero"`
	// URL is the address before /access/v1/evaluation, without a slash at its end; of Rego that of a bundle,
	// and empty for one in a directory of the operator.
	URL string `json:"url,omitzero"`
	// Timeout bounds a question and its answer, in milliseconds; 0: DefaultTimeout.
	Timeout int64 `json:"timeout_ms,omitzero"`
	// CA holds certificates in PEM, of which one must stand behind that of the point; empty: the system's.
	CA string `json:"ca,omitzero"`
	// Rego has a bundle evaluated here, in place of asking somebody who speaks AuthZEN; nil: not.
	Rego *Rego `json:"rego,omitzero"`
}

// Bounds of points.
const (
	MaxPoints      = 20   // of a tenant
	DefaultTimeout = 1000 // milliseconds
	MinTimeout     = 10
	MaxTimeout     = 3000
	maxText        = 500
	maxCA          = 64 << 10
	maxCredential  = 4096
)

func kind() store.Kind[Point] {
	return store.Kind[Point]{
		Name: "decision_point", Noun: "decision point",
		Meta:   func(p *Point) *store.Meta { return &p.Meta },
		Sealed: []store.SealedField[Point]{{Name: "credential", Of: func(p *Point) *secret.Value { return &p.Credential }}},
	}
}

// Points are the decision points of all tenants.
type Points struct {
	config Config
	all    *store.Collection[Point]
	lines  *lines
}

// Config is what Points need. All is required but InUse and Failed.
type Config struct {
	DB     *store.DB
	Guard  *access.Guard
	Egress *egress.Client
	// Issuer is the address of a tenant here, by which it knows a question that has come round.
	Issuer func(t id.Tenant) string
	// InUse tells whether decisions of a tenant rest on a point, which then cannot be removed. Nil: never.
	InUse func(ctx context.Context, t id.Tenant, name string) (bool, error)
	// Rego evaluates bundles; nil: points cannot be bundles.
	Rego Evaluator
	// Bundles is the directory of a bundle that the operator has put beside the server. Needed with Rego.
	Bundles func(t id.Tenant, name string) (fs.FS, error)
	// Failed hears of the first failure after an answer, for the log. It must not block.
	Failed func(t id.Tenant, name string, err error)
}

// New makes the points of a DB.
func New(c Config) *Points {
	p := &Points{config: c, all: store.NewCollection(c.DB, kind()), lines: newLines(c)}
	c.DB.OnChanged(kind().Name, func(_ context.Context, t id.Tenant) { p.lines.drop(t) })
	return p
}

func object(name string) access.Object { return access.Object{Type: "cardea:decision_point", ID: name} }

// List lists the points of a tenant by name.
func (p *Points) List(ctx context.Context, c access.Caller) ([]*Point, error) {
	if _, err := p.config.Guard.Allow(ctx, c, "point.read", object("")); err != nil {
		return nil, err
	}
	found, err := p.all.In(c.Tenant()).Find(ctx, store.Query{Request: page.Request{Limit: MaxPoints}})
	return found.Items, err
}

// Set makes a point or changes one. A nil credential keeps the one there is, unless the point is at another
// address than before: whoever does not know a credential must not have it sent elsewhere.
func (p *Points) Set(ctx context.Context, c access.Caller, name string, s Settings, credential *secret.Value) (*Point, error) {
	permit, err := p.config.Guard.Allow(ctx, c, "point.write", object(name))
	if err != nil {
		return nil, err
	}
	if s, err = p.check(c.Tenant(), name, s, credential); err != nil {
		return nil, err
	}
	in, now := p.all.In(c.Tenant()), p.config.DB.Now()
	defer p.lines.drop(c.Tenant()) // also where it is not known whether anything was written
	change := func(doc *Point) (store.Batch, error) {
		if credential == nil && doc.Credential.Reveal() != "" && doc.URL != s.URL {
			return store.Batch{}, errs.Bad("/credential", "must be given again where the address changes")
		}
		doc.Settings, doc.Updated = s, now
		if credential != nil {
			doc.Credential = *credential
		}
		return store.Batch{Permit: permit, Events: []store.Event{{
			Kind: "decision_point.set", Object: object(name), Public: map[string]string{"url": s.URL},
		}}}, nil
	}
	doc, err := in.Update(ctx, name, change)
	if !errs.Is(err, errs.NotFound) {
		return doc, err
	}
	n, err := in.Count(ctx, MaxPoints, "")
	if err == nil && n >= MaxPoints {
		err = errs.New(errs.Precondition, "too_many_decision_points", "A tenant has at most %d decision points.", MaxPoints)
	}
	if err != nil {
		return nil, err
	}
	doc = &Point{Meta: store.Meta{ID: name}, Created: now}
	batch, err := change(doc)
	if err != nil {
		return nil, err
	}
	batch.Docs = []store.DocOp{in.Insert(ctx, doc)}
	_, err = p.config.DB.Commit(ctx, batch)
	return doc, err
}

func (p *Points) check(t id.Tenant, name string, s Settings, credential *secret.Value) (Settings, error) {
	if s.Timeout == 0 {
		s.Timeout = DefaultTimeout
	}
	switch {
	case t == id.System:
		return s, errs.New(errs.Precondition, "system_tenant", "The tenant of the platform itself is ruled by roles alone.")
	case !regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`).MatchString(name):
		return s, errs.Bad("/name", "must be 1 to 63 of lower-case letters, digits and -, and begin with a letter")
	case len(s.Description) > maxText:
		return s, errs.Bad("/description", "must not be longer than %d bytes", maxText)
	case strings.HasSuffix(s.URL, "/") || strings.ContainsAny(s.URL, "?#"):
		return s, errs.Bad("/url", "must be the address before /access/v1/evaluation: without query, and without a slash at its end")
	case strings.EqualFold(s.URL, p.config.Issuer(t)):
		return s, errs.Bad("/url", "must not be this tenant's own address: it would ask itself")
	case s.Timeout < MinTimeout || s.Timeout > MaxTimeout:
		return s, errs.Bad("/timeout_ms", "must lie between %d and %d", MinTimeout, MaxTimeout)
	case credential != nil && (len(credential.Reveal()) > maxCredential || strings.ContainsFunc(credential.Reveal(), func(r rune) bool { return r <= ' ' || r > '~' })):
		return s, errs.Bad("/credential", "must have at most %d printable ASCII characters and no space", maxCredential)
	}
	if _, err := roots(s.CA); err != nil {
		return s, err
	}
	if s.Rego != nil {
		if err := p.checkRego(s); err != nil || s.URL == "" {
			return s, err
		}
	}
	if err := p.config.Egress.Check(egress.Decision, s.URL); err != nil {
		return s, errs.Bad("/url", "%s", strings.ToLower(errs.From(err).Text[:1])+strings.TrimSuffix(errs.From(err).Text[1:], "."))
	}
	return s, nil
}

// roots are the certificates of a text; nil for none, which means the system's.
func roots(pem string) (*x509.CertPool, error) {
	if pem == "" {
		return nil, nil
	}
	pool := x509.NewCertPool()
	if len(pem) > maxCA || !pool.AppendCertsFromPEM([]byte(pem)) {
		return nil, errs.Bad("/ca", "must hold certificates in PEM, at most %d bytes", maxCA)
	}
	return pool, nil
}

// Remove forgets a point that no decision plan names.
func (p *Points) Remove(ctx context.Context, c access.Caller, name string) error {
	permit, err := p.config.Guard.Allow(ctx, c, "point.write", object(name))
	if err != nil {
		return err
	}
	in := p.all.In(c.Tenant())
	doc, err := in.Get(ctx, name)
	if err != nil {
		return err
	}
	if p.config.InUse != nil {
		used, err := p.config.InUse(ctx, c.Tenant(), name)
		if err != nil {
			return err
		}
		if used {
			return errs.New(errs.Precondition, "decision_point_in_use", "A decision plan names the decision point; take it out of there first.")
		}
	}
	defer p.lines.drop(c.Tenant())
	_, err = p.config.DB.Commit(ctx, store.Batch{
		Permit: permit, Docs: []store.DocOp{in.Delete(doc)}, Events: []store.Event{{Kind: "decision_point.removed", Object: object(name)}},
	})
	return err
}

// Known fails if the tenant has no such point.
func (p *Points) Known(ctx context.Context, t id.Tenant, name string) error {
	_, err := p.all.In(t).Get(ctx, name)
	return instead(err)
}

func instead(err error) error {
	if errs.Is(err, errs.NotFound) {
		return errs.New(errs.NotFound, "decision_point_not_found", "There is no such decision point.")
	}
	return err
}

// cameRound reports whether a question has been asked here before, on its way.
func (p *Points) cameRound(t id.Tenant, askedBy []string) bool {
	return slices.ContainsFunc(askedBy, func(by string) bool { return strings.EqualFold(by, p.config.Issuer(t)) })
}
