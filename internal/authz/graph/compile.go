package graph

import (
	"cmp"
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// maxNesting bounds how deep one rewrite may be nested. Relations may refer to each other in chains
// of any length.
const maxNesting = 25

// op is a compiled rewrite.
type op struct {
	kind     rewriteKind
	kids     []*op
	relation uint32   // this: its own; computed: the one asked; from: the only one it can lead to, or 0
	tupleset uint32   // from: the relation to go along
	targets  []target // from: what to ask there
	grouped  bool     // this: all its usersets are groups
}

// target is the relation to ask of an object of a type.
type target struct{ kind, relation uint32 }

// compiler turns the rewrites of one model into ops.
type compiler struct {
	model *Model
	at    *relation // whose rewrite is being compiled
	this  bool      // a This was seen in it
}

// NewModel checks and compiles types. It refuses, with the place and the reason: a name twice or
// malformed, a reference to what does not exist, a tupleset that is anything but plain objects, an
// exclusion that depends on itself through its subtracted side, a relation that refers to itself on
// the same object, and a relation that nobody could ever have.
func NewModel(types ...Type) (*Model, error) { return NewConditionalModel(nil, types...) }

// NewConditionalModel is NewModel for types whose tuples may carry conditions. A This that names a
// condition which there is not is refused.
func NewConditionalModel(conditions Conditions, types ...Type) (*Model, error) {
	m := &Model{kinds: make([]*kind, 1), byName: map[string]*kind{}, relations: make([]*relation, 1), conditions: conditions}
	for _, t := range types {
		if err := m.declare(t); err != nil {
			return nil, err
		}
	}
	id := uint32(0)
	for _, t := range types {
		for _, r := range t.Relations {
			id++
			if err := m.compile(m.relations[id], r.Rewrite); err != nil {
				return nil, err
			}
		}
	}
	if err := m.checkTuplesets(); err != nil {
		return nil, err
	}
	if err := m.checkRecursion(); err != nil {
		return nil, err
	}
	m.plan()
	return m, nil
}

func refuse(place, format string, args ...any) error {
	e := errs.Bad(place, format, args...)
	e.Code = "invalid_model"
	return e
}

// declare gives numbers to a type and its relations, so that any may refer to any.
func (m *Model) declare(t Type) error {
	if !isName(t.Name) {
		return refuse("type", "must have 1 to 254 printable characters without space : # @ * | , and %%")
	}
	if m.byName[t.Name] != nil {
		return refuse(t.Name, "is declared twice")
	}
	k := &kind{id: uint32(len(m.kinds)), name: t.Name, relations: map[string]uint32{}}
	m.kinds, m.byName[t.Name] = append(m.kinds, k), k
	for _, r := range t.Relations {
		if !isName(r.Name) {
			return refuse(t.Name, "has a relation whose name is malformed")
		}
		if k.relations[r.Name] != 0 {
			return refuse(t.Name+"#"+r.Name, "is declared twice")
		}
		id := uint32(len(m.relations))
		m.relations = append(m.relations, &relation{id: id, kind: k, name: r.Name, foreign: r.Foreign})
		k.relations[r.Name], k.order = id, append(k.order, r.Name)
	}
	return nil
}

func (m *Model) compile(r *relation, w Rewrite) error {
	c := compiler{model: m, at: r}
	body, err := c.op(w, 1)
	if err != nil {
		return err
	}
	r.shown = body
	r.bare = body.kind == rewriteThis && len(r.usersets) == 0
	return nil
}

func (c *compiler) op(w Rewrite, depth int) (*op, error) {
	if depth > maxNesting {
		return nil, refuse(c.at.userset(), "is nested deeper than %d", maxNesting)
	}
	switch w.kind {
	case rewriteThis:
		return c.direct(w)
	case rewriteComputed:
		id := c.at.kind.relations[w.relation]
		if id == 0 {
			return nil, refuse(c.at.userset(), "refers to a relation that its type does not have")
		}
		return &op{kind: w.kind, relation: id}, nil
	case rewriteFrom:
		return c.from(w)
	case rewriteUnion, rewriteIntersection, rewriteExclusion:
		return c.operator(w, depth)
	}
	return nil, refuse(c.at.userset(), "has an empty rewrite")
}

func (c *compiler) operator(w Rewrite, depth int) (*op, error) {
	if len(w.kids) == 0 {
		return nil, refuse(c.at.userset(), "has an operator without parts")
	}
	o := &op{kind: w.kind}
	for _, kid := range w.kids {
		part, err := c.op(kid, depth+1)
		if err != nil {
			return nil, err
		}
		o.kids = append(o.kids, part)
	}
	return o, nil
}

// direct compiles a This: the kinds of subject become those of the relation.
func (c *compiler) direct(w Rewrite) (*op, error) {
	if c.this {
		return nil, refuse(c.at.userset(), "names its direct subjects twice")
	}
	if c.this = true; len(w.allowed) == 0 {
		return nil, refuse(c.at.userset(), "allows no direct subject")
	}
	seen := map[string]bool{}
	for _, text := range w.allowed {
		if seen[text] {
			return nil, refuse(c.at.userset(), "allows the same direct subject twice")
		}
		seen[text] = true
		if !c.allow(text) {
			return nil, refuse(c.at.userset(), "allows a direct subject that the model does not have")
		}
	}
	return &op{kind: rewriteThis, relation: c.at.id}, nil
}

// with is between a kind of subject and the condition that a tuple of it must carry.
const with = " with "

// allow adds one kind of direct subject: "user", "user:*" or "group#member", perhaps "with" a
// condition.
func (c *compiler) allow(text string) bool {
	text, condition, conditional := strings.Cut(text, with)
	if conditional && (condition == "" || c.model.conditions == nil || !c.model.conditions.Has(condition)) {
		return false
	}
	plain, wild := strings.CutSuffix(text, ":"+Wildcard)
	owner, name, userset := strings.Cut(plain, "#")
	k := c.model.byName[owner]
	if k == nil || wild && userset {
		return false
	}
	s, r := shape{kind: k.id, wild: wild, condition: condition}, c.at
	switch {
	case wild:
		r.wild = insert(r.wild, k.id)
	case userset:
		if s.relation = k.relations[name]; s.relation == 0 {
			return false
		}
		r.usersets = insert(r.usersets, s.relation)
	default:
		r.plain = insert(r.plain, k.id)
	}
	r.allowed = append(r.allowed, s)
	return true
}

// insert adds a number that is not there yet.
func insert(to []uint32, n uint32) []uint32 {
	if slices.Contains(to, n) {
		return to
	}
	return append(to, n)
}

// from compiles the road. Where it leads is known only when all relations are compiled.
func (c *compiler) from(w Rewrite) (*op, error) {
	id := c.at.kind.relations[w.tupleset]
	if id == 0 {
		return nil, refuse(c.at.userset(), "goes along a relation that its type does not have")
	}
	o := &op{kind: w.kind, tupleset: id}
	for _, k := range c.model.kinds[1:] {
		if asked := k.relations[w.relation]; asked != 0 {
			o.targets = append(o.targets, target{k.id, asked})
		}
	}
	return o, nil
}

// checkTuplesets narrows every From to the types its tupleset can hold.
func (m *Model) checkTuplesets() error {
	for _, r := range m.relations[1:] {
		for o := range r.shown.all() {
			if o.kind != rewriteFrom {
				continue
			}
			road := m.relations[o.tupleset]
			if !road.bare || len(road.wild) > 0 {
				return refuse(r.userset(), "goes along %s, which must hold plain objects only", road.userset())
			}
			o.targets = slices.DeleteFunc(o.targets, func(t target) bool { return !slices.Contains(road.plain, t.kind) })
			if len(o.targets) == 0 {
				return refuse(r.userset(), "asks for a relation that nothing in %s has", road.userset())
			}
			if len(road.plain) == 1 {
				o.relation = o.targets[0].relation
			}
		}
	}
	return nil
}

// all yields o and everything under it.
func (o *op) all() func(yield func(*op) bool) {
	return func(yield func(*op) bool) { o.visit(yield) }
}

func (o *op) visit(yield func(*op) bool) bool {
	if !yield(o) {
		return false
	}
	for _, kid := range o.kids {
		if !kid.visit(yield) {
			return false
		}
	}
	return true
}

// sorted is o with the parts of unions and intersections in order of their cost.
func (m *Model) sorted(o *op) *op {
	c := *o
	c.kids = nil
	for _, kid := range o.kids {
		c.kids = append(c.kids, m.sorted(kid))
	}
	if c.kind == rewriteUnion || c.kind == rewriteIntersection {
		slices.SortStableFunc(c.kids, func(a, b *op) int { return cmp.Compare(m.cost(a), m.cost(b)) })
	}
	return &c
}

func (m *Model) cost(o *op) int {
	switch o.kind {
	case rewriteThis:
		return 1 + min(1, len(m.relations[o.relation].usersets))
	case rewriteComputed:
		if r := m.relations[o.relation]; r.bare {
			return 1
		} else if r.shown.kind == rewriteThis {
			return 2
		}
	case rewriteFrom:
		return 4
	}
	return 3
}
