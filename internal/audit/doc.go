// Package audit knows what happened. Every change commits its events in its own batch; this package
// numbers them, seals them so that later edits are found, reads them back and proves them.
//
//	event committed (unsealed) ── Sealer, every 200 ms ──▶ number · leaf · Merkle tree · signed checkpoint
//
//	leaf.go    what of an event is sealed, byte by byte     verify.go  recompute everything
//	tree.go    the Merkle tree (RFC 6962) in the store      erase.go   forget a person, keep the proof
//	sealer.go  number and seal                              query.go   read and follow
//	count.go   hourly counters, for charts
//
// An event has a public part, which is sealed for ever, and a personal part (addresses, mail), of
// which only a salted hash is sealed: erasing salt and text leaves the tree valid. Erasing is an
// event itself, so that a personal part that is missing without one is found.
//
// What the seal does not promise: the newest events are unsealed for a moment, and whoever holds the
// database and its signing key can write a false history, but not one that agrees with a checkpoint
// that was kept elsewhere. The package must not know HTTP.
package audit
