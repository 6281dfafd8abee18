package envelope

import (
	"context"
	"errors"
	"fmt"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
)

// Unlock compares the master key with the database's canary; an empty database gets one. It is
// called once, after Ensure. With an error the sealer stays locked: *WrongKeyError names the key that
// is expected and the one that was given, any other means that nothing could be found out.
func (s *Sealer) Unlock(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.db == nil:
		return errors.New("envelope: Attach comes before Unlock")
	case !s.masters[0].Valid():
		return errors.New("envelope: no master key")
	}
	canary, err := s.canaries.In(id.System).Get(ctx, canaryID)
	if errs.Is(err, errs.NotFound) {
		canary, err = s.begin(ctx)
	}
	if err != nil {
		return fmt.Errorf("comparing the master key: %w", err)
	}
	if err := fits(canary, s.masters[0]); err != nil {
		return err
	}
	s.unlocked = true
	return nil
}

// fits reports whether the server may run with m.
func fits(canary *canaryDocument, m Master) error {
	wrong := &WrongKeyError{Given: m.ID()}
	if current := canary.in(masterCurrent); current != nil {
		wrong.Expected = current.ID
	}
	e := canary.entry(m.ID())
	if e == nil {
		return wrong
	}
	if e.State == masterJoining {
		wrong.Joining = true
		return wrong
	}
	// Ids are hashes and could be copied; the box is the proof.
	plain, err := m.unwrap(e.Box, canaryPlace(e.ID))
	if err != nil || string(plain) != canaryText {
		return wrong
	}
	return nil
}

// begin writes the canary of an empty database. A database that has data keys and no canary was
// tampered with or half restored, and any key would seem to fit it.
func (s *Sealer) begin(ctx context.Context) (*canaryDocument, error) {
	n, err := s.keys.In(id.System).Count(ctx, 1, "")
	if err != nil {
		return nil, err
	}
	if n > 0 {
		return nil, errors.New("envelope: the database has data keys but does not say which master key they need; restore it anew")
	}
	entry, err := newEntry(s.masters[0], masterCurrent)
	if err != nil {
		return nil, err
	}
	canary := &canaryDocument{Meta: store.Meta{ID: canaryID}, Masters: []masterEntry{entry}}
	_, err = s.db.Commit(ctx, store.Batch{
		Permit: s.guard.Task(id.System, "store.seal_key"),
		Docs:   []store.DocOp{s.canaries.In(id.System).Insert(ctx, canary)},
		Events: []store.Event{{Kind: "master_key.adopted", Public: map[string]string{"key": string(entry.ID)}}},
	})
	if store.Exists(err, store.PrimaryIndex) { // another node was first; its key counts
		return s.canaries.In(id.System).Get(ctx, canaryID)
	}
	return canary, err
}

func newEntry(m Master, state masterState) (masterEntry, error) {
	box, err := m.wrap([]byte(canaryText), canaryPlace(m.ID()))
	return masterEntry{ID: m.ID(), State: state, Box: box}, err
}
