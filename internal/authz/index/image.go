package index

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
)

// Images of graphs are files of this node from which a store is ready sooner than from its tuples. A file is
// believed only if the database has a document that names it by its digest: whoever wrote that had read the
// revision of the image from this database, and so a database that holds it has that revision in its past.
// One that was restored to a time before the image does not hold it. What is damaged, missing or not known
// is passed by, and the tuples are read.
type images struct {
	db    *store.DB
	guard *access.Guard
	dir   *os.Root
	notes *store.Collection[imageNote]
}

// imageNote is what the database knows of an image. Its id is the digest of the file.
type imageNote struct {
	store.Meta
	Store    string `json:"store"`
	Rules    string `json:"rules"` // digest
	Revision uint64 `json:"revision"`
	// Change is a digest of the changes that made the revision, with their time, as far as the log was kept.
	// A document can be moved to another database, where revisions count otherwise; these cannot.
	Change string    `json:"change,omitzero"`
	Tuples int       `json:"tuples"`
	At     time.Time `json:"at"`
}

func imageKind() store.Kind[imageNote] {
	return store.Kind[imageNote]{
		Name: "graph_image", Noun: "image of a graph",
		Meta: func(n *imageNote) *store.Meta { return &n.Meta },
	}
}

// Bounds of images.
const (
	// An image is renewed when one in so many tuples was changed since, which costs a tenth of what reading
	// them all would, or when it is old: the log of changes must reach back to it.
	renewShare   = 20
	renewAge     = 24 * time.Hour
	leastPause   = 5 * time.Minute // between two images of one graph
	keepImages   = 7 * 24 * time.Hour
	imageSuffix  = ".graph"
	unfinished   = ".part"
	leastChanges = 1000
)

// pictured is the image that there is of a mirror.
type pictured struct {
	at      time.Time // zero: none
	changes int       // since
}

// KeepImages has images kept in a directory that nobody else writes to. It is called once by wiring, before
// the first question.
func (x *Index) KeepImages(db *store.DB, g *access.Guard, dir *os.Root) {
	x.images = &images{db: db, guard: g, dir: dir, notes: store.NewCollection(db, imageKind())}
}

// WriteImages writes the images that are due, one after the other, and removes those that nobody can use.
// Killed half-way it leaves a file that is not believed.
func (x *Index) WriteImages(ctx context.Context) error {
	if x.images == nil {
		return nil
	}
	var all []error
	for _, m := range x.mirrors() {
		if m.dueImage(x.now(), x.bounds.Imaged) {
			all = append(all, x.writeImage(ctx, m))
		}
	}
	return errors.Join(append(all, x.images.tidy(x.now()))...)
}

func (x *Index) mirrors() (out []*mirror) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for _, all := range x.graphs {
		out = append(out, all...)
	}
	return out
}

// dueImage reports whether an image of the graph should be written.
func (m *mirror) dueImage(now time.Time, least int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := int(m.tuples.Load())
	if !m.ready.Load() || m.graph().Partial() || m.foreign || n < least || now.Sub(m.image.at) < leastPause {
		return false
	}
	return m.image.changes >= max(leastChanges, n/renewShare) || now.Sub(m.image.at) >= renewAge
}

// file is the name of the image of a store by some rules.
func (m *mirror) file() string {
	h := sha256.New()
	for _, part := range []string{string(m.store.Tenant), m.store.ID, m.digest} {
		h.Write(binary.AppendUvarint(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	return hex.EncodeToString(h.Sum(nil)[:16]) + imageSuffix
}

func (x *Index) writeImage(ctx context.Context, m *mirror) error {
	m.mu.Lock()
	view, before := m.graph().View(), m.image.changes
	m.mu.Unlock()
	note := &imageNote{Store: m.store.ID, Rules: m.digest, Revision: view.Revision(), Tuples: int(m.tuples.Load()), At: x.now()}
	note.Expires = note.At.Add(keepImages)
	var err error
	if note.Change, err = x.lastChange(ctx, m.store, note.Revision); err != nil {
		return err
	}
	if note.ID, err = x.images.write(m.file(), view); err != nil {
		return err
	}
	if err := x.images.note(ctx, m.store.Tenant, note); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.image = pictured{at: note.At, changes: m.image.changes - before}
	return nil
}

// write puts an image on the disk and then into its place, and returns its digest.
func (i *images) write(name string, view graph.View) (digest string, err error) {
	f, err := i.dir.OpenFile(name+unfinished, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	err = view.WriteImage(io.MultiWriter(f, h))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = i.dir.Rename(name+unfinished, name)
	}
	return hex.EncodeToString(h.Sum(nil)), err
}

// note writes down that there is an image. Equal graphs have equal images: another node may have written
// the same, or this one the day before.
func (i *images) note(ctx context.Context, t id.Tenant, n *imageNote) error {
	in := i.notes.In(t)
	op := in.Insert
	switch before, err := in.Get(ctx, n.ID); {
	case err == nil:
		n.Version, op = before.Version, in.Replace
	case !errs.Is(err, errs.NotFound):
		return err
	}
	_, err := i.db.Commit(ctx, store.Batch{Permit: i.guard.Task(t, "graph.keep"), Docs: []store.DocOp{op(ctx, n)}})
	return err
}

// lastChange is a digest of the changes that made a revision; empty if the log does not tell.
func (x *Index) lastChange(ctx context.Context, s store.TupleStore, revision uint64) (string, error) {
	if revision == 0 {
		return "", nil
	}
	changes, err := x.tuples.Changes(ctx, s, revision-1, 1)
	switch {
	case errors.Is(err, store.ErrTrimmed):
		return "", nil
	case err != nil:
		return "", Unavailable(err)
	}
	h := sha256.New()
	for _, c := range changes {
		if c.Revision != revision {
			break
		}
		t := c.Tuple
		h.Write(binary.AppendVarint(nil, c.At.UnixMilli()))
		h.Write(binary.AppendVarint(nil, t.Expires.UnixMilli()))
		for _, part := range []string{
			t.Object.Type, t.Object.ID, t.Relation, t.Subject.Type, t.Subject.ID, t.Subject.Relation, t.Condition.Name, t.Condition.Context,
		} {
			h.Write(binary.AppendUvarint(nil, uint64(len(part))))
			h.Write([]byte(part))
		}
		if c.Delete {
			h.Write([]byte{1})
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// fromImage loads the graph from its image, if there is one that can be believed. The changes since are
// still to be applied.
func (x *Index) fromImage(ctx context.Context, m *mirror) bool {
	if x.images == nil || m.graph().Revision() > 0 {
		return false
	}
	image, err := x.images.dir.ReadFile(m.file())
	if err != nil {
		return false
	}
	sum := sha256.Sum256(image)
	note, err := x.images.notes.In(m.store.Tenant).Get(ctx, hex.EncodeToString(sum[:]))
	if err != nil || note.Store != m.store.ID || note.Rules != m.digest || note.Tuples > x.bounds.tuples() {
		return false
	}
	newest, err := x.tuples.Revision(ctx, m.store)
	if err != nil || note.Revision > newest {
		return false
	}
	change, err := x.lastChange(ctx, m.store, note.Revision)
	if err != nil || change != "" && change != note.Change {
		return false
	}
	if m.graph().LoadImage(image) != nil {
		return false
	}
	m.image = pictured{at: note.At}
	return true
}

// forget removes the image of a graph whose store was deleted.
func (i *images) forget(m *mirror) {
	_ = i.dir.Remove(m.file()) // what is left is removed when it is old
}

// tidy removes files that are too old to be of use: images of stores and models that nobody asks about any
// more, and what was left half-written.
func (i *images) tidy(now time.Time) error {
	found, err := fs.ReadDir(i.dir.FS(), ".")
	all := []error{err}
	for _, f := range found {
		info, err := f.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil && now.Sub(info.ModTime()) > keepImages {
			err = i.dir.Remove(f.Name())
		}
		all = append(all, err)
	}
	return errors.Join(all...)
}
