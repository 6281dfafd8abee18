// Package sqlite is the store engine on one SQLite file: the default, and the one that needs no
// other program.
//
// Writers queue for one committer, which turns everything that queued while it was committing into
// the next transaction, so that many callers share one fsync:
//
//	Commit ── queue ──▶ committer ── BEGIN · SAVEPOINT per batch · COMMIT (fsync) ──▶ results
//	Get, Find ────────▶ pool of read-only connections (WAL: readers never wait for the writer)
//
// Documents are rows of one table per collection: the JSON body beside real columns for what is
// indexed. Tables and indexes are derived from the declarations by Ensure. Values are never part of
// the text of a statement, names are checked before they become part of it.
//
// The package knows collections and tuples; it must not know any noun of the product.
package sqlite
