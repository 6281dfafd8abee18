package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/graph/w1"
)

// scaled measures checks over HTTP in stores of growing size. What 64 questions touch stays in the processor's
// cache; what 10,000 touch does not. A store of 10 million tuples takes minutes to write.
func scaled(ctx context.Context, o options, s *server) ([]result, error) {
	d, err := s.decider(ctx)
	if err != nil {
		return nil, err
	}
	model, err := d.model(ctx)
	if err != nil {
		return nil, err
	}
	var out []result
	for text := range strings.SplitSeq(o.scale, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1000 {
			return nil, fmt.Errorf("-scale: %q is no number of tuples of at least 1000", text)
		}
		if err := d.begin(ctx, model); err != nil {
			return nil, err
		}
		if err := d.fill(ctx, n); err != nil {
			return nil, err
		}
		for _, x := range []struct {
			name      string
			questions int
		}{{"hot", 64}, {"cold", 10_000}} {
			r, err := measureNamed(ctx, d.checks(n, x.questions, x.name), o, s)
			if err != nil {
				return nil, err
			}
			out = append(out, r)
		}
	}
	return out, nil
}

// checks are questions to the store of n tuples.
func (d *decider) checks(n, questions int, name string) workload {
	requests := make([][]byte, questions)
	for i := range requests {
		body := []byte(`{"tuple_key":` + tupleKeyOf(w1.ScaledQuestion(i, n)) + `}`)
		requests[i] = wire("POST", d.base, "/stores/"+d.store+"/check", "application/json", body, d.header...)
	}
	return rounds(fmt.Sprintf("check, %d tuples, %s", n, name), requests, func(int) string { return `"allowed":` })
}

// fill writes n tuples and has the store loaded.
func (d *decider) fill(ctx context.Context, n int) error {
	const batch = 1000
	d.twice = "ignore" // by chance some are
	once := func(yield func(graph.Tuple, error) bool) {
		seen := make(map[string]bool, batch) // in one request none may be
		count := 0
		for t := range w1.Scaled(n) {
			if count%batch == 0 {
				clear(seen)
			}
			if name := t.String(); !seen[name] {
				seen[name] = true
				count++
				if !yield(t, nil) {
					return
				}
			}
		}
	}
	if err := d.stream(ctx, batch, once); err != nil {
		return err
	}
	begun := time.Now()
	body := []byte(`{"tuple_key":` + tupleKeyOf(w1.ScaledQuestion(0, n)) + `}`)
	err := d.call(ctx, http.MethodPost, "/stores/"+d.store+"/check", body, &struct{}{})
	fmt.Fprintf(os.Stderr, "%d tuples through the API in %v, loaded in %v\n", n, d.loaded.Round(time.Millisecond), time.Since(begun).Round(time.Millisecond))
	return err
}
