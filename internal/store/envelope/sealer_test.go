package envelope_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/envelope"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

func TestSealAndOpen(t *testing.T) {
	t.Parallel()
	n, ctx := solo(t), t.Context()
	a := n.mustSeal(t, "acme", "swordfish")
	b := n.mustSeal(t, "acme", "swordfish")
	if bytes.Equal(a, b) {
		t.Error("two seals of one text are equal")
	}
	n.mustOpen(t, "acme", a, "swordfish")
	n.mustOpen(t, "acme", n.mustSeal(t, "acme", ""), "")
	if _, err := n.Open(ctx, "acme", []byte("other place"), a); !errors.Is(err, envelope.ErrSealed) {
		t.Errorf("at another place: %v", err)
	}
	n.mustSeal(t, "other", "x")
	if _, err := n.Open(ctx, "other", []byte("place"), a); !errors.Is(err, envelope.ErrSealed) {
		t.Errorf("in another tenant: %v", err)
	}
	if _, err := n.Open(ctx, "never-met", []byte("place"), a); !errors.Is(err, envelope.ErrSealed) {
		t.Errorf("in a tenant without keys: %v", err)
	}
}

func TestNoTamperedTextOpens(t *testing.T) {
	t.Parallel()
	n := solo(t)
	box := n.mustSeal(t, "acme", "swordfish")
	for i := range box {
		for bit := range 8 {
			forged := bytes.Clone(box)
			forged[i] ^= 1 << bit
			if _, err := n.Open(t.Context(), "acme", []byte("place"), forged); !errors.Is(err, envelope.ErrSealed) {
				t.Fatalf("bit %d of byte %d: %v", bit, i, err)
			}
		}
		if _, err := n.Open(t.Context(), "acme", []byte("place"), box[:i]); !errors.Is(err, envelope.ErrSealed) {
			t.Fatalf("cut to %d bytes: %v", i, err)
		}
	}
}

func TestLockedUntilUnlocked(t *testing.T) {
	t.Parallel()
	n := start(t, file(t), options{master: envelope.NewMaster()})
	if _, err := n.Seal(t.Context(), "acme", nil, []byte("x")); !errors.Is(err, envelope.ErrLocked) {
		t.Errorf("sealing: %v", err)
	}
	if _, err := n.Open(t.Context(), "acme", nil, make([]byte, 64)); err == nil {
		t.Error("opening: no error")
	}
	box := append([]byte{1, 0, 0, 0, 1}, make([]byte, 60)...)
	if _, err := n.Open(t.Context(), "acme", nil, box); !errors.Is(err, envelope.ErrLocked) {
		t.Errorf("opening a well-formed text: %v", err)
	}
	if err := n.Retire(t.Context(), "acme"); !errors.Is(err, envelope.ErrLocked) {
		t.Errorf("retiring: %v", err)
	}
	if err := n.Rewrap(t.Context(), envelope.NewMaster()); !errors.Is(err, envelope.ErrLocked) {
		t.Errorf("rewrapping: %v", err)
	}
}

func TestRestart(t *testing.T) {
	t.Parallel()
	path, master := file(t), envelope.NewMaster()
	box := open(t, path, options{master: master}).mustSeal(t, "acme", "swordfish")
	again := open(t, path, options{master: master})
	again.mustOpen(t, "acme", box, "swordfish")
	again.mustOpen(t, "acme", again.mustSeal(t, "acme", "more"), "more")
}

func TestWrongMasterKeyRefusesToStart(t *testing.T) {
	t.Parallel()
	path, right, wrong := file(t), envelope.NewMaster(), envelope.NewMaster()
	box := open(t, path, options{master: right}).mustSeal(t, "acme", "swordfish")

	n := start(t, path, options{master: wrong})
	err := n.Unlock(t.Context())
	e, ok := errors.AsType[*envelope.WrongKeyError](err)
	if !ok || e.Expected != right.ID() || e.Given != wrong.ID() {
		t.Fatalf("unlocking with another key: %v", err)
	}
	for _, name := range []envelope.MasterID{right.ID(), wrong.ID()} {
		if !strings.Contains(err.Error(), string(name)) {
			t.Errorf("the error does not name key %s: %v", name, err)
		}
	}
	if _, err := n.Open(t.Context(), "acme", []byte("place"), box); !errors.Is(err, envelope.ErrLocked) {
		t.Errorf("opening afterwards: %v", err)
	}
	if _, err := n.Seal(t.Context(), "fresh", nil, nil); !errors.Is(err, envelope.ErrLocked) {
		t.Errorf("sealing afterwards: %v", err)
	}
	if err := start(t, path, options{}).Unlock(t.Context()); err == nil {
		t.Error("the zero key unlocks")
	}
}

func TestLostCanaryRefusesToStart(t *testing.T) {
	t.Parallel()
	path, master := file(t), envelope.NewMaster()
	n := open(t, path, options{master: master})
	n.mustSeal(t, "acme", "x")
	db := openSQL(t, path)
	if _, err := db.Exec(`DELETE FROM c_master_key`); err != nil {
		t.Fatal(err)
	}
	if err := start(t, path, options{master: envelope.NewMaster()}).Unlock(t.Context()); err == nil {
		t.Error("another key was adopted over existing data keys")
	}
}

// The id of a key is public, so naming another one in the canary must not be enough.
func TestCanaryIsProvedNotNamed(t *testing.T) {
	t.Parallel()
	path, right, wrong := file(t), envelope.NewMaster(), envelope.NewMaster()
	open(t, path, options{master: right})
	if _, err := openSQL(t, path).Exec(`UPDATE c_master_key SET body = replace(body, ?, ?)`, right.ID(), wrong.ID()); err != nil {
		t.Fatal(err)
	}
	if err := start(t, path, options{master: wrong}).Unlock(t.Context()); err == nil {
		t.Error("a key that did not make the canary unlocks")
	}
}

// A stolen or swapped row of data keys does not open for another tenant.
func TestDataKeysAreBoundToTheirTenant(t *testing.T) {
	t.Parallel()
	path, master := file(t), envelope.NewMaster()
	box := open(t, path, options{master: master}).mustSeal(t, "acme", "swordfish")
	if _, err := openSQL(t, path).Exec(`UPDATE c_data_key SET id = 'other' WHERE id = 'acme'`); err != nil {
		t.Fatal(err)
	}
	n := open(t, path, options{master: master})
	if got, err := n.Open(t.Context(), "other", []byte("place"), box); err == nil {
		t.Errorf("another tenant opens it: %q", got)
	}
}

func TestDataKeyWearsOut(t *testing.T) {
	t.Parallel()
	path, master := file(t), envelope.NewMaster()
	bounds := [2]int64{30, 10} // 3 blocks of 10
	n := open(t, path, options{master: master, bounds: bounds})
	numbers := map[byte]int{}
	var first []byte
	for range 35 {
		box := n.mustSeal(t, "acme", "x")
		numbers[box[4]]++
		if first == nil {
			first = box
		}
	}
	if numbers[1] != 30 || numbers[2] != 5 {
		t.Errorf("seals by key number: %v, want 30 by the first and 5 by the second", numbers)
	}
	n.mustOpen(t, "acme", first, "x")

	// Each start takes a block of its own: 5 of this one's 10 are lost, and are counted all the same.
	n = open(t, path, options{master: master, bounds: bounds})
	clear(numbers)
	for range 25 {
		numbers[n.mustSeal(t, "acme", "x")[4]]++
	}
	if numbers[2] != 20 || numbers[3] != 5 {
		t.Errorf("seals by key number after a restart: %v, want 20 by the second and 5 by the third", numbers)
	}
	n.mustOpen(t, "acme", first, "x")
}

func TestCountSurvivesFailingStore(t *testing.T) {
	t.Parallel()
	m := &mortal{}
	n := open(t, file(t), options{master: envelope.NewMaster(), wrap: m.wrap, bounds: [2]int64{100, 10}})
	for range 10 {
		n.mustSeal(t, "acme", "x")
	}
	m.dies(1)
	if _, err := n.Seal(t.Context(), "acme", nil, []byte("x")); err == nil {
		t.Error("sealed beyond the block that was counted")
	}
	m.dieAt.Store(0)
	n.mustSeal(t, "acme", "x")
}

func TestRetire(t *testing.T) {
	t.Parallel()
	path, master, clock := file(t), envelope.NewMaster(), storetest.NewClock()
	a := open(t, path, options{master: master, clock: clock})
	b := open(t, path, options{master: master, clock: clock})
	old := a.mustSeal(t, "acme", "old")
	b.mustOpen(t, "acme", old, "old")
	b.mustSeal(t, "acme", "x")
	if err := a.Retire(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	fresh := a.mustSeal(t, "acme", "fresh")
	if fresh[4] != old[4]+1 {
		t.Errorf("sealed by key %d after key %d was retired", fresh[4], old[4])
	}
	clock.Advance(second)
	b.mustOpen(t, "acme", fresh, "fresh") // made at another node
	if err := b.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if box := b.mustSeal(t, "acme", "x"); box[4] != fresh[4] {
		t.Errorf("after Refresh the other node seals by key %d", box[4])
	}
	b.mustOpen(t, "acme", old, "old")
}

func TestForgedKeyNumbersReadOnce(t *testing.T) {
	t.Parallel()
	c := &counting{}
	clock := storetest.NewClock()
	n := open(t, file(t), options{master: envelope.NewMaster(), wrap: c.wrap, clock: clock})
	box := n.mustSeal(t, "acme", "x")
	box[1] = 7
	clock.Advance(second)
	before := c.gets.Load()
	for range 100 {
		if _, err := n.Open(t.Context(), "acme", []byte("place"), box); !errors.Is(err, envelope.ErrSealed) {
			t.Fatal(err)
		}
	}
	if reads := c.gets.Load() - before; reads != 1 {
		t.Errorf("100 forged texts cost %d reads, want 1", reads)
	}
}

func TestFirstSealsRace(t *testing.T) {
	t.Parallel()
	path, master := file(t), envelope.NewMaster()
	nodes := []*node{open(t, path, options{master: master}), open(t, path, options{master: master})}
	boxes := make([][]byte, 40)
	var all sync.WaitGroup
	for i := range boxes {
		all.Go(func() {
			box, err := nodes[i%2].Seal(t.Context(), "acme", []byte("place"), fmt.Append(nil, i))
			if err != nil {
				t.Error(err)
			}
			boxes[i] = box
		})
	}
	all.Wait()
	last := open(t, path, options{master: master})
	for i, box := range boxes {
		last.mustOpen(t, "acme", box, fmt.Sprint(i))
	}
}

func TestDocumentsAndCursors(t *testing.T) {
	t.Parallel()
	n, ctx := solo(t), t.Context()
	scope := n.notes.In("acme")
	for i := range 3 {
		doc := &note{Meta: store.Meta{ID: fmt.Sprint(i)}, Text: secret.New(fmt.Sprint("text ", i))}
		_, err := n.db.Commit(ctx, store.Batch{
			Permit: storetest.Permit("acme", "note.add"), Docs: []store.DocOp{scope.Insert(ctx, doc)},
			Events: []store.Event{{Kind: "note.added"}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	first, err := scope.Find(ctx, store.Query{Request: page.Request{Limit: 2}})
	if err != nil || first.Next == "" {
		t.Fatalf("first page: %+v, %v", first, err)
	}
	rest, err := scope.Find(ctx, store.Query{Request: page.Request{Limit: 2, Cursor: first.Next}})
	if err != nil || len(rest.Items) != 1 || rest.Items[0].Text.Reveal() != "text 2" {
		t.Fatalf("second page: %+v, %v", rest, err)
	}
	_, err = scope.Find(ctx, store.Query{Request: page.Request{Limit: 2, Cursor: first.Next[:len(first.Next)-2] + "xx"}})
	if errs.CodeOf(err) != "invalid_cursor" {
		t.Errorf("forged cursor: %v", err)
	}
}

// Row 146: what the database alone gives away. The files hold neither the text nor a key.
func TestRegress_146_DatabaseAloneRevealsNothing(t *testing.T) {
	t.Parallel()
	storetest.SQLiteOnly(t, "it opens the database file beside the engine")
	path, master := file(t), envelope.NewMaster()
	n := open(t, path, options{master: master})
	const canary = "canary-7f3a-swordfish"
	doc := &note{Meta: store.Meta{ID: "1"}, Text: secret.New(canary)}
	_, err := n.db.Commit(t.Context(), store.Batch{
		Permit: storetest.Permit(id.Default, "note.add"), Docs: []store.DocOp{n.notes.In(id.Default).Insert(t.Context(), doc)},
		Events: []store.Event{{Kind: "note.added"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	text := master.Text().Reveal()
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(data, []byte("note.added")) && suffix == "-wal" {
			t.Fatal("the test does not look where the data is")
		}
		for _, secret := range []string{canary, text, text[4:40]} {
			if bytes.Contains(data, []byte(secret)) {
				t.Errorf("test.db%s holds %q", suffix, secret)
			}
		}
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		for _, v := range []any{master, &master, struct{ m envelope.Master }{master}, n.Sealer} {
			if out := fmt.Sprintf(verb, v); strings.Contains(out, text[4:20]) {
				t.Errorf("%s prints the key", verb)
			}
		}
	}
}

func BenchmarkSeal(b *testing.B) {
	n, plain, place := solo(b), []byte(strings.Repeat("s", 32)), []byte("a place of forty characters, more or less")
	n.mustSeal(b, "acme", "x")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := n.Seal(b.Context(), "acme", place, plain); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	n, place := solo(b), []byte("place")
	box := n.mustSeal(b, "acme", strings.Repeat("s", 32))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := n.Open(b.Context(), "acme", place, box); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	n := solo(f)
	good := n.mustSeal(f, "acme", "swordfish")
	f.Add(good)
	f.Add([]byte{})
	f.Add([]byte{1, 0, 0, 0, 1})
	f.Add(append([]byte{1, 255, 255, 255, 255}, make([]byte, 40)...))
	f.Fuzz(func(t *testing.T, box []byte) {
		plain, err := n.Open(t.Context(), "acme", []byte("place"), box)
		if err == nil && !(bytes.Equal(box, good) && string(plain) == "swordfish") {
			t.Errorf("%x opens to %q", box, plain)
		}
	})
}
