package app

import (
	"context"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/httpapi/manage"
	"github.com/cardea-auth/cardea/internal/kit/id"
)

// management is the management and account API.
func (a *App) management() *manage.API {
	return &manage.API{
		Tenants: a.Tenants, Organisations: a.Organisations, Accounts: a.Accounts, Sessions: a.Sessions, APIKeys: a.APIKeys,
		Clients: a.Clients, Consents: a.Consents, Scopes: a.Scopes, Decisions: a.Decisions, Policies: a.Policies, Points: a.Points, Journal: a.Journal, Stores: a.Stores, Audit: a.Audit, Keys: a.Keys,
		Passwords:      a.Policy,
		InvitationLink: func(t id.Tenant, token string) string { return a.linkTo(t, "invitation", token) },
		TenantMade: func(ctx context.Context, t id.Tenant) error {
			if err := a.Keys.Tick(ctx, t); err != nil {
				return err
			}
			return a.ensureOwnClients(ctx, t)
		},
	}
}

// ExportUser is all that is stored about a person, as the API answers it: a JSON document.
func (a *App) ExportUser(ctx context.Context, c access.Caller, userID string) ([]byte, error) {
	all, err := a.management().Export(ctx, c, userID)
	if err != nil {
		return nil, err
	}
	return json.Marshal(all, jsontext.WithIndent("  "))
}
