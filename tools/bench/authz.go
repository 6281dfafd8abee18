package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/graph/w1"
)

// decider is a server that answers OpenFGA's API over the data set W1.
type decider struct {
	name    string
	base    string
	process *exec.Cmd
	header  []string // names and values, with every request
	store   string
	writers int           // connections that load at once
	twice   string        // what is done about a tuple that is there already; empty: it is a mistake
	loaded  time.Duration // all tuples through the API, every write durable
}

// relations measures checks over HTTP: Cardea, and OpenFGA on the same data in the same run.
func relations(ctx context.Context, o options, s *server, bare workload) ([]result, error) {
	data := w1.New()
	ours, err := s.decider(ctx)
	if err != nil {
		return nil, err
	}
	model, err := ours.model(ctx)
	if err != nil {
		return nil, err
	}
	s.toggleProfile(workload{})
	err = ours.load(ctx, data.Tuples)
	s.toggleProfile(workload{})
	if err != nil {
		return nil, err
	}
	deciders := []*decider{ours}
	if o.peers {
		for _, p := range peersOf(s.dir, o.postgres) {
			d, err := p.start(ctx, s.dir)
			if err != nil {
				return nil, fmt.Errorf("OpenFGA: %w", err)
			}
			defer d.stop()
			if err := d.begin(ctx, model); err != nil {
				return nil, fmt.Errorf("OpenFGA: %w", err)
			}
			if err := d.load(ctx, data.Tuples); err != nil {
				return nil, fmt.Errorf("OpenFGA: %w", err)
			}
			deciders = append(deciders, d)
		}
	}
	questions, err := mixed(data)
	if err != nil {
		return nil, err
	}
	more, err := s.decisions(ctx, ours, questions)
	if err != nil {
		return nil, err
	}
	var out []result
	for _, x := range more {
		r, err := measureNamed(ctx, x, o, s)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	for _, d := range deciders {
		for _, x := range d.workloads(questions) {
			r, err := measureNamed(ctx, x, o, s)
			if err != nil {
				return nil, err
			}
			out = append(out, r)
			if d == ours && len(out) == len(more)+1 {
				half, limit := atHalf(x, r.Rate, o), bare
				limit.name, limit.pause, limit.restless = "bare POST, at that rate", half.pause, true
				for _, x := range []workload{half, limit} {
					if r, err = measureNamed(ctx, x, o, s); err != nil {
						return nil, err
					}
					out = append(out, r)
				}
			}
		}
		fmt.Fprintf(os.Stderr, "%s: %d tuples through the API in %v\n", d.name, len(data.Tuples), d.loaded.Round(time.Millisecond))
	}
	return out, nil
}

func measureNamed(ctx context.Context, x workload, o options, s *server) (result, error) {
	fmt.Fprintf(os.Stderr, "measuring %s …\n", x.name)
	r, err := measure(ctx, x, o, s)
	if err != nil {
		return r, fmt.Errorf("%s: %w", x.name, err)
	}
	return r, nil
}

// atHalf is a workload at half of the rate that was measured.
func atHalf(x workload, rate float64, o options) workload {
	x.name += ", half load"
	x.pause, x.restless = time.Duration(2*float64(o.connections)/rate*float64(time.Second)), true
	return x
}

// mixed is all classes of checks in a fixed order.
func mixed(data *w1.Data) ([]w1.Check, error) {
	m, err := graph.NewModel(w1.Types()...)
	if err != nil {
		return nil, err
	}
	g := graph.New(m, graph.Limits{})
	if err := g.Load(1, graph.All(data.Tuples...)); err != nil {
		return nil, err
	}
	var out []w1.Check
	for _, name := range w1.Classes {
		out = append(out, data.Class(name, g)...)
	}
	for i := range out {
		j := w1.Mix(500, i, i+1)
		out[i], out[j] = out[j], out[i]
	}
	return out, nil
}

// decider makes a store in the server, and a service that may use it.
func (s *server) decider(ctx context.Context) (*decider, error) {
	var app struct {
		ID string `json:"client_id"`
	}
	var key struct{ Key string }
	var made struct{ ID string }
	file := filepath.Join(s.dir, "model.fga")
	if err := os.WriteFile(file, []byte(w1.Model), 0o600); err != nil {
		return nil, err
	}
	if err := s.cli(ctx, "", &app, "app", "create", "relations", "--type", "service"); err != nil {
		return nil, err
	}
	for _, x := range []struct {
		out  any
		args []string
	}{
		{&struct{}{}, []string{"role", "assign", "cardea:admin", "service:" + app.ID}},
		{&key, []string{"apikey", "create", "service:" + app.ID, "bench", "--scope", "cardea:authz"}},
		{&made, []string{"authz", "store", "create", "w1"}},
		{&struct{}{}, []string{"authz", "model", "write", file, "--store", "w1"}},
	} {
		if err := s.cli(ctx, "", x.out, x.args...); err != nil {
			return nil, err
		}
	}
	return &decider{name: "Cardea", base: s.base, header: []string{"Authorization", "Bearer " + key.Key}, store: made.ID, writers: 16}, nil
}

// decisions are AuthZEN questions about the same store, by a plan: with an API key and with a JWT.
func (s *server) decisions(ctx context.Context, d *decider, all []w1.Check) ([]workload, error) {
	plan := []string{"authz", "plan", "set", "doc", "--store", d.store}
	for _, relation := range []string{"owner", "editor", "can_view", "can_read", "can_sign"} {
		plan = append(plan, "--relation", relation+"="+relation)
	}
	var app struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	var key struct{ Key string }
	if err := s.cli(ctx, "", &struct{}{}, plan...); err != nil {
		return nil, err
	}
	if err := s.cli(ctx, "", &app, "app", "create", "enforcement", "--type", "service", "--serves", s.base); err != nil {
		return nil, err
	}
	if err := s.cli(ctx, "", &key, "apikey", "create", "service:"+app.ID, "bench", "--scope", "cardea:decide"); err != nil {
		return nil, err
	}
	var token tokenSet
	if err := s.token(ctx, "grant_type=client_credentials", app.ID, app.Secret, &token); err != nil {
		return nil, err
	}
	var out []workload
	for _, by := range [][2]string{{"an API key", key.Key}, {"a JWT", token.Access}} {
		var requests [][]byte
		for _, q := range all {
			body := fmt.Appendf(nil, `{"subject":{"type":"user","id":%q},"action":{"name":%q},"resource":{"type":"doc","id":%q}}`,
				q.Query.Subject.ID, q.Query.Relation, q.Query.Object.ID)
			requests = append(requests, wire("POST", s.base, "/access/v1/evaluation", "application/json", body, "Authorization", "Bearer "+by[1]))
		}
		out = append(out, rounds("AuthZEN over a store, mixed, "+by[0], requests, func(n int) string {
			return `"decision":` + strconv.FormatBool(all[n].Want)
		}))
	}
	return out, nil
}

// rounds is a workload that goes through requests and knows what each answer must hold.
func rounds(name string, requests [][]byte, want func(int) string) workload {
	var at [256]atomic.Int64 // by worker: what it asked last
	return workload{
		name: name, method: "POST",
		next: func(worker, n int) []byte {
			i := (worker*997 + n) % len(requests)
			at[worker].Store(int64(i))
			return requests[i]
		},
		check: func(worker, status int, body []byte) error {
			return holds(want(int(at[worker].Load())))(0, status, body)
		},
	}
}

func tupleKeyOf(q graph.Query) string {
	return fmt.Sprintf(`{"user":"user:%s","relation":%q,"object":"doc:%s"}`, q.Subject.ID, q.Relation, q.Object.ID)
}

func (d *decider) workloads(all []w1.Check) []workload {
	const batch = 50
	path := "/stores/" + d.store
	var checks, batches, lists [][]byte
	for _, q := range all {
		checks = append(checks, wire("POST", d.base, path+"/check", "application/json", []byte(`{"tuple_key":`+tupleKeyOf(q.Query)+`}`), d.header...))
	}
	for i := 0; i+batch <= len(all); i += batch {
		var b bytes.Buffer
		b.WriteString(`{"checks":[`)
		for j, q := range all[i : i+batch] {
			if j > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `{"tuple_key":%s,"correlation_id":"q%d"}`, tupleKeyOf(q.Query), j)
		}
		b.WriteString("]}")
		batches = append(batches, wire("POST", d.base, path+"/batch-check", "application/json", b.Bytes(), d.header...))
	}
	for i := range 100 {
		body := fmt.Appendf(nil, `{"type":"doc","relation":"can_read","user":"user:%s"}`, w1.User(w1.Mix(200, i, w1.Users)).ID)
		lists = append(lists, wire("POST", d.base, path+"/list-objects", "application/json", body, d.header...))
	}
	out := []workload{
		rounds(d.name+": check, mixed", checks, func(n int) string { return `"allowed":` + strconv.FormatBool(all[n].Want) }),
		rounds(d.name+": batch of 50", batches, func(int) string { return `"q49"` }),
		rounds(d.name+": list can_read", lists, func(int) string { return `"objects"` }),
	}
	for i := range out {
		out[i].at, out[i].process = d.base, d.process
		if i > 0 && d.process != nil { // more at once run into its time limit of three seconds
			out[i].connections = 1
			out[i].name += ", one connection"
		}
	}
	return out
}

// call sends JSON and reads JSON.
func (d *decider) call(ctx context.Context, method, path string, body []byte, out any) error {
	r, err := http.NewRequestWithContext(ctx, method, d.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(d.header); i += 2 {
		r.Header.Set(d.header[i], d.header[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("%s: %d %.300s", path, answer.StatusCode, text)
	}
	return json.Unmarshal(text, out)
}

// model is the model of the store in its JSON form.
func (d *decider) model(ctx context.Context) (json.RawMessage, error) {
	var list struct {
		Models []json.RawMessage `json:"authorization_models"`
	}
	if err := d.call(ctx, http.MethodGet, "/stores/"+d.store+"/authorization-models", nil, &list); err != nil {
		return nil, err
	}
	if len(list.Models) == 0 {
		return nil, errors.New("the store has no model")
	}
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(list.Models[0], &parts); err != nil {
		return nil, err
	}
	delete(parts, "id")
	return json.Marshal(parts)
}

// begin makes a store with a model.
func (d *decider) begin(ctx context.Context, model json.RawMessage) error {
	var made struct{ ID string }
	if err := d.call(ctx, http.MethodPost, "/stores", []byte(`{"name":"data-set-w1"}`), &made); err != nil {
		return err
	}
	d.store = made.ID
	return d.call(ctx, http.MethodPost, "/stores/"+d.store+"/authorization-models", model, &struct{}{})
}

// load writes all tuples, a hundred in a request.
func (d *decider) load(ctx context.Context, tuples []graph.Tuple) error {
	return d.stream(ctx, 100, graph.All(tuples...))
}

// stream writes all tuples, so many in a request.
func (d *decider) stream(ctx context.Context, batch int, tuples iter.Seq2[graph.Tuple, error]) error {
	begun := time.Now()
	parts := make(chan []graph.Tuple)
	var wg sync.WaitGroup
	var first atomic.Pointer[error]
	for range d.writers {
		wg.Go(func() {
			for part := range parts {
				if first.Load() != nil {
					continue // it is lost
				}
				if err := d.write(ctx, part); err != nil {
					first.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	var part []graph.Tuple
	for t := range tuples {
		if part = append(part, t); len(part) == batch {
			parts <- part
			part = nil
		}
	}
	if len(part) > 0 {
		parts <- part
	}
	close(parts)
	wg.Wait()
	d.loaded = time.Since(begun)
	if err := first.Load(); err != nil {
		return *err
	}
	return nil
}

func (d *decider) write(ctx context.Context, tuples []graph.Tuple) error {
	type tupleKey struct {
		User     string `json:"user"`
		Relation string `json:"relation"`
		Object   string `json:"object"`
	}
	var body struct {
		Writes struct {
			Keys  []tupleKey `json:"tuple_keys"`
			Twice string     `json:"on_duplicate,omitempty"`
		} `json:"writes"`
	}
	body.Writes.Twice = d.twice
	for _, t := range tuples {
		user := t.Subject.Type + ":" + t.Subject.ID
		if t.Subject.Relation != "" {
			user += "#" + t.Subject.Relation
		}
		body.Writes.Keys = append(body.Writes.Keys, tupleKey{user, t.Relation, t.Object.Type + ":" + t.Object.ID})
	}
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return d.call(ctx, http.MethodPost, "/stores/"+d.store+"/write", text, &struct{}{})
}
