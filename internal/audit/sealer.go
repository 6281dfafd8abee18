package audit

import (
	"context"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/keyring"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
)

// Notary signs checkpoints and opens signed ones: keyring.CheckpointSigner.
type Notary interface {
	// SignCheckpoint returns c as a signed note of the tenant's checkpoint key.
	SignCheckpoint(ctx context.Context, t id.Tenant, c keyring.Checkpoint) (note string, err error)
	// OpenCheckpoint reads a note that a checkpoint key of the tenant has signed for the log origin.
	OpenCheckpoint(ctx context.Context, t id.Tenant, origin, note string) (keyring.Checkpoint, error)
}

// Config is what a Log needs. All fields but Publish are required.
type Config struct {
	DB     *store.DB
	Guard  *access.Guard
	Notary Notary
	Issuer string // names the logs in their checkpoints
	// Publish hands each new checkpoint to a place outside the database (a file, a witness), so that
	// a shortened log can be told from a short one. An error is not fatal: the next one tries again.
	Publish func(ctx context.Context, t id.Tenant, note string) error
}

// Log is the audit log of all tenants.
type Log struct {
	Config
	events      *store.Collection[store.EventRecord]
	heads       *store.Collection[head]
	chunks      *store.Collection[chunk]
	checkpoints *store.Collection[checkpoint]
	counters    *store.Collection[Counter]
	pending     pending
}

// New declares the log to the DB.
func New(c Config) *Log {
	return &Log{
		Config: c, events: c.DB.Events(), heads: store.NewCollection(c.DB, headKind()),
		chunks: store.NewCollection(c.DB, chunkKind()), checkpoints: store.NewCollection(c.DB, checkpointKind()),
		counters: store.NewCollection(c.DB, counterKind()), pending: newPending(),
	}
}

// sealAtOnce is how many events are numbered in one batch; the rest of a batch is the tree.
const sealAtOnce = 80

// Interval is how often the sealer looks for unsealed events.
const Interval = 200 * time.Millisecond

// Run seals the logs of all tenants until ctx ends. tenants lists them.
func (l *Log) Run(ctx context.Context, tenants func(context.Context) ([]id.Tenant, error)) error {
	tick := time.NewTicker(Interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		all, err := tenants(ctx)
		if err != nil {
			continue // the database does not answer just now; the events wait
		}
		for _, t := range all {
			_ = l.Seal(ctx, t) // what could not be sealed now is sealed next time
		}
	}
}

// Seal numbers and seals all events of a tenant that are committed and not sealed yet. A crash at
// any point leaves each event either numbered and in the tree, or neither. When another node seals
// at the same time one of the two batches fails whole, and that one's Seal returns the conflict.
func (l *Log) Seal(ctx context.Context, t id.Tenant) error {
	for {
		n, err := l.sealSome(ctx, t)
		if err != nil || n < sealAtOnce {
			return err
		}
	}
}

func (l *Log) sealSome(ctx context.Context, t id.Tenant) (int, error) {
	waiting, err := l.events.In(t).Find(ctx, store.Query{
		Index: store.EventsBySeq, Eq: []store.Value{store.Int(0)}, Request: page.Request{Limit: sealAtOnce},
	})
	if err != nil || len(waiting.Items) == 0 {
		return 0, err
	}
	h, err := l.head(ctx, t)
	if err != nil {
		return 0, err
	}
	hashes := newTree(ctx, l.chunks.In(t))
	batch := store.Batch{Permit: l.Guard.Task(t, "audit.seal")}
	for _, e := range waiting.Items {
		h.Size++
		e.Seq, e.Digest = h.Size, digest(e)
		if err := hashes.add(h.Size-1, leafHash(e)); err != nil {
			return 0, errs.Wrap(errs.Internal, err, "", "The audit log could not be extended.")
		}
		batch.Docs = append(batch.Docs, l.events.In(t).Replace(ctx, e))
	}
	if err := l.sign(ctx, t, h, hashes); err != nil {
		return 0, err
	}
	batch.Docs = append(batch.Docs, hashes.ops()...)
	batch.Docs = append(batch.Docs, l.saveHead(ctx, t, h))
	if batch, err = l.keepHourly(ctx, t, h, batch); err != nil {
		return 0, err
	}
	if _, err := l.DB.Commit(ctx, batch); err != nil {
		return 0, err
	}
	l.count(t, waiting.Items)
	if l.Publish != nil {
		_ = l.Publish(ctx, t, h.Checkpoint) // see Config.Publish
	}
	return len(waiting.Items), nil
}

func (l *Log) sign(ctx context.Context, t id.Tenant, h *head, hashes *tree) error {
	root, err := tlog.TreeHash(h.Size, hashes)
	if err != nil {
		return errs.Wrap(errs.Internal, err, "", "The audit log could not be extended.")
	}
	h.At = l.DB.Now()
	h.Checkpoint, err = l.Notary.SignCheckpoint(ctx, t, keyring.Checkpoint{Origin: origin(l.Issuer, t), Size: h.Size, Root: root})
	return err
}

// keepHourly keeps the newest checkpoint of each hour, as marks for whoever verifies later.
func (l *Log) keepHourly(ctx context.Context, t id.Tenant, h *head, b store.Batch) (store.Batch, error) {
	hour := h.At.Truncate(time.Hour).Format(time.RFC3339)
	c, err := l.checkpoints.In(t).Get(ctx, hour)
	if err != nil && !errs.Is(err, errs.NotFound) {
		return b, err
	}
	next := &checkpoint{Meta: store.Meta{ID: hour}, Size: h.Size, Note: h.Checkpoint, At: h.At}
	if err != nil {
		b.Docs = append(b.Docs, l.checkpoints.In(t).Insert(ctx, next))
		return b, nil
	}
	next.Meta = c.Meta
	b.Docs = append(b.Docs, l.checkpoints.In(t).Replace(ctx, next))
	return b, nil
}

func (l *Log) head(ctx context.Context, t id.Tenant) (*head, error) {
	h, err := l.heads.In(t).Get(ctx, headID)
	if errs.Is(err, errs.NotFound) {
		return &head{Meta: store.Meta{ID: headID}}, nil
	}
	return h, err
}

func (l *Log) saveHead(ctx context.Context, t id.Tenant, h *head) store.DocOp {
	if h.Version == 0 {
		return l.heads.In(t).Insert(ctx, h)
	}
	return l.heads.In(t).Replace(ctx, h)
}
