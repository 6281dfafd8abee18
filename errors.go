package cardea

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Code is the machine-readable reason of a refusal. Codes never change their meaning; new ones may
// be added.
type Code string

// The codes, with the HTTP status that goes with each.
const (
	// CodeTokenMissing: the route needs a token and there is none (401).
	CodeTokenMissing Code = "token_missing"
	// CodeTokenInvalid: the credential is not a valid access token for this API (401; 400 if the
	// request carries several).
	CodeTokenInvalid Code = "token_invalid"
	// CodeTokenExpired: the token was valid and its time is over (401).
	CodeTokenExpired Code = "token_expired"
	// CodeTokenRevoked: the token, its session, user, client or key was revoked (401).
	CodeTokenRevoked Code = "token_revoked"
	// CodeRevocationUnknown: the issuer cannot be asked whether the token still holds (503).
	CodeRevocationUnknown Code = "revocation_unknown"
	// CodeInsufficientScope: the token lacks a scope, named in Scope (403).
	CodeInsufficientScope Code = "insufficient_scope"
	// CodePermissionMissing: the caller lacks a permission, named in Permission, or a role (403).
	CodePermissionMissing Code = "permission_missing"
	// CodeInsufficientAuthentication: the caller must sign in more recently or more strongly, as ACR
	// and MaxAge say (401, RFC 9470).
	CodeInsufficientAuthentication Code = "insufficient_user_authentication"
	// CodeDecisionUnavailable: the decision API did not answer, so nothing is allowed (503).
	CodeDecisionUnavailable Code = "decision_unavailable"
	// codeInternal: an error that is not an *Error reached WriteError (500).
	codeInternal Code = "internal"
)

// Error is a refusal, the only type of error that methods of [Client] return after New.
type Error struct {
	Code        Code
	Status      int           // the HTTP status that fits
	Description string        // one English sentence for developers; it holds nothing of the request
	Scope       string        // the scopes that are needed, separated by blanks
	Permission  string        // the first permission that is missing
	ACR         string        // the acr values that would do, separated by blanks, best first
	MaxAge      time.Duration // how recent the sign-in must be; 0 means no demand
	Err         error         // the cause, for logs only; may be nil
}

// Error is the code, the description and the cause, for logs.
func (e *Error) Error() string {
	text := "cardea: " + string(e.Code) + ": " + e.Description
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

func invalid(why string) *Error {
	return &Error{Code: CodeTokenInvalid, Status: http.StatusUnauthorized, Description: why}
}

func unknown(cause error) *Error {
	return &Error{
		Code: CodeRevocationUnknown, Status: http.StatusServiceUnavailable, Err: cause,
		Description: "It cannot be told just now whether the token still holds.",
	}
}

func undecided(cause error) *Error {
	return &Error{
		Code: CodeDecisionUnavailable, Status: http.StatusServiceUnavailable, Err: cause,
		Description: "Access could not be decided just now.",
	}
}

func missing() *Error {
	return &Error{Code: CodeTokenMissing, Status: http.StatusUnauthorized, Description: "Sign in first: the request has no access token."}
}

func expired() *Error {
	return &Error{Code: CodeTokenExpired, Status: http.StatusUnauthorized, Description: "The access token has expired."}
}

func revoked() *Error {
	return &Error{Code: CodeTokenRevoked, Status: http.StatusUnauthorized, Description: "The access token was revoked."}
}

// problem is the body of a refusal (RFC 9457). The type about:blank says that title is the status's.
type problem struct {
	Type       string `json:"type"`
	Title      string `json:"title"`
	Status     int    `json:"status"`
	Detail     string `json:"detail,omitempty"`
	Code       Code   `json:"code"`
	Scope      string `json:"scope,omitempty"`
	Permission string `json:"permission,omitempty"`
	ACR        string `json:"acr_values,omitempty"`
	MaxAge     int64  `json:"max_age,omitempty"` // seconds
}

// WriteError answers a request with err: status, WWW-Authenticate and an application/problem+json
// body. An error that is not an [*Error] becomes a 500 that says nothing about it.
func WriteError(w http.ResponseWriter, err error) {
	e, ok := errors.AsType[*Error](err)
	if !ok || e == nil || http.StatusText(e.Status) == "" || e.Status < http.StatusBadRequest {
		e = &Error{Code: codeInternal, Status: http.StatusInternalServerError, Description: "Something went wrong here."}
	}
	h := w.Header()
	h.Del("Content-Length")
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if c := challenge(e); c != "" {
		h.Set("WWW-Authenticate", c)
	}
	if e.Status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "1")
	}
	body, err := json.Marshal(problem{
		Type: "about:blank", Title: http.StatusText(e.Status), Status: e.Status, Detail: e.Description, Code: e.Code,
		Scope: e.Scope, Permission: e.Permission, ACR: e.ACR, MaxAge: seconds(e.MaxAge),
	})
	if err != nil { // cannot happen: strings and numbers only
		body = nil
	}
	w.WriteHeader(e.Status)
	_, _ = w.Write(body) // the client is gone if this fails, and nobody is left to tell
}

// challenge is the WWW-Authenticate header of e: RFC 6750 section 3, RFC 9470 section 3. A request
// without a token gets no error parameter, as RFC 6750 section 3.1 asks.
func challenge(e *Error) string {
	var name string
	switch e.Code {
	case CodeTokenMissing:
	case CodeTokenInvalid, CodeTokenExpired, CodeTokenRevoked:
		name = "invalid_token"
		if e.Status == http.StatusBadRequest {
			name = "invalid_request"
		}
	case CodeInsufficientScope, CodeInsufficientAuthentication:
		name = string(e.Code)
	default:
		return ""
	}
	var parameters []string
	add := func(name, value string) {
		if value != "" {
			parameters = append(parameters, name+`="`+quotable(value)+`"`)
		}
	}
	add("error", name)
	if name != "" {
		add("error_description", e.Description)
	}
	add("scope", e.Scope)
	add("acr_values", e.ACR)
	if s := seconds(e.MaxAge); s > 0 {
		add("max_age", strconv.FormatInt(s, 10))
	}
	return strings.TrimSuffix("Bearer "+strings.Join(parameters, ", "), " ")
}

// quotable drops what RFC 6750 section 3 does not allow inside the quotes.
func quotable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7E || r == '"' || r == '\\' {
			return -1
		}
		return r
	}, s)
}

// seconds rounds up, so that a demand of half a second does not read as no demand.
func seconds(d time.Duration) int64 {
	if d <= 0 {
		return 0
	}
	return int64((d + time.Second - 1) / time.Second)
}
