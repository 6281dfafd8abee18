package password

import (
	"runtime"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/secret"
)

// Params are the costs of argon2id (RFC 9106, section 3.1). The zero value means DefaultParams.
type Params struct {
	Memory  uint32 // m, in KiB
	Passes  uint32 // t
	Threads uint8  // p, lanes computed side by side
}

// DefaultParams are OWASP's: 19 MiB, two passes, one lane; about 17 ms on one core of 2025.
func DefaultParams() Params { return Params{Memory: 19456, Passes: 2, Threads: 1} }

// floor lists the cheapest settings that OWASP calls equivalent. A setting passes if it is at least
// one of them in both memory and passes; anything below would be a hash that graphics cards like.
func floor() []Params {
	return []Params{
		{Memory: 47104, Passes: 1}, {Memory: 19456, Passes: 2}, {Memory: 12288, Passes: 3},
		{Memory: 9216, Passes: 4}, {Memory: 7168, Passes: 5},
	}
}

// Bounds of configured costs. They stop typing errors, not ambition.
const (
	maxMemory  = 4 << 20 // KiB: 4 GiB
	maxPasses  = 64
	maxThreads = 64
)

func (p Params) check() error {
	if p.Threads < 1 || p.Threads > maxThreads || p.Passes > maxPasses || p.Memory > maxMemory {
		return errs.New(errs.Invalid, "argon2_params", "The argon2id costs are out of range: memory up to %d KiB, "+
			"passes up to %d, threads 1 to %d.", maxMemory, maxPasses, maxThreads)
	}
	for _, f := range floor() {
		if p.Memory >= f.Memory && p.Passes >= f.Passes && p.Memory >= 8*uint32(p.Threads) {
			return nil
		}
	}
	return errs.New(errs.Invalid, "argon2_params", "The argon2id costs are too low to protect a stolen database: "+
		"at least 19456 KiB with 2 passes, or 7168 with 5, 9216 with 4, 12288 with 3, 47104 with 1.")
}

// written is how many KiB argon2 writes: its work, for comparing.
func (p Params) written() uint64 { return uint64(p.Memory) * uint64(p.Passes) }

// PepperID names a pepper: 1 to 32 of a–z, 0–9 and '-'. It is stored beside each hash, so it must
// never be given to another key.
type PepperID string

// Pepper is a key that is mixed into passwords before hashing and kept outside the database, so that
// a stolen database alone cannot be guessed at. Losing it loses every password hashed with it.
type Pepper struct {
	ID  PepperID
	Key secret.Value // at least 32 bytes, used as they are
}

const minPepperBytes = 32

// Config says how a Hasher works. The zero value is usable: default costs, no pepper.
type Config struct {
	Params Params // costs of new hashes; zero means DefaultParams

	// Pepper names the pepper of new hashes; empty means none. Peppers are all that may still be
	// needed: to rotate, add a key, name it, and keep the old one until no hash names it. To give
	// up peppers, empty Pepper and keep the list.
	Pepper  PepperID
	Peppers []Pepper

	Slots int           // hashes computed at once; 0 means one per core and lane, at least one
	Queue int           // callers that may wait for a slot; 0 means 32 for each slot
	Wait  time.Duration // longest wait for a slot; 0 means two seconds

	// MaxMemory bounds, in KiB, what a single stored hash may ask for; 0 means 128 MiB. Keep it at
	// the largest Params.Memory ever used, or those hashes stop verifying. A hash that needs more
	// than Slots × Params.Memory runs alone and is, while it runs, the one exception to that bound.
	MaxMemory uint32

	// Spare is how many finished hashes may await the garbage collector beyond that bound. Each
	// costs Params.Memory and saves collections: 0 keeps the bound and collects once for each hash
	// under full load, which costs 10 to 20 % of its time with a heap of 10 MiB.
	Spare int

	// Worker computes hashes elsewhere; nil means in this process. The bounds above hold for both.
	Worker Worker

	Now func() time.Time // nil means time.Now; only differences are used
}

// withDefaults fills in what is zero and refuses what would be unsafe or meaningless.
func (c Config) withDefaults() (Config, error) {
	if c.Params == (Params{}) {
		c.Params = DefaultParams()
	}
	if err := c.Params.check(); err != nil {
		return c, err
	}
	if c.Slots < 0 || c.Queue < 0 || c.Wait < 0 || c.Spare < 0 {
		return c, errs.New(errs.Invalid, "hash_queue", "Slots, queue, wait and spare of password hashing cannot be negative.")
	}
	if c.Slots == 0 {
		c.Slots = max(1, runtime.GOMAXPROCS(0)/int(c.Params.Threads))
	}
	if c.Queue == 0 {
		c.Queue = 32 * c.Slots
	}
	if c.Wait == 0 {
		c.Wait = 2 * time.Second
	}
	if c.MaxMemory == 0 {
		c.MaxMemory = 128 << 10
	}
	c.MaxMemory = min(max(c.MaxMemory, c.Params.Memory), maxMemory)
	if c.Now == nil {
		c.Now = time.Now
	}
	return c, nil
}
