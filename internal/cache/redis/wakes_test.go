package redis_test

import (
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/cache/redis"
	"github.com/cardea-auth/cardea/internal/cache/redis/redistest"
)

// TestWakes: what one node tells the other hears, also after Redis was away.
func TestWakes(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	a, b := redis.NewWakes(connect(t, s.URL())), redis.NewWakes(connect(t, s.URL()))
	run(t, a.Run)
	run(t, b.Run)
	heard := func() bool {
		a.Tell()
		select {
		case <-b.Heard():
			return true
		case <-time.After(20 * time.Millisecond):
			return false
		}
	}
	until(t, "the other hears", heard)
	s.Kill()
	s.Restart(t)
	until(t, "the other hears again", heard)
}
