package graph_test

import (
	"strings"
	"time"

	"github.com/cardea-auth/cardea/internal/authz/graph"
)

// The oracle decides by the definition and nothing else: it computes, stratum by stratum, the least
// set of (object, relation) that one subject has, by trying every rule on every object until nothing
// changes. It shares no code with the evaluator, has its own form of the model and knows no indexes.

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
	now    time.Time
}

func newOracle(r rules, tuples []graph.Tuple, now time.Time) *oracle {
	o := &oracle{rules: r, now: now, strata: map[[2]string]int{}}
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
			if owner, name, ok := strings.Cut(a, "#"); ok {
				s = max(s, o.strata[[2]string{owner, name}])
			}
		}
	case "computed":
		s = o.strata[[2]string{kind, r.name}]
	case "from":
		for _, owner := range o.rules[kind][r.road].allowed {
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

// has computes everything that the subject has.
func (o *oracle) has(s graph.Subject) map[atom]bool {
	held := map[atom]bool{}
	objects := map[graph.Object]bool{{Type: s.Type, ID: s.ID}: true}
	for _, t := range o.tuples {
		objects[t.Object] = true
		objects[graph.Object{Type: t.Subject.Type, ID: t.Subject.ID}] = true
	}
	if s.Relation != "" {
		held[atom{graph.Object{Type: s.Type, ID: s.ID}, s.Relation}] = true
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
					if o.strata[[2]string{object.Type, name}] == stratum && !held[at] && o.holds(r, at, s, held) {
						held[at], changed = true, true
					}
				}
			}
		}
	}
	return held
}

func (o *oracle) holds(r rule, at atom, s graph.Subject, held map[atom]bool) bool {
	switch r.op {
	case "this":
		for _, t := range o.tuples {
			if t.Object == at.object && t.Relation == at.relation && matches(t.Subject, s, held) {
				return true
			}
		}
		return false
	case "computed":
		return held[atom{at.object, r.name}]
	case "from":
		for _, t := range o.tuples {
			if t.Object == at.object && t.Relation == r.road && held[atom{graph.Object{Type: t.Subject.Type, ID: t.Subject.ID}, r.name}] {
				return true
			}
		}
		return false
	case "exclusion":
		return o.holds(r.kids[0], at, s, held) && !o.holds(r.kids[1], at, s, held)
	}
	for _, kid := range r.kids {
		if o.holds(kid, at, s, held) == (r.op == "union") {
			return r.op == "union"
		}
	}
	return r.op == "intersection"
}

func matches(in, s graph.Subject, held map[atom]bool) bool {
	if in == s || in.ID == "*" && in.Type == s.Type && s.Relation == "" {
		return true
	}
	return in.Relation != "" && held[atom{graph.Object{Type: in.Type, ID: in.ID}, in.Relation}]
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
