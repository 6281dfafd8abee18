package stores

import (
	"context"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz/index"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
)

func unavailable(err error) error { return index.Unavailable(err) }

func badCursor() error {
	return errs.New(errs.Invalid, "invalid_cursor", "The cursor does not belong to this list.")
}

// ReadTuples lists the tuples that a filter means, as they were written, whether the model accepts
// them or not. The revision is one that the list knows of; it may know of later ones.
func (s *Stores) ReadTuples(ctx context.Context, c access.Caller, storeID string, f store.TupleFilter, r page.Request) (page.Page[store.Tuple], uint64, error) {
	in, err := s.readable(ctx, c, storeID)
	if err != nil {
		return page.Page[store.Tuple]{}, 0, err
	}
	p := store.TuplePage{Limit: r.Size() + 1}
	if p.After, err = parseTupleCursor(r.Cursor); err != nil {
		return page.Page[store.Tuple]{}, 0, err
	}
	revision, err := s.db.Tuples().Revision(ctx, in)
	if err != nil {
		return page.Page[store.Tuple]{}, 0, unavailable(err)
	}
	found, err := s.db.Tuples().ListTuples(ctx, in, f, p)
	if err != nil {
		return page.Page[store.Tuple]{}, 0, unavailable(err)
	}
	out := page.Page[store.Tuple]{Items: found}
	if len(found) > r.Size() {
		out.Items = found[:r.Size()]
		out.Next = tupleCursor(out.Items[len(out.Items)-1])
	}
	return out, revision, nil
}

// readable is where the tuples are that the caller may read.
func (s *Stores) readable(ctx context.Context, c access.Caller, storeID string) (store.TupleStore, error) {
	if _, err := s.guard.Allow(ctx, c, "authz.tuple.read", objectOf(storeID)); err != nil {
		return store.TupleStore{}, err
	}
	doc, err := s.stores.In(c.Tenant()).View(ctx, storeID)
	if err != nil {
		return store.TupleStore{}, missing(err, noStore())
	}
	return tuplesOf(c.Tenant(), doc), nil
}

// tupleCursor is the last tuple of a page. It can say where in a list to go on and nothing else, so it
// is not sealed.
func tupleCursor(t store.Tuple) string {
	b, err := json.Marshal([]string{t.Object.Type, t.Object.ID, t.Relation, t.Subject.Type, t.Subject.ID, t.Subject.Relation})
	if err != nil { // text that is not UTF-8, which the store does not keep
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func parseTupleCursor(cursor string) (*store.Tuple, error) {
	if cursor == "" {
		return nil, nil
	}
	var parts []string
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err == nil {
		err = json.Unmarshal(b, &parts)
	}
	if err != nil || len(parts) != 6 {
		return nil, badCursor()
	}
	return &store.Tuple{
		Object: store.ObjectRef{Type: parts[0], ID: parts[1]}, Relation: parts[2],
		Subject: store.SubjectRef{Type: parts[3], ID: parts[4], Relation: parts[5]},
	}, nil
}

// Watch says which changes are wanted.
type Watch struct {
	Type  string // of the object; empty: all
	Since uint64 // changes after this revision, without a cursor
	// Start leaves out what happened before; the zero time leaves out nothing.
	Start time.Time
	page.Request
}

// maxWatched bounds how many changes one call looks at.
const maxWatched = 5000

// Changes lists what changed, oldest first. Next is never empty: with it the list goes on, now or when
// more has happened. A log that no longer reaches back so far is refused (changes_trimmed): then read
// the tuples, and go on from the revision of that answer.
func (s *Stores) Changes(ctx context.Context, c access.Caller, storeID string, w Watch) (page.Page[store.TupleChange], error) {
	none := page.Page[store.TupleChange]{}
	in, err := s.readable(ctx, c, storeID)
	if err != nil {
		return none, err
	}
	at, err := parsePosition(w)
	if err != nil {
		return none, err
	}
	out := page.Page[store.TupleChange]{Items: []store.TupleChange{}}
	for looked := 0; looked < maxWatched; {
		found, err := s.db.Tuples().Changes(ctx, in, at.before(), w.Size())
		if errors.Is(err, store.ErrTrimmed) {
			return none, errs.New(errs.Invalid, "changes_trimmed", "The log no longer reaches back so far; read the tuples, and go on from there.")
		}
		if err != nil {
			return none, unavailable(err)
		}
		for _, change := range found {
			if !at.passed(change) {
				continue
			}
			if len(out.Items) == w.Size() {
				out.Next = at.String(w.Type)
				return out, nil
			}
			at.take(change)
			if looked++; (w.Type == "" || change.Tuple.Object.Type == w.Type) && !change.At.Before(w.Start) {
				out.Items = append(out.Items, change)
			}
		}
		if at.seen = 0; len(found) == 0 {
			break
		}
		at.whole = true
	}
	out.Next = at.String(w.Type)
	return out, nil
}

// position is a place in the log: behind the first n changes of a revision, or behind all of it.
type position struct {
	revision uint64
	n        int  // changes of it that were delivered
	whole    bool // all of them were
	seen     int  // of the ones at hand, how many of that revision were looked at
}

// before is the revision after which to read.
func (p *position) before() uint64 {
	if p.whole || p.revision == 0 {
		return p.revision
	}
	return p.revision - 1
}

// passed reports whether a change lies behind the position.
func (p *position) passed(c store.TupleChange) bool {
	if p.whole || c.Revision != p.revision {
		return true
	}
	p.seen++
	return p.seen > p.n
}

func (p *position) take(c store.TupleChange) {
	if p.whole || c.Revision != p.revision {
		*p = position{revision: c.Revision}
		p.seen = 1
	}
	p.n++
}

// String is the cursor. It names the type, so that a list goes on as it began.
func (p *position) String(objectType string) string {
	n := strconv.Itoa(p.n)
	if p.whole {
		n = "*"
	}
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatUint(p.revision, 10) + " " + n + " " + objectType))
}

func parsePosition(w Watch) (position, error) {
	if w.Cursor == "" {
		return position{revision: w.Since, whole: true}, nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(w.Cursor)
	parts := strings.SplitN(string(b), " ", 3)
	if err != nil || len(parts) != 3 {
		return position{}, badCursor()
	}
	if parts[2] != w.Type {
		return position{}, errs.New(errs.Invalid, "cursor_type_mismatch", "The cursor was made for changes of another type.")
	}
	p := position{whole: parts[1] == "*"}
	if p.revision, err = strconv.ParseUint(parts[0], 10, 62); err == nil && !p.whole {
		p.n, err = strconv.Atoi(parts[1])
	}
	if err != nil || p.n < 0 || p.n > MaxTuples {
		return position{}, badCursor()
	}
	return p, nil
}
