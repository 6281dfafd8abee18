// Package store is the contract between what Cardea knows and where it is kept.
//
// A domain declares a Kind of document (its name, its indexes, its sealed fields), reads it through
// a Collection, and changes it in one way only: DB.Commit(Batch). A batch holds documents, relation
// tuples, audit events and messages; it is written whole or not at all, and it must show a Permit,
// so that guard and audit cannot be forgotten. There are no interactive transactions.
//
//	domain ── Batch ──▶ DB (permit, events, sealing, cache) ── Write ──▶ Engine (SQLite, …)
//
// Two walls keep tenants apart: every key and index begins with the tenant, and a Collection can
// only be used through In(tenant), which adds it.
//
// Engines implement Engine and Keeper and import no domain; storetest is their specification. This
// package knows no noun of the product but its own: event and message.
package store
