package audit_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/audit"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

func TestSealAndVerify(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if r := h.mustVerify(""); r.Sealed != 0 || r.Unsealed != 0 {
		t.Errorf("an empty log: %+v", r)
	}
	h.happen(5)
	if r := h.mustVerify(""); r.Sealed != 0 || r.Unsealed != 5 || !r.UnsealedSince.Equal(storetest.Epoch.Add(time.Millisecond)) {
		t.Errorf("before sealing: %+v", r)
	}
	h.settle()
	first := h.mustVerify("")
	if first.Sealed != 6 { // and the birth of the key that signs
		t.Errorf("after sealing: %+v", first)
	}
	h.happen(300) // more than one batch of the sealer, and more than one document of hashes
	h.seal()
	r := h.mustVerify(first.Checkpoint)
	if r.Sealed != 306 || r.Unsealed != 0 || r.Pinned != 6 {
		t.Errorf("after sealing more: %+v", r)
	}
	h.seal() // nothing to do
	again := h.mustVerify(r.Checkpoint)
	if again.Checkpoint != r.Checkpoint {
		t.Error("sealing nothing made a checkpoint")
	}
	if indexes, err := h.VerifyIndexes(t.Context(), h.admin); err != nil || !indexes.OK || indexes.Sealed != 306 {
		t.Errorf("the indexes: %+v, %v", indexes, err)
	}
}

// Every size from 1 on has its own shape of tree; each is sealed, verified and continued.
func TestEverySize(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	pins := []string{}
	for range 40 {
		h.happen(1)
		h.seal()
		r := h.mustVerify("")
		pins = append(pins, r.Checkpoint)
	}
	for _, pin := range pins {
		h.mustVerify(pin)
	}
}

func TestNumbersAreDenseAndInOrderOfIDs(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.happen(30)
	h.settle()
	p, err := h.List(t.Context(), h.admin, audit.Filter{Oldest: true}, page.Request{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range p.Items[:29] { // the last one and the birth of the key are of one moment
		if e.Seq != int64(i+1) {
			t.Errorf("event %s has number %d, want %d", e.ID, e.Seq, i+1)
		}
	}
}

func TestTenantsHaveLogsOfTheirOwn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.happen(5)
	h.settle()
	pinned := h.mustVerify("").Checkpoint
	other := access.Operator("other", "op", "test")
	if r, err := h.Verify(t.Context(), other, ""); err != nil || r.Sealed != 0 || !r.OK {
		t.Errorf("the log of another tenant: %+v, %v", r, err)
	}
	if _, err := h.Verify(t.Context(), other, pinned); !errs.Is(err, errs.Invalid) {
		t.Errorf("with the checkpoint of another tenant: %v", err)
	}
	if _, err := h.Verify(t.Context(), h.admin, "nonsense"); !errs.Is(err, errs.Invalid) {
		t.Errorf("with nonsense for a checkpoint: %v", err)
	}
}

func TestSealersDoNotNumberTwice(t *testing.T) {
	t.Parallel()
	a, b := twins(t)
	a.happen(200)
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for range 20 {
				if err := []*house{a, b}[i%2].Seal(t.Context(), acme); err != nil && !conflict(err) {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	a.settle()
	if r := b.mustVerify(""); r.Sealed != 201 {
		t.Errorf("%+v", r)
	}
}

// Another node seals between two reads of this one: that is a conflict, and no sign of tampering.
func TestSealBetweenReads(t *testing.T) {
	t.Parallel()
	for _, x := range []hook{{collection: "audit_hash"}, {collection: "audit_head"}, {collection: "event", index: store.EventsBySeq}, {collection: "audit_checkpoint"}} {
		k := &hook{collection: x.collection, index: x.index}
		o := options{path: filepath.Join(t.TempDir(), "audit.db"), clock: storetest.NewClock(), sealer: storetest.NewSealer(), hook: k}
		a := build(t, o)
		o.hook = nil
		b := build(t, o)
		a.happen(5)
		a.settle()
		a.happen(5)
		k.before = func() { b.seal() }
		if err := a.Seal(t.Context(), acme); err != nil && !conflict(err) {
			t.Errorf("between reads of %s: %v", x.collection, err)
		}
		a.settle()
		if r := a.mustVerify(""); r.Sealed != 11 {
			t.Errorf("between reads of %s: %+v", x.collection, r)
		}
	}
}

// Whatever call to the store fails, and however, an event is either numbered and in the tree or
// neither, and the next try goes on.
func TestSealIsWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	for _, how := range []storetest.Fault{storetest.Refused, storetest.Lost, storetest.Unsent} {
		for k := 1; ; k++ {
			f := storetest.NewFaults()
			h := build(t, options{faults: f})
			h.happen(3)
			h.seal()
			h.happen(100)
			f.Fail(k, how)
			_ = h.Seal(t.Context(), acme)
			hit := f.Hits() > 0
			f.Heal()
			r := h.mustVerify("")
			if r.Sealed+int64(r.Unsealed) != 104 {
				t.Fatalf("call %d fails: %+v", k, r)
			}
			h.settle()
			if r := h.mustVerify(""); r.Sealed != 104 || r.Unsealed != 0 {
				t.Fatalf("call %d fails, afterwards: %+v", k, r)
			}
			if !hit {
				break
			}
		}
	}
}

// Nothing is signed on top of a log that was tampered with.
func TestNothingIsSealedOnTopOfAForgery(t *testing.T) {
	t.Parallel()
	for name, forge := range map[string]string{
		"peaks":            `UPDATE c_audit_head SET body = replace(body, '"peaks":"', '"peaks":"AAAA')`,
		"size":             `UPDATE c_audit_head SET body = replace(body, '"size":6', '"size":5')`,
		"checkpoint":       `UPDATE c_audit_head SET body = replace(body, '\n6\n', '\n7\n')`,
		"a peak":           `UPDATE c_audit_head SET body = json_set(body, '$.peaks', 'AAAA' || substr(json_extract(body, '$.peaks'), 5))`,
		"no head":          `DELETE FROM c_audit_head`,
		"no hashes":        `DELETE FROM c_audit_hash`,
		"cut hashes":       `UPDATE c_audit_hash SET body = '{"hashes":"AAAA"}'`,
		"no hashes inside": `UPDATE c_audit_hash SET body = '{"hashes":""}'`,
	} {
		h := newHouse(t)
		h.happen(5)
		h.settle()
		exec(t, h.sql(), forge)
		h.happen(1)
		if err := h.Seal(t.Context(), acme); errs.CodeOf(err) != audit.CodeTampered {
			t.Errorf("%s: %v", name, err)
		}
		if r := h.verify(""); r.OK {
			t.Errorf("%s: not found by Verify", name)
		}
	}
}

// A log that grows while it is verified is not taken for a falsified one.
func TestVerifyWhileItGrows(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.happen(3)
	h.settle()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 30 {
			h.happen(7)
			h.seal()
			h.clock.Advance(7 * time.Minute)
		}
	}()
	for pinned := ""; ; {
		pinned = h.mustVerify(pinned).Checkpoint
		select {
		case <-done:
			if r := h.mustVerify(pinned); r.Sealed < 210 {
				t.Errorf("%+v", r)
			}
			return
		default:
		}
	}
}

func TestPublish(t *testing.T) {
	t.Parallel()
	var published []string
	h := build(t, options{change: func(c *audit.Config) {
		c.Publish = func(_ context.Context, tenant id.Tenant, note string) error {
			if tenant != acme {
				return errors.New("another tenant")
			}
			published = append(published, note)
			return errors.New("the witness is away") // must not matter
		}
	}})
	h.happen(3)
	h.settle()
	if len(published) != 2 || published[1] != h.mustVerify("").Checkpoint || !strings.HasPrefix(published[0], origin+"\n3\n") {
		t.Errorf("published: %q", published)
	}
}

func TestHourlyCheckpointsAreCompared(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for range 3 {
		h.happen(4)
		h.settle()
		h.clock.Advance(time.Hour)
	}
	if r := h.mustVerify(""); r.Checkpoints != 3 {
		t.Errorf("%+v", r)
	}
}

func TestRotationAndRevocationOfTheKey(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.happen(4)
	h.settle()
	pinned := h.mustVerify("").Checkpoint
	keys, err := h.ring.List(t.Context(), h.admin)
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	if _, err := h.ring.Revoke(t.Context(), h.admin, keys[0].ID); err != nil {
		t.Fatal(err)
	}
	h.mustVerify(pinned) // the head is signed by the revoked key, and agrees with the events
	h.clock.Advance(time.Hour)
	h.happen(4)
	h.settle()
	if r := h.mustVerify(pinned); r.Checkpoints != 2 {
		t.Errorf("%+v", r)
	}
	h.mustVerify("")
}

func TestRun(t *testing.T) {
	t.Parallel()
	a, b := twins(t)
	a.happen(100)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	list := func(context.Context) ([]id.Tenant, error) { return []id.Tenant{acme, "empty"}, nil }
	var all sync.WaitGroup
	for _, h := range []*house{a, b} {
		all.Go(func() {
			if err := h.Run(ctx, list); err != nil {
				t.Error(err)
			}
		})
	}
	seen := int64(0)
	for e, err := range a.Tail(t.Context(), a.admin, audit.FromStart) {
		if err != nil {
			t.Fatal(err)
		}
		if seen++; e.Seq != seen || seen == 101 {
			break
		}
	}
	if seen != 101 {
		t.Errorf("%d events were sealed", seen)
	}
	cancel()
	all.Wait()
	b.mustVerify("")
	// The lease was given back.
	var until string
	if err := a.sql().QueryRow(`SELECT json_extract(body, '$.until') FROM c_audit_lease`).Scan(&until); err != nil {
		t.Fatal(err)
	}
	if at, err := time.Parse(time.RFC3339Nano, until); err != nil || at.After(a.clock.Now()) {
		t.Errorf("the lease still runs until %s", until)
	}
}

func TestLeaseKeepsOthersOut(t *testing.T) {
	t.Parallel()
	a, b := twins(t)
	a.happen(1)
	if err := a.SealIfHolder(t.Context(), acme); err != nil {
		t.Fatal(err)
	}
	sealed := a.verify("").Sealed
	b.happen(1)
	if err := b.SealIfHolder(t.Context(), acme); err != nil {
		t.Fatal(err)
	}
	if got := b.verify("").Sealed; got != sealed {
		t.Errorf("a node without the lease has sealed: %d events, before %d", got, sealed)
	}
	b.clock.Advance(20 * time.Second) // the holder is dead
	if err := b.SealIfHolder(t.Context(), acme); err != nil {
		t.Fatal(err)
	}
	if got := b.mustVerify("").Sealed; got != sealed+2 {
		t.Errorf("%d events after the lease had ended", got)
	}
	a.happen(1)
	if err := a.SealIfHolder(t.Context(), acme); err != nil {
		t.Fatal(err)
	}
	if r := a.mustVerify(""); r.Unsealed != 1 {
		t.Errorf("the former holder still seals: %+v", r)
	}
}

func TestRunTellsWhatFails(t *testing.T) {
	t.Parallel()
	heard := make(chan error, 100)
	h := build(t, options{change: func(c *audit.Config) { c.Failed = func(_ id.Tenant, err error) { heard <- err } }})
	h.happen(3)
	h.settle()
	db := h.sql()
	exec(t, db, `UPDATE c_audit_head SET body = replace(body, '"size":4', '"size":3')`)
	h.happen(1)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = h.Run(ctx, func(context.Context) ([]id.Tenant, error) { return []id.Tenant{acme}, nil })
	}()
	if err := <-heard; errs.CodeOf(err) != audit.CodeTampered {
		t.Errorf("heard of %v", err)
	}
	exec(t, db, `UPDATE c_audit_head SET body = replace(body, '"size":3', '"size":4')`)
	if err := <-heard; err != nil {
		t.Errorf("heard of %v after it was repaired", err)
	}
	cancel()
	<-done
	if len(heard) > 0 {
		t.Errorf("heard %d times more", len(heard))
	}
}

func BenchmarkSeal(b *testing.B) {
	h := newHouse(b)
	h.happen(1)
	h.settle()
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		h.happen(80)
		b.StartTimer()
		h.seal()
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/80, "µs/event")
}

func BenchmarkVerify(b *testing.B) {
	h := newHouse(b)
	const n = 20_000
	fill(b, h, n)
	h.settle()
	b.ReportAllocs()
	for b.Loop() {
		h.mustVerify("")
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/n, "µs/event")
}

// fill commits n events, fifty to a batch.
func fill(t testing.TB, h *house, n int) {
	t.Helper()
	permit, err := h.guard.Allow(t.Context(), access.Operator(acme, "op", "test"), "user.update", access.Object{Type: "cardea:user", ID: "u"})
	if err != nil {
		t.Fatal(err)
	}
	e := store.Event{Kind: "session.started", Person: "p", Public: map[string]string{"method": "password", "client": "web"}, Personal: map[string]string{"address": "192.0.2.1"}}
	for range n / 50 {
		b := store.Batch{Permit: permit}
		for range 50 {
			b.Events = append(b.Events, e)
		}
		if _, err := h.db.Commit(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
}
