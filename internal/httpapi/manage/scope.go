package manage

import (
	"context"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/oauth/consent"
	"github.com/cardea-auth/cardea/internal/oauth/scopes"
)

// Scope is something that a token may be asked for.
type Scope struct {
	Name  string `json:"name" max:"128"`
	Words string `json:"words" max:"300" doc:"completes: the application wants to …"`
}

func showScope(s *scopes.Scope) Scope { return Scope{Name: s.Name(), Words: s.Words} }

// Consent is what a user has allowed an application.
type Consent struct {
	Client string    `json:"client_id"`
	Scopes []string  `json:"scopes"`
	Given  time.Time `json:"given" doc:"when the user last agreed"`
}

func showConsent(x *consent.Consent) Consent {
	return Consent{Client: string(x.Client), Scopes: append([]string{}, x.Scopes...), Given: x.Given}
}

type declareScope struct {
	within
	Body Scope `body:"json"`
}

// removeScope takes the name from the query because it may hold slashes.
type removeScope struct {
	within
	Name string `query:"name,required" max:"128"`
}

func (a *API) scopes() []rest.Operation {
	const group = "Scopes"
	return []rest.Operation{
		endpoint(a, administers("GET /api/scopes", "scope.list", "scope.read", group, "List declared scopes"),
			func(ctx context.Context, c access.Caller, in struct {
				within
				paging
			}) (page.Page[Scope], error) {
				p, err := a.Scopes.List(ctx, c, in.request())
				return turned(p, err, showScope)
			}),
		endpoint(a, administers("PUT /api/scopes", "scope.declare", "scope.declare", group, "Declare a scope, or say it in other words"),
			func(ctx context.Context, c access.Caller, in declareScope) (Scope, error) {
				s, err := a.Scopes.Declare(ctx, c, in.Body.Name, in.Body.Words)
				return one(s, err, showScope)
			}),
		endpoint(a, administers("DELETE /api/scopes", "scope.remove", "scope.remove", group, "Forget the words of a scope; nobody loses it"),
			func(ctx context.Context, c access.Caller, in removeScope) (rest.None, error) {
				return done(a.Scopes.Remove(ctx, c, in.Name))
			}),
	}
}

func (a *API) consents() []rest.Operation {
	const group = "Consents"
	return []rest.Operation{
		endpoint(a, administers("GET /api/users/{user}/consents", "consent.list", "consent.read", group, "List what a user has allowed applications"),
			func(ctx context.Context, c access.Caller, in listOfUser) (page.Page[Consent], error) {
				p, err := a.Consents.List(ctx, c, in.User, in.request())
				return turned(p, err, showConsent)
			}),
		endpoint(a, administers("DELETE /api/users/{user}/consents/{client}", "consent.revoke", "consent.revoke", group, "Take back what a user has allowed an application"),
			func(ctx context.Context, c access.Caller, in struct {
				ofUser
				clientPath
			}) (rest.None, error) {
				return done(a.Consents.Take(ctx, c, in.User, in.id()))
			}),
	}
}
