package keyring_test

import (
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/cardea-auth/cardea/internal/keyring"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

const origin = "https://id.example/audit/acme"

func checkpoint(size int64) keyring.Checkpoint {
	return keyring.Checkpoint{Origin: origin, Size: size, Root: tlog.RecordHash([]byte{byte(size)})}
}

func (h *house) signed(size int64) string {
	h.t.Helper()
	text, err := h.Checkpoints().SignCheckpoint(h.t.Context(), acme, checkpoint(size))
	if err != nil {
		h.t.Fatal(err)
	}
	return text
}

func TestCheckpoints(t *testing.T) {
	t.Parallel()
	h := newHouse(t, options{})
	ctx := t.Context()
	signed := h.signed(7)
	if got, err := h.Checkpoints().OpenCheckpoint(ctx, acme, origin, signed); err != nil || got != checkpoint(7) {
		t.Errorf("%+v, %v", got, err)
	}
	if !strings.HasPrefix(signed, origin+"\n7\n"+checkpoint(7).Root.String()+"\n\n— "+origin+" ") {
		t.Errorf("not a checkpoint as C2SP has it:\n%s", signed)
	}
	// Somebody with nothing but the public key can verify it.
	keys, err := h.Checkpoints().VerifierKeys(ctx, acme, origin)
	if err != nil || len(keys) != 1 {
		t.Fatalf("%v, %v", keys, err)
	}
	v, err := note.NewVerifier(keys[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := note.Open([]byte(signed), note.VerifierList(v)); err != nil {
		t.Errorf("with the published key: %v", err)
	}
	set, err := h.IssuerKeys(ctx, acme)
	if err != nil || len(readSet(t, set).Keys) != 0 {
		t.Errorf("the key for checkpoints is published for tokens: %s", set.Body)
	}
	for name, text := range map[string]string{
		"empty": "", "not signed": strings.Split(signed, "\n\n")[0] + "\n", "another size": strings.Replace(signed, "\n7\n", "\n8\n", 1),
		"huge": signed + strings.Repeat("\n", 5_000), "cut": signed[:len(signed)-4], "stranger": strangers(t, checkpoint(7)),
	} {
		if _, err := h.Checkpoints().OpenCheckpoint(ctx, acme, origin, text); errs.CodeOf(err) != keyring.CodeCheckpointForeign {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := h.Checkpoints().OpenCheckpoint(ctx, acme, "other", signed); errs.CodeOf(err) != keyring.CodeCheckpointForeign {
		t.Errorf("as another log's: %v", err)
	}
	if _, err := h.Checkpoints().OpenCheckpoint(ctx, "other", origin, signed); errs.CodeOf(err) != keyring.CodeCheckpointForeign {
		t.Errorf("as another tenant's: %v", err)
	}
	for _, bad := range []keyring.Checkpoint{{}, {Origin: "white space"}, {Origin: "a+b"}, {Origin: origin, Size: -1}, {Origin: "two\nlines"}} {
		if text, err := h.Checkpoints().SignCheckpoint(ctx, acme, bad); err == nil {
			t.Errorf("%+v was signed: %s", bad, text)
		}
	}
}

// strangers is a checkpoint by a key of somebody else under the same name.
func strangers(t *testing.T, c keyring.Checkpoint) string {
	t.Helper()
	private, _, err := note.GenerateKey(rand.Reader, c.Origin)
	if err != nil {
		t.Fatal(err)
	}
	s, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	text, err := note.Sign(&note.Note{Text: c.Origin + "\n7\n" + c.Root.String() + "\n"}, s)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestCheckpointKeysAreKept(t *testing.T) {
	t.Parallel()
	h := newHouse(t, options{})
	ctx := t.Context()
	h.tick()
	old := h.signed(1)
	h.clock.Advance(90 * day)
	h.tick()
	h.clock.Advance(time.Hour)
	h.tick()
	h.clock.Advance(400 * day)
	fresh := h.signed(2)
	if old[strings.LastIndex(old, " "):][:7] == fresh[strings.LastIndex(fresh, " "):][:7] {
		t.Fatal("the key was not rotated")
	}
	for _, text := range []string{old, fresh} {
		if _, err := h.Checkpoints().OpenCheckpoint(ctx, acme, origin, text); err != nil {
			t.Errorf("%s%v", text, err)
		}
	}
	active := h.in(keyring.Checkpoints, keyring.EdDSA, keyring.Active)[0]
	if _, err := h.Revoke(ctx, h.admin(), active.ID); err != nil {
		t.Fatal(err)
	}
	if ok, err := h.Counts(ctx, acme, active.ID); ok || err != nil {
		t.Errorf("the revoked key counts: %v", err)
	}
	got, err := h.Checkpoints().OpenCheckpoint(ctx, acme, origin, fresh)
	if errs.CodeOf(err) != keyring.CodeCheckpointRevoked || got != checkpoint(2) {
		t.Errorf("by a revoked key: %+v, %v", got, err)
	}
	if _, err := h.Checkpoints().OpenCheckpoint(ctx, acme, origin, h.signed(3)); err != nil {
		t.Errorf("by the new key: %v", err)
	}
	keys, err := h.Checkpoints().VerifierKeys(ctx, acme, origin)
	if err != nil || len(keys) != 2 {
		t.Errorf("published: %v, %v", keys, err)
	}
	h.clock.Advance(400 * day)
	if _, err := h.Checkpoints().OpenCheckpoint(ctx, acme, origin, fresh); errs.CodeOf(err) != keyring.CodeCheckpointRevoked {
		t.Errorf("a revoked key was forgotten: %v", err)
	}
}

// A node opens a checkpoint by a key that another node has made since it last looked.
func TestCheckpointOfAnotherNode(t *testing.T) {
	t.Parallel()
	a, b := twins(t)
	b.refresh()
	if _, err := b.Checkpoints().OpenCheckpoint(t.Context(), acme, origin, a.signed(7)); err != nil {
		t.Error(err)
	}
}

func FuzzOpenCheckpoint(f *testing.F) {
	h := newHouse(f, options{})
	good := h.signed(7)
	f.Add(good)
	f.Add("")
	f.Add(origin + "\n7\n\n— " + origin + " AAAA\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := h.Checkpoints().OpenCheckpoint(t.Context(), acme, origin, text)
		if err == nil && c != checkpoint(7) {
			t.Errorf("%q opens as %+v", text, c)
		}
	})
}
