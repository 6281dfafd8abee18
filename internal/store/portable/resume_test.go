package portable_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/portable"
	"github.com/cardea-auth/cardea/internal/store/sqlite"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

// outlined is a source that outlines its documents, and counts which it had to give.
type outlined struct {
	*sqlite.Engine
	given int
}

func (o *outlined) Outline(ctx context.Context, collection string, yield func(store.Outline) error) error {
	return o.Export(ctx, collection, func(r store.Record) error {
		sum := store.Sum(r.Version, r.Body)
		r.Body = nil
		return yield(store.Outline{Record: r, Sum: sum})
	})
}

func (o *outlined) GetMany(ctx context.Context, keys []store.Key) ([]store.Record, error) {
	found, err := o.Engine.GetMany(ctx, keys)
	o.given += len(found)
	slices.Reverse(found) // in no particular order
	return found, err
}

func (h *house) exportAfter(earlier io.Reader) (s portable.Summary, file []byte, given int) {
	h.Helper()
	var out bytes.Buffer
	src := &outlined{Engine: h.engine}
	s, err := portable.Export(h.Context(), src, portable.Exported{Schemas: h.db.Schemas(), At: h.clock.Now(), Earlier: earlier}, &out)
	h.must(err)
	return s, out.Bytes(), src.given
}

// TestInterruptedExport breaks an export off everywhere, changes documents in every way meanwhile, and finds what the
// next one writes the same, byte by byte, as one that was never interrupted.
func TestInterruptedExport(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storetest.NewSealer())
	h.settle(40)
	_, first := h.export()
	h.change()
	want, whole := h.export()
	for at := 0; at <= len(first); at += max(1, len(first)/40) {
		got, file, given := h.exportAfter(bytes.NewReader(first[:at]))
		if !bytes.Equal(whole, file) {
			t.Fatalf("cut at %d of %d: another file", at, len(first))
		}
		if got.Kept+int64(given) != want.Docs || got.Docs != want.Docs {
			t.Errorf("cut at %d: %d kept and %d given of %d", at, got.Kept, given, want.Docs)
		}
	}
	// Of the whole file all is kept but what has changed, and of what was just written all.
	if got, _, given := h.exportAfter(bytes.NewReader(first)); given != 5 || got.Kept == 0 {
		t.Errorf("after the whole file %d documents were given, %d kept", given, got.Kept)
	}
	if got, _, given := h.exportAfter(bytes.NewReader(whole)); given != 0 || got.Kept != want.Docs {
		t.Errorf("after the same file %d documents were given, %d kept", given, got.Kept)
	}
}

// change changes five documents besides deleting one: what it says, what it is by the same version, when it ends; and
// it adds one with its event.
func (h *house) change() {
	h.Helper()
	key := func(i int) store.Key {
		return store.Key{Tenant: id.Default, Collection: "person", ID: fmt.Sprintf("p\x00%d é/\u2028", i)}
	}
	old := func(i int) store.Record {
		r, err := h.engine.Get(h.Context(), key(i))
		h.must(err)
		return r
	}
	commit := func(ops ...store.Op) {
		for i := range ops {
			ops[i].Columns = []store.Value{{}}
		}
		_, err := h.engine.Commit(h.Context(), store.Write{At: h.clock.Now(), Tenant: id.Default, Docs: ops})
		h.must(err)
	}
	commit(store.Op{Kind: store.ReplaceOp, Key: key(1), Version: 1, Body: []byte(`{"name":"replaced"}`)})
	commit(store.Op{Kind: store.DeleteOp, Key: key(2), Version: 1})
	// Deleted and made anew: the version is as before.
	commit(store.Op{Kind: store.DeleteOp, Key: key(3), Version: 1}, store.Op{Kind: store.InsertOp, Key: key(3), Body: []byte(`{"name":"another"}`)})
	commit(store.Op{Kind: store.DeleteOp, Key: key(4), Version: 1}, store.Op{Kind: store.InsertOp, Key: key(4), Body: old(4).Body, Expires: h.clock.Now().Add(time.Hour)})
	// Changed and changed back.
	body := old(6).Body
	commit(store.Op{Kind: store.ReplaceOp, Key: key(6), Version: 1, Body: []byte(`{"name":"for a moment"}`)})
	commit(store.Op{Kind: store.ReplaceOp, Key: key(6), Version: 2, Body: body})
	commit(store.Op{Kind: store.InsertOp, Key: store.Key{Tenant: id.Default, Collection: "person", ID: "a"}, Body: []byte(`{"name":"new"}`)})
}

// TestEarlierIsNotBelieved: what was damaged, or is of another database, does no harm.
func TestEarlierIsNotBelieved(t *testing.T) {
	t.Parallel()
	sealer := storetest.NewSealer()
	h, other := newHouse(t, sealer), newHouse(t, sealer)
	h.settle(10)
	other.settle(10) // the same keys with other secrets and events
	_, whole := h.export()
	_, foreign := other.export()
	for name, earlier := range map[string]string{
		"nothing":               "",
		"of another database":   string(foreign),
		"another body":          strings.ReplaceAll(string(whole), "person.settled", "person.nettled"),
		"another version":       strings.ReplaceAll(string(whole), `"version":1`, `"version":2`),
		"no header":             strings.SplitAfterN(string(whole), "\n", 2)[1],
		"no file of ours":       strings.Repeat("\x00", 5000),
		"a line that is broken": strings.Replace(string(whole), `{"doc"`, `{"dog"`, 3),
	} {
		if _, file, _ := h.exportAfter(strings.NewReader(earlier)); !bytes.Equal(whole, file) {
			t.Errorf("%s: another file", name)
		}
	}
}
