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

func showKey(k *apikey.Key) APIKey {
	return APIKey{
		ID: k.Public, Hint: k.Hint, Name: k.Name, OwnerType: k.OwnerType, OwnerID: k.OwnerID,
		Scopes: append([]string{}, k.Scopes...), Created: k.Created, Expires: k.Expires, LastUsed: k.LastUsed,
	}
}

// NewKey is a key to be made.
type NewKey struct {
	Name   string   `json:"name" max:"100"`
	Scopes []string `json:"scopes,omitzero" max:"100"`
	Life   int64    `json:"life,omitzero" min:"0" max:"315360000" doc:"seconds; left out: as long as is allowed"`
}

func (n NewKey) of(owner access.Subject) apikey.NewKey {
	return apikey.NewKey{Owner: owner, Name: n.Name, Scopes: n.Scopes, Life: seconds(n.Life)}
}

// CreatedKey is a key with its secret, which cannot be read again.
type CreatedKey struct {
	Key    APIKey `json:"key"`
	Secret string `json:"secret" secret:"once" doc:"for X-API-Key."`
}

func showCreatedKey(k *apikey.Key, s secret.Value, err error) (CreatedKey, error) {
	if err != nil {
		return CreatedKey{}, err
	}
	return CreatedKey{Key: showKey(k), Secret: s.Reveal()}, nil
}

type keyPath struct {
	Key string `path:"key" max:"64"`
}

type newUserKey struct {
	userPath
	Body NewKey `body:"json"`
}

type newClientKey struct {
	clientPath
	Body NewKey `body:"json"`
}

func (a *API) apiKeys() []rest.Operation {
	const group = "API keys"
	return []rest.Operation{
		rest.Handle(administers("GET /api/users/{user}/keys", "apikey.list_of_user", "apikey.read", group, "List the API keys of a user"),
			func(ctx context.Context, c access.Caller, in struct {
				userPath
				paging
			}) (page.Page[APIKey], error) {
				p, err := a.APIKeys.List(ctx, c, access.User(in.User), in.request())
				return turned(p, err, showKey)
			}),
		rest.Handle(status(administers("POST /api/users/{user}/keys", "apikey.create_for_user", "apikey.create", group, "Make an API key for a user"), http.StatusCreated),
			func(ctx context.Context, c access.Caller, in newUserKey) (CreatedKey, error) {
				return showCreatedKey(a.APIKeys.Create(ctx, c, in.Body.of(access.User(in.User))))
			}),
		rest.Handle(administers("GET /api/clients/{client}/keys", "apikey.list_of_client", "apikey.read", group, "List the API keys of a service"),
			func(ctx context.Context, c access.Caller, in struct {
				clientPath
				paging
			}) (page.Page[APIKey], error) {
				p, err := a.APIKeys.List(ctx, c, access.Service(in.Client), in.request())
				return turned(p, err, showKey)
			}),
		rest.Handle(status(administers("POST /api/clients/{client}/keys", "apikey.create_for_client", "apikey.create", group, "Make an API key for a service"), http.StatusCreated),
			func(ctx context.Context, c access.Caller, in newClientKey) (CreatedKey, error) {
				return showCreatedKey(a.APIKeys.Create(ctx, c, in.Body.of(access.Service(in.Client))))
			}),
		rest.Handle(administers("POST /api/keys/{key}/rotate", "apikey.rotate", "apikey.create", group, "Make the successor of an API key"),
			func(ctx context.Context, c access.Caller, in struct {
				keyPath
				Body Rotation `body:"json"`
			}) (CreatedKey, error) {
				return showCreatedKey(a.APIKeys.Rotate(ctx, c, in.Key, seconds(in.Body.Overlap)))
			}),
		rest.Handle(administers("DELETE /api/keys/{key}", "apikey.revoke", "apikey.revoke", group, "End an API key at once"),
			func(ctx context.Context, c access.Caller, in keyPath) (rest.None, error) {
				return done(a.APIKeys.Revoke(ctx, c, in.Key))
			}),
	}
}
