package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/test/port"
)

// sharedTokens is how many tokens the first node gives and the second resolves, once each.
const sharedTokens = 10_000

// shared measures how fast a second node resolves tokens that it has not seen before: from Redis, where the
// first node has put them, from the database, and from its memory. The settings of both nodes come from the
// environment: CARDEA_DATABASE_URL, CARDEA_REDIS_URL, CARDEA_MASTER_KEY and what they need.
func (s *server) shared(ctx context.Context, o options) ([]result, error) {
	if os.Getenv("CARDEA_DATABASE_URL") == "" || os.Getenv("CARDEA_REDIS_URL") == "" {
		return nil, errors.New("-shared needs CARDEA_DATABASE_URL, CARDEA_REDIS_URL and CARDEA_MASTER_KEY")
	}
	var app struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	if err := s.cli(ctx, "", &app, "app", "create", "opaque", "--type", "service", "--access-token", "opaque"); err != nil {
		return nil, err
	}
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(app.ID+":"+app.Secret))
	give := wire("POST", s.base, "/oauth/token", form, []byte("grant_type=client_credentials"), "Authorization", basic)
	questions := make([][]byte, sharedTokens)
	given, err := s.each(ctx, s, o, func(int) []byte { return give }, func(i, status int, body []byte) error {
		var t tokenSet
		if status != http.StatusOK || json.Unmarshal(body, &t) != nil || t.Access == "" {
			return fmt.Errorf("status %d: %.200s", status, body)
		}
		questions[i] = wire("POST", s.base, "/oauth/introspect", form, []byte("token="+url.QueryEscape(t.Access)), "Authorization", basic)
		return nil
	})
	if err != nil {
		return nil, err
	}
	given.Name = "opaque tokens given, durable"
	resolve := func(of *server, name string) (result, error) {
		r, err := s.each(ctx, of, o, func(i int) []byte { return questions[i] }, active)
		r.Name = name
		return r, err
	}
	out := []result{given}
	second, err := s.another(ctx, "with", os.Environ())
	if err != nil {
		return nil, err
	}
	_, err = resolve(s, "") // puts them into Redis
	if err == nil {
		var r result
		r, err = resolve(second, "token resolve, from Redis")
		out = append(out, r)
	}
	second.end()
	if err != nil {
		return nil, err
	}
	without := slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "CARDEA_REDIS_") })
	again, err := s.another(ctx, "without", without)
	if err != nil {
		return nil, err
	}
	defer again.end()
	for _, name := range []string{"token resolve, from PostgreSQL", "token resolve, from memory"} {
		r, err := resolve(again, name)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// another starts another node on the same database, known by the same address.
func (s *server) another(ctx context.Context, name string, env []string) (*server, error) {
	at, err := port.Addresses(2)
	if err != nil {
		return nil, err
	}
	n := &server{dir: filepath.Join(s.dir, "node-"+name), base: strings.Replace("http://"+at[0], "127.0.0.1", "localhost", 1), management: "http://" + at[1]}
	n.process = onServerCore(ctx, s.binary, "serve", "--data", filepath.Join(n.dir, "data"), "--issuer", s.base,
		"--listen", at[0], "--management", at[1])
	log, err := os.Create(filepath.Join(s.dir, "log-"+name))
	if err != nil {
		return nil, err
	}
	n.process.Env, n.process.Stdout, n.process.Stderr = append(env, s.mail...), log, log
	if err := errors.Join(n.process.Start(), log.Close()); err != nil { // the node has its own
		return nil, err
	}
	if err := waitFor(ctx, n.management+"/readyz"); err != nil {
		n.end()
		return nil, err
	}
	time.Sleep(time.Second) // until it has found Redis
	return n, nil
}

// each asks a node every question once.
func (s *server) each(ctx context.Context, of *server, o options, ask func(i int) []byte, check func(i, status int, body []byte) error) (result, error) {
	at, err := url.Parse(of.base)
	if err != nil {
		return result{}, err
	}
	var next atomic.Int64
	times, failed := make([]time.Duration, sharedTokens), make([]error, o.connections)
	before, began := of.spent(workload{}), time.Now()
	var wg sync.WaitGroup
	for k := range o.connections {
		wg.Go(func() {
			c, err := dial(ctx, at, nil)
			if err != nil {
				failed[k] = err
				return
			}
			defer func() { _ = c.Close() }()
			for i := int(next.Add(1)) - 1; i < sharedTokens; i = int(next.Add(1)) - 1 {
				start := time.Now()
				status, body, err := c.ask(ask(i))
				if times[i] = time.Since(start); err == nil {
					err = check(i, status, body)
				}
				if err != nil {
					failed[k] = err
					return
				}
			}
		})
	}
	wg.Wait()
	took, spent := time.Since(began), of.since(before, workload{})
	return result{
		Method: "POST", Rate: sharedTokens / took.Seconds(), CPU: spent.cpu / sharedTokens, P50: quantile(times, 50), P99: quantile(times, 99),
		Commits: spent.commits / sharedTokens, Trips: spent.trips / sharedTokens, Loads: spent.loads / sharedTokens,
		Hits: spent.hits / max(1, spent.hits+spent.loads), RSS: of.rss(),
	}, errors.Join(failed...)
}
