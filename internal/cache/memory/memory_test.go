package memory_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/internal/cache/memory"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

func newCache(t *testing.T, c memory.Config) (*memory.Cache, *storetest.Clock) {
	t.Helper()
	clock := storetest.NewClock()
	c.Now = clock.Now
	m, err := memory.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return m, clock
}

func key(docID string) store.Key { return store.Key{Tenant: "t", Collection: "thing", ID: docID} }

// source is what a cache stands in front of.
type source struct {
	value atomic.Int64
	loads atomic.Int64
}

func (s *source) load(context.Context) (any, error) {
	s.loads.Add(1)
	return s.value.Load(), nil
}

func get(t *testing.T, m *memory.Cache, k store.Key, load func(context.Context) (any, error)) any {
	t.Helper()
	v, err := m.Get(t.Context(), k, load)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestAge(t *testing.T) {
	t.Parallel()
	m, clock := newCache(t, memory.Config{})
	var s source
	for _, step := range []struct {
		pass  time.Duration
		loads int64
	}{{0, 1}, {0, 1}, {30 * time.Second, 1}, {30*time.Second - 1, 1}, {1, 2}, {59 * time.Second, 2}, {time.Second, 3}} {
		clock.Advance(step.pass)
		get(t, m, key("1"), s.load)
		if n := s.loads.Load(); n != step.loads {
			t.Errorf("after %v more: %d loads, want %d", step.pass, n, step.loads)
		}
	}
}

// TestKeys are apart in each of their parts.
func TestKeys(t *testing.T) {
	t.Parallel()
	m, _ := newCache(t, memory.Config{})
	for i, k := range []store.Key{
		{Tenant: "t", Collection: "c", ID: "1"}, {Tenant: "t", Collection: "c", ID: "2"},
		{Tenant: "t", Collection: "c1", ID: ""}, {Tenant: "tc", Collection: "", ID: "1"}, {Tenant: "u", Collection: "c", ID: "1"},
	} {
		if got := get(t, m, k, func(context.Context) (any, error) { return i, nil }); got != i {
			t.Errorf("%+v gives %v", k, got)
		}
	}
}

func TestErrorsAreNotKept(t *testing.T) {
	t.Parallel()
	m, _ := newCache(t, memory.Config{})
	no := errors.New("no")
	if _, err := m.Get(t.Context(), key("1"), func(context.Context) (any, error) { return nil, no }); !errors.Is(err, no) {
		t.Errorf("error %v", err)
	}
	if got := get(t, m, key("1"), func(context.Context) (any, error) { return "yes", nil }); got != "yes" {
		t.Errorf("got %v", got)
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	m, _ := newCache(t, memory.Config{MaxEntries: 100})
	var s source
	for i := range 10_000 {
		get(t, m, key(fmt.Sprint(i)), s.load)
	}
	if n := m.Len(); n > 200 { // evicts a little behind
		t.Errorf("%d values are kept", n)
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]memory.Config{
		"no clock": {}, "too long": {Now: time.Now, Age: memory.MaxAge + 1}, "no time": {Now: time.Now, Age: -1}, "no room": {Now: time.Now, MaxEntries: -1},
	} {
		if _, err := memory.New(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// slowly loads the value that the source has when the load begins, and returns it when told.
func (s *source) slowly(begun chan<- struct{}, finish <-chan struct{}) func(context.Context) (any, error) {
	var once sync.Once
	return func(ctx context.Context) (any, error) {
		v, err := s.load(ctx)
		once.Do(func() { begun <- struct{}{}; <-finish })
		return v, err
	}
}

// TestDropDuringLoad changes the source and drops the key while a load of the old value is under
// way. Nobody who asks after the drop may see the old value: neither by joining the load, nor from
// what the load leaves behind.
func TestDropDuringLoad(t *testing.T) {
	t.Parallel()
	for name, forget := range map[string]func(*memory.Cache) error{
		"drop":  func(m *memory.Cache) error { m.Drop(key("0"), key("1")); return nil },
		"clear": (*memory.Cache).Clear,
	} {
		for _, warm := range []bool{false, true} {
			m, clock := newCache(t, memory.Config{})
			var s source
			s.value.Store(1)
			if warm { // the value was there, and has just expired
				get(t, m, key("1"), s.load)
				clock.Advance(memory.MaxAge)
			}
			begun, finish := make(chan struct{}), make(chan struct{})
			first := make(chan any, 1)
			go func() {
				v, _ := m.Get(t.Context(), key("1"), s.slowly(begun, finish))
				first <- v
			}()
			<-begun
			s.value.Store(2) // committed
			if err := forget(m); err != nil {
				t.Fatal(err)
			}
			if got := get(t, m, key("1"), s.load); got != int64(2) {
				t.Errorf("%s, warm %v: who asks during the load sees %v", name, warm, got)
			}
			close(finish)
			if got := <-first; got != int64(2) && name == "drop" {
				t.Errorf("%s, warm %v: who loaded sees %v", name, warm, got)
			}
			if got := get(t, m, key("1"), s.load); got != int64(2) {
				t.Errorf("%s, warm %v: the load has left %v behind", name, warm, got)
			}
		}
	}
}

// TestNeverStale has readers and a writer race: after a drop has returned, no Get that begins later
// may return an older value.
func TestNeverStale(t *testing.T) {
	t.Parallel()
	m, _ := newCache(t, memory.Config{})
	var s source
	var dropped atomic.Int64 // the oldest value that may still be seen
	ctx, stop := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for ctx.Err() == nil {
				oldest := dropped.Load()
				if v, ok := m.Peek(key("1")); ok && v.(int64) < oldest {
					t.Errorf("peeked at %v after %d was dropped", v, oldest)
					return
				}
				v, err := m.Get(t.Context(), key("1"), s.load)
				if got, ok := v.(int64); err != nil || !ok || got < oldest {
					t.Errorf("read %v after %d was dropped, %v", v, oldest, err)
					return
				}
			}
		})
	}
	for n := range int64(20_000) {
		s.value.Store(n)
		m.Drop(key("1"))
		dropped.Store(n)
	}
	stop()
	readers.Wait()
}

// TestWaiters share one load. One that gives up leaves the others alone, and when the one who loads
// gives up, another loads.
func TestWaiters(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, err := memory.New(memory.Config{Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		var loads atomic.Int64
		load := func(ctx context.Context) (any, error) {
			loads.Add(1)
			select {
			case <-time.After(10 * time.Second):
				return "value", nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		patience := []time.Duration{3 * time.Second, 2 * time.Second, time.Hour, time.Hour, time.Hour}
		results := make([]error, len(patience))
		var all sync.WaitGroup
		for i, d := range patience {
			all.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), d)
				defer cancel()
				_, results[i] = m.Get(ctx, key("1"), load)
			})
			synctest.Wait() // so that the first is the one who loads
		}
		all.Wait()
		for i, err := range results {
			if impatient := patience[i] < time.Minute; impatient != errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("caller %d: %v", i, err)
			}
		}
		if n := loads.Load(); n != 2 {
			t.Errorf("%d loads", n)
		}
	})
}

func BenchmarkHit(b *testing.B) {
	m, err := memory.New(memory.Config{Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	load := func(context.Context) (any, error) { return 1, nil }
	k := key("1")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Get(b.Context(), k, load); err != nil {
			b.Fatal(err)
		}
	}
}

// TestAnswers: what was found and what was loaded is counted.
func TestAnswers(t *testing.T) {
	t.Parallel()
	c, err := memory.New(memory.Config{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	k := store.Key{Collection: "note", ID: "1"}
	for range 3 {
		if _, ok := c.Peek(k); ok {
			continue
		}
		if _, err := c.Get(t.Context(), k, func(context.Context) (any, error) { return 1, nil }); err != nil {
			t.Fatal(err)
		}
	}
	if hits, loads := c.Answers(); hits != 2 || loads != 1 {
		t.Errorf("%d found, %d loaded, of three questions", hits, loads)
	}
}

// TestPeek shows what Get has kept until it is dropped, or too old, by whichever way it is found.
func TestPeek(t *testing.T) {
	t.Parallel()
	m, clock := newCache(t, memory.Config{})
	var s source
	peeked := func(want any) {
		t.Helper()
		for range 2 { // the second time it need not be looked for
			if v, ok := m.Peek(key("1")); ok != (want != nil) || v != want {
				t.Errorf("%v, %v; want %v", v, ok, want)
			}
		}
	}
	peeked(nil)
	get(t, m, key("1"), s.load)
	peeked(int64(0))
	clock.Advance(memory.MaxAge - 1)
	peeked(int64(0))
	clock.Advance(1)
	peeked(nil)
	s.value.Store(1)
	get(t, m, key("1"), s.load)
	peeked(int64(1))
	m.Drop(key("1"))
	peeked(nil)
	s.value.Store(2)
	get(t, m, key("1"), s.load)
	peeked(int64(2))
	if err := m.Clear(); err != nil {
		t.Fatal(err)
	}
	peeked(nil)
}

// TestPeekPlaces: keys that share a place are not taken for each other, in any of their parts.
func TestPeekPlaces(t *testing.T) {
	t.Parallel()
	m, _ := newCache(t, memory.Config{})
	var all []store.Key
	for _, part := range []string{"a", "b", ""} {
		for i := range 3000 {
			all = append(all, store.Key{Tenant: "t", Collection: part, ID: fmt.Sprint(i)}, store.Key{Tenant: "u", Collection: part, ID: fmt.Sprint(i)})
		}
	}
	for _, k := range all {
		get(t, m, k, func(context.Context) (any, error) { return k, nil })
	}
	for range 2 {
		for _, k := range all {
			if v, ok := m.Peek(k); !ok || v != k {
				t.Fatalf("%+v gives %+v, %v", k, v, ok)
			}
		}
	}
}

func BenchmarkPeek(b *testing.B) {
	m, err := memory.New(memory.Config{Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	k := key("1")
	if _, err := m.Get(b.Context(), k, func(context.Context) (any, error) { return 1, nil }); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := m.Peek(k); !ok {
			b.Fatal("it is gone")
		}
	}
}
