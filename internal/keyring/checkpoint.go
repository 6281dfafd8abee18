package keyring

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
)

// Checkpoint is the state of a log: how many entries it has and the root of its Merkle tree.
type Checkpoint struct {
	Origin string // names the log; no white space and no '+'
	Size   int64
	Root   tlog.Hash
}

// text is the body of a checkpoint (C2SP tlog-checkpoint).
func (c Checkpoint) text() string {
	return c.Origin + "\n" + strconv.FormatInt(c.Size, 10) + "\n" + c.Root.String() + "\n"
}

// parseCheckpoint reads what text writes, and nothing else.
func parseCheckpoint(text string) (Checkpoint, bool) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 {
		return Checkpoint{}, false
	}
	size, err1 := strconv.ParseInt(lines[1], 10, 64)
	root, err2 := tlog.ParseHash(lines[2])
	c := Checkpoint{Origin: lines[0], Size: size, Root: root}
	return c, err1 == nil && err2 == nil && size >= 0 && c.text() == text
}

// CheckpointSigner signs checkpoints of the audit log as notes (C2SP signed-note) with Ed25519. Its
// keys sign nothing else, and the public halves are kept for ever.
type CheckpointSigner struct{ ring *Ring }

// Checkpoints is the signer of checkpoints.
func (r *Ring) Checkpoints() CheckpointSigner { return CheckpointSigner{r} }

// SignCheckpoint returns c as a signed note. The name of the key is the origin of the log.
func (s CheckpointSigner) SignCheckpoint(ctx context.Context, t id.Tenant, c Checkpoint) (string, error) {
	k, err := s.ring.signer(ctx, t, slot{Checkpoints, EdDSA})
	if err != nil {
		return "", err
	}
	verifier, err := k.verifier(c.Origin)
	if err != nil || c.Size < 0 {
		return "", errs.Wrap(errs.Internal, errors.Join(err, errors.New("keyring: not a checkpoint")), "", "Something went wrong on our side.")
	}
	signed, err := note.Sign(&note.Note{Text: c.text()}, noteSigner{Verifier: verifier, pair: k.pair})
	if err != nil {
		return "", errs.Wrap(errs.Internal, err, "", "Something went wrong on our side.")
	}
	return string(signed), nil
}

// Codes of refused checkpoints.
const (
	CodeCheckpointForeign = "checkpoint_foreign" // not a checkpoint, or signed by no key of the tenant
	CodeCheckpointRevoked = "checkpoint_revoked" // signed by a key that was revoked since
)

// maxNote is far more than a checkpoint with a few signatures needs.
const maxNote = 4 << 10

// OpenCheckpoint reads a signed note, if a checkpoint key of the tenant has signed it for the log
// called origin. Invalid with one of the codes otherwise; with CodeCheckpointRevoked the checkpoint
// is returned too: it was ours once, and only other evidence can tell whether it still is.
func (s CheckpointSigner) OpenCheckpoint(ctx context.Context, t id.Tenant, origin, signed string) (Checkpoint, error) {
	if len(signed) > maxNote {
		return Checkpoint{}, errs.New(errs.Invalid, CodeCheckpointForeign, "This is not a checkpoint of this log.")
	}
	v, err := s.ring.view(ctx, t)
	if err != nil {
		return Checkpoint{}, err
	}
	c, err := v.openCheckpoint(origin, signed)
	if errs.CodeOf(err) != CodeCheckpointForeign {
		return c, err
	}
	// Another node may have made its key a moment ago. Strangers cannot ask, so this may cost a read.
	if err := s.ring.Refresh(ctx, t); err != nil {
		return Checkpoint{}, err
	}
	if v, err = s.ring.view(ctx, t); err != nil {
		return Checkpoint{}, err
	}
	return v.openCheckpoint(origin, signed)
}

func (v *view) openCheckpoint(origin, signed string) (Checkpoint, error) {
	foreign := errs.New(errs.Invalid, CodeCheckpointForeign, "This is not a checkpoint of this log.")
	good, revoked, err := v.verifiers(origin)
	if err != nil {
		return Checkpoint{}, foreign
	}
	if c, ok := openNote(signed, origin, good); ok {
		return c, nil
	}
	if c, ok := openNote(signed, origin, revoked); ok {
		return c, errs.New(errs.Invalid, CodeCheckpointRevoked, "The key that signed this checkpoint was revoked.")
	}
	return Checkpoint{}, foreign
}

func openNote(signed, origin string, by []note.Verifier) (Checkpoint, bool) {
	n, err := note.Open([]byte(signed), note.VerifierList(by...))
	if err != nil {
		return Checkpoint{}, false
	}
	c, ok := parseCheckpoint(n.Text)
	return c, ok && c.Origin == origin
}

// VerifierKeys are the public keys that verify the checkpoints of a log, in the form that the tools
// of sumdb/note read. Keep them with the checkpoints, away from the server.
func (s CheckpointSigner) VerifierKeys(ctx context.Context, t id.Tenant, origin string) ([]string, error) {
	v, err := s.ring.view(ctx, t)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, k := range v.notes {
		if k.state == Revoked {
			continue
		}
		text, err := k.verifierText(origin)
		if err != nil {
			return nil, errs.Bad("/origin", "cannot name a key")
		}
		out = append(out, text)
	}
	return out, nil
}

// verifiers are the keys that verify checkpoints, and those that do not any more.
func (v *view) verifiers(origin string) (good, revoked []note.Verifier, err error) {
	for _, k := range v.notes {
		verifier, err := k.verifier(origin)
		if err != nil {
			return nil, nil, err
		}
		if k.state == Revoked {
			revoked = append(revoked, verifier)
		} else {
			good = append(good, verifier)
		}
	}
	return good, revoked, nil
}

func (k *key) verifierText(name string) (string, error) {
	public, ok := k.public.(ed25519.PublicKey)
	if !ok {
		return "", fmt.Errorf("keyring: key %s does not sign notes", k.id)
	}
	return note.NewEd25519VerifierKey(name, public)
}

func (k *key) verifier(name string) (note.Verifier, error) {
	text, err := k.verifierText(name)
	if err != nil {
		return nil, err
	}
	return note.NewVerifier(text)
}

// noteSigner is a note.Signer that never leaves this package.
type noteSigner struct {
	note.Verifier
	pair pair
}

// Sign implements note.Signer.
func (s noteSigner) Sign(text []byte) ([]byte, error) { return s.pair.sign(text) }
