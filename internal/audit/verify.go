package audit

import (
	"context"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
)

// Report is what a verification found.
type Report struct {
	OK         bool   `json:"ok"`
	Sealed     int64  `json:"sealed"`            // events that were checked
	Unsealed   int    `json:"unsealed"`          // events that are too new to be sealed, at most 1,000 counted
	BadSeq     int64  `json:"bad_seq,omitempty"` // number of the first event that is wrong
	Problem    string `json:"problem,omitempty"` // what is wrong, in a sentence
	Checkpoint string `json:"checkpoint"`        // the newest, to be kept elsewhere
	Pinned     int64  `json:"pinned,omitempty"`  // size of the checkpoint that was compared with
	Erased     int    `json:"erased,omitempty"`  // events whose personal part was forgotten
}

// Verify recomputes the whole log of the caller's tenant: every number, every leaf, the tree, the
// signature. With pinned, a checkpoint kept elsewhere, it also proves that the log was neither
// shortened nor rewritten since. The report says what is wrong; an error means that it could not be
// found out.
func (l *Log) Verify(ctx context.Context, c access.Caller, pinned string) (Report, error) {
	if _, err := l.Guard.Allow(ctx, c, "audit.verify", access.Object{Type: "cardea:audit"}); err != nil {
		return Report{}, err
	}
	t := c.Tenant()
	h, err := l.head(ctx, t)
	if err != nil {
		return Report{}, err
	}
	v := verification{log: l, tenant: t, head: h, report: Report{Checkpoint: h.Checkpoint}}
	if err := v.pin(ctx, pinned); err != nil {
		return Report{}, err
	}
	if err := v.run(ctx); err != nil {
		return Report{}, err
	}
	v.report.Unsealed, err = l.events.In(t).Count(ctx, 1000, store.EventsBySeq, store.Int(0))
	v.report.OK = v.report.Problem == ""
	return v.report, err
}

// verification recomputes a log. It builds its own tree and believes nothing that is stored but the
// events themselves and what a key has signed.
type verification struct {
	log    *Log
	tenant id.Tenant
	head   *head
	report Report

	size       int64
	hashes     memoryHashes
	pinnedSize int64
	pinnedRoot tlog.Hash
	forgotten  map[string]int64 // person → number of the last erased event that awaits its explanation
}

// memoryHashes is a tlog.HashReader over hashes in memory: 64 bytes for each event.
type memoryHashes []tlog.Hash

// ReadHashes implements tlog.HashReader.
func (m memoryHashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		if x < 0 || x >= int64(len(m)) {
			return nil, errs.New(errs.Internal, "", "")
		}
		out[i] = m[x]
	}
	return out, nil
}

func (v *verification) wrong(seq int64, problem string) {
	if v.report.Problem == "" {
		v.report.BadSeq, v.report.Problem = seq, problem
	}
}

// pin reads the checkpoint that the caller has kept.
func (v *verification) pin(ctx context.Context, pinned string) error {
	if pinned == "" {
		return nil
	}
	size, root, err := v.open(ctx, pinned)
	if err != nil {
		return errs.Bad("/checkpoint", "is not a checkpoint of this log")
	}
	v.pinnedSize, v.pinnedRoot, v.report.Pinned = size, root, size
	return nil
}

// open checks the signature of a checkpoint and reads it.
func (v *verification) open(ctx context.Context, note string) (int64, tlog.Hash, error) {
	c, err := v.log.Notary.OpenCheckpoint(ctx, v.tenant, origin(v.log.Issuer, v.tenant), note)
	return c.Size, c.Root, err
}

func (v *verification) run(ctx context.Context) error {
	v.forgotten = map[string]int64{}
	one := store.Int(1)
	q := store.Query{Index: store.EventsBySeq, From: &one, Request: page.Request{Limit: page.MaxLimit}}
	for {
		p, err := v.log.events.In(v.tenant).Find(ctx, q)
		if err != nil {
			if errs.Is(err, errs.Internal) { // a document that cannot be read was tampered with
				v.wrong(v.size+1, "An event cannot be read.")
				return nil
			}
			return err
		}
		for _, e := range p.Items {
			if !v.event(e) {
				return nil
			}
		}
		if q.Cursor = p.Next; q.Cursor == "" {
			break
		}
	}
	return v.conclude(ctx)
}

// event checks the next event and adds it to the tree; false ends the verification.
func (v *verification) event(e *store.EventRecord) bool {
	if e.Seq != v.size+1 {
		v.wrong(v.size+1, "Event "+strconv.FormatInt(v.size+1, 10)+" is missing or stands twice.")
		return false
	}
	switch {
	case erased(e):
		v.report.Erased++
		v.forgotten[e.Person] = e.Seq
	case digest(e) != e.Digest:
		v.wrong(e.Seq, "The personal part of event "+strconv.FormatInt(e.Seq, 10)+" was changed.")
		return false
	}
	if e.Kind == eventErased && e.ObjectID != "" {
		delete(v.forgotten, e.ObjectID) // everything of that person up to here may be gone
	}
	hashes, err := tlog.StoredHashesForRecordHash(v.size, leafHash(e), v.hashes)
	if err != nil {
		v.wrong(e.Seq, "The tree cannot be computed.")
		return false
	}
	v.hashes = append(v.hashes, hashes...)
	v.size++
	v.report.Sealed = v.size
	return v.comparePinned()
}

func (v *verification) comparePinned() bool {
	if v.size != v.pinnedSize {
		return true
	}
	root, err := tlog.TreeHash(v.size, v.hashes)
	if err != nil || root != v.pinnedRoot {
		v.wrong(v.size, "The log differs from the checkpoint that you have kept.")
		return false
	}
	return true
}

// conclude compares the computed tree with what was signed.
func (v *verification) conclude(ctx context.Context) error {
	for person, seq := range v.forgotten {
		v.wrong(seq, "A personal part was removed without an erasure of "+person+".")
	}
	if v.size < v.pinnedSize {
		v.wrong(v.size+1, "The log is shorter than the checkpoint that you have kept.")
	}
	if v.head.Size == 0 && v.size == 0 && v.head.Checkpoint == "" {
		return nil
	}
	size, root, err := v.open(ctx, v.head.Checkpoint)
	if err != nil {
		v.wrong(v.size, "The newest checkpoint is not signed by a key of this log.")
		return nil
	}
	if size != v.size {
		v.wrong(min(size, v.size)+1, "The log has "+strconv.FormatInt(v.size, 10)+" sealed events, its checkpoint says "+strconv.FormatInt(size, 10)+".")
		return nil
	}
	computed, err := tlog.TreeHash(v.size, v.hashes)
	if err != nil || computed != root {
		return v.locate(ctx)
	}
	return nil
}

// locate finds the first event whose leaf is not the stored one.
func (v *verification) locate(ctx context.Context) error {
	stored := newTree(ctx, v.log.chunks.In(v.tenant))
	for n := range v.size {
		x := tlog.StoredHashIndex(0, n)
		was, err := stored.ReadHashes([]int64{x})
		if err != nil && !errs.Is(err, errs.NotFound) {
			return err
		}
		if err != nil || was[0] != v.hashes[x] {
			v.wrong(n+1, "Event "+strconv.FormatInt(n+1, 10)+" was changed.")
			return nil
		}
	}
	v.wrong(v.size, "The tree differs from its signed checkpoint.")
	return nil
}
