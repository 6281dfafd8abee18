package policy

import (
	"context"
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/internal/access"
)

// Change is a difference between two versions.
type Change struct {
	Kind   string `json:"kind"` // added | removed | changed
	Policy string `json:"policy"`
	Before string `json:"before,omitempty"` // the policy, in one form whatever its layout was
	After  string `json:"after,omitempty"`
}

// Diff says how two versions of a set differ, by the ids of policies. 0 is the active version. Layout,
// comments and the order of policies make no difference.
func (s *Sets) Diff(ctx context.Context, c access.Caller, set string, from, to int) ([]Change, error) {
	before, err := s.Version(ctx, c, set, from)
	if err != nil {
		return nil, err
	}
	after, err := s.Version(ctx, c, set, to)
	if err != nil {
		return nil, err
	}
	return before.Compare(after.Draft)
}

// Compare says what changes from d to another draft.
func (d Draft) Compare(to Draft) ([]Change, error) {
	p, err := Parse(d.Text)
	if err != nil {
		return nil, err
	}
	q, err := Parse(to.Text)
	if err != nil {
		return nil, err
	}
	before, after := p.texts(), q.texts()
	out := []Change{}
	for policy, text := range before {
		now, stays := after[policy]
		switch {
		case !stays:
			out = append(out, Change{Kind: "removed", Policy: policy, Before: text})
		case now != text:
			out = append(out, Change{Kind: "changed", Policy: policy, Before: text, After: now})
		}
	}
	for policy, text := range after {
		if _, was := before[policy]; !was {
			out = append(out, Change{Kind: "added", Policy: policy, After: text})
		}
	}
	slices.SortFunc(out, func(a, b Change) int { return strings.Compare(a.Policy, b.Policy) })
	return out, nil
}

func (p *Policies) texts() map[string]string {
	out := make(map[string]string, len(p.list))
	for _, c := range p.list {
		out[string(c.id)] = string(c.policy.MarshalCedar())
	}
	return out
}
