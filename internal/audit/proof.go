package audit

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/store"
)

// proofForm names the form of a proof.
const proofForm = "cardea.audit.proof/1"

// Proof shows a stranger that an event is in the log: the event, its path to the root of the tree
// (RFC 6962, section 2.1.1), and the signed checkpoint that has this root. It needs no server: Check,
// or forty lines in any language (see leaf), and the log's public key from a place that one trusts.
type Proof struct {
	Form       string   `json:"form"`
	EventID    string   `json:"event_id"`
	Event      *Event   `json:"event"`      // with its salt, unless the personal part is left out
	Path       []string `json:"path"`       // hashes in base64, from the leaf to the root
	Checkpoint string   `json:"checkpoint"` // signed note (C2SP checkpoint)
	Keys       []string `json:"keys"`       // public keys as the server says; compare with those you trust
}

// Prove makes a proof of the event numbered seq. With personal, its personal part and the salt that
// proves it are in it; otherwise only their hash. NotFound if there is no such sealed event.
// Permission audit.read.
func (l *Log) Prove(ctx context.Context, c access.Caller, seq int64, personal bool) (Proof, error) {
	if err := l.mayRead(ctx, c); err != nil {
		return Proof{}, err
	}
	t := c.Tenant()
	h, tree, err := l.edge(ctx, t)
	if err != nil {
		return Proof{}, l.suspect(ctx, t, h, err)
	}
	if seq < 1 || seq > tree.size {
		return Proof{}, errs.Missing("sealed event")
	}
	e, some, err := l.events.In(t).One(ctx, store.EventsBySeq, store.Int(seq))
	if err != nil {
		return Proof{}, err
	}
	if !some {
		return Proof{}, tampered("event " + number(seq) + " is missing")
	}
	path, err := tlog.ProveRecord(tree.size, seq-1, newChunkReader(ctx, l.chunks.In(t)))
	if err != nil {
		return Proof{}, err
	}
	if err := tlog.CheckRecord(path, tree.size, tree.root(), seq-1, leafHash(e)); err != nil {
		return Proof{}, tampered("event " + number(seq) + " is not what was sealed")
	}
	keys, err := l.Notary.VerifierKeys(ctx, t, origin(l.Issuer, t))
	if err != nil {
		return Proof{}, err
	}
	if !personal {
		e.Personal, e.Salt = nil, ""
	}
	p := Proof{Form: proofForm, EventID: e.ID, Event: e, Checkpoint: h.Checkpoint, Keys: keys}
	for _, x := range path {
		p.Path = append(p.Path, x.String())
	}
	return p, nil
}

// maxPath is more than any path has.
const maxPath = 64

// Check verifies a proof without any server. trusted are the public keys of the log, in the form of
// sumdb/note, that the verifier had from elsewhere; those in the proof prove nothing. It does not tell
// whether the log goes on, or was rewritten behind the event.
func (p Proof) Check(trusted ...string) error {
	if p.Form != proofForm || p.Event == nil || p.Event.Seq < 1 || len(p.Path) > maxPath {
		return errors.New("audit: not a proof in a form that is known here")
	}
	size, root, err := openTrusted(p.Checkpoint, trusted)
	if err != nil {
		return err
	}
	path := make(tlog.RecordProof, len(p.Path))
	for i, text := range p.Path {
		if path[i], err = tlog.ParseHash(text); err != nil {
			return fmt.Errorf("reading hash %d of the path: %w", i, err)
		}
	}
	e := *p.Event
	e.ID = p.EventID
	if err := tlog.CheckRecord(path, size, root, e.Seq-1, leafHash(&e)); err != nil {
		return fmt.Errorf("comparing the event with the checkpoint: %w", err)
	}
	if !erased(&e) && digest(&e) != e.Digest {
		return errors.New("audit: the personal part is not what was sealed")
	}
	return nil
}

// openTrusted reads a checkpoint that one of the keys has signed.
func openTrusted(text string, keys []string) (int64, tlog.Hash, error) {
	var by []note.Verifier
	for _, k := range keys {
		v, err := note.NewVerifier(k)
		if err != nil {
			return 0, tlog.Hash{}, fmt.Errorf("reading a public key: %w", err)
		}
		by = append(by, v)
	}
	n, err := note.Open([]byte(text), note.VerifierList(by...))
	if err != nil {
		return 0, tlog.Hash{}, fmt.Errorf("opening the checkpoint: %w", err)
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 4 || lines[0] != n.Sigs[0].Name || lines[3] != "" {
		return 0, tlog.Hash{}, errors.New("audit: the note is not a checkpoint")
	}
	size, err1 := strconv.ParseInt(lines[1], 10, 64)
	root, err2 := tlog.ParseHash(lines[2])
	return size, root, errors.Join(err1, err2)
}
