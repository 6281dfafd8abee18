package tokens

import (
	"context"
	"slices"

	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/oauth"
)

// scopes decides what an access token may ask for: what was requested, within the artefact; less what
// the client, the user's consent or the policy no longer allow.
func (w World) scopes(ctx context.Context, t id.Tenant, s Subject, now Standing, asked oauth.Scopes) (oauth.Scopes, error) {
	if asked == nil {
		asked = s.Scopes
	}
	if !asked.Within(s.Scopes) {
		return nil, oauth.Refuse(oauth.InvalidScope, "More was asked for than was granted.")
	}
	have := asked.And(now.Client.Scopes)
	if s.User != "" && !now.Client.FirstParty {
		have = have.And(now.Consent.Scopes)
	}
	if w.Policy != nil && len(have) > 0 {
		var err error
		who := oauth.Holder{User: s.User, Client: now.Client.ClientID(), Org: s.Org}
		narrowed, err := w.Policy.Narrow(ctx, t, who, have)
		if err != nil {
			return nil, err
		}
		have = have.And(narrowed) // a policy cannot add
	}
	if len(asked) > 0 && len(have) == 0 {
		return nil, oauth.Refuse(oauth.InvalidScope, "None of the scopes may be granted.")
	}
	return have, nil
}

// audience decides for whom the token is: the requested resources within the artefact, all of those,
// or the client's default. It is never empty. A token with openid is for the issuer too, which is where
// userinfo is.
func audience(s Subject, now Standing, scopes oauth.Scopes, asked []string) ([]string, error) {
	issuer, out := now.Tenant.Issuer, s.Audience
	if len(out) == 0 {
		out = []string{now.Client.DefaultAudience(issuer)}
	}
	if len(asked) > 0 {
		if err := oauth.CheckResources(now.Client, issuer, asked); err != nil {
			return nil, err
		}
		out = asked
	}
	for _, a := range out {
		if len(s.Audience) > 0 && !slices.Contains(s.Audience, a) || !now.Client.MayTarget(issuer, a) {
			return nil, oauth.Refuse(oauth.InvalidTarget, "The client may not ask for this resource.")
		}
	}
	if err := oauth.CheckOwnScopes(scopes, out, issuer); err != nil {
		return nil, err
	}
	if scopes.Has(oauth.ScopeOpenID) && !slices.Contains(out, issuer) {
		out = append(slices.Clip(out), issuer)
	}
	return out, nil
}
