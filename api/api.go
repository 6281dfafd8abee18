// Package api is the contract of the server: its OpenAPI document and the codes of its refusals. Both
// are made from the declarations of the endpoints and from the source; go generate in
// internal/httpapi makes them anew, and a test there compares them.
package api

import _ "embed" // for the contract

// OpenAPI is the OpenAPI 3.1 document of all endpoints, in YAML.
//
//go:embed openapi.yaml
var OpenAPI string
