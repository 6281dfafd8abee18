package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
)

// tupleModel is that of the store in which tuples are written.
const tupleModel = `model
  schema 1.1
type user
type doc
  relations
    define viewer: [user]
`

// tupleBatch is how many tuples OpenFGA's API takes in one write.
const tupleBatch = 100

// tupleWrites are writes of new tuples to one store, in batches and one by one by many clients: what shares a commit
// is what waits for it.
func (s *server) tupleWrites(ctx context.Context) ([]workload, error) {
	var app, store struct {
		ClientID string `json:"client_id"`
		ID       string `json:"id"`
	}
	var key struct{ Key string }
	file := filepath.Join(s.dir, "tuples.fga")
	if err := os.WriteFile(file, []byte(tupleModel), 0o600); err != nil {
		return nil, err
	}
	if err := s.cli(ctx, "", &app, "app", "create", "tuples", "--type", "service"); err != nil {
		return nil, err
	}
	for _, step := range []struct {
		out  any
		args []string
	}{
		{&map[string]any{}, []string{"role", "assign", "cardea:admin", "service:" + app.ClientID}},
		{&key, []string{"apikey", "create", "service:" + app.ClientID, "bench", "--scope", "cardea:authz"}},
		{&store, []string{"authz", "store", "create", "tuples"}},
		{&map[string]any{}, []string{"authz", "model", "write", file, "--store", "tuples"}},
	} {
		if err := s.cli(ctx, "", step.out, step.args...); err != nil {
			return nil, err
		}
	}
	write := func(kind string, clients, each int) workload {
		return workload{
			name: fmt.Sprintf("tuples written, %d a request, %d clients", each, clients), connections: clients, each: each,
			next: func(worker, n int) []byte {
				var b bytes.Buffer
				b.WriteString(`{"writes":{"tuple_keys":[`)
				for k := range each {
					if k > 0 {
						b.WriteByte(',')
					}
					fmt.Fprintf(&b, `{"user":"user:%026d","relation":"viewer","object":"doc:%s-%d-%d-%d"}`, (n*each+k)%10_007, kind, worker, n, k)
				}
				b.WriteString(`]}}`)
				return wire("POST", s.base, "/stores/"+store.ID+"/write", "application/json", b.Bytes(), "Authorization", "Bearer "+key.Key)
			},
			check: func(_, status int, body []byte) error {
				if status != http.StatusOK {
					return fmt.Errorf("status %d: %.200s", status, body)
				}
				return nil
			},
		}
	}
	return []workload{write("batch", 16, tupleBatch), write("single", 64, 1)}, nil
}
