// Package egress is the one way out: every connection that Cardea opens to an address that somebody
// else has named goes through it. It keeps a client's jwks_uri, a webhook or an identity provider's
// metadata from being used to reach what only this machine can reach (SSRF).
//
//	URL ── form ──▶ resolver ── address, checked at connect ──▶ TLS ── no redirect, 3 s, 1 MiB ──▶ answer
//
// The address is checked after resolution, on the very address that is connected to, so neither an
// odd spelling nor a name that changes its mind (DNS rebinding) gets past. Only public addresses are
// admitted, and what the platform's operator allows by purpose and network. Redirects are not
// followed, proxies of the environment are not used, cookies do not exist.
//
// Network trouble and a refused address look alike to the caller, so that nobody can map a private
// network by our answers; the cause, for the log, tells them apart.
//
// It must not know tenants, clients or what is done with an answer. Who may name an address, and
// how often, is decided before it is asked.
package egress
