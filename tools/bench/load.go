package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// workload is something that is asked again and again.
type workload struct {
	name        string
	method      string // of the bare answer that it is set beside
	connections int    // 0: as the options say
	// next makes the n-th request of a worker.
	next func(worker, n int) (*http.Request, error)
	// check looks at an answer; nil accepts 200 only.
	check func(worker int, status int, body []byte) error
}

type result struct {
	Name    string        `json:"name"`
	Method  string        `json:"method"`
	Rate    float64       `json:"per_second"`
	OfBare  float64       `json:"of_bare"`
	P50     time.Duration `json:"p50_ns"`
	P99     time.Duration `json:"p99_ns"`
	Errors  int           `json:"errors"`
	Commits float64       `json:"commits_per_op"`
	RSS     int64         `json:"rss"`
}

// measure runs a workload for a while, after a short warm-up.
func measure(ctx context.Context, w workload, o options, s *server) (result, error) {
	n := o.connections
	if w.connections > 0 {
		n = w.connections
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: n, MaxConnsPerHost: n}, Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	warm := max(o.span/5, 300*time.Millisecond)
	begin := time.Now().Add(warm)
	end := begin.Add(o.span)
	var (
		mu    sync.Mutex
		times []time.Duration
		bad   int
		first error
		wg    sync.WaitGroup
	)
	before := s.commits()
	for worker := range n {
		wg.Go(func() {
			var mine []time.Duration
			wrong := 0
			var why error
			for i := 0; ctx.Err() == nil; i++ {
				start := time.Now()
				if start.After(end) {
					break
				}
				err := once(ctx, client, w, worker, i)
				if took := time.Since(start); start.After(begin) {
					if mine = append(mine, took); err != nil {
						wrong++
					}
				}
				if err != nil && why == nil {
					why = err
				}
			}
			mu.Lock()
			defer mu.Unlock()
			times, bad = append(times, mine...), bad+wrong
			if first == nil {
				first = why
			}
		})
	}
	wg.Wait()
	if len(times) == 0 || bad == len(times) {
		return result{}, fmt.Errorf("nothing succeeded: %w", first)
	}
	slices.Sort(times)
	all := float64(len(times)) * (float64(o.span+warm) / float64(o.span)) // commits were counted through the warm-up
	return result{
		Name: w.name, Method: w.method, Rate: float64(len(times)-bad) / o.span.Seconds(), P50: times[len(times)/2],
		P99: times[len(times)*99/100], Errors: bad, Commits: float64(s.commits()-before) / all, RSS: s.rss(),
	}, ctx.Err()
}

func once(ctx context.Context, client *http.Client, w workload, worker, n int) error {
	r, err := w.next(worker, n)
	if err != nil {
		return err
	}
	answer, err := client.Do(r.WithContext(ctx))
	if err != nil {
		return err
	}
	body, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if err != nil {
		return err
	}
	if w.check != nil {
		return w.check(worker, answer.StatusCode, body)
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d: %.200s", answer.StatusCode, body)
	}
	return nil
}

// post makes a request with a body.
func post(url, contentType string, body []byte, header ...string) (*http.Request, error) {
	r, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", contentType)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r, nil
}
