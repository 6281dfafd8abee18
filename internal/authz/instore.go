package authz

import (
	"context"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz/condition"
	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/kit/id"
)

// InStore is what a question to one store has besides its subject, action and resource, where the action is
// a relation. Neither roles nor policies nor the subject's account have a say in it.
type InStore struct {
	Store      string
	Relation   string         `json:",omitzero"` // whoever has it to the subject is meant
	Contextual []graph.Tuple  `json:",omitzero"` // that hold for this question only
	Context    jsontext.Value `json:",omitzero"` // as it was sent: numbers keep their digits
}

// inStore asks the store.
func (e *Engine) inStore(ctx context.Context, r Request) (Decision, error) {
	q := graph.Query{
		Object: graph.Object{Type: r.Resource.Type, ID: r.Resource.ID}, Relation: r.Action.Name,
		Subject:    graph.Subject{Type: r.Subject.Type, ID: r.Subject.ID, Relation: r.InStore.Relation},
		Contextual: r.InStore.Contextual, Explain: r.Options.Explain && !r.Options.Hide.Tuples,
	}
	if len(r.InStore.Context) > 0 {
		var err error
		if q.Context, err = condition.ParseContext(r.InStore.Context); err != nil {
			return Decision{}, err
		}
	}
	a, err := e.stores.Check(ctx, r.storeAt(Plan{Store: r.InStore.Store}), q)
	if err != nil {
		return Decision{}, unavailable(err)
	}
	return a.decision(r.InStore.Store, q), nil
}

// decision is the answer of a store as a decision.
func (a StoreAnswer) decision(storeID string, q graph.Query) Decision {
	return Decision{
		Allow: a.Allowed, Reasons: []Reason{a.reason(engineStore+storeID, q)},
		Basis: Basis{Store: storeID, Model: a.Model, StoreRevision: a.Revision, StoreOwn: a.Own, Assumed: a.Assumed},
	}
}

// reason is why the answer of a store is what it is.
func (a StoreAnswer) reason(engine string, q graph.Query) Reason {
	r, is := Reason{Kind: kindNotGranted, Permission: q.Relation, Engine: engine, Text: a.Sentence, Path: paths(a.Path)}, "is not"
	if a.Allowed {
		r.Kind, is = kindRelation, "is"
	}
	if r.Text == "" {
		r.Text = q.Subject.String() + " " + is + " " + q.Relation + " of " + q.Object.Type + ":" + q.Object.ID + "."
	}
	return r
}

// Checked is an answer that a store has given to somebody who asked it alone.
type Checked struct {
	InStore
	Question graph.Question
	Answer   StoreAnswer
}

// Checked tells the recorder of an answer of a store, if the tenant wants it kept.
func (e *Engine) Checked(ctx context.Context, c access.Caller, k Checked) {
	keep, ok := e.sampled(ctx, c.Tenant())
	if !ok {
		return
	}
	q, in := k.Question, k.InStore // a copy, so that what is not kept stays off the heap
	in.Relation, in.Context = q.Subject.Relation, in.Context.Clone()
	e.recorder.Record(Logged{
		At: e.db.Now(), Keep: keep, Asker: c.Subject(),
		Plan: Plan{Store: k.Store, Relations: map[string]string{q.Relation: q.Relation}},
		Request: Request{
			Tenant: c.Tenant(), Subject: Subject{Type: q.Subject.Type, ID: q.Subject.ID}, Action: Action{Name: q.Relation},
			Resource: Resource{Type: q.Object.Type, ID: q.Object.ID}, InStore: &in,
		},
		Decision: k.Answer.decision(k.Store, graph.Query{Object: q.Object, Relation: q.Relation, Subject: q.Subject}),
	})
}

// sampled reports whether a decision is to be kept, and how long.
func (e *Engine) sampled(ctx context.Context, t id.Tenant) (keep time.Duration, ok bool) {
	if e.recorder == nil {
		return 0, false
	}
	doc, err := e.plansOf(ctx, t)
	if err != nil || doc == nil || !doc.Log.takes() {
		return 0, false
	}
	return time.Duration(max(1, doc.Log.Days)) * 24 * time.Hour, true
}
