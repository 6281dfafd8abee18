// Package redis is what nodes may have in common besides the database: documents that others have read
// (Documents), the counters of limits (Counters), and a hint that there is something to read (Wakes).
//
//	store.DB ── miss in the process ──▶ Documents ┐
//	         ── committed ────────────▶ Wakes     ├──▶ Link ──▶ Redis, one server, Sentinel or Cluster
//	limit.Gate ───────────────────────▶ Counters  ┘     └─ open after three failures: everybody does without
//
// Nothing here is a record and nobody waits long for it: an operation may take 50 ms, and after three
// failures in a row none is tried until Redis answers again. What is kept is sealed and bound to its
// name, so that whoever can write to Redis can at most withhold it; whether a document is still good is
// judged by the store, which has heard of all changes. Redis learns no token, address, account or
// document, only tenants and how much there is.
//
// It must not know what a document or a limit means.
package redis
