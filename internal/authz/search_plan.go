package authz

import (
	"context"
	"maps"
	"slices"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/page"
)

// search is a search by the engines of a plan.
type search struct {
	*Engine
	request Request
	plan    Plan
	view    graph.View // of roles
	out     bool       // the subject is barred; never where the subject is what is looked for
}

func nothing() Found { return Found{Page: page.Page[string]{Items: []string{}}} }

func notEnumerable() error {
	return errs.New(errs.Unsupported, "search_not_enumerable", "What policies or decision points permit cannot be listed; ask about each one.")
}

// search begins a search. Policies that permit cannot be listed; those that only forbid are asked about
// each that was found.
func (e *Engine) search(ctx context.Context, c access.Caller, r *Request) (*search, error) {
	if err := e.mayAsk(ctx, c, r); err != nil {
		return nil, err
	}
	if err := e.around(ctx, c, r); err != nil {
		return nil, err
	}
	s := &search{Engine: e, plan: Plan{Roles: true}}
	plan, planned, err := e.planOf(ctx, *r)
	if err != nil {
		return nil, unavailable(err)
	}
	if planned {
		s.plan = plan
	}
	if len(s.plan.Points) > 0 {
		return nil, notEnumerable()
	}
	for _, set := range s.plan.Policies {
		only, err := e.policies.OnlyForbids(ctx, r.Tenant, set)
		if err != nil {
			return nil, unavailable(err)
		}
		if !only {
			return nil, notEnumerable()
		}
	}
	why, err := e.barred(ctx, *r)
	if err != nil {
		return nil, err
	}
	s.out, s.request = why != "", *r
	s.view, err = e.viewFor(ctx, *r)
	return s, err
}

// allowed leaves out whom or what Decide denies: who is barred, and what policies forbid. So a page may be
// shorter than asked for.
func (s *search) allowed(ctx context.Context, found []string, set func(*Request, string)) ([]string, error) {
	out := make([]string, 0, len(found))
	for _, id := range found {
		r := s.request
		set(&r, id)
		ok := true
		if len(s.plan.Policies) > 0 {
			d, err := s.Decide(ctx, r)
			if err != nil {
				return nil, err
			}
			ok = d.Allow
		} else if r.Subject.ID != s.request.Subject.ID {
			why, err := s.Engine.barred(ctx, r)
			if err != nil {
				return nil, err
			}
			ok = why == ""
		}
		if ok {
			out = append(out, id)
		}
	}
	return out, nil
}

// relation is the relation of the store that the action asks for; false if there is none.
func (s *search) relation() (string, bool) {
	relation, ok := s.plan.Relations[s.request.Action.Name]
	return relation, ok
}

func (s *search) subjectsByStore(everyone *bool) source {
	relation, ok := s.relation()
	if !ok {
		return nil
	}
	return func(ctx context.Context, after string, limit int) ([]string, error) {
		list, err := s.stores.Subjects(ctx, s.request.storeAt(s.plan), graph.SubjectsQuery{
			Object: graph.Object{Type: s.request.Resource.Type, ID: s.request.Resource.ID}, Relation: relation,
			Type: s.request.Subject.Type, Context: s.request.Context, After: after, Limit: limit,
		})
		*everyone = *everyone || list.Everyone
		return list.IDs, err
	}
}

func (s *search) resourcesByStore() source {
	relation, ok := s.relation()
	if !ok {
		return nil
	}
	return func(ctx context.Context, after string, limit int) ([]string, error) {
		list, err := s.stores.Objects(ctx, s.request.storeAt(s.plan), graph.ObjectsQuery{
			Type: s.request.Resource.Type, Relation: relation, Subject: graph.Subject{Type: s.request.Subject.Type, ID: s.request.Subject.ID},
			Context: s.request.Context, After: after, Limit: limit,
		})
		return list.IDs, err
	}
}

// actionsByStore are the actions whose relation the subject has.
func (s *search) actionsByStore(ctx context.Context) (source, error) {
	if s.plan.Store == "" {
		return fixed(nil), nil
	}
	held, err := s.stores.Relations(ctx, s.request.storeAt(s.plan), graph.RelationsQuery{
		Object:  graph.Object{Type: s.request.Resource.Type, ID: s.request.Resource.ID},
		Subject: graph.Subject{Type: s.request.Subject.Type, ID: s.request.Subject.ID}, Context: s.request.Context,
		Relations: slices.Compact(slices.Sorted(maps.Values(s.plan.Relations))),
	})
	if err != nil {
		return nil, unavailable(err)
	}
	var names []string
	for action, relation := range s.plan.Relations {
		if slices.Contains(held.Names, relation) {
			names = append(names, action)
		}
	}
	slices.Sort(names)
	return fixed(names), nil
}
