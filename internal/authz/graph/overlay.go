package graph

import "github.com/cardea-auth/cardea/internal/kit/errs"

// maxOverlay bounds the changes that a view may suppose.
const maxOverlay = 10_000

// With is the view as it would be after changes, in their order, on top of those it supposes
// already: what would be allowed if this were written and that deleted. The graph does not change.
// Every question pays for the changes again, about 1 µs each. Writing what the model does not accept
// is refused as by Apply; deleting it does nothing. Too many changes are too_many_changes.
func (v View) With(changes ...Change) (View, error) { return v.suppose(changes, false) }

// WithForeign is With for changes of foreign relations.
func (v View) WithForeign(changes ...Change) (View, error) { return v.suppose(changes, true) }

func (v View) suppose(changes []Change, foreign bool) (View, error) {
	accepts := v.graph.model.Accepts
	if foreign {
		accepts = v.graph.model.AcceptsForeign
	}
	supposed := append(make([]Change, 0, len(v.over)+len(changes)), v.over...)
	place := map[Tuple]int{}
	for i, c := range supposed {
		place[c.Tuple.bare()] = i
	}
	for _, c := range changes {
		at := c.Tuple.bare()
		if c.Delete {
			c.Tuple = at
			if !v.graph.model.holds(at, foreign) {
				continue
			}
		} else if err := accepts(c.Tuple); err != nil {
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
