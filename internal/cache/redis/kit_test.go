package redis_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/cache/redis"
	"github.com/cardea-auth/cardea/internal/kit/secret"
)

// open makes a link that is not run yet.
func open(t *testing.T, url string) *redis.Link {
	t.Helper()
	return openWith(t, url, 0)
}

func openWith(t *testing.T, url string, patience time.Duration) *redis.Link {
	t.Helper()
	l, err := redis.Open(t.Context(), redis.Config{
		URL: secret.New(url), Secret: [32]byte{1}, Dial: (&net.Dialer{}).DialContext, Patience: patience,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// run has something run until the test ends.
func run(t *testing.T, f func(context.Context)) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() { f(ctx) })
	t.Cleanup(func() { stop(); done.Wait() })
}

// connect makes a link that is up, and as patient as a busy machine needs.
func connect(t *testing.T, url string) *redis.Link {
	t.Helper()
	l := openWith(t, url, 5*time.Second)
	run(t, l.Run)
	until(t, "the link is up", l.Up)
	return l
}

func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	for since := time.Now(); !so(); <-time.After(time.Millisecond) {
		if time.Since(since) > 20*time.Second {
			t.Fatal("never: ", what)
		}
	}
}
