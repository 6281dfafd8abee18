package password

import (
	"context"
	"errors"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/secret"
)

// Hasher computes password hashes, a bounded number at a time. Their memory, garbage included, never
// exceeds Slots × Params.Memory (see Config.MaxMemory and Config.Spare for the exceptions), however
// many callers come; those it cannot serve in time get Unavailable with RetryAfter, most of them at
// once. It is safe for concurrent use and starts no goroutine of its own.
type Hasher struct {
	config  Config
	peppers peppers
	queue   queue
	ledger  ledger
	decoy   argon2Hash
}

// New makes a Hasher. It fails with Invalid for costs below the floor, a pepper that is unnamed,
// short, double or missing, or negative bounds.
func New(c Config) (*Hasher, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	keys, err := newPeppers(c.Pepper, c.Peppers)
	if err != nil {
		return nil, err
	}
	return &Hasher{
		config:  c,
		peppers: keys,
		queue:   queue{slots: c.Slots, limit: c.Queue, wait: c.Wait},
		ledger:  ledger{bound: uint64(c.Slots+c.Spare) * uint64(c.Params.Memory) << 10},
		decoy:   argon2Hash{kind: Argon2id, params: c.Params, salt: make([]byte, saltBytes), tag: make([]byte, tagBytes)},
	}, nil
}

// Hash returns the hash of a new password with the configured costs and the current pepper. It fails
// with Invalid for a text that cannot be a password (see the package comment) and with Unavailable
// as Verify does. It asks no Policy.
func (h *Hasher) Hash(ctx context.Context, password secret.Value) (Hash, error) {
	text, err := prepare(password)
	if err != nil {
		return "", err
	}
	key, err := h.peppers.mix(h.config.Pepper, text)
	if err != nil {
		return "", err
	}
	out, err := h.run(ctx, h.decoy.demand(), Work{Params: h.config.Params, Key: key})
	if err != nil {
		return "", err
	}
	if h.config.Pepper != "" {
		return Hash(pepperMark+string(h.config.Pepper)) + out.Made, nil
	}
	return out.Made, nil
}

// Verify reports whether password is the one behind stored. With ok, rehash says that stored is not
// what Hash would make today: another algorithm, lower costs, another pepper. The caller then calls
// Hash and stores the result; if that fails, an old hash is no reason to refuse a right password.
//
// It fails with Unavailable and RetryAfter when the queue is full or too slow, with Unavailable when
// ctx ends while waiting (errors.Is finds ctx's error) or when the pepper of stored is not at hand,
// and with Internal for a stored hash that cannot be read. A running computation is not interrupted.
//
// An empty password and one longer than MaxBytes are wrong without any work, for every account alike
// and even if an imported hash says otherwise.
func (h *Hasher) Verify(ctx context.Context, stored Hash, password secret.Value) (ok, rehash bool, err error) {
	if hopeless(password) {
		return false, false, nil
	}
	rec, err := h.read(stored)
	if err != nil {
		if errs.Is(err, errs.Unavailable) {
			return false, false, err
		}
		return false, false, errs.Wrap(errs.Internal, err, "hash_unreadable", "")
	}
	key, err := h.key(rec, password)
	if err != nil {
		return false, false, err
	}
	out, err := h.run(ctx, rec.demand(), Work{Hash: rec.bare, Key: key})
	if err != nil {
		return false, false, err
	}
	return out.Matches, out.Matches && h.outdated(rec), nil
}

// Decoy takes the time and the place in the queue of a Verify for which there is no hash: an unknown
// account, or one without a password. It fails as Verify does. It imitates hashes made by this
// Hasher; an imported one that was not used since takes the time of its own algorithm.
func (h *Hasher) Decoy(ctx context.Context, password secret.Value) error {
	if hopeless(password) {
		return nil
	}
	key, err := h.peppers.mix(h.config.Pepper, attempt(password))
	if err != nil {
		return err
	}
	_, err = h.run(ctx, h.decoy.demand(), Work{Hash: Hash(h.decoy.encode()), Key: key})
	return err
}

// Inspect reports how stored was made, without any costly work. It is asked before a hash from
// elsewhere is kept: it fails with Invalid for one that is not well formed, with Unsupported for an
// unknown form or costs above the bounds, with Unavailable for a pepper that is not at hand.
func (h *Hasher) Inspect(stored Hash) (Algorithm, error) {
	rec, err := h.read(stored)
	if err != nil {
		return "", err
	}
	return rec.algorithm(), nil
}

// Stats is what a Hasher is doing and has done.
type Stats struct {
	Slots   int    // slots there are
	Running int    // hashes being computed
	Waiting int    // callers in the queue
	Done    uint64 // hashes computed since the start
	Refused uint64 // callers turned away since the start, by the queue or by the end of their context
}

// Stats returns a consistent picture of the moment.
func (h *Hasher) Stats() Stats { return h.queue.stats() }

// read parses a stored hash and checks that this Hasher can and will compute it.
func (h *Hasher) read(stored Hash) (record, error) {
	rec, err := parse(stored)
	if err != nil {
		return record{}, err
	}
	if _, err := h.peppers.mix(rec.pepper, ""); err != nil {
		return record{}, err
	}
	d := rec.demand()
	if d.memory > h.config.MaxMemory || d.written > max(argon2MaxWritten, h.config.Params.written()) {
		return record{}, tooCostly()
	}
	return rec, nil
}

// key is what is compared with rec: the prepared and peppered text for argon2, which may be ours,
// and the bytes as typed for what surely came from elsewhere.
func (h *Hasher) key(rec record, password secret.Value) ([]byte, error) {
	if _, argon := rec.scheme.(argon2Hash); argon {
		return h.peppers.mix(rec.pepper, attempt(password))
	}
	return []byte(password.Reveal()), nil
}

func (h *Hasher) outdated(rec record) bool {
	a, argon := rec.scheme.(argon2Hash)
	return !argon || a.weakerThan(h.config.Params) || rec.pepper != h.config.Pepper
}

// run does the work when it is its turn.
func (h *Hasher) run(ctx context.Context, d demand, w Work) (Outcome, error) {
	weight := h.weight(d)
	if err := h.queue.acquire(ctx, weight); err != nil {
		return Outcome{}, err
	}
	start := h.config.Now()
	defer func() { h.queue.release(weight, max(0, h.config.Now().Sub(start))) }()
	out, err := Outcome{}, ErrNoWorker
	if h.config.Worker != nil {
		out, err = h.config.Worker.Compute(ctx, w)
	}
	if errors.Is(err, ErrNoWorker) {
		out, err = h.here(d, w)
	}
	if err != nil {
		return Outcome{}, errs.Wrap(errs.Internal, err, "hash_failed", "")
	}
	return out, nil
}

// here does the work in this process.
func (h *Hasher) here(d demand, w Work) (Outcome, error) {
	bytes := uint64(d.memory) << 10
	h.ledger.reserve(bytes)
	defer h.ledger.finish(bytes)
	return w.Compute()
}

// weight is how many slots a hash takes. One slot stands for the memory and the cores of one hash of
// ours; a hash that asks for more takes several, and one that asks for more than all takes all.
func (h *Hasher) weight(d demand) int {
	own := h.decoy.demand()
	byMemory := (uint64(d.memory) + uint64(own.memory) - 1) / uint64(own.memory)
	byLanes := uint64((d.lanes + own.lanes - 1) / own.lanes)
	return int(min(max(byMemory, byLanes, 1), uint64(h.config.Slots)))
}
