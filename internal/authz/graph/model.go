package graph

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// Model is a set of types that has been found sound. It is immutable and may be shared by graphs.
type Model struct {
	kinds     []*kind // by number; 0 is unused
	byName    map[string]*kind
	relations []*relation // by number; 0 is unused
	index     dependents

	conditions Conditions // nil for none
}

// kind is a type of object. Its number is also the node of its wildcard.
type kind struct {
	id        uint32
	name      string
	relations map[string]uint32
	order     []string
}

// relation is a relation of one type, compiled.
type relation struct {
	id   uint32
	kind *kind
	name string

	foreign string // see Relation.Foreign

	shown *op // as written
	body  *op // the same, cheap parts first

	allowed  []shape  // what a tuple may name, exactly
	plain    []uint32 // types whose objects a tuple may name, perhaps under a condition
	wild     []uint32 // types whose wildcard a tuple may name
	usersets []uint32 // relations whose holders a tuple may name

	needs []need // what body asks
	reach leaves // what to follow when looking for those who may have the relation
	whole leaves // what to follow when looking for those whose answer may differ from another's

	bare  bool   // body is a This without usersets: one look-up decides
	exact bool   // only unions from here on: who may have the relation has it
	group bool   // exact, without From, used as a userset: answered from the subject's side
	climb *climb // nil if frames are needed
}

// shape is a kind of direct subject: objects of a type, its wildcard, or the holders of a relation.
type shape struct {
	kind      uint32
	relation  uint32 // 0 but for holders
	wild      bool
	condition string // that the tuple must carry; empty for none
}

func (m *Model) text(s shape) string {
	text := m.kinds[s.kind].name
	switch {
	case s.wild:
		text += ":" + Wildcard
	case s.relation != 0:
		text = m.relations[s.relation].userset()
	}
	if s.condition != "" {
		text += with + s.condition
	}
	return text
}

// Types returns the names of the types in the order in which they were given.
func (m *Model) Types() []string {
	var out []string
	for _, k := range m.kinds[1:] {
		out = append(out, k.name)
	}
	return out
}

// Relations returns the names of a type's relations in the order in which they were given, or
// nothing for an unknown type.
func (m *Model) Relations(objectType string) []string {
	if k := m.byName[objectType]; k != nil {
		return slices.Clone(k.order)
	}
	return nil
}

// Allowed returns what may stand as subject in a tuple of a relation, as This was given it, sorted.
// It is empty for a relation that only follows from others.
func (m *Model) Allowed(objectType, relation string) []string {
	r, err := m.relation(objectType, relation)
	if err != nil {
		return nil
	}
	var out []string
	for _, s := range r.allowed {
		out = append(out, m.text(s))
	}
	slices.Sort(out)
	return out
}

func (r *relation) userset() string { return r.kind.name + "#" + r.name }

// Accepts reports whether the tuple may be written, and if not why, with a hint where one can be
// given. A store must ask before it commits: Apply refuses what Accepts refuses.
func (m *Model) Accepts(t Tuple) error {
	r, err := m.relation(t.Object.Type, t.Relation)
	if err != nil {
		return err
	}
	if r.foreign != "" {
		return errs.New(errs.Invalid, "relation_foreign", "The relation %s cannot be given here. %s", r.userset(), r.foreign)
	}
	return m.accepts(r, t)
}

// AcceptsForeign is Accepts for tuples of the other store.
func (m *Model) AcceptsForeign(t Tuple) error {
	r, err := m.relation(t.Object.Type, t.Relation)
	if err != nil {
		return err
	}
	if r.foreign == "" {
		return errs.New(errs.Invalid, "relation_not_foreign", "The relation %s is given here only.", r.userset())
	}
	return m.accepts(r, t)
}

// Foreign reports whether the tuples of a relation are those of another store.
func (m *Model) Foreign(objectType, relation string) bool {
	r, err := m.relation(objectType, relation)
	return err == nil && r.foreign != ""
}

// HasForeign reports whether any relation is foreign.
func (m *Model) HasForeign() bool {
	return slices.ContainsFunc(m.relations[1:], func(r *relation) bool { return r.foreign != "" })
}

func (m *Model) accepts(r *relation, t Tuple) error {
	if err := checkID(t.Object.ID); err != nil {
		return err
	}
	if len(r.allowed) == 0 {
		return errs.New(errs.Invalid, "relation_not_assignable",
			"The relation %s cannot be given directly; it follows from others.", r.userset())
	}
	if err := m.checkSubject(t.Subject); err != nil {
		return err
	}
	if !slices.Contains(r.allowed, m.shapeOf(t)) {
		return m.refuse(r, t)
	}
	return m.checkCondition(t.Condition)
}

// takes reports whether the relation takes the subject of a tuple under any condition or none.
func (m *Model) takes(r *relation, t Tuple) bool {
	want := m.shapeOf(t)
	return slices.ContainsFunc(r.allowed, func(s shape) bool {
		s.condition = want.condition
		return s == want
	})
}

// holds reports whether the store, or the other one, may hold a tuple with the object, relation and subject
// of t.
func (m *Model) holds(t Tuple, foreign bool) bool {
	r, err := m.relation(t.Object.Type, t.Relation)
	return err == nil && (r.foreign != "") == foreign && checkID(t.Object.ID) == nil && m.checkSubject(t.Subject) == nil && m.takes(r, t)
}

// nests reports whether a tuple gives a group or role to the holders of another.
func (m *Model) nests(t Tuple) bool {
	r, err := m.relation(t.Object.Type, t.Relation)
	return err == nil && r.group && t.Subject.Relation != ""
}

// shapeOf is the kind of subject of a tuple whose subject is well formed.
func (m *Model) shapeOf(t Tuple) shape {
	k := m.byName[t.Subject.Type]
	s := shape{kind: k.id, condition: t.Condition.Name}
	if t.Subject.Relation != "" {
		s.relation = k.relations[t.Subject.Relation]
	} else {
		s.wild = t.Subject.ID == Wildcard
	}
	return s
}

func (m *Model) checkCondition(c Condition) error {
	switch {
	case c.Name != "":
		_, err := m.conditions.Bind(c.Name, c.Context)
		return err
	case c.Context != "":
		return errs.New(errs.Invalid, "invalid_condition_context", "A tuple without a condition has no context.")
	}
	return nil
}

func (m *Model) refuse(r *relation, t Tuple) error {
	allowed, s := m.Allowed(r.kind.name, r.name), t.Subject
	hint := ""
	if m.takes(r, t) {
		hint = " Under another condition, or none, it can."
	} else if s.Relation == "" && s.ID != Wildcard {
		for _, a := range allowed {
			if owner, relation, ok := strings.Cut(a, "#"); ok && owner == s.Type {
				hint = fmt.Sprintf(" Perhaps the subject should end in #%s.", relation)
			}
		}
	}
	return errs.New(errs.Invalid, "subject_not_allowed", "The relation %s can be given to %s.%s",
		r.userset(), strings.Join(allowed, ", "), hint)
}

// checkSubject refuses a subject that no model of these types could mean.
func (m *Model) checkSubject(s Subject) error {
	k := m.byName[s.Type]
	if k == nil {
		return errs.New(errs.Invalid, "unknown_type", "The model has no such type of subject.")
	}
	if s.Relation != "" {
		if k.relations[s.Relation] == 0 {
			return errs.New(errs.Invalid, "unknown_relation", "The type %s has no such relation.", k.name)
		}
		return checkID(s.ID)
	}
	if s.ID == "" {
		return errs.New(errs.Invalid, "invalid_id", "An id must not be empty.")
	}
	return nil
}

func checkID(id string) error {
	if id == "" || id == Wildcard {
		return errs.New(errs.Invalid, "invalid_id", "An id must not be empty, and * stands only for all subjects of a type.")
	}
	return nil
}

func (m *Model) relation(objectType, name string) (*relation, error) {
	k := m.byName[objectType]
	if k == nil {
		return nil, errs.New(errs.Invalid, "unknown_type", "The model has no such type of object.")
	}
	id := k.relations[name]
	if id == 0 {
		return nil, errs.New(errs.Invalid, "unknown_relation", "The type %s has no such relation.", k.name)
	}
	return m.relations[id], nil
}
