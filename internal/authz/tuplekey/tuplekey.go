// Package tuplekey reads and writes relation tuples as OpenFGA's API and files spell them: a user
// "group:eng#member", a relation "viewer", an object "document:plan". Clients, test files and the
// command line share it.
//
//	{"user": "user:anne", "relation": "viewer", "object": "document:plan",
//	 "condition": {"name": "in_office", "context": {"network": "10.0.0.0/8"}}}
//
// An object is type:id, cut at the first ':'; an id has no '#', no white space and no control
// characters, so that a text means one thing only. The graph itself takes any id. The package knows no
// models: whether a type exists is asked of them.
package tuplekey

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/cardea-auth/cardea/internal/authz/condition"
	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// MaxID bounds an id in bytes, MaxName a type or a relation.
const (
	MaxID   = 512
	MaxName = 254
)

// Key is a tuple. Expires is Cardea's: OpenFGA has no tuples that end by themselves.
type Key struct {
	User      string     `json:"user"`
	Relation  string     `json:"relation"`
	Object    string     `json:"object"`
	Condition *Condition `json:"condition,omitzero"`
	Expires   time.Time  `json:"expires_at,omitzero" doc:"from then on the tuple does not count; left out: never"`
}

// Condition is a condition of the model, and what the tuple brings for its parameters.
type Condition struct {
	Name    string         `json:"name"`
	Context jsontext.Value `json:"context,omitzero" doc:"values for parameters of the condition"`
}

// Of spells a tuple.
func Of(t graph.Tuple) Key {
	k := Key{User: Subject(t.Subject), Relation: t.Relation, Object: Object(t.Object), Expires: t.Expires}
	if t.Condition.Name != "" {
		k.Condition = &Condition{Name: t.Condition.Name, Context: jsontext.Value(t.Condition.Context)}
		if t.Condition.Context == "" {
			k.Condition.Context = jsontext.Value("{}")
		}
	}
	return k
}

// Tuple reads a tuple. The context of its condition is brought into one spelling, so that equal ones
// are equal texts.
func (k Key) Tuple() (graph.Tuple, error) {
	q, err := k.Question()
	if err != nil {
		return graph.Tuple{}, err
	}
	t := graph.Tuple{Object: q.Object, Relation: q.Relation, Subject: q.Subject, Expires: k.Expires}
	if k.Condition == nil || k.Condition.Name == "" && empty(k.Condition.Context) {
		return t, nil
	}
	t.Condition.Name = k.Condition.Name
	t.Condition.Context, err = Canonical(k.Condition.Context)
	return t, err
}

// Question reads a tuple as the question whether it holds. Condition and expiry play no part.
func (k Key) Question() (graph.Question, error) {
	o, err := ParseObject(k.Object)
	if err != nil {
		return graph.Question{}, err
	}
	s, err := ParseSubject(k.User)
	if err != nil {
		return graph.Question{}, err
	}
	if !isName(k.Relation) {
		return graph.Question{}, errRelation()
	}
	return graph.Question{Object: o, Relation: k.Relation, Subject: s}, nil
}

// Tuples reads several tuples.
func Tuples(keys []Key) ([]graph.Tuple, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	out := make([]graph.Tuple, len(keys))
	for i, k := range keys {
		var err error
		if out[i], err = k.Tuple(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Context reads what a request knows for conditions; nothing and null are nothing.
func Context(raw jsontext.Value) (map[string]any, error) {
	if empty(raw) {
		return nil, nil
	}
	return condition.ParseContext(raw)
}

func empty(raw jsontext.Value) bool { return len(raw) == 0 || string(raw) == "null" }

// Canonical is a JSON object in one spelling, or "" for an empty one. Numbers stay as they were
// written: RFC 8785 would round a long one. A name twice and what is no object are refused.
func Canonical(raw jsontext.Value) (string, error) {
	given, err := Context(raw)
	if err != nil || len(given) == 0 {
		return "", err
	}
	text := raw.Clone()
	if err := text.Format(jsontext.ReorderRawObjects(true)); err != nil {
		return "", errs.Wrap(errs.Invalid, err, "invalid_condition_context", "The context of the condition is not a JSON object.")
	}
	return string(text), nil
}

// Object spells an object.
func Object(o graph.Object) string { return o.Type + ":" + o.ID }

// Subject spells a subject.
func Subject(s graph.Subject) string {
	if s.Relation != "" {
		return s.Type + ":" + s.ID + "#" + s.Relation
	}
	return s.Type + ":" + s.ID
}

// ParseObject reads type:id.
func ParseObject(text string) (graph.Object, error) {
	kind, id, ok := strings.Cut(text, ":")
	if !ok || !isName(kind) || !isID(id) || id == graph.Wildcard {
		return graph.Object{}, errs.New(errs.Invalid, "invalid_object", "An object is written type:id; an id has 1 to %d bytes without # and white space, and is not *.", MaxID)
	}
	return graph.Object{Type: kind, ID: id}, nil
}

// ParseSubject reads type:id, type:id#relation or type:*.
func ParseSubject(text string) (graph.Subject, error) {
	plain, relation, userset := strings.Cut(text, "#")
	kind, id, ok := strings.Cut(plain, ":")
	if !ok || !isName(kind) || !isID(id) || userset && (!isName(relation) || id == graph.Wildcard) {
		return graph.Subject{}, errs.New(errs.Invalid, "invalid_user", "A user is written type:id, type:id#relation or type:*; an id has 1 to %d bytes without # and white space.", MaxID)
	}
	return graph.Subject{Type: kind, ID: id, Relation: relation}, nil
}

func errRelation() error {
	return errs.New(errs.Invalid, "invalid_relation", "A relation is a name of 1 to %d bytes without : # @ and white space.", MaxName)
}

func isName(text string) bool {
	return text != "" && len(text) <= MaxName && !strings.ContainsAny(text, ":#@") && isPlain(text)
}

func isID(text string) bool {
	return text != "" && len(text) <= MaxID && !strings.Contains(text, "#") && isPlain(text)
}

// isPlain reports whether a text is UTF-8 without white space and control characters.
func isPlain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c <= ' ' || c >= 0x7f {
			return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
		}
	}
	return true
}
