//go:build !sqlite_only

package app

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"sync"

	"github.com/cardea-auth/cardea/internal/cache/redis"
	"github.com/cardea-auth/cardea/internal/kit/egress"
	"github.com/cardea-auth/cardea/internal/store"
)

// CheckRedis says what is wrong with the URL of a Redis, without connecting to it.
func CheckRedis(text string, allow []egress.Rule, dev bool) error {
	if err := redis.Check(text); err != nil {
		return err
	}
	for _, host := range redis.Hosts(text) {
		if host == "localhost" {
			host = "127.0.0.1"
		}
		a, err := netip.ParseAddr(host)
		if err != nil || !inClear(text) && !a.IsLoopback() && !a.IsPrivate() && !a.IsLinkLocalUnicast() || dev && a.IsLoopback() {
			continue
		}
		if !slices.ContainsFunc(allow, func(r egress.Rule) bool { return r.Purpose == egress.Redis && r.Network.Contains(a) }) {
			return fmt.Errorf("names a server that may not be reached; allow it by adding redis=%s to egress.allow", netip.PrefixFrom(a, a.BitLen()))
		}
	}
	return nil
}

func inClear(text string) bool {
	u, err := url.Parse(text)
	return err != nil || u.Scheme != "rediss"
}

// shareByRedis makes what nodes share through Redis. It reaches for nothing yet.
func shareByRedis(ctx context.Context, c Config, h *house) (together, error) {
	shared, ok := h.engine.engine.(store.Shared)
	if !ok {
		return together{}, errors.New("redis.url needs database.url: a server whose database is a file has nobody to share with")
	}
	key, err := h.master.Derive("redis " + shared.Life())
	if err != nil {
		return together{}, err
	}
	out, err := egress.New(egress.Config{Allow: c.Allow, Dev: c.Dev})
	if err != nil {
		return together{}, err
	}
	dial := out.Dialer(egress.Redis)
	if inClear(c.Redis.Reveal()) {
		dial = out.LocalDialer(egress.Redis)
	}
	link, err := redis.Open(ctx, redis.Config{URL: c.Redis, Secret: key, Dial: dial})
	if err != nil {
		return together{}, fmt.Errorf("redis.url %w", err)
	}
	wakes, documents := redis.NewWakes(link), redis.NewDocuments(link)
	return together{
		second: documents, answers: documents.Answers,
		waker: wakes, counters: redis.NewCounters(link), up: link.Up, failures: link.Failures, trouble: link.Trouble, close: link.Close,
		run: func(ctx context.Context, tasks *sync.WaitGroup) {
			tasks.Go(func() { link.Run(ctx) })
			tasks.Go(func() { wakes.Run(ctx) })
			tasks.Go(func() { documents.Run(ctx) })
		},
	}, nil
}
