// Package clients holds no code but tests: programs that nobody here wrote, and people, against the
// real binary. Each test starts from what an operator has, the shipped program with its defaults, a
// data directory and the command line, and asks what a relying party, an API or a browser would ask.
//
//	process_test.go  programs: built once, started on free ports, ended by their process
//	server_test.go   a Cardea and its command line        api_test.go    the example API as its own program
//	browser_test.go  a person with a browser, head-less   party_test.go  a relying party: x/oauth2 and go-oidc
//
// The tests know nothing of the server but its addresses and its commands. The one import from this
// repository is the SDK, which is a client too.
package clients
