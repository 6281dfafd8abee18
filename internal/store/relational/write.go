package relational

import (
	"fmt"

	"github.com/cardea-auth/cardea/internal/store"
)

// Admit refuses a record that no transaction should be opened for.
func (t Table) Admit(op store.Op) error {
	if op.Kind != store.InsertOp && op.Kind != store.ReplaceOp {
		return nil
	}
	if op.Key.Tenant == "" || op.Key.ID == "" {
		return fmt.Errorf("store: collection %s: a record needs a tenant and an id", t.Schema.Name)
	}
	if len(op.Columns) != len(t.Columns) {
		return fmt.Errorf("store: collection %s: %d columns were declared, not %d", t.Schema.Name, len(t.Columns), len(op.Columns))
	}
	for i, v := range op.Columns {
		if v.Kind != store.None && v.Kind != t.Schema.Columns[i].Kind {
			return fmt.Errorf("store: collection %s: column %s has the wrong kind", t.Schema.Name, t.Schema.Columns[i].Name)
		}
	}
	return nil
}

// Judge decides from the row of the marked operation whether w was written: from its version, 0 if
// there is no row, and from the batch whose mark it carries.
func Judge(w store.Write, version int64, batch string) (bool, error) {
	op := w.Docs[w.Mark()]
	ours := int64(1) // the version that the row had right after the batch
	if op.Kind == store.ReplaceOp {
		ours = op.Version + 1
	}
	switch {
	case batch == w.ID && w.ID != "":
		return true, nil
	case version <= ours:
		return false, nil // not there, not yet changed, or changed by another
	}
	return false, store.ErrAmbiguous // changed again since, and the mark is gone
}

// Collect appends a row of a changelog and reports whether more are wanted. When the limit is passed it
// cuts back to the last whole revision, or goes on to the end of the first one, which is delivered
// however long it is.
func Collect(out []store.TupleChange, limit int, next store.TupleChange) ([]store.TupleChange, bool) {
	n := len(out)
	if n < limit || out[0].Revision == next.Revision {
		return append(out, next), true
	}
	if out[n-1].Revision == next.Revision { // it does not fit whole
		for n > 0 && out[n-1].Revision == next.Revision {
			n--
		}
	}
	return out[:n], false
}
