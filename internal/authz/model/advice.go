package model

import (
	"fmt"
	"slices"
	"strings"
)

// Advice is what is worth a second look in a sound model: it works, but perhaps not as meant. The
// weighted graph of OpenFGA refuses most of it, while its server accepts it.
func (m *Model) Advice() []Diagnostic {
	a := adviser{web: newWeb(m)}
	for i := range a.web.nodes {
		n := &a.web.nodes[i]
		a.at = place{&a.found, n.relation.At, n.owner.Name + "#" + n.relation.Name}
		a.repeated(n)
		a.branches(n, n.relation.Rewrite)
		a.constrained(n)
	}
	a.unused()
	return a.found.sort()
}

type adviser struct {
	web   *web
	at    place
	found findings
}

// repeated finds a subject twice in one list.
func (a *adviser) repeated(n *node) {
	seen := map[string]bool{}
	for _, s := range n.relation.Subjects {
		if seen[s.String()] {
			a.of(s.At).add(CodeRepeated, "", "The subject %s is named twice.", s)
		}
		seen[s.String()] = true
	}
}

// of is the place in the relation, as exact as it is known.
func (a *adviser) of(p Position) place {
	at := a.at
	if p.Line > 0 {
		at.at = p
	}
	return at
}

// branches finds roads that some types do not have, and parts that give nothing to anybody.
func (a *adviser) branches(n *node, part Rewrite) {
	switch part.Operator {
	case From:
		var lacking []string
		for _, s := range n.owner.Relation(part.Tupleset).Subjects {
			if _, ok := a.web.number[[2]string{s.Type, part.Relation}]; !ok && !slices.Contains(lacking, s.Type) {
				lacking = append(lacking, s.Type)
			}
		}
		if len(lacking) > 0 {
			a.of(part.At).add(CodePartial, "Through such objects nobody gets it.", "%s from %s: the relation is not defined in %s.",
				part.Relation, part.Tupleset, strings.Join(lacking, ", "))
		}
	case Intersection:
		if a.web.subjects(n, part).empty() {
			a.of(part.At).add(CodeDeadBranch, "Its parts have no type of subject in common.", "Nobody can fulfil this \"and\".")
		}
	case Exclusion:
		if sameRewrite(part.Parts[0], part.Parts[1]) {
			a.of(part.At).add(CodeDeadBranch, "", "This \"but not\" subtracts what it begins with, so nothing is left.")
		}
	}
	for _, p := range part.Parts {
		a.branches(n, p)
	}
}

// constrained finds recursion that goes through "and" or the first part of "but not". It has a
// meaning, the least fixpoint, but is hard to foresee.
func (a *adviser) constrained(n *node) {
	var under func(part Rewrite, bound bool) bool
	under = func(part Rewrite, bound bool) bool {
		if bound && slices.ContainsFunc(a.web.leads(n, part), func(id int) bool { return a.web.nodes[id].group == n.group }) {
			return true
		}
		bound = bound || part.Operator == Intersection || part.Operator == Exclusion
		return slices.ContainsFunc(part.Parts, func(p Rewrite) bool { return under(p, bound) })
	}
	if under(n.relation.Rewrite, false) {
		a.at.add(CodeConstrained, "Put the recursion into a relation of its own, if it need not be restricted on every step.",
			"The relation depends on itself through \"and\" or \"but not\".")
	}
}

func (a *adviser) unused() {
	m := a.web.model
	for _, c := range m.Conditions {
		used := slices.ContainsFunc(m.Types, func(t Type) bool {
			return slices.ContainsFunc(t.Relations, func(r Relation) bool {
				return slices.ContainsFunc(r.Subjects, func(s Subject) bool { return s.Condition == c.Name })
			})
		})
		if !used {
			a.found.add(Diagnostic{At: c.At, Path: "condition " + c.Name, Code: CodeUnused, Text: fmt.Sprintf("No relation uses the condition %s.", c.Name)})
		}
	}
}
