// Package authz decides: may this subject do this action on this resource, and why. Everything that
// asks does so through Decide: applications over AuthZEN, the command line, and the guard of
// Cardea's own administration.
//
//	decide.go   the question, the answer and the one combining rule
//	reason.go   why, in a sentence and as a structure
//	model.go    the built-in model: users, groups, roles, permissions, organisations
//	role.go     roles and what they permit          assignment.go  who has them, and where
//	guard.go    Cardea's own actions as permissions
//
// Roles, memberships and grants are relation tuples in one store. A role that is assigned without an
// organisation holds in the whole tenant; with one it holds only on resources of that organisation.
// Deny is the zero value: what is not granted, cannot be found or cannot be evaluated is denied.
//
// The evaluator itself is the package graph, which knows no tenant and no storage. Policies and
// custom models will be further engines behind the same Decide.
package authz
