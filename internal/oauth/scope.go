package oauth

import (
	"slices"
	"strings"
)

// The scopes that the provider itself gives a meaning to (OpenID Connect Core, sections 5.4 and 11).
const (
	ScopeOpenID        = "openid"
	ScopeProfile       = "profile"
	ScopeEmail         = "email"
	ScopePhone         = "phone"
	ScopeOfflineAccess = "offline_access"
)

// Bounds of a scope parameter.
const (
	maxScopes    = 64
	maxScopeName = 128
)

// Scopes is a set of scope names in the order in which they were asked for.
type Scopes []string

// ParseScopes reads a scope parameter (RFC 6749, section 3.3): names separated by one space each. The
// empty text is no scope. A name twice counts once.
func ParseScopes(text string) (Scopes, error) {
	if text == "" {
		return nil, nil
	}
	if len(text) > maxScopes*(maxScopeName+1) {
		return nil, Refuse(InvalidScope, "The scope is too long.")
	}
	var out Scopes
	for name := range strings.SplitSeq(text, " ") {
		if !ValidScope(name) {
			return nil, Refuse(InvalidScope, "The scope is malformed.")
		}
		if !out.Has(name) {
			out = append(out, name)
		}
	}
	if len(out) > maxScopes {
		return nil, Refuse(InvalidScope, "More than %d scopes were asked for.", maxScopes)
	}
	return out, nil
}

// ValidScope reports whether name may be a scope (RFC 6749, section 3.3), at most 128 bytes long.
func ValidScope(name string) bool {
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return name != "" && len(name) <= maxScopeName
}

// Has reports whether name is in s.
func (s Scopes) Has(name string) bool { return slices.Contains(s, name) }

// Within reports whether all of s is in o.
func (s Scopes) Within(o Scopes) bool {
	return !slices.ContainsFunc(s, func(name string) bool { return !o.Has(name) })
}

// And is what is in both, in the order of s.
func (s Scopes) And(o Scopes) Scopes {
	if s.Within(o) {
		return s
	}
	return s.keep(o.Has)
}

// Without is s without names.
func (s Scopes) Without(names ...string) Scopes {
	return s.keep(func(name string) bool { return !slices.Contains(names, name) })
}

func (s Scopes) keep(good func(string) bool) Scopes {
	out := make(Scopes, 0, len(s))
	for _, name := range s {
		if good(name) {
			out = append(out, name)
		}
	}
	return out
}

// String is the scope parameter.
func (s Scopes) String() string { return strings.Join(s, " ") }
