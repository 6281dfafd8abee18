package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/cluster"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

// TestWayBack: until it is finalised an upgrade leaves a database that the version before finds as it was.
func TestWayBack(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, s site) {
		one := s.join(t, 1)
		for i := range 20 {
			one.must(one.write(fmt.Sprint("p", i), fmt.Sprintf("Ann%d Lee", i)))
		}
		before := one.checksum()
		one.stop()

		three := s.join(t, 3)
		if got := three.read("p7"); got != "Ann7 Lee" {
			t.Errorf("the newer version reads %q", got)
		}
		three.must(three.cluster.Up(t.Context(), quiet))
		if three.checksum() != before {
			t.Error("the upgrade has changed what is stored before it was finalised")
		}
		three.must(three.write("p7", "Bea Poe"))
		three.must(three.write("new", "Cal Ray"))
		if got := three.stored(); got["p7"] != `{"name":"Bea Poe"}` || got["new"] != `{"name":"Cal Ray"}` {
			t.Errorf("the newer version has written %v and %v", got["p7"], got["new"])
		}
		three.stop()

		one = s.join(t, 1)
		if got := []string{one.read("p7"), one.read("new"), one.read("p8")}; !cmp.Equal(got, []string{"Bea Poe", "Cal Ray", "Ann8 Lee"}) {
			t.Errorf("the older version reads %q", got)
		}
		one.must(one.write("p7", "Ann7 Lee"))
		gone, err := one.people.Get(t.Context(), "new")
		one.must(err)
		one.must(one.commit(t.Context(), one.people.Delete(gone)))
		if one.checksum() != before {
			t.Error("what was taken back is not as it was")
		}
		one.stop()

		three = s.join(t, 3)
		plan, err := three.cluster.Plan(t.Context())
		three.must(err)
		if diff := cmp.Diff([]cluster.Outdated{{Collection: "person", Documents: 20}}, plan.Documents); diff != "" || len(plan.Formats) != 2 {
			t.Errorf("%s %+v", diff, plan)
		}
		three.must(three.finalise())
		for docID, body := range three.stored() {
			if !strings.HasPrefix(body, `{"_v":3,"first":"Ann`) {
				t.Errorf("%s was left as %s", docID, body)
			}
		}
		n, err := three.people.Count(t.Context(), 100, byLetters, store.Int(7)) // Ann0 Lee to Ann9 Lee
		if err != nil || n != 10 {
			t.Errorf("%d people by a column that is new, %v", n, err)
		}
		three.stop()

		one = s.start(t, 1)
		err = one.enter()
		refused, ok := errors.AsType[cluster.Refusal](err)
		if !ok || !strings.Contains(string(refused), "start the newer version") || strings.Contains(string(refused), "\n") {
			t.Errorf("the older version comes back: %v", err)
		}
	})
}

// TestSkip: a version that knows every step between takes them in order; one that does not says which
// version does.
func TestSkip(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, s site) {
		one := s.join(t, 1)
		one.must(one.write("ann", "Ann Lee"))
		one.stop()
		four := s.start(t, 4)
		err := four.enter()
		if _, ok := errors.AsType[cluster.Refusal](err); !ok || !strings.Contains(err.Error(), "start Cardea 0.3.0 first") {
			t.Errorf("a version that cannot read what is there: %v", err)
		}
		_ = four.engine.Close()
		three := s.join(t, 3)
		three.must(three.finalise())
		three.stop()
		four = s.join(t, 4)
		if got := four.read("ann"); got != "Ann Lee" {
			t.Errorf("read %q", got)
		}
	})
}

// TestNewDatabase: one that is empty begins in the newest format and needs nothing.
func TestNewDatabase(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, s site) {
		bare := s.start(t, 3)
		status, err := bare.cluster.Status(t.Context())
		if err != nil || status.Version != 0 {
			t.Errorf("%+v, %v", status, err)
		}
		bare.must(bare.enter())
		if status, err = bare.cluster.Status(t.Context()); err != nil || status.Version != 3 || status.Converted != 3 {
			t.Errorf("%+v, %v", status, err)
		}
		bare.must(bare.write("ann", "Ann Lee"))
		if got := bare.stored()["ann"]; got != `{"_v":3,"first":"Ann","last":"Lee"}` {
			t.Errorf("written %s", got)
		}
	})
}

// TestUncounted: a database from before formats were counted is in the first, whoever opens it.
func TestUncounted(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, s site) {
		before := s.start(t, 1)
		before.db.WriteIn(nil)
		before.must(before.db.Ensure(t.Context()))
		before.must(before.write("ann", "Ann Lee"))
		before.must(before.engine.Close())

		bare := s.start(t, 2)
		plan, err := bare.cluster.Plan(t.Context())
		if err != nil || plan.Version != 1 || len(plan.Documents) != 1 || plan.Documents[0].Documents != 1 {
			t.Errorf("%+v, %v", plan, err)
		}
		bare.must(bare.enter())
		bare.must(bare.write("bea", "Bea Poe"))
		if got := bare.stored()["bea"]; got != `{"name":"Bea Poe"}` {
			t.Errorf("written %s", got)
		}
	})
}

// TestMixed: two versions work on one database; nobody can finalise while the older one lives, and once
// somebody has, it neither reads, writes nor comes back.
func TestMixed(t *testing.T) {
	t.Parallel()
	clock := storetest.NewClock()
	s := shared(t, clock.Now)
	one, two := s.join(t, 1), s.join(t, 2)
	one.must(one.write("ann", "Ann Lee"))
	two.must(two.write("ann", "Ann Poe"))
	two.must(two.write("bea", "Bea Ray"))
	if got := []string{one.read("ann"), one.read("bea"), two.read("bea")}; !cmp.Equal(got, []string{"Ann Poe", "Bea Ray", "Bea Ray"}) {
		t.Errorf("read %q", got)
	}
	if err := two.finalise(); errs.CodeOf(err) != "older_nodes" || !strings.Contains(err.Error(), "node1 (0.1.0") {
		t.Errorf("finalised while an older node is alive: %v", err)
	}
	two.must(two.write("bea", "Bea Fox"))
	if got := two.stored()["bea"]; got != `{"name":"Bea Fox"}` {
		t.Errorf("written %s after a refusal", got)
	}

	// The older node stops for a while, as a machine may that was suspended, and counts as gone.
	clock.Advance(lease + time.Second)
	if err := one.write("ann", "Ann Old"); !errs.Is(err, errs.Unavailable) {
		t.Errorf("a node wrote that counts as gone: %v", err)
	}
	two.must(two.cluster.Beat(t.Context()))
	two.must(two.finalise())
	if got := two.stored(); !cmp.Equal(got, map[string]string{"ann": `{"_v":2,"first":"Ann","last":"Poe"}`, "bea": `{"_v":2,"first":"Bea","last":"Fox"}`}) {
		t.Errorf("finalised: %v", got)
	}
	if _, err := one.people.Get(t.Context(), "ann"); err == nil {
		t.Error("an older node reads what it does not understand")
	}
	if err := one.cluster.Beat(t.Context()); err == nil {
		t.Error("an older node comes back")
	}
	select {
	case <-one.cluster.Ended():
	default:
		t.Error("the older node does not end")
	}
	if err := one.cluster.Err(); err == nil || !strings.Contains(err.Error(), "start the newer version") {
		t.Errorf("it says %v", err)
	}
	if err := one.write("ann", "Ann Old"); !errs.Is(err, errs.Unavailable) {
		t.Errorf("an older node wrote: %v", err)
	}
	nodes, err := two.cluster.Nodes(t.Context())
	if err != nil || len(nodes) != 1 || nodes[0].Name != "node2" || nodes[0].Writes != 2 {
		t.Errorf("%+v, %v", nodes, err)
	}
}

// TestFollowers: finalising waits until every node writes the new format.
func TestFollowers(t *testing.T) {
	t.Parallel()
	s := shared(t, time.Now)
	one := s.join(t, 1)
	one.must(one.write("ann", "Ann Lee"))
	one.stop()
	two, other := s.join(t, 2), s.join(t, 2)
	done := make(chan error, 1)
	go func() { done <- two.finalise() }()
	for version := 0; version < 2; time.Sleep(time.Millisecond) {
		status, err := other.cluster.Status(t.Context())
		other.must(err)
		version = status.Version
	}
	// The first beat hears of it, the second says that what was begun before has ended.
	for beat := range 2 {
		select {
		case err := <-done:
			t.Fatalf("finalised before beat %d of the other node: %v", beat, err)
		default:
		}
		if got := other.stored()["ann"]; got != `{"name":"Ann Lee"}` {
			t.Errorf("stored %s before all nodes write so", got)
		}
		other.must(other.cluster.Beat(t.Context()))
	}
	two.must(<-done)
	if got := other.stored()["ann"]; got != `{"_v":2,"first":"Ann","last":"Lee"}` {
		t.Errorf("stored %s", got)
	}
}

// TestSlept: a node whose machine slept says that it is alive as soon as somebody wants to write, and the
// write goes through. Where it cannot say so the write is refused.
func TestSlept(t *testing.T) {
	t.Parallel()
	clock := storetest.NewClock()
	s := shared(t, clock.Now)
	s.lease = time.Minute // the next beat would come in ten seconds, and a write waits for two
	p := s.join(t, 1)
	var running sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	defer running.Wait()
	defer cancel()
	running.Go(func() { p.cluster.Run(ctx) })
	for sleep := range 3 {
		clock.Advance(s.lease * time.Duration(sleep+1) * 9 / 10) // not gone yet, and gone
		if err := p.cluster.Err(); err == nil {
			t.Error("it is ready before it has said that it is alive")
		}
		var writers sync.WaitGroup
		for i := range 8 {
			writers.Go(func() {
				if err := p.write(fmt.Sprint("someone", i), fmt.Sprint("Ann ", sleep)); err != nil {
					t.Errorf("after sleep %d: %v", sleep, err)
				}
			})
		}
		writers.Wait()
		if err := p.cluster.Err(); err != nil {
			t.Errorf("after sleep %d: %v", sleep, err)
		}
	}
	cancel()
	running.Wait()
	clock.Advance(2 * s.lease)
	short, stop := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer stop()
	if err := p.commit(short, p.people.Insert(short, p.named("late", "Ann Late"))); !errs.Is(err, errs.Unavailable) {
		t.Errorf("a node wrote that does not beat: %v", err)
	}
}

// TestIssuers: two nodes that call themselves differently do not both serve.
func TestIssuers(t *testing.T) {
	t.Parallel()
	s := shared(t, time.Now)
	one, two := s.join(t, 1), s.join(t, 1)
	one.must(one.cluster.Serve(t.Context(), "https://a.example"))
	err := two.cluster.Serve(t.Context(), "https://b.example")
	if _, ok := errors.AsType[cluster.Refusal](err); !ok || !strings.Contains(err.Error(), "server.issuer") {
		t.Errorf("two issuers: %v", err)
	}
	two.must(two.cluster.Leave(t.Context()))
	two = s.join(t, 1)
	two.must(two.cluster.Serve(t.Context(), "https://a.example"))
}

// TestOneAtATime: two processes do not upgrade one database at once.
func TestOneAtATime(t *testing.T) {
	t.Parallel()
	s := shared(t, time.Now)
	one := s.join(t, 1)
	one.must(one.write("ann", "Ann Lee"))
	one.stop()
	two, other := s.join(t, 2), s.join(t, 2)
	met := false
	progress := func(string, int64, int64) {
		if met {
			return
		}
		met = true
		if err := other.cluster.Up(t.Context(), quiet); errs.CodeOf(err) != "upgrade_under_way" {
			t.Errorf("a second upgrade: %v", err)
		}
		// Nor does an older version come while the new one takes over.
		old := s.start(t, 1)
		if err := old.enter(); err == nil {
			t.Error("an older version joined while the version was raised")
		}
	}
	go func() {
		for t.Context().Err() == nil {
			_ = other.cluster.Beat(t.Context())
			time.Sleep(10 * time.Millisecond)
		}
	}()
	two.must(two.cluster.Finalise(t.Context(), progress))
	if !met {
		t.Error("nobody met")
	}
	two.must(other.cluster.Up(t.Context(), quiet))
}

// TestHeavy: a node does not make the others wait without having been asked.
func TestHeavy(t *testing.T) {
	t.Parallel()
	s := shared(t, time.Now)
	one := s.join(t, 1)
	for i := 0; i < 10_100; i += 50 {
		var ops []store.DocOp
		for n := range 50 {
			ops = append(ops, one.people.Insert(t.Context(), one.named(fmt.Sprint("p", i+n), "Ann Lee")))
		}
		one.must(one.commit(t.Context(), ops...))
	}
	three := s.start(t, 3)
	err := three.enter()
	if _, ok := errors.AsType[cluster.Refusal](err); !ok || !strings.Contains(err.Error(), "cardea migrate up") {
		t.Errorf("a heavy index was made by itself: %v", err)
	}
	plan, err := three.cluster.Plan(t.Context())
	want := []store.Work{{Collection: "person", Column: "letters", Records: 10_100}, {Collection: "person", Index: byLetters, Records: 10_100}}
	if diff := cmp.Diff(want, plan.Work); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	three.must(three.cluster.Up(t.Context(), quiet))
	one.must(one.cluster.Beat(t.Context()))
	one.must(one.write("p1", "Bea Ray"))
	three.must(three.enter())
}

// TestJustBeingFinalised: between the look for older nodes and the rise of the version none can slip in.
func TestJustBeingFinalised(t *testing.T) {
	t.Parallel()
	clock := storetest.NewClock()
	s := shared(t, clock.Now)
	two := s.join(t, 2)
	two.must(two.cluster.Up(t.Context(), quiet))
	_, err := two.engine.Commit(t.Context(), store.Write{ID: "turn", At: clock.Now(), Tenant: id.System, Docs: []store.Op{{
		Kind: store.InsertOp, Key: store.Key{Tenant: id.System, Collection: "cluster", ID: "turn"},
		Expires: clock.Now().Add(lease), Body: []byte(`{"node":"node3","to":3}`),
	}}})
	two.must(err)
	late := s.start(t, 2)
	if err := late.enter(); err == nil || !strings.Contains(err.Error(), "just being finalised for data format 3") {
		t.Errorf("an older node joined: %v", err)
	}
	if nodes, err := two.cluster.Nodes(t.Context()); err != nil || len(nodes) != 1 {
		t.Errorf("it has left a row: %+v, %v", nodes, err)
	}
	s.join(t, 3)
	clock.Advance(lease + time.Second) // whoever wanted to was killed
	two.must(two.cluster.Beat(t.Context()))
	late = s.start(t, 2)
	two.must(late.enter())
}
