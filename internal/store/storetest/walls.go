package storetest

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store"
)

// testTenantsAreApart keeps the same ids and values in two tenants and looks for each in the other.
func testTenantsAreApart(w *world) {
	for _, t := range []id.Tenant{here, there} {
		g := newGadget("1", "name of "+string(t))
		g.Email = "x@example.org"
		w.insert(t, g)
	}
	w.insert(here, newGadget("only here", "a"))
	for _, t := range []id.Tenant{here, there} {
		if got := w.get(t, "1"); got.Name != "name of "+string(t) {
			w.Errorf("%s reads %q", t, got.Name)
		}
		got, ok, err := w.in(t).One(w.Context(), byEmail, store.Text("x@example.org"))
		if err != nil || !ok || got.Name != "name of "+string(t) {
			w.Errorf("%s finds %+v, %v", t, got, err)
		}
	}
	if _, err := w.in(there).Get(w.Context(), "only here"); !errs.Is(err, errs.NotFound) {
		w.Errorf("there: %v", err)
	}
	if p, err := w.in(there).Find(w.Context(), store.Query{}); err != nil || len(p.Items) != 1 {
		w.Errorf("there are %d, %v", len(p.Items), err)
	}
	for _, t := range []id.Tenant{"", "her", "here ", "HERE", "here\x00", "%"} {
		if p, err := w.in(t).Find(w.Context(), store.Query{}); err != nil || len(p.Items) != 0 {
			w.Errorf("tenant %q sees %d, %v", t, len(p.Items), err)
		}
	}
	foreign := w.get(here, "1")
	w.must(w.commit(there, w.in(there).Delete(w.get(there, "1"))))
	if err := w.commit(there, w.in(there).Delete(foreign)); errs.CodeOf(err) != "changed_meanwhile" {
		w.Errorf("deleting a foreign gadget: %v", err)
	}
	w.get(here, "1")
}

// testBatchAcrossTenants shows a permit of one tenant for documents of another.
func testBatchAcrossTenants(w *world) {
	w.insert(there, newGadget("1", "a"))
	g, err := w.in(there).Get(w.Context(), "1")
	w.must(err)
	for name, op := range map[string]store.DocOp{
		"insert":  w.in(there).Insert(w.Context(), newGadget("2", "b")),
		"replace": w.in(there).Replace(w.Context(), g),
		"delete":  w.in(there).Delete(g),
		"check":   w.in(there).Check(g),
	} {
		err := w.commit(here, w.in(here).Insert(w.Context(), newGadget("mine", "m")), op)
		if !errs.Is(err, errs.Internal) {
			w.Errorf("%s: %v", name, err)
		}
	}
	if len(w.dump()) != 2 { // the gadget and its event
		w.Errorf("left %q", w.dump())
	}
}

// testUnknownMembersSurvive lets this node change a document that a newer one has written.
func testUnknownMembersSurvive(w *world) {
	body := `{"name":"a","rank":1,"invented":{"later":[1,2,{"x":null}]},"_sealed":{"later":"AAEC"},"more":"<&>"}`
	_, err := w.Engine.Commit(w.Context(), store.Write{ID: "1", At: Epoch, Docs: []store.Op{rawOp(store.InsertOp, raw(here, "1"), 0, body)}})
	w.must(err)
	_, err = w.in(here).Update(w.Context(), "1", func(g *gadget) (store.Batch, error) {
		g.Name, g.Secret = "b", secret.New("s")
		return batch(here), nil
	})
	w.must(err)
	r, err := w.Engine.Get(w.Context(), raw(here, "1"))
	w.must(err)
	for _, want := range []string{`"name":"b"`, `"rank":1`, `"invented":{"later":[1,2,{"x":null}]}`, `"more":"<&>"`, `"later":"AAEC"`, `"secret":"`} {
		if !strings.Contains(string(r.Body), want) {
			w.Errorf("%s is not in %s", want, r.Body)
		}
	}
}

const plain = "correct horse battery staple"

// testSealed finds the plain text of a secret nowhere at rest.
func testSealed(w *world) {
	g := newGadget("1", "a")
	g.Secret = secret.New(plain)
	b := batch(here, w.in(here).Insert(w.Context(), g))
	b.Outbox = []store.Message{{Channel: "mail", To: "a@example.org", Template: "x", Data: map[string]string{"link": plain}}}
	_, err := w.db.Commit(w.Context(), b)
	w.must(err)
	if got := w.get(here, "1"); got.Secret.Reveal() != plain {
		w.Error("the secret did not come back")
	}
	for _, line := range w.dump() {
		if strings.Contains(line, plain) {
			w.Errorf("at rest: %s", line)
		}
	}
	if w.AtRest != nil && bytes.Contains(w.AtRest(w.T), []byte(plain)) {
		w.Error("the plain text is on the disk")
	}
	got := w.get(here, "1")
	got.Secret = secret.Value{}
	w.must(w.commit(here, w.in(here).Replace(w.Context(), got)))
	if r, err := w.Engine.Get(w.Context(), raw(here, "1")); err != nil || bytes.Contains(r.Body, []byte(`"secret"`)) {
		w.Errorf("an emptied secret is still there: %s, %v", r.Body, err)
	}
}

// testSealedIsBound moves a ciphertext to another document, tenant and key.
func testSealedIsBound(w *world) {
	g := newGadget("1", "a")
	g.Secret = secret.New(plain)
	w.insert(here, g)
	r, err := w.Engine.Get(w.Context(), raw(here, "1"))
	w.must(err)
	for _, to := range []store.Key{raw(here, "2"), raw(there, "1")} {
		_, err := w.Engine.Commit(w.Context(), store.Write{ID: "x", At: Epoch, Docs: []store.Op{rawOp(store.InsertOp, to, 0, string(r.Body))}})
		w.must(err)
		if _, err := w.in(to.Tenant).Get(w.Context(), to.ID); !errs.Is(err, errs.Internal) {
			w.Errorf("moved to %v it opens: %v", to, err)
		}
	}
	foreign := store.New(store.Config{Engine: w.Engine, Sealer: NewSealer(), Now: w.Clock.Now})
	_, err = store.NewCollection(foreign, gadgetKind()).In(here).Get(w.Context(), "1")
	if !errs.Is(err, errs.Internal) {
		w.Errorf("with another key: %v", err)
	}
	broken := store.New(store.Config{Engine: w.Engine, Sealer: noSealer{}, Now: w.Clock.Now})
	op := store.NewCollection(broken, gadgetKind()).In(here).Insert(w.Context(), g)
	if _, err := broken.Commit(w.Context(), batch(here, op)); !errs.Is(err, errs.Unavailable) {
		w.Errorf("without a sealer: %v", err)
	}
}

type noSealer struct{}

var errNoSealer = errors.New("storetest: no sealer")

func (noSealer) Seal(context.Context, id.Tenant, []byte, []byte) ([]byte, error) {
	return nil, errNoSealer
}

func (noSealer) Open(context.Context, id.Tenant, []byte, []byte) ([]byte, error) {
	return nil, errNoSealer
}

// testRefusals commits what must not be committed.
func testRefusals(w *world) {
	op := w.in(here).Insert(w.Context(), newGadget("1", "a"))
	event := []store.Event{{Kind: "gadget.changed"}}
	many := make([]store.DocOp, store.MaxDocs+1)
	for i := range many {
		many[i] = op
	}
	for name, c := range map[string]struct {
		b    store.Batch
		kind errs.Kind
	}{
		"no permit":             {store.Batch{Docs: []store.DocOp{op}, Events: event}, errs.Internal},
		"no event":              {store.Batch{Permit: Permit(here, "gadget.change"), Docs: []store.DocOp{op}}, errs.Internal},
		"nothing":               {store.Batch{Permit: Permit(here, "store.sweep")}, errs.Internal},
		"a document with no id": {batch(here, w.in(here).Insert(w.Context(), newGadget("", "a"))), errs.Internal},
		"too many documents":    {batch(here, many...), errs.Invalid},
		"too many tuples": {store.Batch{
			Permit: Permit(here, "gadget.change"), Events: event, Tuples: make([]store.TupleOp, store.MaxTuples+1),
		}, errs.Invalid},
	} {
		if _, err := w.db.Commit(w.Context(), c.b); err == nil || errs.KindOf(err) != c.kind {
			w.Errorf("%s: %v", name, err)
		}
	}
	if left := w.dump(); len(left) != 0 {
		w.Errorf("left %q", left)
	}
	routine := store.Batch{Permit: Permit(here, "store.sweep"), Docs: []store.DocOp{op}}
	if _, err := w.db.Commit(w.Context(), routine); err != nil {
		w.Errorf("a routine action without an event: %v", err)
	}
}

// testEvents reads the event of a batch back, with what the permit knew.
func testEvents(w *world) {
	from := access.Origin{Address: netip.MustParseAddr("203.0.113.9"), UserAgent: "agent", RequestID: "r1"}
	caller := access.Authenticated(here, access.User("u1"), access.Proof{Session: "s1", Client: "c1", At: Epoch}, from).Because("asked to")
	permit, err := Guard(w.Clock.Now).Allow(w.Context(), caller, "gadget.change", access.Object{Type: "gadget", ID: "1"})
	w.must(err)
	_, err = w.db.Commit(w.Context(), store.Batch{
		Permit: permit, Docs: []store.DocOp{w.in(here).Insert(w.Context(), newGadget("1", "a"))},
		Events: []store.Event{
			{Kind: "gadget.made", Public: map[string]string{"size": "7"}, Personal: map[string]string{"email": "x@example.org"}},
			{Kind: "gadget.shown", Object: access.Object{Type: "gadget", ID: "2"}, Person: "u2"},
		},
	})
	w.must(err)
	p, err := w.db.Events().In(here).Find(w.Context(), store.Query{Index: store.EventsByTime})
	w.must(err)
	if len(p.Items) != 2 {
		w.Fatalf("%d events", len(p.Items))
	}
	e := p.Items[0]
	if e.Kind != "gadget.made" || e.ActorID != "u1" || e.ObjectID != "1" || e.Session != "s1" || e.Client != "c1" || e.Person != "u1" ||
		e.Because != "asked to" || e.Personal["address"] != "203.0.113.9" || e.Personal["email"] != "x@example.org" || e.Salt == "" || e.Seq != 0 {
		w.Errorf("event %+v", e)
	}
	for index, eq := range map[string]store.Value{
		store.EventsByKind: store.Text("gadget.shown"), store.EventsByObject: store.Text("2"), store.EventsByPerson: store.Text("u2"),
	} {
		got, ok, err := w.db.Events().In(here).One(w.Context(), index, eq)
		if err != nil || !ok || got.Kind != "gadget.shown" {
			w.Errorf("%s: %+v, %v", index, got, err)
		}
	}
	if n, err := w.db.Events().In(here).Count(w.Context(), 10, store.EventsByActor, store.Text("u1")); err != nil || n != 2 {
		w.Errorf("by actor: %d, %v", n, err)
	}
}

// testOutbox finds the message that waits.
func testOutbox(w *world) {
	b := batch(here, w.in(here).Insert(w.Context(), newGadget("1", "a")))
	b.Outbox = []store.Message{{Channel: "mail", To: "a@example.org", Template: "hello", Data: map[string]string{"k": "v"}}}
	_, err := w.db.Commit(w.Context(), b)
	w.must(err)
	for after, want := range map[time.Duration]int{0: 0, time.Millisecond: 1} {
		until := store.Time(w.Clock.Now().Add(after))
		p, err := w.db.Outbox().In(here).Find(w.Context(), store.Query{
			Index: store.OutboxByDue, Eq: []store.Value{store.Text(store.OutboxWaiting)}, Until: &until,
		})
		w.must(err)
		if len(p.Items) != want {
			w.Fatalf("%d messages are due before %v", len(p.Items), after)
		}
		if want == 1 && (!strings.Contains(p.Items[0].Envelope.Reveal(), `"a@example.org"`) || p.Items[0].Expires.IsZero()) {
			w.Errorf("waiting: %+v", p.Items[0])
		}
	}
}
