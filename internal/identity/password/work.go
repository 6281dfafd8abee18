package password

import (
	"context"
	"errors"
)

// Work is the costly part of one Hash or Verify, and all that is needed to do it elsewhere.
type Work struct {
	Hash   Hash   `json:"hash,omitempty"`   // to compare with, without its pepper; empty to make one
	Params Params `json:"params,omitempty"` // costs of a new one
	Key    []byte `json:"key"`              // the prepared and peppered password
}

// Outcome is what came out of Work.
type Outcome struct {
	Matches bool `json:"matches,omitempty"`
	Made    Hash `json:"made,omitempty"`
}

// Worker does Work somewhere else. It is called by as many goroutines as there are slots and does not
// stop when ctx ends. ErrNoWorker says that it cannot do any, and the Hasher does it itself.
type Worker interface {
	Compute(ctx context.Context, w Work) (Outcome, error)
}

// ErrNoWorker is the answer of a Worker that cannot work.
var ErrNoWorker = errors.New("password: nobody to compute hashes elsewhere")

// Lanes is how many cores the work can use at once; 1 for what cannot be read.
func (w Work) Lanes() int {
	if w.Hash == "" {
		return max(1, int(w.Params.Threads))
	}
	rec, err := parse(w.Hash)
	if err != nil {
		return 1
	}
	return rec.demand().lanes
}

// Compute does the work in this goroutine.
func (w Work) Compute() (Outcome, error) {
	if w.Hash == "" {
		return Outcome{Made: Hash(newArgon2(w.Params, w.Key).encode())}, nil
	}
	rec, err := parse(w.Hash)
	if err != nil {
		return Outcome{}, err
	}
	ok, err := rec.matches(w.Key)
	return Outcome{Matches: ok}, err
}
