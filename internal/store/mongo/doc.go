// Package mongo is the store engine on a MongoDB replica set, which several nodes share.
//
//	Commit without tuples ──▶ one transaction: the operations in their order · what others must hear · commit
//	Commit with tuples ──▶ lane of its tuple store ──▶ group: the counter · read · write · commit ──▶ results
//	Get, Find ──▶ one query of the primary, along an index
//	other nodes ◀── documents of "change", written in the transaction of what they tell of ──▶ follower
//
// A transaction that meets another is begun anew from its first operation; one whose commit was sent and not
// answered is never: DB looks up what has become of it. Collections and indexes are derived from the
// declarations by Ensure. Every index begins with the tenant, so that a sharded cluster can keep a tenant
// together. Texts are compared by their bytes, which is what MongoDB does without a collation.
//
// Names are checked before they become part of a query, values are never names. The package knows
// collections and tuples; it must not know any noun of the product.
package mongo
