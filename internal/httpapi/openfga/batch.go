package openfga

import (
	"net/http"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/httpapi/problem"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// CheckMany asks several questions of one revision.
type CheckMany struct {
	Checks []CheckItem `json:"checks" min:"1" max:"1000"`
	Of
}

// CheckItem is one of several questions.
type CheckItem struct {
	Key TupleQuestion `json:"tuple_key"`
	Brought
	ID string `json:"correlation_id" pattern:"^[A-Za-z0-9_-]{1,36}$" doc:"names the answer; different for each question"`
}

// CheckedMany are the answers, by the names of their questions.
type CheckedMany struct {
	Result map[string]CheckedItem `json:"result"`
}

// CheckedItem is one of several answers: allowed, or an error, which denies.
type CheckedItem struct {
	Allowed bool        `json:"allowed"`
	Error   *CheckError `json:"error,omitzero"`
}

// CheckError says why a question could not be answered.
type CheckError struct {
	Input    string `json:"input_error,omitzero"`
	Internal string `json:"internal_error,omitzero"`
	Message  string `json:"message"`
}

// failed is an answer that there is none.
func failed(err error) CheckedItem {
	p := problem.From(err, "")
	status, code := translate(p)
	e := &CheckError{Message: message(p)}
	if status >= http.StatusInternalServerError {
		e.Internal = code
	} else {
		e.Input = code
	}
	return CheckedItem{Error: e}
}

// grouped are questions put together so that those which bring nothing share what is learned.
type grouped struct {
	batches []graph.Batch
	ids     [][]string       // of the questions of each batch
	given   []jsontext.Value // the context of each batch, as it was sent
}

func (g *grouped) add(id string, q graph.Question, tuples []graph.Tuple, given map[string]any, raw jsontext.Value) {
	if len(tuples) == 0 && given == nil {
		g.batches[0].Questions = append(g.batches[0].Questions, q)
		g.ids[0] = append(g.ids[0], id)
		return
	}
	g.batches = append(g.batches, graph.Batch{Questions: []graph.Question{q}, Contextual: tuples, Context: given})
	g.ids, g.given = append(g.ids, []string{id}), append(g.given, raw)
}

func (d *Door) checkMany(x *edge.Exchange, c access.Caller) error {
	var in CheckMany
	if err := parse(x, &in); err != nil {
		return err
	}
	a, err := at(x, in.Model, in.Consistency)
	if err != nil {
		return err
	}
	if len(in.Checks) == 0 {
		return errs.Bad("/checks", "must not be empty")
	}
	out := CheckedMany{Result: make(map[string]CheckedItem, len(in.Checks))}
	g := grouped{batches: make([]graph.Batch, 1), ids: make([][]string, 1), given: make([]jsontext.Value, 1)}
	for _, item := range in.Checks {
		if _, twice := out.Result[item.ID]; twice || !isCorrelation(item.ID) {
			return errs.Bad("/checks", "must each have a correlation_id of its own: 1 to 36 letters, digits, _ and -")
		}
		out.Result[item.ID] = CheckedItem{}
		q, err := item.Key.parse()
		if err != nil {
			out.Result[item.ID] = failed(err)
			continue
		}
		tuples, given, err := item.Brought.parse()
		if err != nil {
			out.Result[item.ID] = failed(err)
			continue
		}
		g.add(item.ID, q, tuples, given, item.Context)
	}
	answers, on, err := d.Decider.CheckBatch(x.R.Context(), c, a, g.batches)
	if err != nil {
		return err
	}
	for i, ids := range g.ids {
		b := g.batches[i]
		for j, id := range ids {
			a := answers[i][j]
			if out.Result[id] = result(a); out.Result[id].Error == nil {
				q := b.Questions[j]
				d.answered(x, c, graph.Query{Object: q.Object, Relation: q.Relation, Subject: q.Subject, Contextual: b.Contextual}, g.given[i], a.Allowed, on)
			}
		}
	}
	asked(x, on.Revision)
	return ok(x, out)
}

func result(a graph.Answer) CheckedItem {
	err := a.Err
	if err == nil {
		err = unknown(a.Missing)
	}
	if err != nil {
		return failed(err)
	}
	return CheckedItem{Allowed: a.Allowed}
}

func isCorrelation(id string) bool {
	for _, r := range id {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '-':
		default:
			return false
		}
	}
	return len(id) >= 1 && len(id) <= 36
}
