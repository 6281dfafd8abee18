package manage

import (
	"context"
	"net/http"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
	"github.com/cardea-auth/cardea/internal/keyring"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// SigningKey is a key with which the tenant signs. Its private half never leaves the server.
type SigningKey struct {
	ID        string    `json:"kid"`
	Purpose   string    `json:"purpose" enum:"token,logout,context,checkpoint"`
	Alg       string    `json:"alg"`
	State     string    `json:"state"`
	Created   time.Time `json:"created"`
	Ready     time.Time `json:"ready" doc:"when it may sign, after caches have heard of it"`
	Activated time.Time `json:"activated,omitzero"`
	Retired   time.Time `json:"retired,omitzero"`
	Revoked   time.Time `json:"revoked,omitzero"`
	Until     time.Time `json:"until,omitzero" doc:"when it is forgotten"`
}

func showSigningKey(k keyring.Key) SigningKey {
	return SigningKey{
		ID: k.ID, Purpose: string(k.Purpose), Alg: string(k.Alg), State: string(k.State), Created: k.Created, Ready: k.Ready,
		Activated: k.Activated, Retired: k.Retired, Revoked: k.Revoked, Until: k.Until,
	}
}

// NewSigningKey says which key is to be followed by a new one.
type NewSigningKey struct {
	Purpose string `json:"purpose" enum:"token,logout,context,checkpoint"`
	Alg     string `json:"alg" enum:"ES256,EdDSA,RS256,PS256"`
}

func (a *API) signingKeys() []rest.Operation {
	const group = "Signing keys"
	rotated := status(administers("POST /api/keys", "key.rotate", "key.rotate", group, "Publish a new key that will follow the present one"), http.StatusCreated)
	return []rest.Operation{
		endpoint(a, administers("GET /api/keys", "key.list", "key.read", group, "List signing keys"),
			func(ctx context.Context, c access.Caller, _ within) (many[SigningKey], error) {
				all, err := a.Keys.List(ctx, c)
				return collect(all, err, showSigningKey)
			}),
		endpoint(a, refusing(rotated, errs.Unsupported), func(ctx context.Context, c access.Caller, in struct {
			within
			Body NewSigningKey `body:"json"`
		}) (SigningKey, error) {
			k, err := a.Keys.Rotate(ctx, c, keyring.Purpose(in.Body.Purpose), keyring.Alg(in.Body.Alg))
			return showSigningKey(k), err
		}),
		endpoint(a, administers("POST /api/keys/{kid}/revoke", "key.revoke", "key.revoke", group, "End a key at once; what it has signed is refused"),
			func(ctx context.Context, c access.Caller, in struct {
				within
				Key string `path:"kid" max:"64"`
			}) (SigningKey, error) {
				k, err := a.Keys.Revoke(ctx, c, in.Key)
				return showSigningKey(k), err
			}),
	}
}
