package policy_test

import (
	"testing"

	"github.com/cardea-auth/cardea/internal/authz/policy"
)

// TestLateReaderPutsNothingBack: what was read before a set was let go of is not kept after it.
func TestLateReaderPutsNothingBack(t *testing.T) {
	t.Parallel()
	for name, letGo := range map[string]func(*policy.Shelf){
		"a set": func(s *policy.Shelf) { s.Drop("acme", "rules") }, "a tenant": func(s *policy.Shelf) { s.Drop("acme", "") }, "all": (*policy.Shelf).Clear,
	} {
		s := policy.NewShelf()
		round := s.Round("acme", "rules", 1)
		letGo(s)
		if s.Put("acme", "rules", 1, round); s.Has("acme", "rules", 1) {
			t.Errorf("%s was let go of, and a late reader has put it back", name)
		}
		if s.Put("acme", "rules", 1, s.Round("acme", "rules", 1)); !s.Has("acme", "rules", 1) {
			t.Errorf("%s was let go of, and nothing is kept any more", name)
		}
	}
}
