package authz

import (
	"context"
	"strconv"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz/builtin"
	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/index"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
)

// Properties are attributes that the asking application states (AuthZEN 1.0, section 5).
type Properties map[string]any

// Subject is who would act.
type Subject struct {
	Type, ID   string
	Properties Properties
}

// Action is what it would do. The name is the permission: invoice:delete.
type Action struct {
	Name       string
	Properties Properties
}

// Resource is what it would be done to. The property "org" names the organisation it belongs to;
// an org is a resource of itself.
type Resource struct {
	Type, ID   string
	Properties Properties
}

// Request is the question.
type Request struct {
	Tenant   id.Tenant
	Subject  Subject
	Action   Action
	Resource Resource
	Context  Properties
	Options  Options
	// InStore makes it a question to one store of an application alone; nil: as the plan says.
	InStore *InStore `json:",omitzero"`
}

// Options say how the question is to be answered.
type Options struct {
	AtLeast      uint64 // the answer must know of this revision (Decision.Revision of a write); 0: the newest known here
	StoreAtLeast uint64 // the same, of the store that the plan names
	Explain      bool   // fill Reason.Path and Reason.Values
	// Hide leaves out of an explanation what whoever asks may not read: tuples of stores, and what is known
	// of accounts.
	Hide Hide
	// Environment is what policies are told of the moment.
	Environment Environment
	// AskedBy are those who have passed the question on to here, first to last.
	AskedBy []string
	// Suppose answers as if something were otherwise; nil: as things are.
	Suppose *Suppose

	among among
}

// Hide says what an explanation must not show.
type Hide struct {
	Tuples   bool // of stores
	Subject  bool // what is known of the subject's account
	Accounts bool // what is known of other accounts
}

// Decision is the answer. The zero value denies.
type Decision struct {
	Allow    bool
	Reasons  []Reason // at least one
	Missing  []string // on a deny: the permission that would allow it
	Revision uint64   // of the tuples that were looked at
	Basis    Basis    // of what else was looked at
	StepUp   *StepUp  // on a deny: how the subject would have to prove itself to be allowed
}

// Basis is what a decision rests on besides roles. It is empty where roles answer alone.
type Basis struct {
	Planned       bool           `json:"planned,omitzero"`
	Policies      map[string]int `json:"policies,omitzero"` // version of each set that was asked; 0: a draft
	Store         string         `json:"store,omitzero"`
	Model         string         `json:"model,omitzero"`
	StoreRevision uint64         `json:"store_revision,omitzero"`
	StoreOwn      uint64         `json:"store_own,omitzero"` // of the tenant's own tuples, if the store uses those
	Assumed       int            `json:"-"`                  // of a decision about the past: see StoreAnswer.Assumed
}

// Bounds of a question; longer ones are Invalid.
const (
	maxName = 256
	maxID   = 1024
)

// Subjects tells whether a subject may act at all. It is given by wiring; identity knows.
type Subjects interface {
	// Barred returns why the subject is barred from everything, or "". An unknown one is not barred:
	// it just has nothing.
	Barred(ctx context.Context, t id.Tenant, subjectType, subjectID string) (string, error)
}

// Engine decides for all tenants.
type Engine struct {
	db       *store.DB
	guard    *access.Guard
	graphs   *index.Index
	rules    index.Rules // of tenants' own stores
	subjects Subjects
	roles    *store.Collection[Role]

	attributes Attributes
	policies   Policies
	stores     Stores
	points     Points
	acrs       []string
	plans      *store.Collection[plans]
	recorder   Recorder
}

// Config is what an Engine needs.
type Config struct {
	DB       *store.DB
	Graphs   *index.Index  // nil: one of its own
	Guard    *access.Guard // for the administration of roles; it asks this same engine, see guard.go
	Subjects Subjects      // nil: nobody is barred

	Attributes Attributes // nil: policies know nothing of a subject but what a question says
	Policies   Policies   // nil: plans cannot name policies
	Stores     Stores     // nil: plans cannot name stores
	Points     Points     // nil: plans cannot name decision points
	// ACRs are the values of acr for the strengths of a proof, weakest first: for policies, and for advice.
	ACRs []string
}

// New makes an engine over the tuples of the DB.
func New(c Config) (*Engine, error) {
	model, digest, err := builtin.Rules()
	if err != nil {
		return nil, err
	}
	if c.Graphs == nil {
		c.Graphs = index.New(c.DB, index.Bounds{})
	}
	return &Engine{
		db: c.DB, guard: c.Guard, subjects: c.Subjects, graphs: c.Graphs, rules: index.Rules{Digest: digest, Model: model},
		roles:      store.NewCollection(c.DB, roleKind()),
		attributes: c.Attributes, policies: c.Policies, stores: c.Stores, points: c.Points, acrs: c.ACRs,
		plans: store.NewCollection(c.DB, plansKind()),
	}, nil
}

// Decide answers one question. An error means that it could not be answered, which is never an allow.
func (e *Engine) Decide(ctx context.Context, r Request) (Decision, error) {
	if err := r.check(); err != nil {
		return Decision{}, err
	}
	if r.InStore != nil {
		return e.inStore(ctx, r)
	}
	if why, err := e.barred(ctx, r); why != "" || err != nil {
		return Decision{Reasons: []Reason{{Kind: kindBarred, Text: why}}}, err
	}
	plan, planned, err := e.planOf(ctx, r)
	if err != nil {
		return Decision{}, unavailable(err)
	}
	if planned {
		return e.combine(ctx, r, plan)
	}
	return e.byRoles(ctx, r)
}

// byRoles answers by the tenant's own roles.
func (e *Engine) byRoles(ctx context.Context, r Request) (Decision, error) {
	view, err := e.viewFor(ctx, r)
	if err != nil {
		return Decision{}, err
	}
	return e.inView(ctx, r, view)
}

func (e *Engine) inView(ctx context.Context, r Request, view graph.View) (Decision, error) {
	q := question{
		view: view, now: e.clock(r), permission: r.Action.Name, place: place{org: r.Resource.org()}, explain: r.Options.Explain,
		subject: graph.Subject{Type: r.Subject.Type, ID: r.Subject.ID},
	}
	decide := q.ask
	if r.Resource.Type == typeRole && r.Action.Name == relAssignee {
		decide = func(ctx context.Context) (Reason, bool, error) { return q.hasRole(ctx, r.Resource.ID) }
	}
	reason, allowed, err := decide(ctx)
	if err != nil {
		return Decision{}, unavailable(err)
	}
	if allowed {
		return Decision{Allow: true, Reasons: []Reason{reason}, Revision: view.Revision()}, nil
	}
	return Decision{
		Reasons: []Reason{notGranted(r)}, Missing: []string{r.Action.Name}, Revision: view.Revision(),
	}, nil
}

func (e *Engine) viewFor(ctx context.Context, r Request) (graph.View, error) {
	if r.Options.Suppose != nil {
		view, _, err := e.pastOrNow(ctx, r)
		return view, err
	}
	return e.graphs.AtLeast(ctx, store.OwnTuples(r.Tenant), e.rules, r.Options.AtLeast)
}

// view is the newest state of a tenant's roles that this node has heard of.
func (e *Engine) view(ctx context.Context, t id.Tenant) (graph.View, error) {
	return e.graphs.View(ctx, store.OwnTuples(t), e.rules)
}

// full is view after asking the store for its newest revision: for administrative decisions.
func (e *Engine) full(ctx context.Context, t id.Tenant) (graph.View, error) {
	return e.graphs.Full(ctx, store.OwnTuples(t), e.rules)
}

func unavailable(err error) error { return index.Unavailable(err) }

func (e *Engine) barred(ctx context.Context, r Request) (string, error) {
	if e.subjects == nil {
		return "", nil
	}
	why, err := e.subjects.Barred(ctx, r.Tenant, r.Subject.Type, r.Subject.ID)
	if err != nil {
		return "", unavailable(err)
	}
	return why, nil
}

// question is one permission asked of one view.
type question struct {
	view       graph.View
	now        time.Time
	permission string
	place
	explain bool
	subject graph.Subject
}

// grant looks for a role in the whole tenant first, then, if the resource belongs to an
// organisation or is a store, for one there.
func (q question) grant(ctx context.Context) (Reason, bool, error) {
	object := graph.Object{Type: typePermission, ID: q.permission}
	if q.subject.Type != access.TypeUser && q.subject.Type != access.TypeService && q.subject.Type != typeGroup {
		return Reason{}, false, nil
	}
	subject := q.subject
	if subject.Type == typeGroup {
		subject.Relation = relMember
	}
	result, err := q.view.Check(ctx, q.now, graph.Query{
		Object: object, Relation: relGranted, Subject: subject, Explain: true,
	})
	if err != nil || result.Allowed {
		return byRole(q, result.Path, ""), result.Allowed, err
	}
	if q.place == (place{}) {
		return Reason{}, false, nil
	}
	return q.grantThere(ctx, object, subject)
}

// hasRole answers whether the subject has a role: in the whole tenant, or in the organisation asked
// about. It is the question behind "any of these roles".
func (q question) hasRole(ctx context.Context, role string) (Reason, bool, error) {
	objects := []graph.Object{{Type: typeRole, ID: role}}
	if q.place != (place{}) {
		objects = append(objects, graph.Object(q.role(role)))
	}
	subject := asSubject(Subject{Type: q.subject.Type, ID: q.subject.ID})
	for _, o := range objects {
		result, err := q.view.Check(ctx, q.now, graph.Query{Object: o, Relation: relAssignee, Subject: subject, Explain: true})
		if err != nil || result.Allowed {
			return byRole(q, result.Path, role), result.Allowed, err
		}
	}
	return Reason{}, false, nil
}

func (q question) grantThere(ctx context.Context, permission graph.Object, subject graph.Subject) (Reason, bool, error) {
	for after := ""; ; {
		roles, err := q.view.Subjects(ctx, q.now, graph.SubjectsQuery{
			Object: permission, Relation: relGranted, Type: typeRole, SubjectRelation: relAssignee,
			After: after, Limit: page.MaxLimit,
		})
		if err != nil {
			return Reason{}, false, err
		}
		for _, role := range roles.IDs {
			result, err := q.view.Check(ctx, q.now, graph.Query{
				Object: graph.Object(q.role(role)), Relation: relAssignee,
				Subject: subject, Explain: true,
			})
			if err != nil || result.Allowed {
				return byRole(q, result.Path, role), result.Allowed, err
			}
		}
		if after = roles.Next; after == "" {
			return Reason{}, false, nil
		}
	}
}

// Permissions lists what a subject may do in the whole tenant, and with org also there.
func (e *Engine) Permissions(ctx context.Context, t id.Tenant, s Subject, r page.Request) (page.Page[string], error) {
	view, err := e.view(ctx, t)
	if err != nil {
		return page.Page[string]{}, err
	}
	list, err := view.Objects(ctx, e.db.Now(), graph.ObjectsQuery{
		Type: typePermission, Relation: relGranted, Subject: graph.Subject{Type: s.Type, ID: s.ID},
		After: r.Cursor, Limit: r.Size(),
	})
	if err != nil {
		return page.Page[string]{}, unavailable(err)
	}
	return page.Page[string]{Items: list.IDs, Next: list.Next}, nil
}

// org is the organisation that the resource belongs to, or "".
func (r Resource) org() string {
	if r.Type == "org" {
		return r.ID
	}
	org, _ := r.Properties["org"].(string)
	return org
}

// check refuses questions without a subject, action or resource, and oversized ones.
func (r Request) check() error {
	for _, part := range []struct {
		pointer, value string
		max            int
	}{
		{"/subject/type", r.Subject.Type, maxName}, {"/subject/id", r.Subject.ID, maxID},
		{"/action/name", r.Action.Name, maxName},
		{"/resource/type", r.Resource.Type, maxName}, {"/resource/id", r.Resource.ID, maxID},
	} {
		if part.value == "" || len(part.value) > part.max {
			return errs.Bad(part.pointer, "must have 1 to %s bytes", strconv.Itoa(part.max))
		}
	}
	if r.Tenant == "" {
		return errs.New(errs.Internal, "", "")
	}
	return nil
}

// Ask is Decide for somebody: a service of the tenant may ask about everybody, a user about itself,
// and whoever has the permission cardea:decision.ask about others too.
func (e *Engine) Ask(ctx context.Context, c access.Caller, r Request) (Decision, error) {
	if err := e.prepare(ctx, c, &r); err != nil {
		return Decision{}, err
	}
	d, err := e.Decide(ctx, r)
	if err == nil {
		e.record(ctx, c, r, d)
	}
	return d, err
}

// prepare refuses a question that the caller may not ask, and completes any other.
func (e *Engine) prepare(ctx context.Context, c access.Caller, r *Request) error {
	if err := e.mayAsk(ctx, c, r); err != nil {
		return err
	}
	if err := e.around(ctx, c, r); err != nil {
		return err
	}
	if r.Options.Explain {
		r.Options.Hide = e.hidden(ctx, c, *r)
	}
	r.Options.among.asker = c
	return nil
}

// hidden is what must not be shown to whoever asks. A subject that asks about itself sees its own account.
// Who may ask need not be one who may read.
func (e *Engine) hidden(ctx context.Context, c access.Caller, r Request) Hide {
	self := r.Subject.Type == c.Subject().Type && r.Subject.ID == c.Subject().ID
	may := func(a access.Action, kind string) bool {
		_, err := e.guard.Allow(ctx, c, a, access.Object{Type: kind})
		return err == nil
	}
	accounts := may("user.read", "cardea:user")
	return Hide{Tuples: !may("authz.tuple.read", "cardea:store"), Subject: !self && !accounts, Accounts: !accounts}
}

// mayAsk refuses a question that the caller may not ask or nobody can answer, and sets its tenant.
func (e *Engine) mayAsk(ctx context.Context, c access.Caller, r *Request) error {
	self := r.Subject.Type == c.Subject().Type && r.Subject.ID == c.Subject().ID
	service := c.Subject().Type == access.TypeService && c.Home() == c.Tenant()
	if !self && !service {
		if _, err := e.guard.Allow(ctx, c, "decision.ask", access.Object{Type: "cardea:decision"}); err != nil {
			return err
		}
	}
	r.Tenant = c.Tenant()
	return r.check()
}
