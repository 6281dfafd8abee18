package refresh

import (
	"context"
	"crypto/rand"
	"errors"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store"
)

const (
	keyBytes = 32
	// maxKeys is how many keys a ring keeps. A token under an older one is refused.
	maxKeys = 8
	ringID  = "ring"
)

// key is a pair of keys: one to recognise tokens, one to derive the next.
type key struct {
	id          uint32
	tag, derive []byte
}

// ring is the keys of a tenant, oldest first; the last one makes new tokens.
type ring []key

func (r ring) newest() key { return r[len(r)-1] }

func (r ring) find(id uint32) (key, bool) {
	for _, k := range r {
		if k.id == id {
			return k, true
		}
	}
	return key{}, false
}

// keyDocument holds a tenant's ring, sealed at rest.
type keyDocument struct {
	store.Meta
	Rotated time.Time    `json:"rotated"`
	Ring    secret.Value `json:"-"` // JSON of storedKeys

	opened atomic.Pointer[ring] // what open has made of Ring: documents are shared and read often
}

type storedKey struct {
	ID     uint32 `json:"id"`
	Tag    []byte `json:"tag"`
	Derive []byte `json:"derive"`
}

// keys finds and makes the rings of tenants.
type keys struct {
	db    *store.DB
	guard *access.Guard
	all   *store.Collection[keyDocument]
}

func newKeys(db *store.DB, g *access.Guard) *keys {
	return &keys{db: db, guard: g, all: store.NewCollection(db, store.Kind[keyDocument]{
		Name: "refresh_key", Noun: "key",
		Meta:   func(k *keyDocument) *store.Meta { return &k.Meta },
		Sealed: []store.SealedField[keyDocument]{{Name: "ring", Of: func(k *keyDocument) *secret.Value { return &k.Ring }}},
	})}
}

// ring is the tenant's ring, made at its first use.
func (k *keys) ring(ctx context.Context, t id.Tenant) (ring, error) {
	doc, err := k.all.In(t).View(ctx, ringID)
	if errs.Is(err, errs.NotFound) {
		doc, err = k.make(ctx, t)
	}
	if err != nil {
		return nil, err
	}
	return doc.open()
}

// find is the key with the given number. A number that this node does not know may have been made by
// another node a moment ago, so the store is asked.
func (k *keys) find(ctx context.Context, t id.Tenant, number uint32) (key, bool, error) {
	known, err := k.ring(ctx, t)
	if err != nil {
		return key{}, false, err
	}
	if found, ok := known.find(number); ok {
		return found, true, nil
	}
	doc, err := k.all.In(t).Get(ctx, ringID)
	if err != nil {
		return key{}, false, err
	}
	if known, err = doc.open(); err != nil {
		return key{}, false, err
	}
	found, ok := known.find(number)
	return found, ok, nil
}

func (k *keys) make(ctx context.Context, t id.Tenant) (*keyDocument, error) {
	doc := &keyDocument{Meta: store.Meta{ID: ringID}, Rotated: k.db.Now()}
	if err := doc.add(nil); err != nil {
		return nil, err
	}
	_, err := k.db.Commit(ctx, store.Batch{
		Permit: k.guard.Task(t, "store.seal_key"), Docs: []store.DocOp{k.all.In(t).Insert(ctx, doc)},
	})
	if errs.CodeOf(err) == "already_exists" { // another node was faster
		return k.all.In(t).Get(ctx, ringID)
	}
	return doc, err
}

// rotate puts a new key at the end of the ring. Families move to it as they rotate.
func (k *keys) rotate(ctx context.Context, p access.Permit) error {
	t := p.By().Tenant()
	if _, err := k.ring(ctx, t); err != nil {
		return err
	}
	_, err := k.all.In(t).Update(ctx, ringID, func(doc *keyDocument) (store.Batch, error) {
		known, err := doc.open()
		if err != nil {
			return store.Batch{}, err
		}
		doc.Rotated = k.db.Now()
		return store.Batch{Permit: p, Events: []store.Event{{Kind: "refresh_key.rotated"}}}, doc.add(known)
	})
	return err
}

// add appends a fresh key to known and stores the result in the document.
func (d *keyDocument) add(known ring) error {
	next := key{id: 1, tag: random(), derive: random()}
	if len(known) > 0 {
		next.id = known.newest().id + 1
	}
	known = append(known, next)
	known = known[max(0, len(known)-maxKeys):]
	stored := make([]storedKey, len(known))
	for i, k := range known {
		stored[i] = storedKey{ID: k.id, Tag: k.tag, Derive: k.derive}
	}
	text, err := json.Marshal(stored)
	if err != nil {
		return errs.Wrap(errs.Internal, err, "", "Something went wrong on our side.")
	}
	d.Ring = secret.New(string(text))
	d.opened.Store(nil)
	return nil
}

func (d *keyDocument) open() (ring, error) {
	if known := d.opened.Load(); known != nil {
		return *known, nil
	}
	var stored []storedKey
	err := json.Unmarshal([]byte(d.Ring.Reveal()), &stored)
	if err == nil && len(stored) == 0 {
		err = errors.New("refresh: empty key ring")
	}
	out := make(ring, len(stored))
	for i, k := range stored {
		if len(k.Tag) != keyBytes || len(k.Derive) != keyBytes {
			err = errors.New("refresh: key of the wrong size")
		}
		out[i] = key{id: k.ID, tag: k.Tag, derive: k.Derive}
	}
	if err != nil {
		return nil, errs.Wrap(errs.Internal, err, "", "Something went wrong on our side.")
	}
	d.opened.Store(&out)
	return out, nil
}

func random() []byte {
	b := make([]byte, keyBytes)
	rand.Read(b)
	return b
}
