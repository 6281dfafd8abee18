package audit

import (
	"context"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/cardea-auth/cardea/internal/keyring"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
)

// sealAtOnce is how many events are numbered in one batch; the rest of a batch is the tree.
const sealAtOnce = 80

// Seal numbers and seals all events of a tenant that are committed and not sealed yet, in the order
// of their ids. A crash at any point leaves each event either numbered and in the tree, or neither.
// When another node seals at the same time one of the two batches fails whole, and that one's Seal
// returns the conflict. An error with CodeTampered says that the stored log contradicts itself; then
// nothing is sealed until somebody has looked.
func (l *Log) Seal(ctx context.Context, t id.Tenant) error {
	waiting, err := l.unsealed(ctx, t)
	if err != nil {
		return err
	}
	return l.seal(ctx, t, waiting)
}

// unsealed reads what is not numbered yet, as much as is sealed at once.
func (l *Log) unsealed(ctx context.Context, t id.Tenant) ([]*store.EventRecord, error) {
	p, err := l.events.In(t).Find(ctx, store.Query{
		Index: store.EventsBySeq, Eq: []store.Value{store.Int(0)}, Request: page.Request{Limit: sealAtOnce},
	})
	return p.Items, err
}

// seal seals what waits, and what is found to wait after that.
func (l *Log) seal(ctx context.Context, t id.Tenant, waiting []*store.EventRecord) error {
	for len(waiting) > 0 {
		if err := l.sealSome(ctx, t, waiting); err != nil || len(waiting) < sealAtOnce {
			return err
		}
		var err error
		if waiting, err = l.unsealed(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

func (l *Log) sealSome(ctx context.Context, t id.Tenant, waiting []*store.EventRecord) error {
	h, tree, err := l.edge(ctx, t)
	if err != nil {
		return l.suspect(ctx, t, h, err)
	}
	batch := store.Batch{Permit: l.Guard.Task(t, "audit.seal")}
	before := tlog.StoredHashCount(tree.size)
	var hashes []tlog.Hash
	for _, e := range waiting {
		e.Seq, e.Digest = tree.size+1, digest(e)
		hashes = tree.add(leafHash(e), hashes)
		batch.Docs = append(batch.Docs, l.events.In(t).Replace(ctx, e))
	}
	parts, err := appendHashes(ctx, l.chunks.In(t), before, hashes)
	if err != nil {
		return l.suspect(ctx, t, h, err)
	}
	signed, err := l.sign(ctx, t, h, tree)
	if err != nil {
		return err
	}
	batch.Docs = append(append(batch.Docs, parts...), signed...)
	if _, err := l.DB.Commit(ctx, batch); err != nil {
		return err
	}
	l.count(t, waiting)
	l.sealed.Ring()
	if l.Publish != nil {
		_ = l.Publish(ctx, t, h.Checkpoint) // see Config.Publish
	}
	return nil
}

// suspect looks at a contradiction twice: parts of the log are read one after the other, and another
// node may have sealed in between. Then it is a conflict and nothing else.
func (l *Log) suspect(ctx context.Context, t id.Tenant, seen *head, err error) error {
	if errs.CodeOf(err) != CodeTampered {
		return err
	}
	now, readErr := l.head(ctx, t)
	switch {
	case readErr != nil:
		return readErr
	case now.Version != seen.Version:
		return errs.Wrap(errs.Conflict, err, "changed_meanwhile", "Another node has sealed meanwhile.")
	}
	return err
}

// edge is where the log can be continued. What is stored of it must agree with the newest signed
// checkpoint: signing on top of a falsified tree would give the falsification our signature.
func (l *Log) edge(ctx context.Context, t id.Tenant) (*head, *frontier, error) {
	h, err := l.head(ctx, t)
	if err != nil {
		return nil, nil, err
	}
	tree, err := l.continued(ctx, t, h)
	return h, tree, err
}

// continued is the tree that belongs to h.
func (l *Log) continued(ctx context.Context, t id.Tenant, h *head) (*frontier, error) {
	if h.Version == 0 {
		_, some, err := l.events.In(t).One(ctx, store.EventsBySeq, store.Int(1))
		if err == nil && some {
			err = tampered("the log has sealed events and no head")
		}
		return &frontier{}, err
	}
	tree, err := readFrontier(h.Size, h.Peaks)
	if err != nil {
		return nil, tampered("the head of the log is malformed")
	}
	c, err := l.open(ctx, t, h.Checkpoint)
	if errs.Is(err, errs.Unavailable) {
		return nil, err
	}
	if err != nil || c.Size != tree.size || c.Root != tree.root() {
		return nil, tampered("the head of the log disagrees with its signed checkpoint")
	}
	return &tree, nil
}

// sign changes h to what tree is now, and returns the operations that keep it.
func (l *Log) sign(ctx context.Context, t id.Tenant, h *head, tree *frontier) ([]store.DocOp, error) {
	var err error
	h.Size, h.Peaks, h.At = tree.size, tree.bytes(), l.DB.Now()
	c := keyring.Checkpoint{Origin: origin(l.Issuer, t), Size: tree.size, Root: tree.root()}
	if h.Checkpoint, err = l.Notary.SignCheckpoint(ctx, t, c); err != nil {
		return nil, err
	}
	hourly, err := l.keepHourly(ctx, t, h)
	if err != nil {
		return nil, err
	}
	if h.Version == 0 {
		return []store.DocOp{l.heads.In(t).Insert(ctx, h), hourly}, nil
	}
	return []store.DocOp{l.heads.In(t).Replace(ctx, h), hourly}, nil
}

// keepHourly keeps the newest checkpoint of each hour, as marks for whoever verifies later.
func (l *Log) keepHourly(ctx context.Context, t id.Tenant, h *head) (store.DocOp, error) {
	hour := h.At.Truncate(time.Hour).Format(time.RFC3339)
	next := &checkpoint{Meta: store.Meta{ID: hour}, Size: h.Size, Note: h.Checkpoint, At: h.At}
	c, err := l.checkpoints.In(t).Get(ctx, hour)
	if errs.Is(err, errs.NotFound) {
		return l.checkpoints.In(t).Insert(ctx, next), nil
	}
	if err != nil {
		return store.DocOp{}, err
	}
	next.Meta = c.Meta
	return l.checkpoints.In(t).Replace(ctx, next), nil
}
