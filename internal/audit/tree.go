package audit

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
)

// head is the state of a tenant's log: its size, the peaks of its tree, and the newest signed
// checkpoint. Whoever seals replaces it by its version, so two sealers cannot number the same events.
type head struct {
	store.Meta
	Size       int64     `json:"size"`
	Peaks      []byte    `json:"peaks,omitzero"`      // see frontier; tlog.HashSize bytes each
	Checkpoint string    `json:"checkpoint,omitzero"` // signed note (C2SP checkpoint)
	At         time.Time `json:"at,omitzero"`
}

const headID = "head"

// chunkSize is how many hashes of the tree lie in one document.
const chunkSize = 128

// chunk holds consecutive stored hashes in the numbering of tlog.StoredHashIndex. Only proofs are
// made from them: sealing goes on from the peaks, and verifying computes its own.
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

// origin names a tenant's log in its checkpoints.
func origin(issuer string, t id.Tenant) string { return issuer + "/audit/" + string(t) }

// frontier is all of a Merkle tree that is needed to add to it: the roots of the complete subtrees
// that it falls into, largest first, one for each bit of its size.
type frontier struct {
	size  int64
	peaks []tlog.Hash
}

// readFrontier reads what bytes writes.
func readFrontier(size int64, peaks []byte) (frontier, error) {
	f := frontier{size: size}
	if size < 0 || len(peaks) != bits.OnesCount64(uint64(size))*tlog.HashSize {
		return frontier{}, errors.New("audit: the peaks of the tree do not fit its size")
	}
	for ; len(peaks) > 0; peaks = peaks[tlog.HashSize:] {
		f.peaks = append(f.peaks, tlog.Hash(peaks[:tlog.HashSize]))
	}
	return f, nil
}

func (f *frontier) bytes() []byte {
	out := make([]byte, 0, len(f.peaks)*tlog.HashSize)
	for _, p := range f.peaks {
		out = append(out, p[:]...)
	}
	return out
}

// add appends a leaf and returns stored with the hashes that are complete now, in the order of
// tlog.StoredHashIndex: the leaf, and each subtree that it completes.
func (f *frontier) add(h tlog.Hash, stored []tlog.Hash) []tlog.Hash {
	stored = append(stored, h)
	for n := f.size; n&1 == 1; n >>= 1 {
		h = tlog.NodeHash(f.peaks[len(f.peaks)-1], h)
		f.peaks = f.peaks[:len(f.peaks)-1]
		stored = append(stored, h)
	}
	f.peaks = append(f.peaks, h)
	f.size++
	return stored
}

// root is the hash of the tree (RFC 6962, section 2.1).
func (f *frontier) root() tlog.Hash {
	if f.size == 0 {
		empty, _ := tlog.TreeHash(0, nil) // reads nothing, so it cannot fail
		return empty
	}
	h := f.peaks[len(f.peaks)-1]
	for i := len(f.peaks) - 2; i >= 0; i-- {
		h = tlog.NodeHash(f.peaks[i], h)
	}
	return h
}

// appendHashes are the operations that store hashes behind the first count that are stored.
func appendHashes(ctx context.Context, chunks store.Scope[chunk], count int64, hashes []tlog.Hash) ([]store.DocOp, error) {
	var ops []store.DocOp
	for len(hashes) > 0 {
		n, at := count/chunkSize, int(count%chunkSize)
		c := &chunk{Meta: store.Meta{ID: chunkID(n)}}
		if at > 0 {
			var err error
			if c, err = chunks.Get(ctx, chunkID(n)); err != nil && !errs.Is(err, errs.NotFound) {
				return nil, err
			}
			if err != nil || len(c.Hashes) != at*tlog.HashSize {
				return nil, tampered("a part of the tree is missing")
			}
		}
		fit := min(chunkSize-at, len(hashes))
		for _, h := range hashes[:fit] {
			c.Hashes = append(c.Hashes, h[:]...)
		}
		if c.Version == 0 {
			ops = append(ops, chunks.Insert(ctx, c))
		} else {
			ops = append(ops, chunks.Replace(ctx, c))
		}
		count, hashes = count+int64(fit), hashes[fit:]
	}
	return ops, nil
}

// tampered says that what is stored of the log contradicts itself. Nothing is sealed on top of that.
func tampered(what string) error {
	return errs.Wrap(errs.Internal, errors.New("audit: "+what+"; run audit verify"), CodeTampered, "The audit log was tampered with.")
}

// CodeTampered is the code of errors that say that the stored log contradicts itself.
const CodeTampered = "audit_tampered"

// chunkReader reads stored hashes, for proofs. It is a tlog.HashReader and keeps what it has read.
type chunkReader struct {
	ctx    context.Context // of one call: tlog's interface has no place for it
	chunks store.Scope[chunk]
	read   map[int64]*chunk
}

func newChunkReader(ctx context.Context, chunks store.Scope[chunk]) *chunkReader {
	return &chunkReader{ctx: ctx, chunks: chunks, read: map[int64]*chunk{}}
}

// ReadHashes implements tlog.HashReader.
func (r *chunkReader) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		c := r.read[x/chunkSize]
		if c == nil {
			var err error
			if c, err = r.chunks.Get(r.ctx, chunkID(x/chunkSize)); err != nil {
				return nil, err
			}
			r.read[x/chunkSize] = c
		}
		at := int(x%chunkSize) * tlog.HashSize
		if at+tlog.HashSize > len(c.Hashes) {
			return nil, tampered("a part of the tree is missing")
		}
		copy(out[i][:], c.Hashes[at:])
	}
	return out, nil
}
