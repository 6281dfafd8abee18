package index_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz/index"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/sqlite"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

// counting is an engine that counts how often a whole tuple store is read.
type counting struct {
	keeping
	whole *atomic.Int32
}

type keeping interface {
	store.Engine
	store.Keeper
}

func (c counting) Snapshot(ctx context.Context, s store.TupleStore, yield func(store.Tuple) error) (uint64, error) {
	c.whole.Add(1)
	return c.keeping.Snapshot(ctx, s, yield)
}

// gallery is a house that keeps images of every graph, and can be entered again.
type gallery struct {
	*house
	dir   string
	whole atomic.Int32
}

func newGallery(t *testing.T) *gallery {
	t.Helper()
	g := &gallery{dir: t.TempDir()}
	g.house = &house{t: t, clock: storetest.NewClock()}
	g.enter(filepath.Join(g.dir, "store.db"))
	return g
}

// enter opens a database with the images that lie there, as a start does.
func (g *gallery) enter(path string) {
	g.t.Helper()
	g.db = storetest.NewDB(g.t, storetest.WithClock(g.clock), storetest.WithPath(path), storetest.WithEngine(func(e store.Engine) store.Engine {
		return counting{e.(keeping), &g.whole}
	}))
	g.rules = newHouse(g.t).rules
	guard := access.NewGuard(nil, g.clock.Now)
	g.permit = guard.Task(acme, "store.sweep")
	g.index = index.New(g.db, index.Bounds{Imaged: 1})
	dir := filepath.Join(g.dir, "graphs")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		g.t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = root.Close() })
	g.index.KeepImages(g.db, guard, root)
	storetest.Ensure(g.t, g.db)
}

// see lists the viewers that there are now, and whether all tuples were read for it.
func (g *gallery) see() (viewers string, whole bool) {
	g.t.Helper()
	before := g.whole.Load()
	view, err := g.index.View(g.t.Context(), store.OwnTuples(acme), g.rules)
	if err != nil {
		g.t.Fatal(err)
	}
	return g.list(view), g.whole.Load() > before
}

func (g *gallery) again(path string) (viewers string, whole bool) {
	g.t.Helper()
	g.enter(path)
	return g.see()
}

func (g *gallery) path() string { return filepath.Join(g.dir, "store.db") }

// picture writes an image, which is due after a day.
func (g *gallery) picture() {
	g.t.Helper()
	g.clock.Advance(25 * time.Hour)
	if err := g.index.WriteImages(g.t.Context()); err != nil {
		g.t.Fatal(err)
	}
}

func (g *gallery) files() (out []string) {
	g.t.Helper()
	all, err := filepath.Glob(filepath.Join(g.dir, "graphs", "*"))
	if err != nil {
		g.t.Fatal(err)
	}
	return all
}

// fill writes some tuples and asks about them.
func (g *gallery) fill(n int) {
	g.t.Helper()
	for i := range n {
		g.write(i, false, time.Time{})
	}
	g.see()
}

// TestImage: after any changes behind the image, deletions among them, a start from the image sees what a
// start from the tuples sees, and reads no tuples for it.
func TestImage(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	g.fill(20)
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 12 {
		for range r.IntN(8) {
			expires := time.Time{}
			if r.IntN(4) == 0 {
				expires = g.clock.Now().Add(time.Hour)
			}
			g.write(r.IntN(24), r.IntN(2) == 0, expires)
		}
		if round%3 == 0 {
			g.picture()
		}
		want, _ := g.see()
		if got, whole := g.again(g.path()); got != want || whole {
			t.Fatalf("round %d: %q (all tuples read: %v), want %q", round, got, whole, want)
		}
		if err := os.Rename(filepath.Join(g.dir, "graphs"), filepath.Join(g.dir, "away")); err != nil {
			t.Fatal(err)
		}
		if got, whole := g.again(g.path()); got != want || !whole {
			t.Fatalf("round %d, from the tuples: %q, want %q", round, got, want)
		}
		if err := errors.Join(os.Remove(filepath.Join(g.dir, "graphs")), os.Rename(filepath.Join(g.dir, "away"), filepath.Join(g.dir, "graphs"))); err != nil {
			t.Fatal(err)
		}
		g.again(g.path())
	}
}

// TestRegress_164_DamagedImages: an image that is cut, has a byte turned at any place, is empty, of another
// store or half-written is passed by.
func TestRegress_164_DamagedImages(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	g.fill(20)
	g.picture()
	g.write(3, true, time.Time{}) // what an image alone would bring back
	want, _ := g.see()
	name := g.files()[0]
	image, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	damages := map[string][]byte{"empty": {}, "longer": append(slices.Clone(image), 0), "other": []byte("hello")}
	for i := 0; i < len(image); i += max(1, len(image)/16) {
		turned := slices.Clone(image)
		turned[i] ^= 0x40
		damages[fmt.Sprintf("cut at %d", i)], damages[fmt.Sprintf("turned at %d", i)] = image[:i], turned
	}
	for what, b := range damages {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, whole := g.again(g.path()); got != want || !whole {
			t.Errorf("%s: %q (all tuples read: %v), want %q", what, got, whole, want)
		}
	}
	if err := os.Rename(name, name+".part"); err != nil {
		t.Fatal(err)
	}
	if got, whole := g.again(g.path()); got != want || !whole {
		t.Errorf("half-written: %q (all tuples read: %v)", got, whole)
	}
	if err := os.WriteFile(name, image, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, whole := g.again(g.path()); got != want || whole {
		t.Errorf("sound again: %q (all tuples read: %v)", got, whole)
	}
	other := store.TupleStore{Tenant: acme, ID: "other"} // asked under the name of this one
	if _, err := g.index.View(t.Context(), other, g.rules); err != nil {
		t.Fatal(err)
	}
	batch := store.Batch{Permit: g.permit, TupleStore: other.ID, Tuples: []store.TupleOp{store.WriteTuple(tuple(77))}}
	if _, err := g.db.Commit(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	g.picture()
	for _, f := range g.files() {
		if err := os.WriteFile(f, image, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	g.enter(g.path())
	if view, err := g.index.View(t.Context(), other, g.rules); err != nil || g.list(view) != "77 " {
		t.Errorf("the image of another store: %q, %v", g.list(view), err)
	}
}

// TestRegress_164_ImageOfAnotherHistory: beside a database that was restored to a time before the image, and
// has gone another way since, the image is passed by, even though the revisions are the same. So is one
// beside a database into which the note of it was moved.
func TestRegress_164_ImageOfAnotherHistory(t *testing.T) {
	t.Parallel()
	if name := os.Getenv(storetest.Variable); name != "" && name != "sqlite" {
		t.Skip("copies a database file")
	}
	g := newGallery(t)
	g.fill(10)
	g.picture()
	backup := filepath.Join(g.dir, "backup.db")
	copyDatabase(t, g.path(), backup)
	if got, whole := g.again(backup); whole || got != "0 1 2 3 4 5 6 7 8 9 " {
		t.Errorf("a copy with the image of its own time: %q (all tuples read: %v)", got, whole)
	}
	g.again(g.path())
	g.write(90, false, time.Time{})
	g.picture()

	g.enter(backup)
	g.write(80, false, time.Time{}) // the same revision, at the same time, of another history
	g.write(81, false, time.Time{})
	if got, whole := g.again(backup); got != "0 1 2 3 4 5 6 7 8 80 81 9 " || !whole {
		t.Errorf("restored: %q (all tuples read: %v)", got, whole)
	}

	moved := filepath.Join(g.dir, "moved.db")
	g.enter(moved)
	g.clock.Advance(time.Hour)
	for i := range 15 {
		g.write(40+i, false, time.Time{})
	}
	g.note(g.files()[0])
	if got, whole := g.again(moved); got != "40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 " || !whole {
		t.Errorf("moved: %q (all tuples read: %v)", got, whole)
	}
}

// note copies the note of an image into the database at hand, as an import does.
func (g *gallery) note(file string) {
	g.t.Helper()
	image, err := os.ReadFile(file)
	if err != nil {
		g.t.Fatal(err)
	}
	sum := sha256.Sum256(image)
	key := store.Key{Tenant: acme, Collection: "graph_image", ID: hex.EncodeToString(sum[:])}
	from, to := openEngine(g.t, g.path()), openEngine(g.t, filepath.Join(g.dir, "moved.db"))
	defer func() { _ = errors.Join(from.Close(), to.Close()) }()
	r, err := from.Get(g.t.Context(), key)
	if err != nil {
		g.t.Fatal(err)
	}
	op := store.Op{Kind: store.InsertOp, Key: key, Expires: r.Expires, Body: r.Body}
	if _, err := to.Commit(g.t.Context(), store.Write{ID: "moved", Tenant: acme, At: g.clock.Now(), Docs: []store.Op{op}}); err != nil {
		g.t.Fatal(err)
	}
}

func openEngine(t *testing.T, path string) *sqlite.Engine {
	t.Helper()
	e, err := sqlite.Open(t.Context(), sqlite.Config{Path: path, Now: storetest.NewClock().Now})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Ensure(t.Context(), []store.Schema{{Name: "graph_image"}}); err != nil {
		t.Fatal(err)
	}
	return e
}

func copyDatabase(t *testing.T, from, to string) {
	t.Helper()
	e := openEngine(t, from)
	defer func() { _ = e.Close() }()
	if err := e.Backup(t.Context(), to); err != nil {
		t.Fatal(err)
	}
}

// TestImagesAreRare: what has hardly changed is not written again, what has changed much is, and what
// nobody can use any more is removed.
func TestImagesAreRare(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	g.clock.Set(time.Now())
	g.fill(20)
	write := func(after time.Duration, want bool) {
		t.Helper()
		g.clock.Advance(after)
		before := stamps(t, g.files())
		if err := g.index.WriteImages(t.Context()); err != nil {
			t.Fatal(err)
		}
		if written := stamps(t, g.files()) != before; written != want {
			t.Errorf("written %v, want %v", written, want)
		}
	}
	write(0, true) // there was none
	g.write(90, false, time.Time{})
	write(time.Hour, false)
	for range 500 {
		g.write(91, false, time.Time{})
		g.write(91, true, time.Time{})
	}
	write(time.Hour, true)
	g.write(92, false, time.Time{})
	write(24*time.Hour, true)
	g.index.Forget(store.OwnTuples(acme))
	if left := g.files(); len(left) != 0 {
		t.Errorf("left after the store: %v", left)
	}
	stray := filepath.Join(g.dir, "graphs", "stray.graph.part")
	if err := os.WriteFile(stray, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	g.clock.Advance(8 * 24 * time.Hour)
	if err := g.index.WriteImages(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(stray); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a stray file is still there: %v", err)
	}
}

func stamps(t *testing.T, files []string) (out string) {
	t.Helper()
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		out += fmt.Sprintf("%s %x\n", f, sha256.Sum256(b))
	}
	return out
}
