// Package mail sends what domains have put into the outbox. It is an engine: it knows messages,
// templates and mail servers, but no accounts, tenants' settings or flows.
//
//	Batch.Outbox ──commit──▶ outbox record ── Relay: claim ─▶ render ─▶ Sender ─▶ mark and wipe
//
// # What is promised
//
// A message that was committed is sent at least once before it expires, or reported as failed: a
// server without mail keeps messages waiting and says so, it never pretends. Two nodes never send one
// message at the same time, because a node claims it first by its version. A message is sent twice
// only if a node dies, or loses the mail server or the store, between handing it over and noting so;
// both copies have the same Message-ID. The sealed envelope, which holds links, is wiped in the batch
// that notes the outcome.
//
// # What gets into a mail
//
// Each text is a file in templates/, made of constant words and named values. Values are made
// visible: a line break, a control or a bidirectional character in a name appears as an escape, so
// it can neither forge a header nor reorder the text around it. Links come from Data["link"] alone.
// A mail to an address whose owner we do not know yet holds nothing that a stranger has typed, save
// the name of an organisation in an invitation: else our good name would carry others' messages.
package mail
