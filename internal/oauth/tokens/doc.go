// Package tokens holds the one road to a token and the one way to read one.
//
//	Issue:  prove the artefact · read again everything behind it · narrow · spend · sign
//	Read:   form · signature or look-up · time · single revocation · read again everything behind it
//
// Issue is the only function that can make an access, refresh or id token; a Minted, which doors need
// for an answer, comes from nowhere else. A grant proves its artefact and says how it is used up; it
// cannot answer the client by itself, so a new grant cannot forget a check. What was behind a token
// when it was minted — tenant, client, user, session, organisation, consent — is looked at again on
// every reading, by the same function as at minting.
//
// An artefact is spent, durably, before anything is signed. A crash in between leaves it spent: a
// refresh token answers again within its grace, a code does not, and the user signs in again.
package tokens
