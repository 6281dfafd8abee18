// Package cardea protects a Go service with a Cardea issuer: it verifies access tokens, guards
// net/http handlers, and asks the decision API what a caller may do.
//
// Make one [Client] per process with [New] and close it with the process. It reads the issuer's
// metadata and keys and follows the issuer's revocations; when New returns, it is ready.
//
//	auth, err := cardea.New(ctx, cardea.Config{
//		Issuer:       "https://id.example.com",
//		Audience:     "https://api.example.com",
//		ClientID:     os.Getenv("CLIENT_ID"),
//		ClientSecret: cardea.Secret(os.Getenv("CLIENT_SECRET")),
//	})
//	...
//	defer auth.Close()
//	mux.Handle("GET /invoices", auth.RequirePermissions("invoice:read")(list))
//
// # What to use
//
//   - [Client.Authenticate] lets everybody pass and says who calls; a credential that does not hold
//     is refused and never becomes anonymous. [Subject] finds the caller in the request's context.
//   - [Client.RequireSignIn], [Client.RequireScope] and [Client.RequireStepUp] look at the token.
//   - [Client.RequirePermissions], [Client.RequireAnyRole] and [Client.RequireOwnerOr] ask the
//     decision API on every call, so that a role taken away a second ago no longer counts. The roles
//     in a token are a convenience for showing things, never for allowing them.
//   - [Client.Verify] and [Client.Decide] do the same without net/http.
//
// Each Require verifies the token itself if no Authenticate ran before it, so a guard cannot be
// forgotten by putting the parts in the wrong order. A guard that is given an empty list refuses
// everybody. Tokens are read from the Authorization header and from nowhere else: not from the query
// (which ends up in logs), not from a cookie (which would need protection against CSRF).
//
// # Answers
//
// A refusal is an [*Error]. Over HTTP it is application/problem+json (RFC 9457) with the member
// "code", one of the Code constants, which never change their meaning, and a WWW-Authenticate header
// that says what is missing (RFC 6750, RFC 9470). 401 means: sign in, again or better. 403 means:
// signed in and not allowed. 503 means that the issuer could not be asked; nothing is allowed then.
//
// # What a token must be
//
// Access tokens are JWTs of RFC 9068, typ at+jwt, signed with ES256, EdDSA, RS256 or PS256, where the
// key decides which. Id tokens, refresh tokens, other audiences, unknown keys, duplicate members and
// encrypted tokens are refused with token_invalid. Tokens bound to a key (claim cnf: DPoP or mTLS)
// are refused too, because this package cannot yet check the binding and a bound token without its
// proof is a stolen one. There is no configuration in which the audience is not checked.
//
// # Revocation
//
// A verified token is remembered until it expires, but its key and its standing are looked at on
// every call. The claims sid, sub and client_id name the session, user and client behind a token;
// the claim ep, an object {"s":n,"u":n,"c":n,"t":n,"g":n}, holds their epochs, the tenant's and that of
// the user's consent, when it was minted; an absent member means that there is no such thing. Revoking raises an epoch. The client
// follows
//
//	GET {issuer}/revocations?after=CURSOR
//	Authorization: Basic …   (client id and secret, RFC 6749 section 2.3.1)
//
// (the issuer takes a Bearer token of the client as well), which answers 200 with application/x-ndjson,
// stays open, and must not be compressed or buffered on the way. Each line is an object:
//
//	{"kind":"session","id":"…","min_epoch":4,"until":1795000000,"cursor":"…"}
//	{"kind":"live","cursor":"…"}
//	{"kind":"heartbeat","cursor":"…"}
//
// They mean:
//
//   - The kinds session, user and client revoke a token whose sid, sub or client_id is id and whose
//     epoch is below min_epoch (an absent epoch counts as 0); id is what stands in the claim. The kind
//     tenant does so for every token of the issuer, whatever id says. The kind jti revokes the token
//     with that jti, the kind key every token signed by the key with that kid. The kind consent, whose
//     id is sub, '/' and client_id, does so for tokens of both that state an epoch of a consent.
//   - until, in Unix seconds, is when the line may be forgotten: at least five minutes, the greatest
//     leeway, after the last token concerned has expired. A line may come more than once.
//   - Everything still in force after CURSOR comes first; without after, everything. Then comes one
//     live line, and from then on each revocation as it happens and a heartbeat every second.
//   - cursor is opaque, at most 512 bytes, and resumes after its line. A cursor that is unknown or too
//     old is answered with 410, and the follower starts again from nothing.
//   - A line is at most 4 KiB. Unknown members are ignored. A kind that a follower does not know makes
//     it treat itself as out of contact until that line's until: it cannot know what was revoked.
//
// A follower that has been live and hears nothing for five seconds is out of contact, as is one that
// has not been live yet. Out of contact, each token is introspected (RFC 7662); if that fails too, it
// is refused with revocation_unknown. [Offline] turns all this off, explicitly.
//
// # Promise
//
// The exported names of this package follow semantic versioning. It imports the standard library and
// go-jose only. To test a service that uses it, see package cardeatest.
package cardea
