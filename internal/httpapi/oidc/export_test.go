package oidc

import "github.com/cardea-auth/cardea/internal/oauth/authorize"

// ParseBasic reads the header of HTTP Basic authentication.
func ParseBasic(header string) (username, password string, err error) { return parseBasic(header) }

// FormPost is the page that posts an authorization response.
func FormPost(r authorize.Response, nonce string) string { return string(formPost(r, nonce)) }

// Told is what the page of a refusal says.
func Told(text, code, requestID string) string {
	return string(told{text: text, code: code, requestID: requestID}.content())
}
