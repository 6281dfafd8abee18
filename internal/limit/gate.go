package limit

import (
	"slices"

	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// Gate applies a Policy.
type Gate struct {
	limiter *Limiter
	shared  Shared // nil: this node counts for itself
	rules   [API + 1][]*applied
}

// Use is one use of the counter of Key under Rule.
type Use struct {
	Key  Key
	Rule Rule

	by *applied
}

// Shared are counters that several nodes have in common. They answer as a Limiter does, or not at all.
type Shared interface {
	// Take counts each use that its rule allows; false if nobody can say.
	Take(uses []Use) ([]Verdict, bool)
	// Look says what Take would, and counts nothing.
	Look(uses []Use) ([]Verdict, bool)
	// Return gives the last use of each key back.
	Return(uses []Use)
	// Alone is among how many nodes a rule is to be divided, because each has to count for itself; 1 while
	// the counters can be reached.
	Alone() int
}

// NewGate makes a gate. The policy must have passed its Check. With shared counters a use must be
// allowed by them and by this node's own, which alone are asked, for a part of each rule, while the
// others cannot be reached.
func NewGate(l *Limiter, s Shared, p Policy) *Gate {
	g := &Gate{limiter: l, shared: s}
	for i := SignIn; i <= API; i++ {
		g.rules[i] = p.Of(i).list(i)
	}
	return g
}

// uses are what i by a is counted as.
func (g *Gate) uses(a Asker, i Intent, into []Use) []Use {
	n := 1
	if g.shared != nil {
		n = max(1, g.shared.Alone())
	}
	for _, x := range g.rules[i] {
		if k, ok := a.key(i, x.part); ok {
			into = append(into, Use{Key: k, Rule: x.rule.among(n), by: x})
		}
	}
	return into
}

// maxUses is how many rules one use can fall under.
const maxUses = int(byTenant)

// Use counts one use of intent i by a. If one of the rules refuses, none of them counts the use, and
// the verdict is of the rule that has to be waited for longest. Otherwise it is of the rule with the
// least left.
func (g *Gate) Use(a Asker, i Intent) Verdict {
	var room [maxUses]Use
	uses := g.uses(a, i, room[:0])
	var taken [maxUses]bool
	var worst Verdict
	for n, u := range uses {
		v := g.limiter.Take(u.Key, u.Rule)
		taken[n] = v.Allowed()
		worst = worse(worst, v.of(u.by))
	}
	if worst.Allowed() {
		worst = g.together(uses, worst)
	}
	if worst.Allowed() {
		return worst
	}
	for n, u := range uses {
		if taken[n] {
			g.limiter.Return(u.Key, u.Rule)
		}
	}
	return worst
}

// together counts a use that this node's own counters have allowed by those of all nodes.
func (g *Gate) together(uses []Use, own Verdict) Verdict {
	if g.shared == nil || len(uses) == 0 {
		return own
	}
	asked := slices.Clone(uses) // the caller's are on its stack
	all, ok := g.shared.Take(asked)
	if !ok {
		return own
	}
	worst := g.judge(asked, all)
	if worst.Allowed() {
		return worst
	}
	var back []Use
	for n, v := range all {
		if v.Allowed() {
			back = append(back, asked[n])
		}
	}
	if len(back) > 0 {
		g.shared.Return(back)
	}
	return worst
}

// judge is the worst of what all nodes' counters say. What they refuse this node refuses by itself from
// then on, as long as it lasts.
func (g *Gate) judge(uses []Use, all []Verdict) Verdict {
	var worst Verdict
	for n, v := range all {
		if !v.Allowed() {
			g.limiter.Bar(uses[n].Key, v.Wait)
		}
		worst = worse(worst, v.of(uses[n].by))
	}
	return worst
}

// Look says whether a may try i now, and counts nothing. It is for intents that count failures:
// those are reported to Count once they are known. Between Look and Count others may look too; a
// domain whose secrets can be guessed must let one attempt at an account through at a time.
//
// A look for Credential, which comes with every request, is at what this node knows: of failures at
// others it hears when it next counts one itself, so that each node may let one more through.
func (g *Gate) Look(a Asker, i Intent) Verdict {
	var room [maxUses]Use
	uses := g.uses(a, i, room[:0])
	var worst Verdict
	for _, u := range uses {
		worst = worse(worst, g.limiter.Look(u.Key, u.Rule).of(u.by))
	}
	if !worst.Allowed() || i == Credential || g.shared == nil || len(uses) == 0 {
		return worst
	}
	asked := slices.Clone(uses)
	if all, ok := g.shared.Look(asked); ok {
		worst = g.judge(asked, all)
	}
	return worst
}

// Count counts a failure of i by a under every rule that is not used up.
func (g *Gate) Count(a Asker, i Intent) {
	var room [maxUses]Use
	uses := g.uses(a, i, room[:0])
	for _, u := range uses {
		g.limiter.Take(u.Key, u.Rule)
	}
	if g.shared == nil || len(uses) == 0 {
		return
	}
	asked := slices.Clone(uses)
	if all, ok := g.shared.Take(asked); !ok || !slices.ContainsFunc(all, func(v Verdict) bool { return v.Remaining == 0 }) {
		return
	}
	if all, ok := g.shared.Look(asked); ok { // how long it will be refused
		g.judge(asked, all)
	}
}

// Err is the refusal of a verdict, or nil if it allows.
func (v Verdict) Err() error {
	if v.Allowed() {
		return nil
	}
	return errs.TooMany(v.Wait, "rate_limited", "Too many requests of this kind; wait a moment.")
}

func (v Verdict) of(x *applied) Verdict {
	v.by = x
	return v
}

// worse is the verdict that says more: the longer wait, then the fewer left.
func worse(a, b Verdict) Verdict {
	switch {
	case !a.Rule.On():
		return b
	case a.Wait != b.Wait:
		if a.Wait > b.Wait {
			return a
		}
		return b
	case a.Remaining <= b.Remaining:
		return a
	}
	return b
}
