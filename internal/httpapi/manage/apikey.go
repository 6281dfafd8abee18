package manage

import (
	"context"
	"net/http"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
	"github.com/cardea-auth/cardea/internal/identity/apikey"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/kit/secret"
)

// APIKey is a key of a user or a service, without its secret.
type APIKey struct {
	ID        string    `json:"id" doc:"public name of the key"`
	Hint      string    `json:"hint" doc:"how the secret begins, to tell keys apart"`
	Name      string    `json:"name"`
	OwnerType string    `json:"owner_type" enum:"user,service"`
	OwnerID   string    `json:"owner_id"`
	Scopes    []string  `json:"scopes"`
	Created   time.Time `json:"created"`
	Expires   time.Time `json:"expires,omitzero"`
	LastUsed  time.Time `json:"last_used,omitzero" doc:"to the minute"`
}

func showAPIKey(k *apikey.Key) APIKey {
	return APIKey{
		ID: k.Public, Hint: k.Hint, Name: k.Name, OwnerType: k.OwnerType, OwnerID: k.OwnerID,
		Scopes: append([]string{}, k.Scopes...), Created: k.Created, Expires: k.Expires, LastUsed: k.LastUsed,
	}
}

// NewAPIKey is a key to be made.
type NewAPIKey struct {
	Name   string   `json:"name" max:"200"`
	Scopes []string `json:"scopes,omitzero" max:"50" doc:"what it may be used for; you must have them yourself"`
	Life   int64    `json:"life,omitzero" min:"0" max:"31622400" format:"seconds" doc:"seconds; left out: as long as is allowed"`
}

func (n NewAPIKey) of(owner access.Subject) apikey.NewKey {
	return apikey.NewKey{Owner: owner, Name: n.Name, Scopes: n.Scopes, Life: seconds(n.Life)}
}

// CreatedAPIKey is a key with its secret, which cannot be read again.
type CreatedAPIKey struct {
	Key    APIKey `json:"key"`
	Secret string `json:"secret" secret:"once" doc:"For X-API-Key."`
}

func showCreatedAPIKey(k *apikey.Key, s secret.Value, err error) (CreatedAPIKey, error) {
	if err != nil {
		return CreatedAPIKey{}, err
	}
	return CreatedAPIKey{Key: showAPIKey(k), Secret: s.Reveal()}, nil
}

type apiKeyPath struct {
	Key string `path:"apikey" max:"64"`
}

type ofAPIKey struct {
	within
	apiKeyPath
}

type rotateAPIKey struct {
	ofAPIKey
	Body Rotation `body:"json"`
}

func (a *API) apiKeys() []rest.Operation {
	const group = "API keys"
	return []rest.Operation{
		endpoint(a, administers("GET /api/users/{user}/apikeys", "apikey.list_of_user", "apikey.read", group, "List the API keys of a user"),
			func(ctx context.Context, c access.Caller, in listOfUser) (page.Page[APIKey], error) {
				p, err := a.APIKeys.List(ctx, c, access.User(in.User), in.request())
				return turned(p, err, showAPIKey)
			}),
		endpoint(a, status(administers("POST /api/users/{user}/apikeys", "apikey.create_for_user", "apikey.create", group, "Make an API key for a user"), http.StatusCreated),
			func(ctx context.Context, c access.Caller, in struct {
				ofUser
				Body NewAPIKey `body:"json"`
			}) (CreatedAPIKey, error) {
				return showCreatedAPIKey(a.APIKeys.Create(ctx, c, in.Body.of(access.User(in.User))))
			}),
		endpoint(a, administers("GET /api/clients/{client}/apikeys", "apikey.list_of_client", "apikey.read", group, "List the API keys of a service"),
			func(ctx context.Context, c access.Caller, in struct {
				ofClient
				paging
			}) (page.Page[APIKey], error) {
				p, err := a.APIKeys.List(ctx, c, access.Service(in.Client), in.request())
				return turned(p, err, showAPIKey)
			}),
		endpoint(a, status(administers("POST /api/clients/{client}/apikeys", "apikey.create_for_client", "apikey.create", group, "Make an API key for a service"), http.StatusCreated),
			func(ctx context.Context, c access.Caller, in struct {
				ofClient
				Body NewAPIKey `body:"json"`
			}) (CreatedAPIKey, error) {
				return showCreatedAPIKey(a.APIKeys.Create(ctx, c, in.Body.of(access.Service(in.Client))))
			}),
		endpoint(a, administers("GET /api/apikeys/{apikey}", "apikey.get", "apikey.read", group, "Read an API key"),
			func(ctx context.Context, c access.Caller, in ofAPIKey) (APIKey, error) {
				k, err := a.APIKeys.Get(ctx, c, in.Key)
				return one(k, err, showAPIKey)
			}),
		endpoint(a, administers("POST /api/apikeys/{apikey}/rotate", "apikey.rotate", "apikey.create", group, "Make the successor of an API key"),
			func(ctx context.Context, c access.Caller, in rotateAPIKey) (CreatedAPIKey, error) {
				return showCreatedAPIKey(a.APIKeys.Rotate(ctx, c, in.Key, seconds(in.Body.Overlap)))
			}),
		endpoint(a, administers("DELETE /api/apikeys/{apikey}", "apikey.revoke", "apikey.revoke", group, "End an API key at once"),
			func(ctx context.Context, c access.Caller, in ofAPIKey) (rest.None, error) {
				return done(a.APIKeys.Revoke(ctx, c, in.Key))
			}),
	}
}
