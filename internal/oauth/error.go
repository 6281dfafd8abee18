package oauth

import (
	"errors"
	"fmt"

	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// Code is an error code of the protocol. Doors send it as the member "error".
type Code string

// The error codes and where they come from.
const (
	InvalidRequest          Code = "invalid_request"           // RFC 6749, sections 4.1.2.1 and 5.2
	InvalidClient           Code = "invalid_client"            // RFC 6749, section 5.2
	InvalidGrant            Code = "invalid_grant"             // RFC 6749, section 5.2
	UnauthorizedClient      Code = "unauthorized_client"       // RFC 6749, sections 4.1.2.1 and 5.2
	UnsupportedGrantType    Code = "unsupported_grant_type"    // RFC 6749, section 5.2
	UnsupportedResponseType Code = "unsupported_response_type" // RFC 6749, section 4.1.2.1
	InvalidScope            Code = "invalid_scope"             // RFC 6749, sections 4.1.2.1 and 5.2
	AccessDenied            Code = "access_denied"             // RFC 6749, section 4.1.2.1
	ServerError             Code = "server_error"              // RFC 6749, section 4.1.2.1
	TemporarilyUnavailable  Code = "temporarily_unavailable"   // RFC 6749, section 4.1.2.1
	InvalidTarget           Code = "invalid_target"            // RFC 8707, section 2
	InvalidToken            Code = "invalid_token"             // RFC 6750, section 3.1
	InsufficientScope       Code = "insufficient_scope"        // RFC 6750, section 3.1
	LoginRequired           Code = "login_required"            // OpenID Connect Core, section 3.1.2.6
	InteractionRequired     Code = "interaction_required"      // OpenID Connect Core, section 3.1.2.6
	AccountSelection        Code = "account_selection_required"
	ConsentRequired         Code = "consent_required"
	RequestNotSupported     Code = "request_not_supported"
	RequestURINotSupported  Code = "request_uri_not_supported"
	RegistrationUnsupported Code = "registration_not_supported"
	UnmetAuthentication     Code = "unmet_authentication_requirements" // OpenID Connect Core Error Code 1.0
	InvalidRedirectURI      Code = "invalid_redirect_uri"              // RFC 7591, section 3.2.2
	InvalidClientMetadata   Code = "invalid_client_metadata"           // RFC 7591, section 3.2.2
)

// Error is a refusal in the words of the protocol. Description is for the developer of the client:
// printable ASCII without '"' and '\' (RFC 6749, section 5.2), never holding what was sent. Err is
// for the log.
type Error struct {
	Code        Code
	Description string
	Err         error
}

// Error is the text for logs.
func (e *Error) Error() string {
	text := string(e.Code) + ": " + e.Description
	if e.Err != nil {
		return text + ": " + e.Err.Error()
	}
	return text
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// Refuse makes an Error.
func Refuse(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Description: fmt.Sprintf(format, args...)}
}

// CodeOf is the protocol code of err, or "" if err is not a refusal of the protocol.
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}

// Refusal turns NotFound into a refusal of the protocol and passes everything else on, nil too: a
// store that does not answer must never look like a wrong code or token.
func Refusal(err error, code Code, format string, args ...any) error {
	if !errs.Is(err, errs.NotFound) {
		return err
	}
	e := Refuse(code, format, args...)
	e.Err = err
	return e
}
