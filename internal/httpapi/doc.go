// Package httpapi is the doors of the server. It has no code of its own: its rooms are the doors and
// what they share, and its tests hold what must be true of all of them together, among them the list
// of error codes in api/errors.md.
//
//	edge      what every request passes           credential  what a request wants to be known by
//	rest      endpoints out of declarations       problem     refusals, and the table of statuses
//	manage    management and own accounts         browser     flows and sessions
//	oidc      OAuth 2 and OpenID Connect          decision    AuthZEN
//	page      the pages that people see           serve       listeners, TLS, health
//	contract  protocol endpoints in words
//
// A door is a struct of the domains it needs, with a list of its routes. Wiring builds the doors and
// hands their routes to an edge.Door, which refuses to be built from a route that does not say who may
// call it.
package httpapi

//go:generate go test . -run ^TestErrorCodes$ -update
