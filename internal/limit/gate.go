package limit

import (
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// Gate applies a Policy.
type Gate struct {
	limiter *Limiter
	rules   [API + 1][]*applied
}

// NewGate makes a gate. The policy must have passed its Check.
func NewGate(l *Limiter, p Policy) *Gate {
	g := &Gate{limiter: l}
	for i := SignIn; i <= API; i++ {
		g.rules[i] = p.Of(i).list(i)
	}
	return g
}

// Use counts one use of intent i by a. If one of the rules refuses, none of them counts the use, and
// the verdict is of the rule that has to be waited for longest. Otherwise it is of the rule with the
// least left.
func (g *Gate) Use(a Asker, i Intent) Verdict {
	var taken [byTenant + 1]bool
	var worst Verdict
	for _, x := range g.rules[i] {
		if k, ok := a.key(i, x.part); ok {
			v := g.limiter.Take(k, x.rule)
			taken[x.part] = v.Allowed()
			worst = worse(worst, v.of(x))
		}
	}
	if worst.Allowed() {
		return worst
	}
	for _, x := range g.rules[i] {
		if taken[x.part] {
			k, _ := a.key(i, x.part)
			g.limiter.Return(k, x.rule)
		}
	}
	return worst
}

// Look says whether a may try i now, and counts nothing. It is for intents that count failures:
// those are reported to Count once they are known. Between Look and Count others may look too; a
// domain whose secrets can be guessed must let one attempt at an account through at a time.
func (g *Gate) Look(a Asker, i Intent) Verdict {
	var worst Verdict
	for _, x := range g.rules[i] {
		if k, ok := a.key(i, x.part); ok {
			worst = worse(worst, g.limiter.Look(k, x.rule).of(x))
		}
	}
	return worst
}

// Count counts a failure of i by a under every rule that is not used up.
func (g *Gate) Count(a Asker, i Intent) {
	for _, x := range g.rules[i] {
		if k, ok := a.key(i, x.part); ok {
			g.limiter.Take(k, x.rule)
		}
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
