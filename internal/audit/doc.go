// Package audit knows what happened. Every change commits its events in its own batch; this package
// numbers them, seals them so that later edits are found, reads them back and proves them.
//
//	event committed (unsealed) ── Run, every 200 ms ──▶ number · leaf · Merkle tree · signed checkpoint
//
//	leaf.go    what of an event is sealed, byte by byte     verify.go   recompute everything
//	tree.go    the Merkle tree (RFC 6962) in the store      proof.go    prove one event to a stranger
//	seal.go    number and seal                              erase.go    forget a person, keep the proof
//	run.go     who seals, and when                          query.go    read
//	count.go   hourly counters, for charts                  tail.go     follow
//	                                                        activity.go what happens too often to keep
//
// An event has a public part, which is sealed for ever, and a personal part (addresses, mail), of
// which only a salted hash is sealed: erasing salt and text leaves the tree valid. Erasing is an
// event itself, so that a personal part that is missing without one is found.
//
// What the seal does not promise. The newest events are unsealed for a moment, and what somebody
// writes there by hand is sealed like the rest. Whoever holds the database and its signing key can
// write a false history, and whoever can replace the database as a whole can go back to an older
// state of it; neither agrees with a checkpoint that was kept elsewhere.
//
// The package must not know HTTP.
package audit
