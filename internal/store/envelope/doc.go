// Package envelope encrypts the sealed fields of documents: it is the store.Sealer of a real server.
//
// Two layers. A master key of 32 bytes lives outside the database, in a file or the environment, and
// is never in a backup. It wraps data keys, one ring of them per tenant, which are documents like any
// other; a data key encrypts the fields themselves. Both layers are AES-256-GCM with random 96-bit
// nonces.
//
//	master key ── wraps ──▶ data keys (collection data_key) ── seal ──▶ fields, cursors, flow handles
//
// A sealed text is
//
//	version (1 byte, 1) ‖ number of the data key (4 bytes, big endian) ‖ nonce (12) ‖ AES-GCM box
//
// and its additional data is what the store hands in: where the field stands. A data key is replaced
// after 2³¹ seals, so that the chance of a repeated nonce stays below 2⁻³⁵, or on command; what it
// sealed still opens. Seals are counted by blocks that are written down before they are used, so a
// crash counts too many and never too few.
//
// The store needs a sealer to be made and the sealer needs the store for its documents. The knot is
// cut by time: New makes a locked sealer that refuses everything, Attach declares its documents to the
// DB (they have no sealed fields, so reading and writing them never comes back here), and Unlock
// compares the master key with the canary that the database holds:
//
//	s := envelope.New(envelope.Config{Master: m, Guard: g})
//	db := store.New(store.Config{Engine: e, Sealer: s, Now: now})
//	s.Attach(db)
//	// … the other rooms declare their collections …
//	err := db.Ensure(ctx)
//	err = s.Unlock(ctx) // *WrongKeyError: do not start
//
// All documents of this package live in the system tenant, under the name of the tenant that they are
// about; the wrapping binds them to it.
//
// The package knows no noun of the product and no engine.
package envelope
