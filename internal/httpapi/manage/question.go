package manage

import (
	"context"
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/stores"
	"github.com/cardea-auth/cardea/internal/authz/tuplekey"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// QuestionTerms are what a question brings: what it knows, and what is supposed to be otherwise.
type QuestionTerms struct {
	Context    jsontext.Value  `json:"context,omitzero" doc:"values for parameters of conditions: an object"`
	Contextual []RelationTuple `json:"contextual,omitzero" max:"100" doc:"tuples that count besides those of the store, for this question"`
	Suppose    TupleChanges    `json:"suppose,omitzero" doc:"answer as if this were written and that deleted; nothing is stored"`
	Model      string          `json:"model,omitzero" max:"26" doc:"version of the model; left out: the one that is used"`
	Draft      string          `json:"draft,omitzero" max:"262144" format:"text" doc:"a model that is stored nowhere, in place of a version; needs authz.tuple.read"`
}

// TupleChanges are changes that are supposed.
type TupleChanges struct {
	Write  []RelationTuple `json:"write,omitzero" max:"100"`
	Delete []RelationTuple `json:"delete,omitzero" max:"100"`
}

// terms are those of a question in the words of the domain.
type terms struct {
	at         stores.At
	context    map[string]any
	contextual []graph.Tuple
}

// parse reads them. Whoever asks here wants to know of the newest write.
func (q QuestionTerms) parse(storeID string) (out terms, err error) {
	out.at = stores.At{Store: storeID, Model: q.Model, Full: true}
	if out.at.Draft, err = parseDraft(q.Draft); err != nil {
		return out, err
	}
	if out.context, err = tuplekey.Context(q.Context); err != nil {
		return out, refusedAt("/context", err)
	}
	if out.contextual, err = tuples("/contextual", q.Contextual); err != nil {
		return out, err
	}
	for _, part := range []struct {
		at     string
		all    []RelationTuple
		delete bool
	}{{"/suppose/delete", q.Suppose.Delete, true}, {"/suppose/write", q.Suppose.Write, false}} {
		all, err := tuples(part.at, part.all)
		if err != nil {
			return out, err
		}
		for _, t := range all {
			out.at.Suppose = append(out.at.Suppose, graph.Change{Tuple: t, Delete: part.delete})
		}
	}
	return out, nil
}

// StoreQuestion asks whether a user has a relation to an object.
type StoreQuestion struct {
	User     string `json:"user" max:"1024" doc:"user:anne, or team:eng#member"`
	Relation string `json:"relation" max:"254"`
	Object   string `json:"object" max:"1024" doc:"folder:designs"`
	QuestionTerms
}

func (q StoreQuestion) query(storeID string) (stores.At, graph.Query, error) {
	asked, err := tuplekey.Key{User: q.User, Relation: q.Relation, Object: q.Object}.Question()
	if err != nil {
		return stores.At{}, graph.Query{}, refusedAt("", err)
	}
	t, err := q.parse(storeID)
	return t.at, graph.Query{Object: asked.Object, Relation: asked.Relation, Subject: asked.Subject, Context: t.context, Contextual: t.contextual}, err
}

// Basis is what an answer rests on.
type Basis struct {
	Model    string `json:"model,omitzero" doc:"version; left out: a draft"`
	Revision string `json:"revision" doc:"of the tuples"`
}

func basis(a stores.Asked) Basis {
	return Basis{Model: a.Model, Revision: strconv.FormatUint(a.Revision, 10)}
}

// StoreAnswer is the answer to a question.
type StoreAnswer struct {
	Allowed bool     `json:"allowed"`
	Missing []string `json:"missing,omitzero" doc:"parameters of conditions on which the answer depends; it is a deny until they are known"`
	Basis
}

// StoreExplanation is an answer with its reason.
type StoreExplanation struct {
	StoreAnswer
	Reason    string          `json:"reason" doc:"one sentence"`
	Path      []RelationTuple `json:"path,omitzero" doc:"tuples that together prove it"`
	Remedies  []StoreRemedy   `json:"remedies,omitzero" doc:"sets of changes each of which would allow it, the smallest first"`
	Truncated bool            `json:"truncated,omitzero" doc:"there may be other remedies"`
}

// StoreRemedy is a set of changes that together would allow.
type StoreRemedy struct {
	Write  []RelationTuple  `json:"write,omitzero"`
	Delete []RelationTuple  `json:"delete,omitzero"`
	Meet   []UnmetCondition `json:"meet,omitzero" doc:"conditions that would have to hold"`
}

// UnmetCondition is a condition that stands in the way.
type UnmetCondition struct {
	Tuple   RelationTuple `json:"tuple"`
	Missing []string      `json:"missing,omitzero" doc:"the parameters that it lacks"`
}

func showStoreExplanation(e stores.Explanation, on stores.Asked) StoreExplanation {
	out := StoreExplanation{
		StoreAnswer: StoreAnswer{Allowed: e.Allowed, Missing: e.Missing, Basis: basis(on)},
		Reason:      e.Sentence, Path: showTuples(e.Path), Truncated: e.Truncated,
	}
	for _, r := range e.Remedies {
		remedy := StoreRemedy{Write: showTuples(r.Write), Delete: showTuples(r.Delete)}
		for _, u := range r.Meet {
			remedy.Meet = append(remedy.Meet, UnmetCondition{showTuple(u.Tuple), u.Missing})
		}
		out.Remedies = append(out.Remedies, remedy)
	}
	return out
}

// turning is what a list in a body is cut by.
type turning struct {
	Limit  int    `json:"limit,omitzero" min:"1" max:"500" doc:"items on a page; default 50"`
	Cursor string `json:"cursor,omitzero" max:"4096" doc:"next of the page before"`
}

// after is the place to go on.
func (t turning) after() (string, error) {
	last, err := base64.RawURLEncoding.Strict().DecodeString(t.Cursor)
	if err != nil {
		return "", errs.New(errs.Invalid, "invalid_cursor", "The cursor does not belong to this list.")
	}
	return string(last), nil
}

// ObjectsQuestion asks for the objects of a type to which a user has a relation.
type ObjectsQuestion struct {
	User     string `json:"user" max:"1024"`
	Relation string `json:"relation" max:"254"`
	Type     string `json:"type" max:"254" doc:"of the objects"`
	turning
	QuestionTerms
}

// UsersQuestion asks for the users of a type that have a relation to an object.
type UsersQuestion struct {
	Object   string `json:"object" max:"1024"`
	Relation string `json:"relation" max:"254"`
	Type     string `json:"type" max:"512" doc:"of the users: user, or team#member"`
	turning
	QuestionTerms
}

// StoreListing is a page of an exact list, but for what depends on parameters that were not given.
type StoreListing struct {
	Items    []string `json:"items"`
	Everyone bool     `json:"everyone,omitzero" doc:"everybody else of the type too"`
	Except   []string `json:"except,omitzero" doc:"with everyone: who is not, all the same"`
	Missing  []string `json:"missing,omitzero" doc:"parameters of conditions on which others depend"`
	Next     string   `json:"next,omitzero" doc:"cursor of the next page"`
	Basis
}

func showListing(l graph.List, on stores.Asked, spell func(string) string) StoreListing {
	out := StoreListing{Items: make([]string, len(l.IDs)), Everyone: l.Everyone, Missing: l.Missing, Basis: basis(on)}
	for i, id := range l.IDs {
		out.Items[i] = spell(id)
	}
	for _, id := range l.Except {
		out.Except = append(out.Except, spell(id))
	}
	if l.Next != "" {
		out.Next = base64.RawURLEncoding.EncodeToString([]byte(l.Next))
	}
	return out
}

func (a *API) questions() []rest.Operation {
	ask := func(path, name string, action access.Action, summary string) rest.Endpoint {
		e := administers("POST /api/stores/{store}/"+path, name, action, groupStores, summary)
		e.MaxBody = maxModelBody
		return refusing(e, errs.Unsupported, errs.Unavailable)
	}
	return []rest.Operation{
		endpoint(a, ask("check", "store.check", "authz.check", "Ask whether a user has a relation to an object"),
			func(ctx context.Context, c access.Caller, in struct {
				ofTupleStore
				Body StoreQuestion `body:"json"`
			}) (StoreAnswer, error) {
				at, q, err := in.Body.query(in.Store)
				if err != nil {
					return StoreAnswer{}, err
				}
				r, on, err := a.Stores.Check(ctx, c, at, q)
				return StoreAnswer{Allowed: r.Allowed, Missing: r.Missing, Basis: basis(on)}, err
			}),
		endpoint(a, ask("explain", "store.explain", "authz.tuple.read", "Ask why, and what would change it"),
			func(ctx context.Context, c access.Caller, in struct {
				ofTupleStore
				Body StoreQuestion `body:"json"`
			}) (StoreExplanation, error) {
				at, q, err := in.Body.query(in.Store)
				if err != nil {
					return StoreExplanation{}, err
				}
				e, on, err := a.Stores.Explain(ctx, c, at, q)
				return showStoreExplanation(e, on), err
			}),
		endpoint(a, ask("objects", "store.list_objects", "authz.check", "List the objects to which a user has a relation"), a.listObjects),
		endpoint(a, ask("users", "store.list_users", "authz.check", "List the users that have a relation to an object"), a.listUsers),
	}
}

func (a *API) listObjects(ctx context.Context, c access.Caller, in struct {
	ofTupleStore
	Body ObjectsQuestion `body:"json"`
}) (StoreListing, error) {
	subject, err := tuplekey.ParseSubject(in.Body.User)
	if err != nil {
		return StoreListing{}, refusedAt("", err)
	}
	t, err := in.Body.parse(in.Store)
	if err != nil {
		return StoreListing{}, err
	}
	q := graph.ObjectsQuery{Type: in.Body.Type, Relation: in.Body.Relation, Subject: subject, Context: t.context, Contextual: t.contextual, Limit: in.Body.Limit}
	if q.After, err = in.Body.after(); err != nil {
		return StoreListing{}, err
	}
	list, on, err := a.Stores.Objects(ctx, c, t.at, q)
	return showListing(list, on, func(id string) string { return q.Type + ":" + id }), err
}

func (a *API) listUsers(ctx context.Context, c access.Caller, in struct {
	ofTupleStore
	Body UsersQuestion `body:"json"`
}) (StoreListing, error) {
	object, err := tuplekey.ParseObject(in.Body.Object)
	if err != nil {
		return StoreListing{}, refusedAt("", err)
	}
	t, err := in.Body.parse(in.Store)
	if err != nil {
		return StoreListing{}, err
	}
	q := graph.SubjectsQuery{Object: object, Relation: in.Body.Relation, Context: t.context, Contextual: t.contextual, Limit: in.Body.Limit, Named: true}
	q.Type, q.SubjectRelation, _ = strings.Cut(in.Body.Type, "#")
	if q.After, err = in.Body.after(); err != nil {
		return StoreListing{}, err
	}
	list, on, err := a.Stores.Subjects(ctx, c, t.at, q)
	return showListing(list, on, func(id string) string {
		return tuplekey.Subject(graph.Subject{Type: q.Type, ID: id, Relation: q.SubjectRelation})
	}), err
}
