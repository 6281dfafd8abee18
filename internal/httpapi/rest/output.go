package rest

import (
	"errors"
	"fmt"
	"regexp"
)

// suspicious finds names that sound like secrets. It is a net under the rule, not the rule.
func suspicious(name string) bool {
	return regexp.MustCompile(`(^|_)(secret|password|hash|token|private|seed|codes?)(_|$)`).MatchString(name) &&
		!regexp.MustCompile(`_(type|types|format|count|kind|methods?|expires|endpoint|life|algs?|at|id|supported)$`).MatchString(name)
}

// refuseSecrets refuses answers that hold secrets, except those that are declared to be shown once
// and stand in the answer to a POST: lists and reads never show one.
func (n *node) refuseSecrets(posts bool, seen map[*node]bool) error {
	if n == nil || seen[n] {
		return nil
	}
	seen[n] = true
	if n.secret {
		return errors.New("a type that hides its value cannot be answered")
	}
	for _, m := range n.fields {
		switch {
		case m.once && !posts:
			return fmt.Errorf("%s is shown once, which only the answer to a POST can do", m.name)
		case !m.once && suspicious(m.name):
			return fmt.Errorf("%s sounds like a secret; call it otherwise or declare secret:\"once\"", m.name)
		}
		if err := m.node.refuseSecrets(posts, seen); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return n.elem.refuseSecrets(posts, seen)
}
