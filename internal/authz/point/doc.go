// Package point asks decision points outside of Cardea: others that speak AuthZEN 1.0, each under the name
// that a tenant has given it, and by which decision plans name it.
//
//	question ── has it come round? ──▶ breaker ──▶ egress, in time ──▶ answer, whole ──▶ permits, or does not
//	                 └── fails          └── fails        └── fails           └── fails
//
// A point permits or says nothing; it forbids nothing. Whatever is not an answer in the words of AuthZEN is
// a failure, and a failure denies: the package never guesses. It knows no plan, no role and no policy.
package point
