package manage

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/index"
	"github.com/cardea-auth/cardea/internal/authz/stores"
	"github.com/cardea-auth/cardea/internal/authz/tuplekey"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
)

// RelationTuple says that a user has a relation to an object.
type RelationTuple struct {
	User      string          `json:"user" max:"1024" doc:"user:anne, team:eng#member, or user:* for everybody of the type"`
	Relation  string          `json:"relation" max:"254"`
	Object    string          `json:"object" max:"1024" doc:"folder:designs"`
	Condition *TupleCondition `json:"condition,omitzero" doc:"under which it counts; left out: under any"`
	Expires   time.Time       `json:"expires,omitzero" doc:"from then on it does not count; left out: never"`
}

// TupleCondition is a condition of the model with what the tuple says to it.
type TupleCondition struct {
	Name    string         `json:"name" max:"254"`
	Context jsontext.Value `json:"context,omitzero" doc:"values for parameters of the condition: an object"`
}

func (t RelationTuple) tuple() (graph.Tuple, error) {
	k := tuplekey.Key{User: t.User, Relation: t.Relation, Object: t.Object, Expires: t.Expires}
	if t.Condition != nil {
		k.Condition = &tuplekey.Condition{Name: t.Condition.Name, Context: t.Condition.Context}
	}
	return k.Tuple()
}

// tuples reads several, and says which is wrong.
func tuples(at string, all []RelationTuple) ([]graph.Tuple, error) {
	var out []graph.Tuple
	for i, t := range all {
		tuple, err := t.tuple()
		if err != nil {
			return nil, refusedAt(at+"/"+strconv.Itoa(i), err)
		}
		out = append(out, tuple)
	}
	return out, nil
}

// refusedAt says which member is wrong, by the part of a tuple that a refusal is about.
func refusedAt(at string, err error) error {
	e := *errs.From(err)
	member := map[string]string{"invalid_object": "/object", "invalid_user": "/user", "invalid_relation": "/relation", "invalid_condition_context": "/condition"}[e.Code]
	if len(e.Fields) == 0 && e.Kind == errs.Invalid {
		e.Fields = []errs.Field{{Pointer: at + member, Rule: errs.Unnamed, Detail: e.Text}}
	}
	return &e
}

func showTuple(t graph.Tuple) RelationTuple {
	k := tuplekey.Of(t)
	out := RelationTuple{User: k.User, Relation: k.Relation, Object: k.Object, Expires: k.Expires}
	if k.Condition != nil {
		out.Condition = &TupleCondition{Name: k.Condition.Name, Context: k.Condition.Context}
	}
	return out
}

func showTuples(all []graph.Tuple) []RelationTuple {
	var out []RelationTuple
	for _, t := range all {
		out = append(out, showTuple(t))
	}
	return out
}

// TupleWrite are tuples to be written, all or none.
type TupleWrite struct {
	Tuples []RelationTuple `json:"tuples" min:"1" max:"100"`
}

// tupleFilter says which tuples are meant; what is empty may be anything.
type tupleFilter struct {
	User     string `query:"user" max:"1024" doc:"only of this user: user:anne, or team:eng#member"`
	Relation string `query:"relation" max:"254" doc:"only this relation"`
	Object   string `query:"object" max:"1024" doc:"only of this object, or with folder: of a type"`
}

func (f tupleFilter) filter() (store.TupleFilter, error) {
	out := store.TupleFilter{Relation: f.Relation}
	if kind, rest, _ := strings.Cut(f.Object, ":"); rest == "" {
		out.Object.Type = kind
	} else {
		o, err := tuplekey.ParseObject(f.Object)
		if err != nil {
			return out, refusedAt("object", err)
		}
		out.Object = store.ObjectRef(o)
	}
	if f.User != "" {
		s, err := tuplekey.ParseSubject(f.User)
		if err != nil {
			return out, refusedAt("user", err)
		}
		out.Subject = store.SubjectRef(s)
	}
	return out, nil
}

func (a *API) tuples() []rest.Operation {
	const group = groupStores
	write := administers("POST /api/stores/{store}/tuples", "tuple.write", "authz.tuple.write", group, "Write relation tuples that the model accepts, all or none")
	remove := administers("DELETE /api/stores/{store}/tuples", "tuple.delete", "authz.tuple.write", group, "Delete a relation tuple")
	return []rest.Operation{
		endpoint(a, administers("GET /api/stores/{store}/tuples", "tuple.read", "authz.tuple.read", group, "List relation tuples"),
			func(ctx context.Context, c access.Caller, in struct {
				ofTupleStore
				paging
				tupleFilter
			}) (page.Page[RelationTuple], error) {
				f, err := in.filter()
				if err != nil {
					return page.Page[RelationTuple]{}, err
				}
				p, _, err := a.Stores.ReadTuples(ctx, c, in.Store, f, in.request())
				return turned(p, err, func(t store.Tuple) RelationTuple { return showTuple(index.Tuple(t)) })
			}),
		endpoint(a, refusing(write, errs.Unsupported), func(ctx context.Context, c access.Caller, in struct {
			ofTupleStore
			Body TupleWrite `body:"json"`
		}) (Revision, error) {
			all, err := tuples("/tuples", in.Body.Tuples)
			if err != nil {
				return Revision{}, err
			}
			revision, err := a.Stores.WriteTuples(ctx, c, in.Store, stores.Write{Writes: all})
			return revised(store.Receipt{Revision: revision}, err)
		}),
		endpoint(a, remove, func(ctx context.Context, c access.Caller, in struct {
			ofTupleStore
			User     string `query:"user" min:"1" max:"1024"`
			Relation string `query:"relation" min:"1" max:"254"`
			Object   string `query:"object" min:"1" max:"1024"`
		}) (Revision, error) {
			t, err := RelationTuple{User: in.User, Relation: in.Relation, Object: in.Object}.tuple()
			if err != nil {
				return Revision{}, refusedAt("", err)
			}
			revision, err := a.Stores.WriteTuples(ctx, c, in.Store, stores.Write{Deletes: []graph.Tuple{t}})
			return revised(store.Receipt{Revision: revision}, err)
		}),
	}
}
