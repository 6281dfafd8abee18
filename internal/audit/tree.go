package audit

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
)

// head is the state of a tenant's log: its size, and the newest signed checkpoint. Whoever seals
// replaces it by its version, so two sealers cannot both number the same events.
type head struct {
	store.Meta
	Size       int64     `json:"size"`
	Checkpoint string    `json:"checkpoint,omitzero"` // signed note (C2SP checkpoint)
	At         time.Time `json:"at,omitzero"`
}

const headID = "head"

// chunkSize is how many hashes of the tree lie in one document.
const chunkSize = 128

// chunk holds consecutive stored hashes in the numbering of tlog.StoredHashIndex.
type chunk struct {
	store.Meta
	Hashes []byte `json:"hashes"` // tlog.HashSize bytes each
}

func chunkID(n int64) string { return fmt.Sprintf("%016x", n) }

// checkpoint is a checkpoint that is kept: the last of each hour.
type checkpoint struct {
	store.Meta           // id: the hour, RFC 3339
	Size       int64     `json:"size"`
	Note       string    `json:"note"`
	At         time.Time `json:"at"`
}

func headKind() store.Kind[head] {
	return store.Kind[head]{Name: "audit_head", Noun: "audit log", Meta: func(h *head) *store.Meta { return &h.Meta }}
}

func chunkKind() store.Kind[chunk] {
	return store.Kind[chunk]{Name: "audit_hash", Noun: "part of the audit log", Meta: func(c *chunk) *store.Meta { return &c.Meta }}
}

func checkpointKind() store.Kind[checkpoint] {
	return store.Kind[checkpoint]{Name: "audit_checkpoint", Noun: "checkpoint", Meta: func(c *checkpoint) *store.Meta { return &c.Meta }}
}

// tree reads and extends the stored hashes of one tenant. It reads each chunk once and keeps what it
// changed for the batch.
type tree struct {
	ctx     context.Context // of one call: tlog's reader has no place for it
	chunks  store.Scope[chunk]
	read    map[int64]*chunk
	changed map[int64]bool
}

func newTree(ctx context.Context, chunks store.Scope[chunk]) *tree {
	return &tree{ctx: ctx, chunks: chunks, read: map[int64]*chunk{}, changed: map[int64]bool{}}
}

// ReadHashes implements tlog.HashReader.
func (t *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		c, err := t.chunk(x / chunkSize)
		if err != nil {
			return nil, err
		}
		at := int(x%chunkSize) * tlog.HashSize
		if at+tlog.HashSize > len(c.Hashes) {
			return nil, errs.New(errs.NotFound, "audit_hash_missing", "Hash %s of the audit log is missing.", strconv.FormatInt(x, 10))
		}
		copy(out[i][:], c.Hashes[at:])
	}
	return out, nil
}

func (t *tree) chunk(n int64) (*chunk, error) {
	if c := t.read[n]; c != nil {
		return c, nil
	}
	c, err := t.chunks.Get(t.ctx, chunkID(n))
	if errs.Is(err, errs.NotFound) {
		c, err = &chunk{Meta: store.Meta{ID: chunkID(n)}}, nil
	}
	if err != nil {
		return nil, err
	}
	t.read[n] = c
	return c, nil
}

// add appends the n-th leaf, counted from 0.
func (t *tree) add(n int64, h tlog.Hash) error {
	hashes, err := tlog.StoredHashesForRecordHash(n, h, t)
	if err != nil {
		return err
	}
	for i, x := 0, tlog.StoredHashIndex(0, n); i < len(hashes); i, x = i+1, x+1 {
		c, err := t.chunk(x / chunkSize)
		if err != nil {
			return err
		}
		at := int(x%chunkSize) * tlog.HashSize
		if at > len(c.Hashes) {
			return errs.New(errs.Internal, "", "A part of the audit log is missing.")
		}
		c.Hashes = append(c.Hashes[:at:at], hashes[i][:]...)
		t.changed[x/chunkSize] = true
	}
	return nil
}

// ops are the operations that store what was added.
func (t *tree) ops() []store.DocOp {
	var ops []store.DocOp
	for n := range t.changed {
		if c := t.read[n]; c.Version == 0 {
			ops = append(ops, t.chunks.Insert(t.ctx, c))
		} else {
			ops = append(ops, t.chunks.Replace(t.ctx, c))
		}
	}
	return ops
}

// origin names a tenant's log in its checkpoints.
func origin(issuer string, t id.Tenant) string { return issuer + "/audit/" + string(t) }
