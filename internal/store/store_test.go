package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/cache/memory"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

// The suite in storetest tests documents, queries and batches on every engine; here are the parts
// of the typed layer that no engine takes part in.

type ticket struct {
	store.Meta
	State  string       `json:"state"`
	Seat   int64        `json:"seat"`
	Secret secret.Value `json:"-"`
}

func ticketKind(name string) store.Kind[ticket] {
	return store.Kind[ticket]{
		Name: name, Noun: name, Meta: func(t *ticket) *store.Meta { return &t.Meta },
		Columns: []store.ColumnOf[ticket]{
			{Name: "state", Kind: store.TextKind, Of: func(t *ticket) store.Value { return store.Text(t.State) }},
			{Name: "seat", Kind: store.IntKind, Of: func(t *ticket) store.Value { return store.Int(t.Seat) }},
		},
		Indexes: []store.Index{{Name: "by_state", Columns: []string{"state"}}, {Name: "by_seat", Columns: []string{"seat"}}},
		Sealed:  []store.SealedField[ticket]{{Name: "secret", Of: func(t *ticket) *secret.Value { return &t.Secret }}},
	}
}

type box struct {
	*testing.T
	db      *store.DB
	tickets *store.Collection[ticket]
	stubs   *store.Collection[ticket] // another collection with the same form
}

func newBox(t *testing.T, options ...storetest.Option) box {
	t.Helper()
	db := storetest.NewDB(t, options...)
	b := box{t, db, store.NewCollection(db, ticketKind("ticket")), store.NewCollection(db, ticketKind("stub"))}
	storetest.Ensure(t, db)
	return b
}

func change(t id.Tenant, ops ...store.DocOp) store.Batch {
	return store.Batch{Permit: storetest.Permit(t, "ticket.change"), Docs: ops, Events: []store.Event{{Kind: "ticket.changed"}}}
}

func (b box) insert(t id.Tenant, tickets ...*ticket) {
	b.Helper()
	for _, x := range tickets {
		if _, err := b.db.Commit(b.Context(), change(t, b.tickets.In(t).Insert(b.Context(), x))); err != nil {
			b.Fatal(err)
		}
	}
}

func newTicket(docID, state string) *ticket {
	return &ticket{Meta: store.Meta{ID: docID}, State: state}
}

// TestView reads through the cache: shared, fresh after each commit, never past its expiry, and
// never of another tenant.
func TestView(t *testing.T) {
	t.Parallel()
	clock := storetest.NewClock()
	cache, err := memory.New(memory.Config{Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	faults := storetest.NewFaults()
	b := newBox(t, storetest.WithClock(clock), storetest.WithCache(cache), storetest.WithFaults(faults))
	here := b.tickets.In("here")
	mortal := newTicket("1", "a")
	mortal.Expires = clock.Now().Add(30 * time.Second)
	b.insert("here", mortal, newTicket("2", "a"))
	b.insert("there", newTicket("2", "other"))
	view := func(docID, want string) *ticket {
		t.Helper()
		got, err := here.View(t.Context(), docID)
		if err != nil || got.State != want {
			t.Errorf("view of %s: %+v, %v", docID, got, err)
		}
		return got
	}
	if one, other := view("2", "a"), view("2", "a"); one != other {
		t.Error("two views are not shared")
	}
	faults.FailFrom(1, storetest.Refused)
	view("2", "a") // the engine is down
	if _, err := here.View(t.Context(), "1"); !errs.Is(err, errs.Unavailable) {
		t.Errorf("what is not in the cache: %v", err)
	}
	faults.Heal()
	if _, err := here.Update(t.Context(), "2", func(x *ticket) (store.Batch, error) {
		x.State = "b"
		return change("here"), nil
	}); err != nil {
		t.Fatal(err)
	}
	deleted := view("2", "b")
	if _, err := b.db.Commit(t.Context(), change("here", here.Delete(deleted))); err != nil {
		t.Fatal(err)
	}
	if _, err := here.View(t.Context(), "2"); !errs.Is(err, errs.NotFound) {
		t.Errorf("view of what was deleted: %v", err)
	}
	b.insert("here", newTicket("2", "c")) // that it was missing is remembered where the kind says so
	view("2", "c")
	view("1", "a")
	clock.Advance(30 * time.Second)
	if _, err := here.View(t.Context(), "1"); !errs.Is(err, errs.NotFound) {
		t.Errorf("view of what has expired: %v", err)
	}
	if _, err := here.View(t.Context(), ""); !errs.Is(err, errs.NotFound) {
		t.Errorf("view of nothing: %v", err)
	}
}

// TestAbsence is remembered by a kind that says so until a commit inserts the document, also one of which
// nobody knows whether it was written.
func TestAbsence(t *testing.T) {
	t.Parallel()
	cache, err := memory.New(memory.Config{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	faults := storetest.NewFaults()
	db := storetest.NewDB(t, storetest.WithCache(cache), storetest.WithFaults(faults))
	kind := ticketKind("ticket")
	kind.KeepAbsence = true
	here := store.NewCollection(db, kind).In("here")
	storetest.Ensure(t, db)
	absent := func(docID string, want error) {
		t.Helper()
		_, err := here.View(t.Context(), docID)
		if want == nil && !errs.Is(err, errs.NotFound) || want != nil && !errs.Is(err, errs.Unavailable) {
			t.Errorf("view of %.10s: %v", docID, err)
		}
		if doc, err := here.ViewIf(t.Context(), docID); doc != nil || (err == nil) != (want == nil) {
			t.Errorf("view of %.10s if it is there: %v, %v", docID, doc, err)
		}
	}
	down := errors.New("down")
	long := strings.Repeat("x", 257)
	for _, docID := range []string{"1", "2", long} {
		absent(docID, nil)
	}
	faults.FailFrom(1, storetest.Refused)
	absent("1", nil) // without the engine
	absent("2", nil)
	absent(long, down) // whoever asks shall not fill the memory with it
	absent("3", down)
	faults.Heal()
	if _, err := db.Commit(t.Context(), change("here", here.Insert(t.Context(), newTicket("1", "a")))); err != nil {
		t.Fatal(err)
	}
	second := here.Insert(t.Context(), newTicket("2", "a"))
	faults.FailFrom(1, storetest.Lost)
	if _, err := db.Commit(t.Context(), change("here", second)); err == nil {
		t.Error("an unknown outcome was called a success")
	}
	faults.Heal()
	for _, docID := range []string{"1", "2"} {
		if x, err := here.View(t.Context(), docID); err != nil || x.State != "a" {
			t.Errorf("view of %s after its insert: %+v, %v", docID, x, err)
		}
	}
}

// TestViewAfterAmbiguousCommit drops what may have changed.
func TestViewAfterAmbiguousCommit(t *testing.T) {
	t.Parallel()
	cache, err := memory.New(memory.Config{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	faults := storetest.NewFaults()
	b := newBox(t, storetest.WithCache(cache), storetest.WithFaults(faults))
	here := b.tickets.In("here")
	b.insert("here", newTicket("1", "a"))
	x, err := here.View(t.Context(), "1")
	if err != nil {
		t.Fatal(err)
	}
	changed := *x
	changed.State = "b"
	op := here.Replace(t.Context(), &changed)
	faults.FailFrom(1, storetest.Lost)
	if _, err := b.db.Commit(t.Context(), change("here", op)); err == nil {
		t.Error("an unknown outcome was called a success")
	}
	faults.Heal()
	if got, err := here.View(t.Context(), "1"); err != nil || got.State != "b" {
		t.Errorf("view: %+v, %v", got, err)
	}
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	here := b.tickets.In("here")
	b.insert("here", newTicket("1", "a"))
	no := errors.New("no")
	if _, err := here.Update(t.Context(), "1", func(x *ticket) (store.Batch, error) { x.State = "spoilt"; return store.Batch{}, no }); !errors.Is(err, no) {
		t.Errorf("a change that is refused: %v", err)
	}
	if _, err := here.Update(t.Context(), "2", func(*ticket) (store.Batch, error) { return change("here"), nil }); !errs.Is(err, errs.NotFound) {
		t.Errorf("a change of nothing: %v", err)
	}
	calls := 0
	got, err := here.Update(t.Context(), "1", func(x *ticket) (store.Batch, error) {
		if calls++; calls < 4 { // somebody else is faster
			b.touch("1")
		}
		x.State = "mine"
		return change("here"), nil
	})
	if err != nil || calls != 4 || got.Version != 5 || got.Seat != 3 {
		t.Errorf("after %d calls: %+v, %v", calls, got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err = here.Update(ctx, "1", func(*ticket) (store.Batch, error) {
		b.touch("1")
		cancel()
		return change("here"), nil
	})
	if errs.CodeOf(err) != "timeout" {
		t.Errorf("a change whose caller has gone: %v", err)
	}
}

// touch changes a ticket of here behind everybody's back.
func (b box) touch(docID string) {
	b.Helper()
	x, err := b.tickets.In("here").Get(b.Context(), docID)
	if err == nil {
		x.Seat++
		_, err = b.db.Commit(b.Context(), change("here", b.tickets.In("here").Replace(b.Context(), x)))
	}
	if err != nil {
		b.Fatal(err)
	}
}

func TestAnd(t *testing.T) {
	t.Parallel()
	one := store.Batch{Permit: storetest.Permit("here", "ticket.change"), Events: []store.Event{{Kind: "a"}}}
	two := store.Batch{Events: []store.Event{{Kind: "b"}}, Tuples: make([]store.TupleOp, 2), Outbox: make([]store.Message, 1), Docs: make([]store.DocOp, 3)}
	both, other := one.And(two), one.And(two)
	other.Events[1].Kind = "changed" // two results of one batch share nothing
	if len(both.Events) != 2 || both.Events[1].Kind != "b" || len(both.Tuples) != 2 || len(both.Outbox) != 1 || len(both.Docs) != 3 || !both.Permit.Valid() {
		t.Errorf("both: %+v", both)
	}
}

// TestRegress_019_KeysCarryTypeAndTenant takes the handle of one kind of record, and of one tenant,
// to every other: nothing is found, although both have the same form.
func TestRegress_019_KeysCarryTypeAndTenant(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	b.insert("here", newTicket("handle", "unspent"))
	for name, s := range map[string]store.Scope[ticket]{
		"another collection":            b.stubs.In("here"),
		"another tenant":                b.tickets.In("there"),
		"another collection and tenant": b.stubs.In("there"),
		"a tenant that runs on":         b.tickets.In("her"),
		"no tenant":                     b.tickets.In(""),
	} {
		if _, err := s.Get(t.Context(), "handle"); !errs.Is(err, errs.NotFound) {
			t.Errorf("%s: %v", name, err)
		}
		if _, ok, err := s.One(t.Context(), "by_state", store.Text("unspent")); ok || err != nil {
			t.Errorf("%s by index: %v, %v", name, ok, err)
		}
		if got, err := s.GetMany(t.Context(), []string{"handle"}); len(got) != 0 || err != nil {
			t.Errorf("%s among many: %v, %v", name, got, err)
		}
	}
}

// fillPages makes a list of three pages and returns the cursor of its second.
func (b box) fillPages() (store.Query, string) {
	b.Helper()
	for i := range 6 {
		x := newTicket(fmt.Sprint(i), "open")
		x.Seat = int64(i)
		b.insert("here", x)
	}
	q := store.Query{Index: "by_state", Eq: []store.Value{store.Text("open")}, Request: page.Request{Limit: 2}}
	p, err := b.tickets.In("here").Find(b.Context(), q)
	if err != nil || p.Next == "" {
		b.Fatal(p, err)
	}
	return q, p.Next
}

// TestRegress_137_CursorsAreSealed reads nothing out of a cursor and takes none that was made
// elsewhere.
func TestRegress_137_CursorsAreSealed(t *testing.T) {
	t.Parallel()
	b, foreign := newBox(t), newBox(t) // with keys of their own
	q, cursor := b.fillPages()
	_, other := foreign.fillPages()
	again, err := b.tickets.In("here").Find(t.Context(), q)
	if err != nil || again.Next == cursor {
		t.Errorf("two cursors to one place are the same: they are not sealed, %v", err)
	}
	for _, c := range []string{other, "eyJJRCI6IjEifQ", "' OR 1=1 --", "\x00", "%00", strings.Repeat("x", 1<<20)} {
		q.Cursor = c
		if _, err := b.tickets.In("here").Find(t.Context(), q); errs.CodeOf(err) != "invalid_cursor" {
			t.Errorf("%.20q: %v", c, err)
		}
	}
	q.Cursor = cursor
	if _, err := b.stubs.In("here").Find(t.Context(), q); errs.CodeOf(err) != "invalid_cursor" {
		t.Errorf("in another collection: %v", err)
	}
	if p, err := b.tickets.In("here").Find(t.Context(), q); err != nil || len(p.Items) != 2 || p.Items[0].ID != "2" {
		t.Errorf("at its place: %+v, %v", p, err)
	}
}

// FuzzRegress_155_Cursor throws anything at a list: it is a page or invalid_cursor, never a panic
// and never the database's fault.
func FuzzRegress_155_Cursor(f *testing.F) {
	for _, s := range []string{"", "A", "AAAA", "not base64!", strings.Repeat("A", 4096), "\xff\xfe", "eyJWYWx1ZXMiOm51bGwsIklEIjoiIn0"} {
		f.Add(s, 2)
	}
	db := storetest.NewDB(f)
	tickets := store.NewCollection(db, ticketKind("ticket")).In("here")
	storetest.Ensure(f, db)
	f.Fuzz(func(t *testing.T, cursor string, limit int) {
		q := store.Query{Index: "by_seat", Request: page.Request{Cursor: cursor, Limit: limit}}
		_, err := tickets.Find(t.Context(), q)
		if cursor == "" && err != nil {
			t.Errorf("the first page: %v", err)
		}
		if cursor != "" && errs.CodeOf(err) != "invalid_cursor" {
			t.Errorf("cursor %q: %v", cursor, err)
		}
	})
}

// TestRegress_R16_FaultSweep redeems an artefact for a token while the k-th call to the engine or the
// sealer fails, for every k and in every way: either all of it happened or nothing, and a success
// that was told is true.
func TestRegress_R16_FaultSweep(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]storetest.Fault{"refused": storetest.Refused, "lost": storetest.Lost, "unsent": storetest.Unsent} {
		t.Run(name, func(t *testing.T) {
			storetest.SweepFaults(t, how, func(t *testing.T, f *storetest.Faults) {
				b := newBox(t, storetest.WithFaults(f))
				here := b.tickets.In("here")
				code := newTicket("code", "unspent")
				code.Secret = secret.New("sealed")
				b.insert("here", code)
				f.Arm()
				_, err := here.Update(t.Context(), "code", func(x *ticket) (store.Batch, error) {
					x.State = "spent"
					token := newTicket("token", "live")
					token.Secret = secret.New("sealed too")
					return change("here", here.Insert(t.Context(), token)), nil
				})
				f.Heal()
				b.whole(err)
			})
		})
	}
}

// whole checks that the code is spent if and only if there is a token with its event.
func (b box) whole(told error) {
	b.Helper()
	code, err := b.tickets.In("here").Get(b.Context(), "code")
	if err != nil {
		b.Fatal(err)
	}
	_, tokenErr := b.tickets.In("here").Get(b.Context(), "token")
	events, err := b.db.Events().In("here").Count(b.Context(), 9, store.EventsByKind, store.Text("ticket.changed"))
	if err != nil {
		b.Fatal(err)
	}
	spent := code.State == "spent"
	if spent != (tokenErr == nil) || spent != (events == 2) {
		b.Errorf("spent %v, token %v, %d events", spent, tokenErr, events)
	}
	if unknown := errs.CodeOf(told) == "outcome_unknown"; !unknown && spent != (told == nil) {
		b.Errorf("spent %v, but the caller was told %v", spent, told)
	}
	if told != nil && !slices.Contains([]errs.Kind{errs.Unavailable, errs.Internal}, errs.KindOf(told)) {
		b.Errorf("told %v", told)
	}
}

// TestRegress_R15_ClockSteps moves the node's clock by an hour in both directions: what has expired
// by it is never accepted, what has not is.
func TestRegress_R15_ClockSteps(t *testing.T) {
	t.Parallel()
	clock := storetest.NewClock()
	cache, err := memory.New(memory.Config{Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	b := newBox(t, storetest.WithClock(clock), storetest.WithCache(cache))
	x := newTicket("1", "a")
	x.Expires = clock.Now().Add(10 * time.Minute)
	b.insert("here", x)
	for _, step := range []struct {
		by   time.Duration
		live bool
	}{{0, true}, {time.Hour, false}, {-time.Hour, true}, {-time.Hour, true}, {time.Hour + 10*time.Minute - time.Millisecond, true}, {time.Millisecond, false}} {
		clock.Advance(step.by)
		_, getErr := b.tickets.In("here").Get(t.Context(), "1")
		_, viewErr := b.tickets.In("here").View(t.Context(), "1")
		if (getErr == nil) != step.live || (viewErr == nil) != step.live {
			t.Errorf("at %v: %v, %v", clock.Now(), getErr, viewErr)
		}
	}
}
