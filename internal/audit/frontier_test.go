package audit_test

import (
	"bytes"
	"math"
	"math/bits"
	"testing"

	"github.com/cardea-auth/cardea/internal/audit"
)

// FuzzFrontier: stored peaks are read whole or refused.
func FuzzFrontier(f *testing.F) {
	f.Add(int64(0), []byte{})
	f.Add(int64(3), bytes.Repeat([]byte{1}, 64))
	f.Add(int64(3), bytes.Repeat([]byte{1}, 63))
	f.Add(int64(-1), []byte{})
	f.Add(int64(math.MaxInt64), bytes.Repeat([]byte{1}, 63*32))
	f.Fuzz(func(t *testing.T, size int64, peaks []byte) {
		again, err := audit.Frontier(size, peaks)
		if err == nil && (size < 0 || !bytes.Equal(again, peaks) || len(peaks) != 32*bits.OnesCount64(uint64(size))) {
			t.Fatalf("size %d, peaks %x are read as %x", size, peaks, again)
		}
	})
}
