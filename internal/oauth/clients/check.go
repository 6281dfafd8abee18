package clients

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/keyring"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/clientauth"
)

// Bounds of a registration.
const (
	maxName = 200
	maxURIs = 50
	maxLife = 3600 // seconds
	minLife = 60
)

// complete fills in the defaults of the client's type and refuses what must not be.
func complete(c *oauth.Client) error {
	if err := setDefaults(c); err != nil {
		return err
	}
	for _, check := range []func(*oauth.Client) error{
		checkName, checkGrants, checkAuth, checkAddresses, checkTargets, checkTokens, checkLinks,
	} {
		if err := check(c); err != nil {
			return err
		}
	}
	return nil
}

func setDefaults(c *oauth.Client) error {
	switch c.Type {
	case oauth.Web:
		setIfEmpty(&c.Auth, oauth.AuthBasic)
		setListIfEmpty(&c.Grants, oauth.GrantCode, oauth.GrantRefresh)
	case oauth.SPA, oauth.Native:
		setIfEmpty(&c.Auth, oauth.AuthNone)
		setListIfEmpty(&c.Grants, oauth.GrantCode, oauth.GrantRefresh)
	case oauth.Service:
		setIfEmpty(&c.Auth, oauth.AuthBasic)
		setListIfEmpty(&c.Grants, oauth.GrantClientCredentials)
	default:
		return errs.Bad("/type", "must be web, spa, native or service").Breaks(errs.OneOf, nil)
	}
	if len(c.Scopes) == 0 && c.May(oauth.GrantCode) {
		c.Scopes = oauth.Scopes{oauth.ScopeOpenID, oauth.ScopeProfile, oauth.ScopeEmail}
	}
	if c.Auth == oauth.AuthPrivateKeyJWT {
		setIfEmpty(&c.AuthAlg, keyring.ES256)
	}
	setIfEmpty(&c.Access, oauth.JWT)
	return nil
}

func setIfEmpty[S ~string](s *S, value S) {
	if *s == "" {
		*s = value
	}
}

func setListIfEmpty[T any](s *[]T, values ...T) {
	if len(*s) == 0 {
		*s = values
	}
}

// checkID accepts 3 to 64 of a–z, 0–9, '-', '_' and '.', but nothing that could be the id of a user.
func checkID(s string) error {
	if len(s) < 3 || len(s) > 64 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" {
		return errs.Bad("/id", "must be 3 to 64 of a–z, 0–9, '-', '_' and '.'").Breaks(errs.Identifier, errs.Between(3, 64))
	}
	if len(s) >= 26 && !strings.HasPrefix(s, prefix) && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789") == "" {
		return errs.Bad("/id", "must not look like the id of a user").Breaks(errs.Reserved, nil)
	}
	return nil
}

func checkName(c *oauth.Client) error {
	n := 0
	for _, r := range c.Name {
		n++
		// Control characters and those that reorder text could make one name imitate another.
		if r < ' ' || r == 0x7f || r == '\ufffd' || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x200e || r == 0x200f || r == 0x061c {
			return errs.Bad("/name", "must not hold control characters").Breaks(errs.Control, nil)
		}
	}
	if n == 0 || n > maxName {
		return errs.Bad("/name", "must have 1 to %d characters", maxName).Breaks(errs.Length, errs.Between(1, maxName))
	}
	return nil
}

func checkGrants(c *oauth.Client) error {
	allowed := []oauth.GrantType{oauth.GrantCode, oauth.GrantRefresh}
	switch {
	case c.Type == oauth.Service:
		allowed = []oauth.GrantType{oauth.GrantClientCredentials}
	case c.Type == oauth.Web:
		allowed = append(allowed, oauth.GrantClientCredentials)
	case c.FirstParty:
		allowed = append(allowed, oauth.GrantSession)
	}
	for i, g := range c.Grants {
		if !slices.Contains(allowed, g) || slices.Contains(c.Grants[:i], g) {
			return errs.Bad("/grants/"+strconv.Itoa(i), "is not for a client of this type, or stands there twice").Breaks(errs.OneOf, nil)
		}
	}
	if c.May(oauth.GrantRefresh) && !c.May(oauth.GrantCode) {
		return errs.Bad("/grants", "must hold authorization_code where it holds refresh_token")
	}
	if c.MinStrength > access.HardToPhish {
		return errs.Bad("/min_strength", "is not a strength").Breaks(errs.OneOf, nil)
	}
	return nil
}

func checkAuth(c *oauth.Client) error {
	public := c.Type == oauth.SPA || c.Type == oauth.Native
	known := []oauth.AuthMethod{oauth.AuthBasic, oauth.AuthPost, oauth.AuthPrivateKeyJWT}
	if public {
		known = []oauth.AuthMethod{oauth.AuthNone}
	}
	if !slices.Contains(known, c.Auth) {
		return errs.Bad("/auth", "is not for a client of this type").Breaks(errs.OneOf, nil)
	}
	if public && c.UnsafeNoPKCE {
		return errs.Bad("/unsafe_no_pkce", "is only for clients that keep a secret")
	}
	if c.Auth != oauth.AuthPrivateKeyJWT {
		if c.Keys != "" || c.KeysURL != "" || c.AuthAlg != "" {
			return errs.Bad("/jwks", "is only for private_key_jwt")
		}
		return nil
	}
	if !slices.Contains(oauth.Algs(), c.AuthAlg) {
		return errs.Bad("/auth_alg", "is not an algorithm that is accepted").Breaks(errs.OneOf, nil)
	}
	if (c.Keys == "") == (c.KeysURL == "") {
		return errs.Bad("/jwks", "or jwks_uri is needed, and only one of them")
	}
	if c.KeysURL != "" {
		return checkHTTPS("/jwks_uri", c.KeysURL)
	}
	if _, err := clientauth.ParseKeys([]byte(c.Keys)); err != nil {
		return errs.Bad("/jwks", "must be a set of public keys, RSA of 2048 bits or more")
	}
	return nil
}

func checkAddresses(c *oauth.Client) error {
	lists := []struct {
		pointer string
		uris    []oauth.RedirectURI
	}{{"/redirect_uris", c.Redirect}, {"/post_logout_redirect_uris", c.Logout}}
	for _, l := range lists {
		if len(l.uris) > maxURIs || len(l.uris) > 0 && c.Type == oauth.Service {
			return errs.Bad(l.pointer, "must have at most %d entries, and none for a service", maxURIs).Breaks(errs.Items, errs.Between(0, maxURIs))
		}
		for i, uri := range l.uris {
			if err := oauth.CheckRedirectURI(c.Type, string(uri)); err != nil {
				e := errs.Bad(l.pointer+"/"+strconv.Itoa(i), "must use https, http on a loopback host, or for native clients a private scheme in reverse domain form, and be written plainly").Breaks(errs.RedirectURI, nil)
				e.Code, e.Err = string(oauth.InvalidRedirectURI), err
				return e
			}
		}
	}
	if c.May(oauth.GrantCode) && len(c.Redirect) == 0 {
		return errs.Bad("/redirect_uris", "must have at least one entry").Breaks(errs.Required, nil)
	}
	if len(c.Origins) > maxURIs {
		return errs.Bad("/origins", "must have at most %d entries", maxURIs).Breaks(errs.Items, errs.Between(0, maxURIs))
	}
	for i, o := range c.Origins {
		u, err := url.Parse(o)
		if err != nil || u.Host == "" || o != u.Scheme+"://"+u.Host || oauth.CheckRedirectURI(oauth.Web, o) != nil {
			return errs.Bad("/origins/"+strconv.Itoa(i), "must be an origin: https and a host, or http on a loopback host").Breaks(errs.Origin, nil)
		}
	}
	return nil
}

func checkTargets(c *oauth.Client) error {
	if _, err := oauth.ParseScopes(c.Scopes.String()); err != nil {
		return errs.Bad("/scopes", "must be at most 64 names of at most 128 printable characters")
	}
	for pointer, list := range map[string][]string{"/audience": c.Audience, "/serves": c.Serves} {
		if len(list) > maxURIs {
			return errs.Bad(pointer, "must have at most %d entries", maxURIs).Breaks(errs.Items, errs.Between(0, maxURIs))
		}
		for i, a := range list {
			if !oauth.ValidResource(a) {
				return errs.Bad(pointer+"/"+strconv.Itoa(i), "must be an absolute URI without a fragment").Breaks(errs.URI, nil)
			}
		}
	}
	return nil
}

func checkTokens(c *oauth.Client) error {
	if c.Access != oauth.JWT && c.Access != oauth.Opaque {
		return errs.Bad("/access", "must be jwt or opaque").Breaks(errs.OneOf, nil)
	}
	if !slices.Contains(oauth.Algs(), c.Alg()) {
		return errs.Bad("/signing_alg", "is not an algorithm that is offered").Breaks(errs.OneOf, nil)
	}
	if c.AccessLife != 0 && (c.AccessLife < minLife || c.AccessLife > maxLife) {
		return errs.Bad("/access_token_life", "must lie between %d and %d seconds", minLife, maxLife).Breaks(errs.Duration, errs.Between(minLife, maxLife))
	}
	return nil
}

func checkLinks(c *oauth.Client) error {
	for pointer, link := range map[string]string{"/client_uri": c.URI, "/policy_uri": c.Policy, "/tos_uri": c.Terms} {
		if link == "" {
			continue
		}
		if err := checkHTTPS(pointer, link); err != nil {
			return err
		}
	}
	return nil
}

func checkHTTPS(pointer, link string) error {
	if !strings.HasPrefix(link, "https://") || oauth.CheckRedirectURI(oauth.Web, link) != nil {
		return errs.Bad(pointer, "must be an https address").Breaks(errs.HTTPS, nil)
	}
	return nil
}
