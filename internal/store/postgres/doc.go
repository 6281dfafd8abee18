// Package postgres is the store engine on PostgreSQL, which several nodes share.
//
//	Commit without tuples ──▶ one round trip: all statements of the batch, one implicit transaction
//	Commit with tuples ──▶ lane of its tuple store ──▶ group: lock the counter · read · write · COMMIT ──▶ results
//	Get, Find ──▶ one statement on a connection of the pool
//	other nodes ◀── rows of "change", written in the transaction of what they tell of ──▶ Tail
//
// A batch needs no answers half-way: a Replace, Delete or Check that meets another version divides by
// zero, which ends the transaction on the server. Tables and indexes are derived from the declarations
// by Ensure, beside who writes. Only what PostgreSQL, CockroachDB and YugabyteDB do alike is used: no triggers,
// sequences, advisory locks or foreign keys, and no notification that anything depends on.
//
// Values are never part of the text of a statement, names are checked before they become part of it.
// The package knows collections and tuples; it must not know any noun of the product.
package postgres
