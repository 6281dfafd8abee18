package policy

import "github.com/cardea-auth/cardea/internal/kit/id"

// Shelf is a shelf, for tests.
type Shelf struct{ s *shelf }

// NewShelf is an empty one.
func NewShelf() *Shelf { return &Shelf{newShelf()} }

// Round is the round in which a version is asked for.
func (s *Shelf) Round(t id.Tenant, set string, number int) uint64 {
	_, round := s.s.get(versionKey{t, set, number})
	return round
}

// Put puts a version that was read in a round.
func (s *Shelf) Put(t id.Tenant, set string, number int, round uint64) {
	s.s.put(versionKey{t, set, number}, &Policies{}, round)
}

// Has reports whether a version is kept.
func (s *Shelf) Has(t id.Tenant, set string, number int) bool {
	p, _ := s.s.get(versionKey{t, set, number})
	return p != nil
}

// Drop lets go of a set, or of all of a tenant.
func (s *Shelf) Drop(t id.Tenant, set string) { s.s.drop(t, set) }

// Clear lets go of everything.
func (s *Shelf) Clear() { s.s.clear() }
