package envelope

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
)

// Rewrap changes the master key to next, on an unlocked sealer, while the server works. It only adds:
// each data key is wrapped by next as well, and then next becomes the current key. From then until
// Finish either key opens everything, so that several nodes can be restarted one by one. Nodes that
// hold only the old key cannot make data keys for new tenants meanwhile.
//
// Killed half-way, before next became current, the old key still opens everything and Rewrap with the
// same next goes on where it stopped; after that, it has nothing left to do.
func (s *Sealer) Rewrap(ctx context.Context, next Master) error {
	if !next.Valid() {
		return errors.New("envelope: no new master key")
	}
	s.changing.Lock()
	defer s.changing.Unlock()
	if err := s.announce(ctx, next); err != nil {
		return fmt.Errorf("announcing the new master key: %w", err)
	}
	s.hold(next)
	if err := s.everyRing(ctx, func(t id.Tenant, doc *ringDocument) (bool, error) { return s.wrapAll(t, doc, next) }); err != nil {
		return fmt.Errorf("wrapping the data keys anew: %w", err)
	}
	if err := s.promote(ctx, next); err != nil {
		return fmt.Errorf("changing to the new master key: %w", err)
	}
	return nil
}

// Finish ends a change of the master key: the old key opens nothing any more. It must be called on
// a sealer that holds the new key, once every node does. Killed half-way, it can be called again.
func (s *Sealer) Finish(ctx context.Context) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	current, err := s.dismiss(ctx)
	if err != nil {
		return fmt.Errorf("dismissing the old master key: %w", err)
	}
	err = s.everyRing(ctx, func(_ id.Tenant, doc *ringDocument) (bool, error) { return stripAll(doc, current), nil })
	if err != nil {
		return fmt.Errorf("removing what the old master key wrapped: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.masters = slices.DeleteFunc(s.masters, func(m Master) bool { return m.ID() != current })
	return nil
}

// announce writes next into the canary. From then on no data key is made that next does not wrap.
func (s *Sealer) announce(ctx context.Context, next Master) error {
	return s.alterCanary(ctx, "master_key.change_started", next.ID(), func(canary *canaryDocument) (bool, error) {
		if e := canary.entry(next.ID()); e != nil {
			if e.State == masterLeaving {
				return false, errors.New("envelope: this is the master key that is being replaced")
			}
			return false, nil
		}
		if len(canary.Masters) != 1 {
			return false, errors.New("envelope: another change of the master key is not finished")
		}
		entry, err := newEntry(next, masterJoining)
		canary.Masters = append(canary.Masters, entry)
		return true, err
	})
}

// promote makes next the current key.
func (s *Sealer) promote(ctx context.Context, next Master) error {
	return s.alterCanary(ctx, "master_key.changed", next.ID(), func(canary *canaryDocument) (bool, error) {
		e := canary.entry(next.ID())
		if e == nil {
			return false, errors.New("envelope: the change was given up meanwhile")
		}
		if e.State == masterCurrent {
			return false, nil
		}
		if old := canary.in(masterCurrent); old != nil {
			old.State = masterLeaving
		}
		e.State = masterCurrent
		return true, nil
	})
}

// dismiss takes every key but the current one out of the canary, and returns that one. The canary
// goes first: a server started with the old key is then refused, rather than to serve a part.
func (s *Sealer) dismiss(ctx context.Context) (MasterID, error) {
	var current MasterID
	err := s.alterCanary(ctx, "master_key.dismissed", "", func(canary *canaryDocument) (bool, error) {
		e := canary.in(masterCurrent)
		if e == nil || canary.in(masterJoining) != nil {
			return false, errors.New("envelope: the change of the master key has not come so far")
		}
		s.mu.Lock()
		holds := s.holds(e.ID)
		s.mu.Unlock()
		if !holds {
			return false, errors.New("envelope: this server does not hold the new master key")
		}
		current = e.ID
		before := len(canary.Masters)
		canary.Masters = []masterEntry{*e}
		return before != 1, nil
	})
	return current, err
}

// alterCanary changes the canary together with an event; alter says whether there was anything to do.
func (s *Sealer) alterCanary(ctx context.Context, event string, about MasterID, alter func(*canaryDocument) (bool, error)) error {
	s.mu.Lock()
	unlocked := s.unlocked
	s.mu.Unlock()
	if !unlocked {
		return ErrLocked
	}
	canary, err := s.canaries.In(id.System).Get(ctx, canaryID)
	if err != nil {
		return err
	}
	changed, err := alter(canary)
	if err != nil || !changed {
		return err
	}
	public := map[string]string{}
	if about != "" {
		public["key"] = string(about)
	}
	_, err = s.db.Commit(ctx, store.Batch{
		Permit: s.guard.Task(id.System, "store.seal_key"),
		Docs:   []store.DocOp{s.canaries.In(id.System).Replace(ctx, canary)},
		Events: []store.Event{{Kind: event, Public: public}},
	})
	return err
}

// hold has the sealer wrap new data keys by next too.
func (s *Sealer) hold(next Master) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.holds(next.ID()) {
		s.masters = append(slices.Clone(s.masters), next)
	}
}

// everyRing applies alter to the data keys of every tenant, one write each.
func (s *Sealer) everyRing(ctx context.Context, alter func(id.Tenant, *ringDocument) (bool, error)) error {
	in := s.keys.In(id.System)
	for r := (page.Request{Limit: page.MaxLimit}); ; {
		p, err := in.Find(ctx, store.Query{Request: r})
		if err != nil {
			return err
		}
		for _, found := range p.Items {
			if err := s.alterRing(ctx, id.Tenant(found.ID), alter); err != nil {
				return err
			}
		}
		if r.Cursor = p.Next; r.Cursor == "" {
			return nil
		}
	}
}

// errNothing stops an Update that has nothing to write.
var errNothing = errors.New("nothing to write")

func (s *Sealer) alterRing(ctx context.Context, t id.Tenant, alter func(id.Tenant, *ringDocument) (bool, error)) error {
	_, err := s.keys.In(id.System).Update(ctx, string(t), func(doc *ringDocument) (store.Batch, error) {
		changed, err := alter(t, doc)
		if err == nil && !changed {
			err = errNothing
		}
		return store.Batch{Permit: s.guard.Task(id.System, "store.seal_key")}, err
	})
	if errors.Is(err, errNothing) {
		return nil
	}
	return err
}

// wrapAll adds to each data key a wrap by next.
func (s *Sealer) wrapAll(t id.Tenant, doc *ringDocument, next Master) (changed bool, err error) {
	s.mu.Lock()
	masters := s.masters
	s.mu.Unlock()
	for i := range doc.Keys {
		k := &doc.Keys[i]
		if _, ok := k.Wraps[next.ID()]; ok {
			continue
		}
		plain, err := unwrapAny(masters, t, *k)
		if err != nil {
			return false, err
		}
		if k.Wraps[next.ID()], err = next.wrap(plain, wrapPlace(t, k.Number)); err != nil {
			return false, err
		}
		changed = true
	}
	return changed, nil
}

// stripAll removes every wrap but the one by current. It refuses to remove the last one.
func stripAll(doc *ringDocument, current MasterID) (changed bool) {
	for i := range doc.Keys {
		if _, ok := doc.Keys[i].Wraps[current]; !ok {
			continue
		}
		maps.DeleteFunc(doc.Keys[i].Wraps, func(m MasterID, _ []byte) bool {
			if m != current {
				changed = true
			}
			return m != current
		})
	}
	return changed
}
