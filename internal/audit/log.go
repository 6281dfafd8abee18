package audit

import (
	"context"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/keyring"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/pause"
	"github.com/cardea-auth/cardea/internal/store"
)

// Notary signs checkpoints and opens signed ones: keyring.CheckpointSigner.
type Notary interface {
	// SignCheckpoint returns c as a signed note of the tenant's checkpoint key.
	SignCheckpoint(ctx context.Context, t id.Tenant, c keyring.Checkpoint) (note string, err error)
	// OpenCheckpoint reads a note that a checkpoint key of the tenant has signed for the log origin.
	// With code keyring.CodeCheckpointRevoked it returns the checkpoint, too.
	OpenCheckpoint(ctx context.Context, t id.Tenant, origin, note string) (keyring.Checkpoint, error)
	// VerifierKeys are the public keys for OpenCheckpoint, as the tools of sumdb/note read them.
	VerifierKeys(ctx context.Context, t id.Tenant, origin string) ([]string, error)
}

// Config is what a Log needs. DB, Guard, Notary and Issuer are required.
type Config struct {
	DB     *store.DB
	Guard  *access.Guard
	Notary Notary
	Issuer string // names the logs in their checkpoints; no white space and no '+'
	// Node names this process among those that share a store, so that after a restart it need not
	// wait for its own lease to end. Empty: a random name.
	Node string
	// Publish hands each new checkpoint to a place outside the database (a file, a witness), so that
	// a shortened log can be told from a short one. An error is not fatal: the next one tries again.
	Publish func(ctx context.Context, t id.Tenant, note string) error
	// Failed hears of a log that Run could not seal: once when it begins to fail, and with nil when it
	// works again.
	Failed func(t id.Tenant, err error)
}

// Log is the audit log of all tenants. It is safe for concurrent use.
type Log struct {
	Config
	events      *store.Collection[store.EventRecord]
	heads       *store.Collection[head]
	chunks      *store.Collection[chunk]
	checkpoints *store.Collection[checkpoint]
	counters    *store.Collection[Counter]
	lease       *lease
	pending     pending
	sealed      pause.Bell
}

// New declares the log to the DB.
func New(c Config) *Log {
	return &Log{
		Config: c, events: c.DB.Events(), heads: store.NewCollection(c.DB, headKind()),
		chunks: store.NewCollection(c.DB, chunkKind()), checkpoints: store.NewCollection(c.DB, checkpointKind()),
		counters: store.NewCollection(c.DB, counterKind()), lease: newLease(c), pending: newPending(),
	}
}

// open reads a checkpoint that a key of the tenant has signed. One of a key that was revoked since is
// good enough to be compared with: whether it still holds is what the comparison tells.
func (l *Log) open(ctx context.Context, t id.Tenant, note string) (keyring.Checkpoint, error) {
	c, err := l.Notary.OpenCheckpoint(ctx, t, origin(l.Issuer, t), note)
	if errs.CodeOf(err) == keyring.CodeCheckpointRevoked {
		err = nil
	}
	return c, err
}

func (l *Log) head(ctx context.Context, t id.Tenant) (*head, error) {
	h, err := l.heads.In(t).Get(ctx, headID)
	if errs.Is(err, errs.NotFound) {
		return &head{Meta: store.Meta{ID: headID}}, nil
	}
	return h, err
}
