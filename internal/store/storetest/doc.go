// Package storetest is the specification of store engines and the kit for tests that need a store.
//
// An engine is right when Run passes on it, unchanged:
//
//	func TestConformance(t *testing.T) { storetest.Run(t, open) }
//
// Other rooms' tests use NewDB, which opens an engine of the test's own, Ensure, a Clock that they
// move, Guard, which allows everything, and Faults, which makes the k-th call to an engine fail. With
// CARDEA_TEST_ENGINE=postgres all of them run on PostgreSQL, with mongo on MongoDB or its stand-in.
//
// It knows no noun of the product; its own documents are gadgets.
package storetest
