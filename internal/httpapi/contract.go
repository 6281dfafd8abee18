// Package httpapi puts the doors together on paper: every endpoint of the server with what it reads
// and answers, as the contract in api/openapi.yaml. The rooms below it are the doors themselves:
//
//	edge      what every request passes           credential  what a request wants to be known by
//	rest      endpoints out of declarations       problem     refusals, and the table of statuses
//	manage    management and own accounts         browser     flows and sessions
//	oidc      OAuth 2 and OpenID Connect          decision    AuthZEN
//	page      the pages that people see           serve       listeners, TLS, health
//	contract  protocol endpoints in words
//
// Wiring builds the doors and hands their routes to an edge.Door. A route that is served and not
// described, or described and not served, fails a test.
package httpapi

import (
	"net/http"

	"github.com/cardea-auth/cardea/api"
	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/httpapi/browser"
	"github.com/cardea-auth/cardea/internal/httpapi/contract"
	"github.com/cardea-auth/cardea/internal/httpapi/decision"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/httpapi/manage"
	"github.com/cardea-auth/cardea/internal/httpapi/oidc"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
)

//go:generate go test . -run ^TestContract -update

// PathContract is where the server answers with its own contract.
const PathContract = "/api/openapi.yaml"

// Contract is the endpoint that answers with the contract. It is the same for all tenants and holds
// nothing secret.
func Contract() rest.Operation {
	return rest.Describe[rest.None, string](rest.Endpoint{
		Route: edge.Route{
			Method: http.MethodGet, Path: PathContract, Name: "contract.show", Access: edge.Open("the contract is public"), CORS: edge.AnyOrigin,
		},
		Group: "Contract", Summary: "Read this document",
	}, "application/yaml", func(x *edge.Exchange, _ access.Caller) error {
		x.Header().Set("Cache-Control", "public, max-age=300")
		return x.Bytes(http.StatusOK, "application/yaml", []byte(api.OpenAPI))
	})
}

// Operations describes every endpoint of the server. The doors that it asks are empty: they can be
// described, not served.
func Operations() ([]rest.Operation, error) {
	var plain []edge.Route
	for _, part := range [][]edge.Route{
		new(browser.Flows).Routes(), new(browser.Session).Routes(), new(oidc.Door).Routes(), new(decision.Door).Routes(),
	} {
		plain = append(plain, part...)
	}
	described, err := contract.Operations(plain)
	return append(append(new(manage.API).Operations(), described...), Contract()), err
}

// Document is the contract.
func Document() ([]byte, error) {
	ops, err := Operations()
	if err != nil {
		return nil, err
	}
	return rest.Document(contract.About(), ops)
}
