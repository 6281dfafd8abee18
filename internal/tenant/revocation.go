package tenant

import (
	"context"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
)

// RevocationKind says what an entry of the revocation list is about.
type RevocationKind string

// The kinds of entry. The words are those of the feed that services follow.
const (
	RevokedSession RevocationKind = "session"
	RevokedUser    RevocationKind = "user"
	RevokedClient  RevocationKind = "client"
	RevokedTenant  RevocationKind = "tenant"
	RevokedToken   RevocationKind = "jti"
	RevokedKey     RevocationKind = "key"
	RevokedConsent RevocationKind = "consent" // the id is user/client, as in sub and client_id
)

// RevocationLife is how long an entry is kept: as long as the longest-lived JWT that it can be about,
// an hour, and the five minutes by which verifiers may let it live longer.
const RevocationLife = 65 * time.Minute

// Revocation says that tokens about ID are dead if their epoch is below MinEpoch. It is written in
// the batch that raises the epoch, so that no revocation can be acknowledged without its entry.
type Revocation struct {
	store.Meta
	Kind     RevocationKind `json:"kind"`
	About    string         `json:"id"`
	MinEpoch int64          `json:"min_epoch,omitzero"`
	At       time.Time      `json:"at"`
}

// revocationsByTime lists entries in the order of their time.
const revocationsByTime = "by_time"

// Revocations is the revocation list of each tenant.
type Revocations struct {
	db  *store.DB
	all *store.Collection[Revocation]
}

// NewRevocations declares the revocation list to db.
func NewRevocations(db *store.DB) *Revocations {
	return &Revocations{db: db, all: store.NewCollection(db, store.Kind[Revocation]{
		Name: "revocation", Noun: "revocation",
		Meta: func(r *Revocation) *store.Meta { return &r.Meta },
		Columns: []store.ColumnOf[Revocation]{
			{Name: "at", Kind: store.IntKind, Of: func(r *Revocation) store.Value { return store.Time(r.At) }},
		},
		Indexes: []store.Index{{Name: revocationsByTime, Columns: []string{"at"}}},
	})}
}

// Add is the operation that adds an entry to the batch that revokes.
func (s *Revocations) Add(ctx context.Context, t id.Tenant, kind RevocationKind, about string, minEpoch int64) store.DocOp {
	now := s.db.Now()
	return s.all.In(t).Insert(ctx, &Revocation{
		Meta: store.Meta{ID: id.NewRow(now), Expires: now.Add(RevocationLife)},
		Kind: kind, About: about, MinEpoch: minEpoch, At: now,
	})
}

// After reads entries whose time is since or later, oldest first. Entries become visible a moment after
// their time, so a follower reads again from a little before the last it has seen and drops what it
// knows.
func (s *Revocations) After(ctx context.Context, t id.Tenant, since time.Time, r page.Request) (page.Page[*Revocation], error) {
	from := store.Time(since)
	q := store.Query{Index: revocationsByTime, Request: r}
	if !since.IsZero() {
		q.From = &from
	}
	return s.all.In(t).Find(ctx, q)
}
