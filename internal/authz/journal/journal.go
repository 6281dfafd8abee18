// Package journal remembers decisions and asks them again: as they were, and as they would be.
//
//	journal.go   keeping decisions: sampled, buffered, for a time      ask.go   replay and simulate
//
// What is kept is activity and no audit log: it may be lost, it ends by itself, and nothing waits for it.
// The question with its properties is sealed, because it is personal data; so is who asked. A person who
// leaves is forgotten here too.
package journal

import (
	"context"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store"
)

// Entry is a decision that was kept.
type Entry struct {
	ID    string
	At    time.Time
	Until time.Time // when it is forgotten
	Kept
}

// Kept is the part of an entry that is sealed.
type Kept struct {
	Asker    access.Subject
	Request  authz.Request
	Plan     authz.Plan
	Decision authz.Decision
}

// record is an entry as it is stored. Ids are in the order of time.
type record struct {
	store.Meta
	At      time.Time    `json:"at"`
	Subject string       `json:"subject"` // id of the subject, by which a person who leaves is found
	Kept    secret.Value `json:"-"`
}

const bySubject = "by_subject"

func recordKind() store.Kind[record] {
	return store.Kind[record]{
		Name: "decision", Noun: "decision",
		Meta:    func(r *record) *store.Meta { return &r.Meta },
		Columns: []store.ColumnOf[record]{{Name: "subject", Kind: store.TextKind, Of: func(r *record) store.Value { return store.Text(r.Subject) }}},
		Indexes: []store.Index{{Name: bySubject, Columns: []string{"subject"}}},
		Sealed:  []store.SealedField[record]{{Name: "kept", Of: func(r *record) *secret.Value { return &r.Kept }}},
	}
}

func (r *record) entry() (Entry, error) {
	e := Entry{ID: r.ID, At: r.At, Until: r.Expires}
	if err := json.Unmarshal([]byte(r.Kept.Reveal()), &e.Kept); err != nil {
		return e, errs.Wrap(errs.Internal, err, "", "A stored decision could not be read.")
	}
	return e, nil
}

// Bounds of what waits to be written, and how long it may.
const (
	maxWaiting = 4096
	maxBatch   = 100
	maxPause   = 250 * time.Millisecond
)

// Engine decides.
type Engine interface {
	Decide(context.Context, authz.Request) (authz.Decision, error)
}

// Journal keeps decisions of all tenants.
type Journal struct {
	db      *store.DB
	guard   *access.Guard
	engine  Engine
	queue   chan *authz.Logged // by reference: the collector reads the whole queue each time, empty or not
	records *store.Collection[record]
}

// New makes a journal. Run writes it.
func New(db *store.DB, g *access.Guard, e Engine) *Journal {
	return &Journal{db: db, guard: g, engine: e, queue: make(chan *authz.Logged, maxWaiting), records: store.NewCollection(db, recordKind())}
}

// Record implements authz.Recorder. When too many wait, this one is lost.
func (j *Journal) Record(l authz.Logged) {
	select {
	case j.queue <- &l:
	default:
	}
}

// Run writes what is recorded until ctx ends. What still waits then is written by Flush.
func (j *Journal) Run(ctx context.Context) {
	tick := time.NewTicker(maxPause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_ = j.Flush(ctx) // what could not be written is lost
		}
	}
}

// Flush writes what waits.
func (j *Journal) Flush(ctx context.Context) error {
	for {
		waiting := map[id.Tenant][]store.DocOp{}
		n := 0
		for n < maxBatch {
			select {
			case l := <-j.queue:
				op, err := j.insert(ctx, *l)
				if err != nil {
					return err
				}
				waiting[l.Request.Tenant] = append(waiting[l.Request.Tenant], op)
				n++
				continue
			default:
			}
			break
		}
		for t, ops := range waiting {
			if _, err := j.db.Commit(ctx, store.Batch{Permit: j.guard.Task(t, "decision.record"), Docs: ops}); err != nil {
				return err
			}
		}
		if n < maxBatch {
			return nil
		}
	}
}

func (j *Journal) insert(ctx context.Context, l authz.Logged) (store.DocOp, error) {
	text, err := json.Marshal(Kept{Asker: l.Asker, Request: l.Request, Plan: l.Plan, Decision: l.Decision})
	if err != nil {
		return store.DocOp{}, errs.Wrap(errs.Internal, err, "", "Something went wrong on our side.")
	}
	r := &record{
		Meta: store.Meta{ID: id.NewRow(l.At), Expires: l.At.Add(l.Keep)}, At: l.At,
		Subject: l.Request.Subject.ID, Kept: secret.New(string(text)),
	}
	return j.records.In(l.Request.Tenant).Insert(ctx, r), nil
}

func object(entry string) access.Object { return access.Object{Type: "cardea:decision", ID: entry} }

// Filter says which decisions are wanted. The zero value lets all pass.
type Filter struct {
	Subject     string // its id
	Action      string
	Resource    string // its type, or type:id
	Allowed     *bool  // nil: allowed and denied
	From, Until time.Time
}

// query finds by what is not sealed; passes looks at the rest.
func (f Filter) query() store.Query {
	q := store.Query{Desc: true}
	if f.Subject != "" {
		q.Index, q.Eq = bySubject, []store.Value{store.Text(f.Subject)}
	}
	if !f.From.IsZero() {
		from := store.Text(id.FirstRow(f.From))
		q.From = &from
	}
	if !f.Until.IsZero() {
		until := store.Text(id.FirstRow(f.Until))
		q.Until = &until
	}
	return q
}

func (f Filter) passes(e Entry) bool {
	r := e.Request.Resource
	return (f.Action == "" || f.Action == e.Request.Action.Name) &&
		(f.Resource == "" || f.Resource == r.Type || f.Resource == r.Type+":"+r.ID) &&
		(f.Allowed == nil || *f.Allowed == e.Decision.Allow)
}

// maxLooked bounds how many decisions are opened for a page: most of what is asked for is sealed.
const maxLooked = 2000

// List lists decisions, the newest first. A page may be shorter than asked for, and empty, before the last
// one: so many were looked at.
func (j *Journal) List(ctx context.Context, c access.Caller, f Filter, r page.Request) (page.Page[Entry], error) {
	if _, err := j.guard.Allow(ctx, c, "decision.read", object("")); err != nil {
		return page.Page[Entry]{}, err
	}
	return j.list(ctx, c.Tenant(), f, r)
}

func (j *Journal) list(ctx context.Context, t id.Tenant, f Filter, r page.Request) (page.Page[Entry], error) {
	q := f.query()
	q.Request = r
	out := page.Page[Entry]{Items: []Entry{}}
	for looked := 0; looked < maxLooked; {
		q.Limit = r.Size() - len(out.Items)
		p, err := j.records.In(t).Find(ctx, q)
		if err != nil {
			return page.Page[Entry]{}, err
		}
		for _, one := range p.Items {
			e, err := one.entry()
			if err != nil {
				return page.Page[Entry]{}, err
			}
			if f.passes(e) {
				out.Items = append(out.Items, e)
			}
		}
		out.Next, q.Cursor = p.Next, p.Next
		if looked += len(p.Items); p.Next == "" || len(out.Items) == r.Size() {
			break
		}
	}
	return out, nil
}

// Get reads a decision. NotFound if it is not kept, or no longer.
func (j *Journal) Get(ctx context.Context, c access.Caller, entry string) (Entry, error) {
	if _, err := j.guard.Allow(ctx, c, "decision.read", object(entry)); err != nil {
		return Entry{}, err
	}
	r, err := j.records.In(c.Tenant()).Get(ctx, entry)
	if err != nil {
		return Entry{}, err
	}
	return r.entry()
}

// Forget deletes decisions about a person whose account was deleted.
func (j *Journal) Forget(ctx context.Context, t id.Tenant, userID string) error {
	in := j.records.In(t)
	for {
		p, err := in.Find(ctx, store.Query{Index: bySubject, Eq: []store.Value{store.Text(userID)}, Request: page.Request{Limit: maxBatch}})
		if err != nil || len(p.Items) == 0 {
			return err
		}
		batch := store.Batch{Permit: j.guard.Task(t, "decision.record")}
		for _, one := range p.Items {
			batch.Docs = append(batch.Docs, in.Delete(one))
		}
		if _, err := j.db.Commit(ctx, batch); err != nil {
			return err
		}
	}
}
