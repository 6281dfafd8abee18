package graph

import "github.com/cardea-auth/cardea/internal/kit/errs"

// maxOverlay bounds the changes that a view may suppose.
const maxOverlay = 10_000

// With is the view as it would be after changes, in their order, on top of those it supposes
// already: what would be allowed if this were written and that deleted. The graph does not change.
// Every question pays for the changes again, about 1 µs each. Writing what the model does not accept
// is refused as by Apply; deleting it does nothing. Too many changes are too_many_changes.
func (v View) With(changes ...Change) (View, error) {
	supposed := make([]Change, 0, len(v.over)+len(changes))
	place := map[Tuple]int{}
	for _, c := range append(v.over[:len(v.over):len(v.over)], changes...) {
		at := Tuple{Object: c.Tuple.Object, Relation: c.Tuple.Relation, Subject: c.Tuple.Subject}
		if c.Delete {
			c.Tuple = at
			if !v.graph.model.holds(at) {
				continue
			}
		} else if err := v.graph.model.Accepts(c.Tuple); err != nil {
			return View{}, err
		}
		if before, ok := place[at]; ok {
			supposed[before] = c
			continue
		}
		if len(supposed) == maxOverlay {
			return View{}, errs.New(errs.Invalid, "too_many_changes", "A view may suppose %d changes.", maxOverlay)
		}
		place[at] = len(supposed)
		supposed = append(supposed, c)
	}
	v.over = supposed
	return v, nil
}
