package envelope

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
)

// reserveTries bounds how often a block is asked for again when other nodes ask at the same time.
const reserveTries = 10

// reserve counts the next block of seals and returns the key that seals, with one seal taken off.
// What a crash leaves of a block is lost: the count is then too high, never too low.
func (s *Sealer) reserve(ctx context.Context, t id.Tenant) (*sealing, error) {
	if t == "" {
		return nil, errors.New("envelope: no tenant")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.unlocked {
		return nil, ErrLocked
	}
	if k := s.ready(t); k != nil { // somebody else has just done it
		return k, nil
	}
	doc, err := s.change(ctx, t, func(doc *ringDocument) error {
		k := doc.current()
		if k == nil || k.Seals+s.sealBlock > s.maxSeals {
			return s.addKey(t, doc)
		}
		k.Seals += s.sealBlock
		return nil
	})
	if err != nil {
		return nil, err
	}
	k := &sealing{number: doc.Current}
	k.left.Store(s.sealBlock - 1)
	return k, s.keep(t, doc, k)
}

// Retire replaces the data key of a tenant by a new one: after a suspected leak, or by policy. What
// the old one sealed still opens and is sealed anew when it is next written. Other nodes follow with
// their next Refresh.
func (s *Sealer) Retire(ctx context.Context, t id.Tenant) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.unlocked {
		return ErrLocked
	}
	doc, err := s.change(ctx, t, func(doc *ringDocument) error { return s.addKey(t, doc) })
	if err != nil {
		return err
	}
	k := &sealing{number: doc.Current}
	k.left.Store(s.sealBlock)
	return s.keep(t, doc, k)
}

// addKey makes a data key, counts its first block and has it seal from now on.
func (s *Sealer) addKey(t id.Tenant, doc *ringDocument) error {
	now := s.db.Now()
	if old := doc.current(); old != nil {
		old.Retired = now
	}
	next := dataKey{Number: 1, Wraps: map[MasterID][]byte{}, Seals: s.sealBlock, Created: now}
	for _, k := range doc.Keys {
		next.Number = max(next.Number, k.Number+1)
	}
	plain := make([]byte, keySize)
	rand.Read(plain)
	for _, m := range s.masters {
		box, err := m.wrap(plain, wrapPlace(t, next.Number))
		if err != nil {
			return err
		}
		next.Wraps[m.ID()] = box
	}
	doc.Keys, doc.Current = append(doc.Keys, next), next.Number
	return nil
}

// change reads a tenant's data keys, or begins them, alters and writes them. It starts again when
// another node was faster. When the alteration made a key, the batch also checks that the canary is
// as it was read: a change of the master key that begins meanwhile would miss the new key.
func (s *Sealer) change(ctx context.Context, t id.Tenant, alter func(*ringDocument) error) (*ringDocument, error) {
	in := s.keys.In(id.System)
	for try := 1; ; try++ {
		doc, err := in.Get(ctx, string(t))
		if errs.Is(err, errs.NotFound) {
			doc, err = &ringDocument{Meta: store.Meta{ID: string(t)}}, nil
		}
		if err != nil {
			return nil, err
		}
		before := doc.Current
		if err := alter(doc); err != nil {
			return nil, err
		}
		batch := store.Batch{Permit: s.guard.Task(id.System, "store.seal_key")}
		if doc.Version == 0 {
			batch.Docs = append(batch.Docs, in.Insert(ctx, doc))
		} else {
			batch.Docs = append(batch.Docs, in.Replace(ctx, doc))
		}
		if doc.Current != before {
			check, err := s.mayMakeKeys(ctx)
			if err != nil {
				return nil, err
			}
			batch.Docs = append(batch.Docs, check)
		}
		_, err = s.db.Commit(ctx, batch)
		if err == nil {
			doc.Version++
			return doc, nil
		}
		if !errs.Is(err, errs.Conflict) || try == reserveTries {
			return nil, err
		}
	}
}

// mayMakeKeys refuses while a change of the master key is under way of which this server holds only
// the leaving key: a data key that it made now would not open for the others.
func (s *Sealer) mayMakeKeys(ctx context.Context) (store.DocOp, error) {
	canary, err := s.canaries.In(id.System).Get(ctx, canaryID)
	if err != nil {
		return store.DocOp{}, err
	}
	for _, e := range canary.Masters {
		if e.State != masterLeaving && !s.holds(e.ID) {
			return store.DocOp{}, errs.Busy(time.Minute, nil, "master_key_changing",
				"The master key is being changed; this server needs a restart with the new one.")
		}
	}
	return s.canaries.In(id.System).Check(canary), nil
}

func (s *Sealer) holds(m MasterID) bool {
	for _, have := range s.masters {
		if have.ID() == m {
			return true
		}
	}
	return false
}
