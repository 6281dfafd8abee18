package manage

import (
	"net/http"

	"github.com/cardea-auth/cardea/api"
	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
)

// contract serves the published contract.
func (a *API) contract() []rest.Operation {
	e := administers("GET /api/openapi.yaml", "contract.get", "", "Contract", "Read this document")
	e.Access, e.CORS = edge.Open("the contract is public"), edge.AnyOrigin
	document := []byte(api.OpenAPI())
	return []rest.Operation{rest.Describe[rest.None, string](e, "application/yaml", func(x *edge.Exchange, _ access.Caller) error {
		x.Header().Set("Cache-Control", "public, max-age=300")
		return x.Bytes(http.StatusOK, "application/yaml", document)
	})}
}
