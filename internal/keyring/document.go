package keyring

import (
	"context"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store"
)

// Collection is where signing keys lie. Who follows the changes of other nodes calls Ring.Refresh
// when a document of it has changed.
const Collection = "signing_key"

// bySlot is the unique index that lets a purpose have one active and one next key per algorithm.
const bySlot = "by_slot"

// document is a key as it is stored; its id is the kid.
type document struct {
	store.Meta
	Purpose   Purpose      `json:"purpose"`
	Alg       Alg          `json:"alg"`
	State     State        `json:"state"`
	Created   time.Time    `json:"created"`
	Ready     time.Time    `json:"ready"` // when it has been published for long enough to sign
	Activated time.Time    `json:"activated,omitzero"`
	Retired   time.Time    `json:"retired,omitzero"`
	Revoked   time.Time    `json:"revoked,omitzero"`
	Private   secret.Value `json:"-"` // PKCS #8; empty once the key has ceased to sign
	// Public is sealed although it is no secret, so that who can write to the database cannot put a
	// key of their own into the key set. Empty once the key is revoked, unless it signs checkpoints:
	// those it signed before must still be told from forged ones.
	Public secret.Value `json:"-"`
}

func documentKind() store.Kind[document] {
	return store.Kind[document]{
		Name: Collection, Noun: "signing key",
		Meta: func(d *document) *store.Meta { return &d.Meta },
		Columns: []store.ColumnOf[document]{
			{Name: "slot", Kind: store.TextKind, Of: func(d *document) store.Value { return store.TextOrNone(d.place()) }},
		},
		Indexes: []store.Index{{Name: bySlot, Columns: []string{"slot"}, Unique: true}},
		Sealed: []store.SealedField[document]{
			{Name: "private", Of: func(d *document) *secret.Value { return &d.Private }},
			{Name: "public", Of: func(d *document) *secret.Value { return &d.Public }},
		},
	}
}

func (d *document) slot() slot { return slot{d.Purpose, d.Alg} }

// place is the value of the unique index: "" for keys that may be many.
func (d *document) place() string {
	if d.State != Next && d.State != Active {
		return ""
	}
	return string(d.Purpose) + "/" + string(d.Alg) + "/" + string(d.State)
}

func (d *document) object() access.Object { return keyObject(d.ID) }

func keyObject(kid string) access.Object { return access.Object{Type: "cardea:key", ID: kid} }

// event tells of something that happened to the key.
func (d *document) event(kind string) store.Event {
	return store.Event{Kind: kind, Object: d.object(), Public: map[string]string{
		"purpose": string(d.Purpose), "alg": string(d.Alg), "state": string(d.State),
	}}
}

// The events of keys.
const (
	eventCreated   = "key.created"
	eventActivated = "key.activated"
	eventRetired   = "key.retired"
	eventRevoked   = "key.revoked"
)

// newDocument makes a key for a slot. As Next it may sign after lead.
func newDocument(s slot, state State, now time.Time, lead time.Duration) (*document, error) {
	p, err := generate(s.alg)
	if err != nil {
		return nil, err
	}
	d := &document{Meta: store.Meta{ID: id.New()}, Purpose: s.purpose, Alg: s.alg, State: state, Created: now, Ready: now.Add(lead)}
	if state == Active {
		d.Ready, d.Activated = now, now
	}
	d.Private, d.Public, err = p.seal()
	return d, err
}

// documents reads all keys of a tenant: a dozen, and those that were revoked of late.
func (r *Ring) documents(ctx context.Context, t id.Tenant) ([]*document, error) {
	var out []*document
	for q := (page.Request{Limit: page.MaxLimit}); ; {
		p, err := r.keys.In(t).Find(ctx, store.Query{Request: q})
		if err != nil {
			return nil, err
		}
		out = append(out, p.Items...)
		if q.Cursor = p.Next; q.Cursor == "" {
			return out, nil
		}
	}
}

// find is the key of docs that is in state s and slot at, or nil.
func find(docs []*document, at slot, s State) *document {
	for _, d := range docs {
		if d.slot() == at && d.State == s {
			return d
		}
	}
	return nil
}
