package stores

import (
	"context"
	"strings"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/tuplekey"
)

// Explanation is an answer that people can use.
type Explanation struct {
	graph.WhyNot
	// Sentence says it all in one.
	Sentence string
}

// Explain answers like Check and says why: with the tuples that prove it, or with the smallest changes
// that would allow it. It shows tuples, so whoever asks must be allowed to read them.
func (s *Stores) Explain(ctx context.Context, c access.Caller, at At, q graph.Query) (Explanation, Asked, error) {
	o, err := s.ask(ctx, c, at, "authz.tuple.read")
	if err != nil {
		return Explanation{}, Asked{}, err
	}
	q.Explain = true
	e := Explanation{}
	if e.Result, err = o.view.Check(ctx, o.now, q); err == nil && !e.Allowed {
		e.WhyNot, err = o.view.WhyNot(ctx, o.now, q)
	}
	if err != nil {
		return Explanation{}, o.asked(), o.blame(err, q.Contextual)
	}
	e.Sentence = e.sentence(q)
	return e, o.asked(), nil
}

func (e Explanation) sentence(q graph.Query) string {
	asked := says(graph.Tuple{Object: q.Object, Relation: q.Relation, Subject: q.Subject}, "is")
	denied := says(graph.Tuple{Object: q.Object, Relation: q.Relation, Subject: q.Subject}, "is not")
	switch {
	case e.Allowed && len(e.Path) == 0:
		return asked + ": whoever has a relation to an object is in it."
	case e.Allowed && len(e.Path) == 1 && identity(e.Path[0]) == (graph.Tuple{Object: q.Object, Relation: q.Relation, Subject: q.Subject}):
		return asked + ": a tuple says so."
	case e.Allowed:
		return asked + ", because " + list(e.Path, func(t graph.Tuple) string { return says(t, "is") }) + "."
	case len(e.Missing) > 0:
		return denied + ": that depends on " + list(e.Missing, func(s string) string { return s }) + ", which the question does not say."
	case len(e.Remedies) > 0:
		return denied + "; it would be if " + remedy(e.Remedies[0]) + "."
	}
	return denied + ": no tuples lead there."
}

// says is a tuple as a sentence.
func says(t graph.Tuple, is string) string {
	who := tuplekey.Subject(t.Subject)
	if t.Subject.Relation == "" && t.Subject.ID == graph.Wildcard {
		who = "every " + t.Subject.Type
	}
	return who + " " + is + " " + t.Relation + " of " + tuplekey.Object(t.Object)
}

func list[T any](all []T, say func(T) string) string {
	var b strings.Builder
	for i, one := range all {
		switch {
		case i > 0 && i == len(all)-1:
			b.WriteString(" and ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(say(one))
	}
	return b.String()
}

// remedy is a set of changes as a condition: "user:bob were member of team:eng".
func remedy(r graph.Remedy) string {
	var parts []string
	for _, t := range r.Write {
		parts = append(parts, says(t, "were"))
	}
	for _, t := range r.Delete {
		parts = append(parts, says(t, "were not"))
	}
	for _, u := range r.Meet {
		text := "the condition " + u.Tuple.Condition.Name + " held"
		if len(u.Missing) > 0 {
			text += " (it lacks " + list(u.Missing, func(s string) string { return s }) + ")"
		}
		parts = append(parts, text)
	}
	return list(parts, func(s string) string { return s })
}
