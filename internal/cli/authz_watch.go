package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/cardea-auth/cardea/internal/authz/index"
	"github.com/cardea-auth/cardea/internal/authz/stores"
	"github.com/cardea-auth/cardea/internal/authz/tuplekey"
	"github.com/cardea-auth/cardea/internal/kit/page"
)

type authzWatch struct {
	inStore
	Type  string `help:"Only tuples on objects of this type; the same each time."`
	After string `help:"Go on where another call has ended, which prints it." placeholder:"CURSOR"`
	// Follow counts where it was typed; the server, which is asked again and again, does not see to it.
	Follow bool `help:"Print what changes later too, until interrupted. A look each second."`
}

// watched are the changes up to a cursor.
type watched struct {
	Changes []tupleChange `json:"changes,omitzero"`
	Next    string        `json:"next"`
}

// tupleChange is a change as it is printed.
type tupleChange struct {
	Revision uint64    `json:"revision"`
	At       time.Time `json:"at"`
	Deleted  bool      `json:"deleted"`
	tuplekey.Key
}

func (x tupleChange) what() string {
	if x.Deleted {
		return "deleted"
	}
	return "written"
}

// run prints the changes up to now. What comes later is found with the cursor that is printed last: nothing
// is printed twice and nothing is left out, however long ago that was, as long as the log reaches back.
func (c *authzWatch) run(e *env) error {
	storeID, err := c.id(e)
	if err != nil {
		return err
	}
	out := watched{Changes: []tupleChange{}, Next: c.After}
	for {
		p, err := e.Stores.Changes(e.ctx, e.caller(), storeID, stores.Watch{Type: c.Type, Request: page.Request{Cursor: out.Next, Limit: page.MaxLimit}})
		if err != nil {
			return err
		}
		for _, x := range p.Items {
			out.Changes = append(out.Changes, tupleChange{x.Revision, x.At, x.Delete, tuplekey.Of(index.Tuple(x.Tuple))})
		}
		if len(p.Items) == 0 && p.Next == out.Next {
			break
		}
		out.Next = p.Next
	}
	return e.print(out, func(w io.Writer) {
		table(w, "REVISION AT CHANGE USER RELATION OBJECT", func(row func(...any)) {
			for _, x := range out.Changes {
				row(x.Revision, x.At.Format(time.RFC3339), x.what(), x.User, x.Relation, x.Object)
			}
		})
		fmt.Fprintf(w, "next: --after %s\n", out.Next)
	})
}
