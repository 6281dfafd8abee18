// Package flow is the one road through the browser: a state machine that signs people in, opens
// accounts, recovers them and asks for a fresh proof. It knows Step, not steps.
//
//	door ── Submit(handle, step, input) ──▶ Machine
//	            load the state · is this step offered now? · Step.Submit proves · one commit
//	            ──▶ enough proved (Need)?  no: offer the next steps   yes: Completed ──▶ Finishers
//
// A step proposes, the machine commits: a step returns an Outcome and never writes, redirects or
// signs. No step knows another; the order of steps and what finishes a kind of flow are wiring.
// Only the machine makes a Completed, and only a Completed starts a session or sets a new password,
// so neither can be reached without the proofs that the kind of flow needs.
//
// Nothing is stored before a proof: a flow begins as a sealed handle that the browser keeps, and
// becomes a document with its first proof, if another step must follow. A password sign-in is one
// batch. The package must not know HTTP, sessions or users.
package flow
