// Package oauth holds the words that the OAuth 2 and OpenID Connect provider shares: Client, Scopes,
// RedirectURI, Epochs, the protocol's Error, and what the provider must know of tenants, users,
// sessions, organisations and consents. Each step of the protocol is a package of its own below it:
//
//	clients       who may ask               clientauth    the client proves itself
//	scopes        scopes in words           consent       what users have allowed
//	authorize     the browser's road to a code            codes    authorization codes
//	refresh       refresh tokens            grants        what can be exchanged for tokens
//	tokens        the one road to a token, and the one way to read one
//	introspect, revoke, userinfo, discovery, logout       the other end points
//	authenticate  any credential → access.Caller          revocations   the feed for services
//
// A token request takes this road, and there is no other:
//
//	door ─▶ clientauth.Authenticate ─▶ tokens.Issuer.Issue(grant): prove · read again · narrow · spend · sign
//
// Nothing below knows HTTP: doors decode requests into the types here and turn results and Errors
// into answers.
package oauth
