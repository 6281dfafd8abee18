package cardea

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
)

// guard decides about a signed-in caller: nil lets the request pass.
type guard func(r *http.Request, who Caller) *Error

// wording says what to ask the decision API about a permission or a role.
type wording func(r *http.Request, who Caller, name string) Request

// Authenticate is middleware that finds out who calls. A request without a credential passes as
// anonymous; one whose credential does not hold is refused with 401, on every route, so that a
// client with an expired token learns it instead of being shown the public view. See [Subject].
func (c *Client) Authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, _, err := c.identify(r)
		if err != nil {
			WriteError(w, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// RequireSignIn is middleware that refuses anonymous requests with 401 token_missing.
func (c *Client) RequireSignIn(next http.Handler) http.Handler {
	return c.require(func(*http.Request, Caller) *Error { return nil }, nil)(next)
}

// RequireScope is middleware that passes tokens which were granted all of the scopes, and refuses
// others with 403 insufficient_scope, naming the scopes of the route. Without any scope it refuses
// everybody.
func (c *Client) RequireScope(all ...string) func(http.Handler) http.Handler {
	all = slices.Clone(all)
	scope := strings.Join(all, " ")
	check := func(_ *http.Request, who Caller) *Error {
		if len(all) > 0 && !slices.ContainsFunc(all, func(s string) bool { return !who.HasScope(s) }) {
			return nil
		}
		return &Error{
			Code: CodeInsufficientScope, Status: http.StatusForbidden, Scope: scope,
			Description: "The access token was not granted every scope that is needed here.",
		}
	}
	return c.require(check, func(e *Error) { e.Scope = scope })
}

// RequirePermissions is middleware that passes callers who have all of the permissions at the time of
// the call, as the decision API says, and refuses others with 403 permission_missing, naming the first
// one that is missing. If a fresher or stronger sign-in would help, the answer is 401
// insufficient_user_authentication; if the API does not answer, it is 503. Without any permission it
// refuses everybody.
func (c *Client) RequirePermissions(all ...string) func(http.Handler) http.Handler {
	all = slices.Clone(all)
	return c.require(func(r *http.Request, who Caller) *Error {
		decisions, err := c.decideEach(r, who, all, c.cfg.PermissionRequest)
		if err != nil {
			return err
		}
		return worst(decisions, all)
	}, nil)
}

// RequireAnyRole is middleware that passes callers who have at least one of the roles at the time of
// the call, as the decision API says, and refuses others with 403 permission_missing. The roles in the
// token are not looked at, because they may have been taken away since. Without any role it refuses
// everybody.
func (c *Client) RequireAnyRole(anyOf ...string) func(http.Handler) http.Handler {
	roles := slices.Clone(anyOf)
	return c.require(func(r *http.Request, who Caller) *Error {
		decisions, err := c.decideEach(r, who, roles, c.cfg.RoleRequest)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(decisions, func(d Decision) bool { return d.Allow }) {
			return nil
		}
		e := refusal(Decision{}, "")
		e.Description = "One of these roles is needed: " + strings.Join(roles, ", ") + "."
		return e
	}, nil)
}

// RequireOwnerOr is middleware that passes the owner of what the request is about, and callers who
// have the permission at the time of the call. owner says whose it is; it is only asked about signed-in
// callers. An [*Error] of owner, such as one with the status 404, is the answer; any other error is
// answered with 500. An empty owner id owns nothing.
func (c *Client) RequireOwnerOr(owner func(*http.Request) (ownerID string, err error), permission string) func(http.Handler) http.Handler {
	return c.require(func(r *http.Request, who Caller) *Error {
		id, err := owner(r)
		if err != nil {
			return asError(err)
		}
		if id != "" && id == who.Subject {
			return nil
		}
		decisions, refused := c.decideEach(r, who, []string{permission}, c.cfg.PermissionRequest)
		if refused != nil {
			return refused
		}
		return worst(decisions, []string{permission})
	}, nil)
}

// RequireStepUp is middleware that passes callers who signed in with one of the acr values (separated
// by blanks, best first; "" for any) at most maxAge ago (0 for any time), and refuses others with 401
// insufficient_user_authentication, which tells a client how to sign the user in again (RFC 9470).
// Without either demand it refuses everybody.
func (c *Client) RequireStepUp(acr string, maxAge time.Duration) func(http.Handler) http.Handler {
	values := strings.Fields(acr)
	demand := func(e *Error) { e.ACR, e.MaxAge = strings.Join(values, " "), maxAge }
	return c.require(func(_ *http.Request, who Caller) *Error {
		strong := len(values) == 0 || (who.ACR != "" && slices.Contains(values, who.ACR))
		recent := maxAge <= 0 || (!who.AuthTime.IsZero() && c.now().Sub(who.AuthTime) <= maxAge)
		if strong && recent && (len(values) > 0 || maxAge > 0) {
			return nil
		}
		e := &Error{
			Code: CodeInsufficientAuthentication, Status: http.StatusUnauthorized,
			Description: "A more recent or a stronger sign-in is needed here.",
		}
		demand(e)
		return e
	}, demand)
}

// require is the one road of every guard: identify, refuse the anonymous, decide, pass. missing adds
// what the route needs to the answer for anonymous requests; it may be nil.
func (c *Client) require(check guard, demand func(*Error)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r, who, err := c.identify(r)
			if err == nil && who.Subject == "" {
				err = missing()
				if demand != nil {
					demand(err)
				}
			}
			if err == nil {
				err = check(r, who)
			}
			if err != nil {
				WriteError(w, err)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// identify verifies the request's credential once; later guards of the same client find the result in
// the request's context. The zero Caller is anonymous.
func (c *Client) identify(r *http.Request) (*http.Request, Caller, *Error) {
	if s, ok := r.Context().Value(contextKey{}).(*seen); ok && s.by == c {
		return r, s.caller, nil
	}
	token, present, err := bearerToken(r)
	if err != nil {
		return r, Caller{}, err
	}
	s := &seen{by: c}
	if present {
		v, err := c.verify(r.Context(), token)
		if err != nil {
			return r, Caller{}, err
		}
		s.caller = v.caller
	}
	return r.WithContext(context.WithValue(r.Context(), contextKey{}, s)), s.caller, nil
}

// decideEach asks about each name at once. No names, or an empty one, cannot be granted.
func (c *Client) decideEach(r *http.Request, who Caller, names []string, ask wording) ([]Decision, *Error) {
	if len(names) == 0 || slices.Contains(names, "") {
		return nil, refusal(Decision{}, "")
	}
	if len(names) == 1 {
		d, err := c.Decide(r.Context(), ask(r, who, names[0]))
		if err != nil {
			return nil, asError(err)
		}
		return []Decision{d}, nil
	}
	questions := make([]Request, len(names))
	for i, name := range names {
		questions[i] = ask(r, who, name)
	}
	decisions, err := c.DecideAll(r.Context(), questions)
	if err != nil {
		return nil, asError(err)
	}
	return decisions, nil
}

// worst is the answer to several decisions about permissions, nil if all allow. A denial that no
// sign-in would change comes first, so that nobody is sent to sign in for nothing.
func worst(decisions []Decision, permissions []string) *Error {
	var curable *Error
	for i, d := range decisions {
		if d.Allow {
			continue
		}
		e := refusal(d, permissions[i])
		if e.Code == CodePermissionMissing {
			return e
		}
		if curable == nil {
			curable = e
		}
	}
	return curable
}

// refusal turns a denial into the answer that helps most: the step-up that would do, or the permission
// that is missing. The decision's reason stays inside; it may name objects the caller must not know.
func refusal(d Decision, permission string) *Error {
	if d.ACR != "" || d.MaxAge > 0 {
		return &Error{
			Code: CodeInsufficientAuthentication, Status: http.StatusUnauthorized, ACR: d.ACR, MaxAge: d.MaxAge,
			Permission: permission, Description: "A more recent or a stronger sign-in is needed here.",
		}
	}
	e := &Error{Code: CodePermissionMissing, Status: http.StatusForbidden, Permission: permission, Description: "This is not allowed."}
	if permission != "" {
		e.Description = "The permission " + permission + " is needed here."
	}
	return e
}

// asError is err as an *Error; anything else becomes one that tells nothing. It never returns nil,
// because nil means pass: a nil *Error in an error is not one.
func asError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok && e != nil {
		return e
	}
	return &Error{Code: codeInternal, Status: http.StatusInternalServerError, Description: "Something went wrong here.", Err: err}
}
