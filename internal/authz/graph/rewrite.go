package graph

// Type is a type of object and its relations. A type without relations, like user, can only be a
// subject. Names are 1 to 254 bytes of printable UTF-8 without space : # @ * | , and %.
type Type struct {
	Name      string
	Relations []Relation
}

// Relation is a name and the rule by which it holds.
type Relation struct {
	Name    string
	Rewrite Rewrite
	// Foreign marks a relation whose tuples are those of another store, which LoadBoth and Amend bring. It
	// says where they are given, as a sentence. Tuples of this store do not count for it, and none may be
	// written, brought with a question or supposed. It is empty for all others.
	Foreign string
}

// Rewrite is the rule of a relation: who has it. The zero value is refused by NewModel.
type Rewrite struct {
	kind     rewriteKind
	allowed  []string // this: what may be written
	relation string   // computed, from: the relation asked
	tupleset string   // from: where to go
	kids     []Rewrite
}

type rewriteKind uint8

const (
	_ rewriteKind = iota
	rewriteThis
	rewriteComputed
	rewriteFrom
	rewriteUnion
	rewriteIntersection
	rewriteExclusion
)

// This is whoever has been given the relation by a tuple. Each of allowed is a kind of subject that
// may stand in such a tuple: "user" (an object), "group#member" (everyone with a relation) or
// "user:*" (the wildcard). " with " and the name of a condition behind any of them says that such a
// tuple must carry the condition; without it, it must carry none. This may occur once in a relation.
func This(allowed ...string) Rewrite { return Rewrite{kind: rewriteThis, allowed: allowed} }

// Computed is whoever has another relation to the same object.
func Computed(relation string) Rewrite { return Rewrite{kind: rewriteComputed, relation: relation} }

// From is whoever has relation computed to an object that stands in tupleset here: From("parent",
// "viewer") is "viewer from parent". The tupleset must be a This of plain types only.
func From(tupleset, computed string) Rewrite {
	return Rewrite{kind: rewriteFrom, tupleset: tupleset, relation: computed}
}

// Union is whoever is in any of its parts.
func Union(parts ...Rewrite) Rewrite { return Rewrite{kind: rewriteUnion, kids: parts} }

// Intersection is whoever is in all of its parts.
func Intersection(parts ...Rewrite) Rewrite { return Rewrite{kind: rewriteIntersection, kids: parts} }

// Exclusion is whoever is in base but not in subtract. Subtract must not depend on the relation
// itself, by whatever road.
func Exclusion(base, subtract Rewrite) Rewrite {
	return Rewrite{kind: rewriteExclusion, kids: []Rewrite{base, subtract}}
}
