// Package limit counts what strangers do and says when it is too often: by address, account, client
// and tenant, and by what they intend.
//
//	door, domain ── Look | Use ──▶ Gate (which rules?) ──▶ Limiter (how many, since when?)
//	             ── Count ──────▶      after a failure
//
// Counts live in this process, and where nodes have Shared counters in those too, and are lost with them:
// what must outlast a restart, such as the lockout of an account, is kept in the store by the domain that
// owns it. Counters that cannot be reached are done without: each node then counts by its part of each
// rule. A request that is refused
// here writes nothing anywhere. Memory is bounded: under a flood of new keys the counters that
// matter least are forgotten first and those that refuse last.
//
// The package imports kit only. It must not know HTTP, users or tokens: an account is a key that
// its domain has made canonical, and an address was found by the door.
package limit
