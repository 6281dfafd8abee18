// Package keyring keeps the signing keys of every tenant and lends them out for one purpose each.
//
//	Tokens()      access tokens (typ at+jwt) and id tokens (JWT)   ── for oauth/tokens alone
//	Logout()      logout tokens (logout+jwt)                       ── for back-channel logout
//	Context()     what the gateway tells the services behind it    ── for the gateway
//	Checkpoints() signed notes over the audit log                  ── for audit
//
// There is no way to have arbitrary bytes signed: each signer fixes the type in the header and takes
// the claims of its purpose. A key signs for one purpose with one algorithm for all its life.
//
// A key is born in this process, sealed at rest, and goes one way:
//
//	next ── published, does not sign ──▶ active ── signs ──▶ retiring ── only verifies ──▶ gone
//	  └──────────────────────────────────── revoked ◀────────────────────┘
//
// It is published for longer than anybody may cache the key set before it signs, so a planned
// rotation surprises nobody. The private half is forgotten when a key retires, both when it is
// revoked. A unique index keeps two nodes from having two active keys for one purpose.
//
// Keys live in memory as a view of each tenant, at most a minute old; signing and verifying read
// nothing else. Verifying is for tokens of our own making only: a header is not parsed but compared,
// as a whole, with those that our keys write, so there is nothing in it to confuse.
//
// The package knows no token, client, user or session, and not HTTP.
package keyring
