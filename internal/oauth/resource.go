package oauth

import (
	"net/url"
	"slices"
	"strings"
)

// OwnScopes is the prefix of the scopes of our own API.
const OwnScopes = "cardea:"

// maxResources bounds how many resources one request may name.
const maxResources = 10

// ValidResource reports whether s may name a resource: an absolute URI without a fragment (RFC 8707,
// section 2) in printable ASCII, at most 2048 bytes.
func ValidResource(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	if s == "" || len(s) > maxURI || strings.Contains(s, "#") {
		return false
	}
	u, err := url.Parse(s)
	return err == nil && u.IsAbs() && u.User == nil && (u.Host != "" || u.Opaque != "")
}

// CheckResources refuses a list of resource parameters that c may not have (RFC 8707, section 2).
func CheckResources(c *Client, issuer string, resources []string) error {
	if len(resources) > maxResources {
		return Refuse(InvalidTarget, "More than %d resources were asked for.", maxResources)
	}
	for i, r := range resources {
		if !ValidResource(r) || !c.MayTarget(issuer, r) {
			return Refuse(InvalidTarget, "The client may not ask for this resource.")
		}
		if slices.Contains(resources[:i], r) {
			return Refuse(InvalidTarget, "A resource was named twice.")
		}
	}
	return nil
}

// CheckOwnScopes refuses a token for another service that would also open our own API: that service
// could use it here in the user's name.
func CheckOwnScopes(scopes Scopes, audience []string, issuer string) error {
	own := slices.ContainsFunc(scopes, func(s string) bool { return strings.HasPrefix(s, OwnScopes) })
	if own && slices.ContainsFunc(audience, func(a string) bool { return a != issuer }) {
		return Refuse(InvalidTarget, "A scope of the issuer itself can only be asked for with the issuer as the only resource.")
	}
	return nil
}
