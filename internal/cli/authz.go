package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/index"
	"github.com/cardea-auth/cardea/internal/authz/stores"
	"github.com/cardea-auth/cardea/internal/authz/tuplekey"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
)

type authzCommands struct {
	Store   authzStore   `cmd:"" help:"Stores: the tuples of an application, with a model."`
	Model   authzModel   `cmd:"" help:"Versions of the model of a store."`
	Tuple   authzTuple   `cmd:"" help:"Relation tuples of a store."`
	Check   authzCheck   `cmd:"" help:"Ask whether a user has a relation to an object. Exits 0 if so, 1 if not, 2 on error."`
	List    authzList    `cmd:"" help:"List the objects of a user, or the users of an object."`
	Explain authzExplain `cmd:"" help:"Ask why, and what would change it."`
	Watch   authzWatch   `cmd:"" help:"List what has changed since somebody looked last."`
	Policy  authzPolicy  `cmd:"" help:"Cedar policies: sets, with versions that are tested before they decide."`
	Point   authzPoint   `cmd:"" help:"Decision points outside, which decision plans can name."`
	Plan    authzPlan    `cmd:"" help:"Which engines answer questions about which type of resource."`
	Log     authzLog     `cmd:"" help:"Decisions that were kept."`
	Replay  authzReplay  `cmd:"" help:"Make a decision of the log again: at its revisions, by its versions."`

	Simulate authzSimulate `cmd:"" help:"Say what would be decided if something were otherwise: one question, or the newest of the log."`

	Test authzTest `cmd:"" help:"Run a store file (.fga.yaml): a model, tuples, and what they should answer. Needs no server."`
}

// inStore is what every command has that is about a store.
type inStore struct {
	Store string `help:"Id or name of the store; not needed if there is only one." placeholder:"STORE"`
}

// id finds the store that is meant.
func (s inStore) id(e *env) (string, error) {
	if id.ValidULID(s.Store) {
		return s.Store, nil
	}
	found, err := all(func(r page.Request) (page.Page[*stores.Store], error) {
		return e.Stores.List(e.ctx, e.caller(), s.Store, r)
	})
	if err != nil {
		return "", err
	}
	switch {
	case len(found) == 1:
		return found[0].ID, nil
	case len(found) == 0 && s.Store != "":
		return "", errs.New(errs.NotFound, "store_not_found", "There is no such store.")
	case len(found) == 0:
		return "", errs.New(errs.NotFound, "store_not_found", "There is no store yet; make one with cardea authz store create.")
	}
	return "", errs.Bad("--store", "must be the id of one of %d stores", len(found))
}

func (s inStore) store(e *env) (*stores.Store, error) {
	storeID, err := s.id(e)
	if err != nil {
		return nil, err
	}
	return e.Stores.Get(e.ctx, e.caller(), storeID)
}

type authzStore struct {
	Create storeCreate `cmd:"" help:"Make an empty store."`
	List   storeList   `cmd:"" help:"List stores."`
	Show   storeShow   `cmd:"" help:"Show a store."`
	Rename storeRename `cmd:"" help:"Give a store another name."`
	Delete storeDelete `cmd:"" help:"Delete a store with its tuples and models."`
}

type storeCreate struct {
	Name string `arg:"" help:"Name of the store, for people."`
}

func (c *storeCreate) run(e *env) error {
	s, err := e.Stores.Create(e.ctx, e.caller(), c.Name)
	if err != nil {
		return err
	}
	return e.print(showStore(s), func(w io.Writer) { fmt.Fprintf(w, "Store %s has the id %s.\n", visible(s.Name), s.ID) })
}

type storeOut struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Model   string `json:"authorization_model_id,omitempty"`
	Pinned  bool   `json:"pinned"`
	Created string `json:"created_at"`
}

func showStore(s *stores.Store) storeOut {
	return storeOut{ID: s.ID, Name: s.Name, Model: s.Model(), Pinned: s.Pinned != "", Created: s.Created.Format("2006-01-02T15:04:05Z")}
}

type storeList struct{}

func (c *storeList) run(e *env) error {
	found, err := all(func(r page.Request) (page.Page[*stores.Store], error) { return e.Stores.List(e.ctx, e.caller(), "", r) })
	if err != nil {
		return err
	}
	out := make([]storeOut, len(found))
	for i, s := range found {
		out[i] = showStore(s)
	}
	return e.print(out, func(w io.Writer) {
		table(w, "ID NAME MODEL", func(row func(...any)) {
			for _, s := range out {
				row(s.ID, s.Name, s.Model)
			}
		})
	})
}

type storeShow struct{ inStore }

func (c *storeShow) run(e *env) error {
	s, err := c.store(e)
	if err != nil {
		return err
	}
	out := showStore(s)
	return e.print(out, func(w io.Writer) {
		used := "no model yet"
		if out.Model != "" {
			used = "model " + out.Model
		}
		if out.Pinned {
			used += " (pinned)"
		}
		fmt.Fprintf(w, "%s\n  name     %s\n  uses     %s\n  created  %s\n", out.ID, visible(out.Name), used, out.Created)
	})
}

type storeRename struct {
	Store string `arg:"" help:"Id or name of the store."`
	Name  string `arg:"" help:"The new name, for people."`
}

func (c *storeRename) run(e *env) error {
	storeID, err := inStore{c.Store}.id(e)
	if err != nil {
		return err
	}
	s, err := e.Stores.Rename(e.ctx, e.caller(), storeID, c.Name)
	if err != nil {
		return err
	}
	return e.done(map[string]any{"id": s.ID, "name": s.Name}, "Store %s is called %s.", s.ID, visible(s.Name))
}

type storeDelete struct {
	Store string `arg:"" help:"Id or name of the store."`
}

func (c *storeDelete) run(e *env) error {
	storeID, err := inStore{c.Store}.id(e)
	if err != nil {
		return err
	}
	if err := e.Stores.Delete(e.ctx, e.caller(), storeID); err != nil {
		return err
	}
	return e.done(map[string]any{"id": storeID}, "Store %s is gone.", storeID)
}

type authzTuple struct {
	Write  tupleWrite  `cmd:"" help:"Write a tuple."`
	Delete tupleDelete `cmd:"" help:"Delete a tuple."`
	Read   tupleRead   `cmd:"" help:"List tuples."`
}

// oneTuple is a tuple on the command line.
type oneTuple struct {
	User     string `arg:"" help:"Like user:anne, team:eng#member or user:*."`
	Relation string `arg:"" help:"Like viewer."`
	Object   string `arg:"" help:"Like folder:designs."`
	inStore
}

type tupleWrite struct {
	oneTuple
	Condition string `help:"Name of the condition under which it counts."`
	Context   string `help:"What the tuple says to the condition: a JSON object." placeholder:"JSON"`

	For time.Duration `help:"Ends by itself after this time, e.g. 8h."`
}

func (c *tupleWrite) run(e *env) error {
	k := tuplekey.Key{User: c.User, Relation: c.Relation, Object: c.Object}
	if c.Condition != "" {
		k.Condition = &tuplekey.Condition{Name: c.Condition, Context: []byte(c.Context)}
	}
	t, err := k.Tuple()
	if err != nil {
		return err
	}
	if c.For > 0 {
		t.Expires = e.DB.Now().Add(c.For)
	}
	return c.write(e, stores.Write{Writes: []graph.Tuple{t}}, "Written, revision %d.")
}

func (c oneTuple) write(e *env, w stores.Write, said string) error {
	storeID, err := c.id(e)
	if err != nil {
		return err
	}
	revision, err := e.Stores.WriteTuples(e.ctx, e.caller(), storeID, w)
	if err != nil {
		return err
	}
	return e.done(map[string]any{"revision": revision}, said, revision)
}

type tupleDelete struct{ oneTuple }

func (c *tupleDelete) run(e *env) error {
	t, err := tuplekey.Key{User: c.User, Relation: c.Relation, Object: c.Object}.Tuple()
	if err != nil {
		return err
	}
	return c.write(e, stores.Write{Deletes: []graph.Tuple{t}}, "Deleted, revision %d.")
}

type tupleRead struct {
	User     string `help:"Only of this user."`
	Relation string `help:"Only this relation."`
	Object   string `help:"Only of this object, or of a type (folder:)."`
	inStore
}

func (c *tupleRead) run(e *env) error {
	storeID, err := c.id(e)
	if err != nil {
		return err
	}
	f := store.TupleFilter{Relation: c.Relation}
	if kind, rest, _ := strings.Cut(c.Object, ":"); rest == "" {
		f.Object.Type = kind
	} else {
		o, err := tuplekey.ParseObject(c.Object)
		if err != nil {
			return err
		}
		f.Object = store.ObjectRef(o)
	}
	if c.User != "" {
		s, err := tuplekey.ParseSubject(c.User)
		if err != nil {
			return err
		}
		f.Subject = store.SubjectRef(s)
	}
	found, err := all(func(r page.Request) (page.Page[store.Tuple], error) {
		p, _, err := e.Stores.ReadTuples(e.ctx, e.caller(), storeID, f, r)
		return p, err
	})
	if err != nil {
		return err
	}
	out := make([]tuplekey.Key, len(found))
	for i, t := range found {
		out[i] = tuplekey.Of(index.Tuple(t))
	}
	return e.print(out, func(w io.Writer) {
		table(w, "USER RELATION OBJECT CONDITION UNTIL", func(row func(...any)) {
			for _, k := range out {
				under := ""
				if k.Condition != nil {
					under = k.Condition.Name + " " + string(k.Condition.Context)
				}
				until := ""
				if !k.Expires.IsZero() {
					until = k.Expires.Format(time.RFC3339)
				}
				row(k.User, k.Relation, k.Object, under, until)
			}
		})
	})
}
