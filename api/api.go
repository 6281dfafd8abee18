// Package api holds the contract: openapi.yaml, what every end point reads and answers, and errors.md,
// what every code of a refusal means. The first is generated from the declarations of the end points
// and a test keeps it so:
//
//	go test ./api -update
//
// The package has no code of its own besides handing out the document.
package api

import _ "embed" // for the document

//go:embed openapi.yaml
var openAPI string

// OpenAPI is the contract as an OpenAPI 3.1 document.
func OpenAPI() string { return openAPI }
