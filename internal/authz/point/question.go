package point

import (
	"maps"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/strict"
)

// Entity is a subject or a resource.
type Entity struct {
	Type       string         `json:"type"`
	ID         string         `json:"id"`
	Properties map[string]any `json:"properties,omitempty"`
}

// Action is what would be done.
type Action struct {
	Name       string         `json:"name"`
	Properties map[string]any `json:"properties,omitempty"`
}

// Question is what a point is asked: what the asker has said, and nothing that Cardea knows besides.
type Question struct {
	Subject  Entity         `json:"subject"`
	Action   Action         `json:"action"`
	Resource Entity         `json:"resource"`
	Context  map[string]any `json:"context,omitempty"`
}

// Answer is what a point says. The zero value does not permit.
type Answer struct {
	Permit bool
	Reason string // its own words, for people; may be empty
	Failed string // why this one of several could not be answered; empty: it was
}

// plain is q without what is meant for Cardea alone.
func (q Question) plain() Question {
	if q.Context == nil {
		return q
	}
	q.Context = maps.Clone(q.Context)
	delete(q.Context, "explain")
	delete(q.Context, "revision")
	return q
}

// encode writes one question, or several as evaluations (AuthZEN 1.0, section 7.1).
func encode(qs []Question) ([]byte, error) {
	if len(qs) == 1 {
		return json.Marshal(qs[0].plain())
	}
	plain := make([]Question, len(qs))
	for i, q := range qs {
		plain[i] = q.plain()
	}
	return json.Marshal(map[string][]Question{"evaluations": plain})
}

// said is an answer as it is on the wire. Its decision is a pointer, for one that is missing is no deny.
type said struct {
	Decision *bool          `json:"decision"`
	Context  map[string]any `json:"context"`
}

// notAuthZEN refuses what was answered.
func notAuthZEN(text string) error {
	return errs.New(errs.Unavailable, "decision_point_failed", "%s", text)
}

// decode reads the answers to n questions. It takes all of them or none.
func decode(body []byte, n int) ([]Answer, error) {
	if n == 1 {
		var one said
		if err := strict.UnmarshalOpen(body, &one); err != nil {
			return nil, notAuthZEN("It did not answer in the words of AuthZEN.")
		}
		a, err := one.answer()
		if err != nil {
			return nil, err
		}
		return []Answer{a}, nil
	}
	var many struct {
		Evaluations []said `json:"evaluations"`
	}
	if err := strict.UnmarshalOpen(body, &many); err != nil {
		return nil, notAuthZEN("It did not answer in the words of AuthZEN.")
	}
	if len(many.Evaluations) != n {
		return nil, notAuthZEN("It did not answer each question.")
	}
	out := make([]Answer, n)
	for i, one := range many.Evaluations {
		var err error
		if out[i], err = one.answer(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s said) answer() (Answer, error) {
	if s.Decision == nil {
		return Answer{}, notAuthZEN("It did not answer in the words of AuthZEN.")
	}
	a := Answer{Permit: *s.Decision, Reason: readable(s.Context["reason"])}
	if s.Context["error"] != nil { // section 7.2: it could not answer this one
		a.Permit, a.Failed = false, "It could not answer this question."
	}
	return a, nil
}

// maxReason bounds what is repeated of somebody else's words, in bytes.
const maxReason = 500

// readable is a text of somebody else that can be shown, or nothing.
func readable(v any) string {
	text, ok := v.(string)
	if !ok || len(text) > maxReason || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return ""
	}
	return text
}
