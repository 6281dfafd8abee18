package graph_test

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// The oracle decides by the definition and nothing else: it computes, stratum by stratum, how true it
// is that one subject has each (object, relation), by trying every rule on every object until nothing
// rises any more. It shares no code with the evaluator, has its own form of the model and knows no
// indexes.

// truth is a value of Kleene's logic.
type truth int

const (
	never truth = iota // the zero value denies
	perhaps
	surely
)

type rule struct {
	op      string // this, computed, from, union, intersection, exclusion
	allowed []string
	name    string // computed, from: the relation asked
	road    string // from: the tupleset
	kids    []rule
}

type rules map[string]map[string]rule // type → relation → rule

type atom struct {
	object   graph.Object
	relation string
}

type oracle struct {
	rules  rules
	strata map[[2]string]int
	tuples []graph.Tuple
	given  map[string]any
	now    time.Time
}

func newOracle(r rules, tuples []graph.Tuple, given map[string]any, now time.Time) *oracle {
	o := &oracle{rules: r, given: given, now: now, strata: map[[2]string]int{}}
	for changed := true; changed; {
		changed = false
		for kind, relations := range r {
			for name, rule := range relations {
				at := [2]string{kind, name}
				if s := o.stratum(kind, rule); s > o.strata[at] {
					o.strata[at], changed = s, true
				}
			}
		}
	}
	for _, t := range tuples {
		if o.counts(t) {
			o.tuples = append(o.tuples, t)
		}
	}
	return o
}

// stratum is the lowest stratum in which all that r asks has been computed.
func (o *oracle) stratum(kind string, r rule) int {
	s := 0
	switch r.op {
	case "this":
		for _, a := range r.allowed {
			a, _, _ = strings.Cut(a, " with ")
			if owner, name, ok := strings.Cut(a, "#"); ok {
				s = max(s, o.strata[[2]string{owner, name}])
			}
		}
	case "computed":
		s = o.strata[[2]string{kind, r.name}]
	case "from":
		for _, owner := range o.rules[kind][r.road].allowed {
			owner, _, _ = strings.Cut(owner, " with ")
			s = max(s, o.strata[[2]string{owner, r.name}])
		}
	case "exclusion":
		return max(o.stratum(kind, r.kids[0]), o.stratum(kind, r.kids[1])+1)
	}
	for _, kid := range r.kids {
		s = max(s, o.stratum(kind, kid))
	}
	return s
}

// counts reports whether the model allows the tuple and it has not expired.
func (o *oracle) counts(t graph.Tuple) bool {
	if !t.Expires.IsZero() && !o.now.Before(t.Expires) {
		return false
	}
	return accepted(o.rules, t)
}

func accepted(r rules, t graph.Tuple) bool {
	shape := t.Subject.Type
	if t.Subject.ID == "*" {
		shape += ":*"
	}
	if t.Subject.Relation != "" {
		shape += "#" + t.Subject.Relation
	}
	if t.Condition.Name != "" {
		shape += " with " + t.Condition.Name
	}
	return t.Object.ID != "*" && allows(r[t.Object.Type][t.Relation], shape)
}

func allows(r rule, shape string) bool {
	for _, a := range r.allowed {
		if r.op == "this" && a == shape {
			return true
		}
	}
	for _, kid := range r.kids {
		if allows(kid, shape) {
			return true
		}
	}
	return false
}

// has computes everything that the subject has. What is not in the map it never has.
func (o *oracle) has(s graph.Subject) map[atom]truth {
	held := map[atom]truth{}
	objects := map[graph.Object]bool{{Type: s.Type, ID: s.ID}: true}
	for _, t := range o.tuples {
		objects[t.Object] = true
		objects[graph.Object{Type: t.Subject.Type, ID: t.Subject.ID}] = true
	}
	if s.Relation != "" {
		held[atom{graph.Object{Type: s.Type, ID: s.ID}, s.Relation}] = surely
	}
	top := 0
	for _, n := range o.strata {
		top = max(top, n)
	}
	for stratum := 0; stratum <= top; stratum++ {
		for changed := true; changed; {
			changed = false
			for object := range objects {
				for name, r := range o.rules[object.Type] {
					at := atom{object, name}
					if o.strata[[2]string{object.Type, name}] != stratum || held[at] == surely {
						continue
					}
					if v := o.holds(r, at, s, held); v > held[at] {
						held[at], changed = v, true
					}
				}
			}
		}
	}
	return held
}

func (o *oracle) holds(r rule, at atom, s graph.Subject, held map[atom]truth) truth {
	v := never
	switch r.op {
	case "this":
		for _, t := range o.tuples {
			if t.Object == at.object && t.Relation == at.relation {
				v = max(v, min(o.condition(t.Condition), matches(t.Subject, s, held)))
			}
		}
	case "computed":
		v = held[atom{at.object, r.name}]
	case "from":
		for _, t := range o.tuples {
			if t.Object == at.object && t.Relation == r.road {
				v = max(v, min(o.condition(t.Condition), held[atom{graph.Object{Type: t.Subject.Type, ID: t.Subject.ID}, r.name}]))
			}
		}
	case "exclusion":
		return min(o.holds(r.kids[0], at, s, held), surely-o.holds(r.kids[1], at, s, held))
	case "union":
		for _, kid := range r.kids {
			v = max(v, o.holds(kid, at, s, held))
		}
	case "intersection":
		v = surely
		for _, kid := range r.kids {
			v = min(v, o.holds(kid, at, s, held))
		}
	}
	return v
}

func matches(in, s graph.Subject, held map[atom]truth) truth {
	if in == s || in.ID == "*" && in.Type == s.Type && s.Relation == "" {
		return surely
	}
	if in.Relation == "" {
		return never
	}
	return held[atom{graph.Object{Type: in.Type, ID: in.ID}, in.Relation}]
}

// condition decides the conditions of switches.
func (o *oracle) condition(c graph.Condition) truth {
	if c.Name == "" {
		return surely
	}
	on, ok := o.given[c.Context].(bool)
	switch {
	case !ok:
		return perhaps // not given, or broken
	case on == (c.Name == "if"):
		return surely
	}
	return never
}

// switches are the conditions of random models: "if" holds while the parameter that the tuple's
// context names is true, "unless" while it is false. A parameter that is no bool makes them fail.
type switches struct{}

var errBroken = errs.New(errs.Invalid, "broken_switch", "The switch is broken.")

func (switches) Has(name string) bool { return name == "if" || name == "unless" }

func (switches) Bind(name, context string) (graph.Bound, error) {
	if !slices.Contains([]string{"x", "y", "z"}, context) {
		return nil, errs.New(errs.Invalid, "no_such_switch", "There is no such switch.")
	}
	return bound{name, context}, nil
}

type bound struct{ name, context string }

func (b bound) Evaluate(_ context.Context, given map[string]any) (bool, []string, error) {
	v, ok := given[b.context]
	if !ok {
		return true, []string{b.context}, nil // true is meant to be ignored
	}
	on, ok := v.(bool)
	if !ok {
		return true, nil, errBroken
	}
	return on == (b.name == "if"), nil, nil
}

// types turns the oracle's form of a model into the graph's.
func (r rules) types(order ...string) []graph.Type {
	var out []graph.Type
	for _, kind := range order {
		t := graph.Type{Name: kind}
		for _, name := range sortedKeys(r[kind]) {
			t.Relations = append(t.Relations, graph.Relation{Name: name, Rewrite: r[kind][name].rewrite()})
		}
		out = append(out, t)
	}
	return out
}

func (r rule) rewrite() graph.Rewrite {
	var kids []graph.Rewrite
	for _, kid := range r.kids {
		kids = append(kids, kid.rewrite())
	}
	switch r.op {
	case "this":
		return graph.This(r.allowed...)
	case "computed":
		return graph.Computed(r.name)
	case "from":
		return graph.From(r.road, r.name)
	case "union":
		return graph.Union(kids...)
	case "intersection":
		return graph.Intersection(kids...)
	}
	return graph.Exclusion(kids[0], kids[1])
}
