package cardea

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Caller is who is behind a verified access token. Values are safe to copy and to share; the zero
// Caller is nobody.
type Caller struct {
	// Subject is the claim sub: the stable, never reused id of a user or, if IsService, of a client.
	Subject string
	// ClientID is the application through which the caller acts.
	ClientID string
	// SessionID is the browser session behind the token (sid), "" if there is none.
	SessionID string
	// TokenID is the token's own id (jti), good for logs.
	TokenID string
	// Organisation is the organisation in which the caller acts (org_id), "" if none.
	Organisation string
	// ACR is how strongly the caller signed in (acr), "" if unknown.
	ACR string
	// AuthTime is when the caller last signed in in person, zero if unknown.
	AuthTime time.Time
	// IssuedAt and Expires bound the token's life.
	IssuedAt, Expires time.Time

	scopes, roles, amr []string
	payload            []byte // the verified claims, for Claim
}

// IsService reports whether the caller is a client acting for itself and no person: its sub is its
// client_id (RFC 9068 section 2.2).
func (c Caller) IsService() bool { return c.Subject != "" && c.Subject == c.ClientID }

// HasScope reports whether the token was granted scope.
func (c Caller) HasScope(scope string) bool { return scope != "" && slices.Contains(c.scopes, scope) }

// Scopes is a copy of the granted scopes.
func (c Caller) Scopes() []string { return slices.Clone(c.scopes) }

// Roles is a copy of the roles that the token says. They may be minutes old: show them, but decide
// with [Client.RequireAnyRole] or [Client.Decide].
func (c Caller) Roles() []string { return slices.Clone(c.roles) }

// AMR is a copy of the methods with which the caller signed in (RFC 8176).
func (c Caller) AMR() []string { return slices.Clone(c.amr) }

// Claim decodes the claim with exactly this name into target, like json.Unmarshal. It reports false
// if there is no such claim.
func (c Caller) Claim(name string, target any) (bool, error) {
	var claims map[string]json.RawMessage
	if c.payload == nil {
		return false, nil
	}
	if err := json.Unmarshal(c.payload, &claims); err != nil {
		return false, fmt.Errorf("cardea: reading the claims: %w", err)
	}
	raw, ok := claims[name]
	if !ok {
		return false, nil
	}
	if err := json.Unmarshal(raw, target); err != nil {
		return true, errors.New("cardea: the claim has another type than the target")
	}
	return true, nil
}

// contextKey finds the caller in a request's context.
type contextKey struct{}

// seen is what a client found out about a request. It names the client, so that another client, with
// another issuer, never takes it for its own finding.
type seen struct {
	by     *Client
	caller Caller // zero if the request is anonymous
}

// Subject is the verified caller of the request with this context. It reports false for an anonymous
// request and for one that no guard of this package has seen.
func Subject(ctx context.Context) (Caller, bool) {
	s, ok := ctx.Value(contextKey{}).(*seen)
	if !ok || s.caller.Subject == "" {
		return Caller{}, false
	}
	return s.caller, true
}
