package password_test

import (
	"errors"
	"runtime"
	"runtime/metrics"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/cardea-auth/cardea/internal/identity/password"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/secret"
)

// heap is what lies on the heap now, garbage that no sweep has freed included.
func heap() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// flood runs n callers at once and reports how long each refused one was kept, and the most that
// lay on the heap meanwhile.
func flood(t *testing.T, n int, call func() error) (refusals []time.Duration, peak uint64) {
	t.Helper()
	var mu sync.Mutex
	var callers sync.WaitGroup
	for range n {
		callers.Go(func() {
			start := time.Now()
			err := call()
			took := time.Since(start)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				refusals = append(refusals, took)
				if e, ok := errors.AsType[*errs.Error](err); !ok || e.Kind != errs.Unavailable || e.RetryAfter <= 0 {
					t.Errorf("refused with %v", err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { callers.Wait(); close(done) }()
	tick := time.NewTicker(200 * time.Microsecond)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return refusals, max(peak, heap())
		case <-tick.C:
			peak = max(peak, heap())
		}
	}
}

// Twenty times what there is room for: memory stays under base and slots, and those who cannot be
// served learn it at once.
func TestRegress_153_Flood(t *testing.T) {
	const slots, queue = 2, 28
	h := hasher(t, password.Config{Slots: slots, Queue: queue, Wait: time.Minute})
	stored := hash(t, h, "correct horse")
	runtime.GC()
	base := heap()
	refusals, peak := flood(t, 20*(slots+queue), func() error {
		_, _, err := h.Verify(t.Context(), stored, secret.New("wrong horse"))
		return err
	})
	const slack = 4 << 20 // the callers themselves
	if bound := base + slots*19<<20 + slack; peak > bound {
		t.Errorf("%d MiB on the heap, bound %d", peak>>20, bound>>20)
	}
	slices.Sort(refusals)
	if len(refusals) < 500 {
		t.Fatalf("only %d refused", len(refusals))
	}
	// How soon depends on the machine, so it is told and not judged: `go test -v -run Flood`.
	t.Logf("half of the refusals took less than %v", refusals[len(refusals)/2])
	if s := h.Stats(); s.Running != 0 || s.Waiting != 0 || s.Done+s.Refused != 20*(slots+queue)+1 {
		t.Errorf("%+v", s)
	}
}

// An imported hash that needs more than all slots runs alone.
func TestRegress_153_HeavyImport(t *testing.T) {
	h := hasher(t, password.Config{Slots: 2, Queue: 100, Wait: time.Minute})
	const heavy = "$argon2id$v=19$m=65536,t=1,p=2$c29tZXNhbHRzb21lc2FsdA$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	stored := []password.Hash{heavy, hash(t, h, "correct horse"), heavy}
	runtime.GC()
	base := heap()
	var mu sync.Mutex
	i := 0
	refusals, peak := flood(t, 12, func() error {
		mu.Lock()
		s := stored[i%len(stored)]
		i++
		mu.Unlock()
		_, _, err := h.Verify(t.Context(), s, secret.New("wrong horse"))
		return err
	})
	if bound := base + 64<<20 + 4<<20; peak > bound || len(refusals) != 0 {
		t.Errorf("%d MiB on the heap, bound %d; %d refused", peak>>20, bound>>20, len(refusals))
	}
}

// BenchmarkVerify against BenchmarkArgon2 is what the queue, the ledger and the parsing cost. Both
// collect garbage; the difference grows with what else lives on the heap.
func BenchmarkVerify(b *testing.B) {
	h := hasher(b, password.Config{})
	stored := hash(b, h, "correct horse")
	for b.Loop() {
		if ok, _, err := h.Verify(b.Context(), stored, secret.New("correct horse")); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

func BenchmarkVerifyParallel(b *testing.B) {
	h := hasher(b, password.Config{Queue: 1000, Wait: time.Minute})
	stored := hash(b, h, "correct horse")
	b.SetParallelism(4)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if ok, _, err := h.Verify(b.Context(), stored, secret.New("correct horse")); !ok || err != nil {
				b.Error(ok, err)
			}
		}
	})
}

func BenchmarkArgon2(b *testing.B) {
	salt := []byte("somesaltsomesalt")
	for b.Loop() {
		argon2.IDKey([]byte("correct horse"), salt, 2, 19456, 1, 32)
	}
}

func BenchmarkArgon2Parallel(b *testing.B) {
	salt := []byte("somesaltsomesalt")
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			argon2.IDKey([]byte("correct horse"), salt, 2, 19456, 1, 32)
		}
	})
}

// BenchmarkRefused is what one caller above the limit costs.
func BenchmarkRefused(b *testing.B) {
	h := hasher(b, password.Config{Slots: 1, Queue: 1, Wait: time.Minute})
	heavy := password.Hash("$pbkdf2-sha256$4000000$c29tZXNhbHRzb21lc2FsdA$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4")
	var busy sync.WaitGroup
	for range 2 {
		busy.Go(func() { _, _, _ = h.Verify(b.Context(), heavy, secret.New("x")) })
	}
	defer busy.Wait()
	for h.Stats().Waiting == 0 {
		runtime.Gosched()
	}
	for b.Loop() {
		if _, _, err := h.Verify(b.Context(), heavy, secret.New("x")); err == nil {
			b.Skip("the queue drained before the benchmark ended: use a smaller -benchtime")
		}
	}
}
