// Package model is the OpenFGA modelling language (https://openfga.dev/docs/configuration-language,
// schema 1.1 and 1.2): which types of objects exist, how relations follow from tuples and from each
// other, and under which conditions.
//
//	Parse, ParseJSON             a text or the JSON form of the OpenFGA API into a Model
//	ParseManifest, Join          an fga.mod and its modules into a Model
//	Model.Check, Model.Advice    what is wrong with it, with places; what is worth a second look
//	Model.Compile                what decides: the rules of package graph, the set of package condition
//	Format, FormatModules        a Model into text
//	Compare                      what differs between two models, and which tuples no longer fit
//
// # Versions
//
// A Model is a value without an id, a store or a time, so that a version of one is a document around
// it that never changes:
//
//	type version struct {
//		store.Meta
//		Digest string       // Model.Digest, to find the version that says the same
//		Model  *model.Model // stored as the JSON form
//	}
//
// Pinning is keeping the id of a version. Rolling back is using an older one: Compare says which
// stored tuples would not fit it. What was sound when it was stored stays sound: the rules of Check
// only ever become milder.
//
// # Hostile input
//
// Texts come from strangers. They are bounded in bytes, types, nesting and conditions before
// anything is made of them, reading and checking cost no more than that allows, and findings repeat
// nothing but names. What is written back is what was validated.
//
// The package must not know tenants, stores of tuples, HTTP or ids of versions.
package model
