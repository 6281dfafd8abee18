package openfga

import (
	"strings"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/index"
	"github.com/cardea-auth/cardea/internal/authz/stores"
	"github.com/cardea-auth/cardea/internal/authz/tuplekey"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
)

// Write is tuples to be written and deleted, all or none.
type Write struct {
	Writes  *Writes  `json:"writes,omitzero"`
	Deletes *Deletes `json:"deletes,omitzero"`
	Model   string   `json:"authorization_model_id,omitzero" max:"64"`
}

// Writes are tuples to be written.
type Writes struct {
	Keys        []tuplekey.Key `json:"tuple_keys" max:"1000"`
	OnDuplicate string         `json:"on_duplicate,omitzero" enum:"error,ignore"`
}

// Deletes are tuples to be deleted.
type Deletes struct {
	Keys      []tuplekey.Key `json:"tuple_keys" max:"1000"`
	OnMissing string         `json:"on_missing,omitzero" enum:"error,ignore"`
}

// Nothing is an empty object.
type Nothing struct{}

// ignores reads on_duplicate and on_missing.
func ignores(pointer, text string) (bool, error) {
	switch text {
	case "", "error":
		return false, nil
	case "ignore":
		return true, nil
	}
	return false, errs.Bad(pointer, "must be error or ignore")
}

func (d *Door) write(x *edge.Exchange, c access.Caller) error {
	var in Write
	if err := parse(x, &in); err != nil {
		return err
	}
	w, err := in.write()
	if err != nil {
		return err
	}
	w.Key = x.R.Header.Get(HeaderKey)
	revision, err := d.Tuples.WriteTuples(x.R.Context(), c, storeID(x), w)
	if err != nil {
		return err
	}
	asked(x, revision)
	return ok(x, Nothing{})
}

func (in Write) write() (w stores.Write, err error) {
	w.Model = in.Model
	if in.Writes != nil {
		if w.Writes, err = tuplekey.Tuples(in.Writes.Keys); err != nil {
			return w, err
		}
		if w.IgnoreDuplicates, err = ignores("/writes/on_duplicate", in.Writes.OnDuplicate); err != nil {
			return w, err
		}
	}
	if in.Deletes != nil {
		if w.Deletes, err = tuplekey.Tuples(in.Deletes.Keys); err != nil {
			return w, err
		}
		w.IgnoreMissing, err = ignores("/deletes/on_missing", in.Deletes.OnMissing)
	}
	return w, err
}

// Read asks for tuples.
type Read struct {
	Key         *Filter     `json:"tuple_key,omitzero" doc:"left out: all tuples"`
	Size        int         `json:"page_size,omitzero" max:"500"`
	Token       string      `json:"continuation_token,omitzero" max:"4096"`
	Consistency Consistency `json:"consistency,omitzero" doc:"reads are always of the newest"`
}

// Filter says which tuples are meant. What is empty may be anything.
type Filter struct {
	User     string `json:"user,omitzero" max:"1024"`
	Relation string `json:"relation,omitzero" max:"254"`
	Object   string `json:"object,omitzero" max:"1024" doc:"type:id, or type: for all of a type"`
}

// Tuple is a stored tuple.
type Tuple struct {
	Key tuplekey.Key `json:"key"`
	At  time.Time    `json:"timestamp" doc:"when it was written as it is; 0001-01-01T00:00:00Z where that was not noted"`
}

// TuplePage is a page of tuples.
type TuplePage struct {
	Tuples []Tuple `json:"tuples"`
	Next   string  `json:"continuation_token" doc:"empty on the last page"`
}

func (d *Door) read(x *edge.Exchange, c access.Caller) error {
	var in Read
	if err := parse(x, &in); err != nil {
		return err
	}
	f, err := in.Key.filter()
	if err != nil {
		return err
	}
	size, err := pageSize(in.Size, maxPage)
	if err != nil {
		return err
	}
	p, revision, err := d.Tuples.ReadTuples(x.R.Context(), c, storeID(x), f, page.Request{Limit: size, Cursor: in.Token})
	if err != nil {
		return err
	}
	out := TuplePage{Tuples: make([]Tuple, len(p.Items)), Next: p.Next}
	for i, t := range p.Items {
		out.Tuples[i] = Tuple{Key: tuplekey.Of(index.Tuple(t)), At: t.Written}
	}
	asked(x, revision)
	return ok(x, out)
}

func (k *Filter) filter() (f store.TupleFilter, err error) {
	if k == nil || *k == (Filter{}) {
		return f, nil
	}
	f.Relation = k.Relation
	kind, rest, _ := strings.Cut(k.Object, ":")
	switch {
	case k.Object == "" && k.User == "":
		return f, errs.Bad("/tuple_key/object", "or user is needed")
	case k.Object == "":
	case rest == "":
		f.Object.Type = kind
	default:
		o, err := tuplekey.ParseObject(k.Object)
		if err != nil {
			return f, err
		}
		f.Object = store.ObjectRef(o)
	}
	if k.User != "" {
		var s graph.Subject
		if s, err = tuplekey.ParseSubject(k.User); err == nil {
			f.Subject = store.SubjectRef(s)
		}
	}
	return f, err
}

// Change is something that was written or deleted.
type Change struct {
	Key       tuplekey.Key `json:"tuple_key"`
	Operation string       `json:"operation" enum:"TUPLE_OPERATION_WRITE,TUPLE_OPERATION_DELETE"`
	At        time.Time    `json:"timestamp"`
}

// ChangePage is a page of changes, oldest first.
type ChangePage struct {
	Changes []Change `json:"changes"`
	Next    string   `json:"continuation_token" doc:"where to go on; never empty"`
}

// ChangesQuery asks for changes.
type ChangesQuery struct {
	Type  string    `query:"type" max:"254" doc:"of the objects"`
	Size  int       `query:"page_size" min:"1" max:"500"`
	Token string    `query:"continuation_token" max:"4096"`
	Start time.Time `query:"start_time" doc:"leaves out what happened before"`
}

func (d *Door) changes(x *edge.Exchange, c access.Caller) error {
	r, get, err := pageRequest(x, maxPage)
	if err != nil {
		return err
	}
	w := stores.Watch{Type: get("type"), Request: r}
	if text := get("start_time"); text != "" {
		if w.Start, err = time.Parse(time.RFC3339, text); err != nil {
			return errs.Bad("start_time", "must be a time like 2006-01-02T15:04:05Z")
		}
	}
	if w.Since, err = wanted(x); err != nil {
		return err
	}
	p, err := d.Tuples.Changes(x.R.Context(), c, storeID(x), w)
	if err != nil {
		return err
	}
	out := ChangePage{Changes: make([]Change, len(p.Items)), Next: p.Next}
	for i, change := range p.Items {
		one := Change{Key: tuplekey.Of(index.Tuple(change.Tuple)), Operation: "TUPLE_OPERATION_WRITE", At: change.At}
		if change.Delete {
			one.Operation, one.Key.Condition = "TUPLE_OPERATION_DELETE", nil
		}
		out.Changes[i] = one
	}
	return ok(x, out)
}
