package oauth

import "github.com/cardea-auth/cardea/internal/kit/jsonobject"

// AccessClaims are the claims of an access token (RFC 9068, section 2.2). This list is the allow-list:
// nothing else gets into one. Times are Unix seconds.
type AccessClaims struct {
	Issuer   string
	Audience []string
	Subject  string // the user, or the client acting for itself
	Client   ClientID
	Scope    string
	Issued   int64
	Expires  int64
	JTI      string
	Session  string // sid
	Org      string // org_id
	Epochs   Epochs
	ACR      string
	AuthTime int64
}

// AppendJSON appends the claims as a JSON object. Members that are empty are left out.
func (c *AccessClaims) AppendJSON(b []byte) ([]byte, error) {
	w := jsonobject.Open(b)
	c.members(&w)
	return w.Close()
}

// AppendIntrospection appends the claims as the answer of introspection (RFC 7662, section 2.2) about
// an active token of the given type.
func (c *AccessClaims) AppendIntrospection(b []byte, tokenType string) ([]byte, error) {
	w := jsonobject.Open(b)
	w.Flag("active", true)
	w.Text("token_type", tokenType)
	c.members(&w)
	return w.Close()
}

func (c *AccessClaims) members(w *jsonobject.Writer) {
	w.Text("iss", c.Issuer)
	audience(w, c.Audience)
	w.Text("sub", c.Subject)
	w.Text("client_id", string(c.Client))
	w.Text("scope", c.Scope)
	w.Number("iat", c.Issued)
	w.Number("exp", c.Expires)
	w.Text("jti", c.JTI)
	w.Text("sid", c.Session)
	w.Text("org_id", c.Org)
	w.Begin("ep")
	c.Epochs.members(w)
	w.End()
	w.Text("acr", c.ACR)
	w.Number("auth_time", c.AuthTime)
}

// IDClaims are the claims of an id token (OpenID Connect Core, section 2). Times are Unix seconds.
type IDClaims struct {
	Issuer   string
	Audience ClientID
	Subject  string
	Issued   int64
	Expires  int64
	AuthTime int64
	Nonce    string
	ACR      string
	Methods  []string // amr
	Session  string   // sid
	Org      string   // org_id
	AtHash   string
	Person   UserClaims
}

// AppendJSON appends the claims as a JSON object. Members that are empty are left out.
func (c *IDClaims) AppendJSON(b []byte) ([]byte, error) {
	w := jsonobject.Open(b)
	w.Text("iss", c.Issuer)
	w.Text("aud", string(c.Audience))
	w.Text("sub", c.Subject)
	w.Number("iat", c.Issued)
	w.Number("exp", c.Expires)
	w.Number("auth_time", c.AuthTime)
	w.Text("nonce", c.Nonce)
	w.Text("acr", c.ACR)
	w.Texts("amr", c.Methods)
	w.Text("sid", c.Session)
	w.Text("org_id", c.Org)
	w.Text("at_hash", c.AtHash)
	c.Person.members(&w)
	return w.Close()
}

// UserClaims are the claims about a user that scopes have opened (OpenID Connect Core, section 5.4).
type UserClaims struct {
	scopes  Scopes
	profile Profile
}

// ClaimsFor are the claims of a profile that scopes open: profile, email and phone each open theirs.
func ClaimsFor(p Profile, scopes Scopes) UserClaims { return UserClaims{scopes: scopes, profile: p} }

// AppendJSON appends the claims with sub as a JSON object: the answer of userinfo (OpenID Connect
// Core, section 5.3.2).
func (c UserClaims) AppendJSON(b []byte, subject string) ([]byte, error) {
	w := jsonobject.Open(b)
	w.Text("sub", subject)
	c.members(&w)
	return w.Close()
}

func (c UserClaims) members(w *jsonobject.Writer) {
	p := &c.profile
	if c.scopes.Has(ScopeProfile) {
		w.Text("name", p.Name)
		w.Text("given_name", p.GivenName)
		w.Text("family_name", p.FamilyName)
		w.Text("nickname", p.Nickname)
		w.Text("preferred_username", p.Username)
		w.Text("picture", p.Picture)
		w.Text("locale", p.Locale)
		w.Text("zoneinfo", p.Zone)
		if !p.Updated.IsZero() {
			w.Number("updated_at", p.Updated.Unix())
		}
	}
	if c.scopes.Has(ScopeEmail) && p.Email != "" {
		w.Text("email", p.Email)
		w.Flag("email_verified", p.EmailVerified)
	}
	if c.scopes.Has(ScopePhone) && p.Phone != "" {
		w.Text("phone_number", p.Phone)
		w.Flag("phone_number_verified", p.PhoneVerified)
	}
}

// audience is one string or a list (RFC 7519, section 4.1.3).
func audience(w *jsonobject.Writer, values []string) {
	if len(values) == 1 {
		w.Text("aud", values[0])
		return
	}
	w.Texts("aud", values)
}

func (e Epochs) members(w *jsonobject.Writer) {
	w.Number("s", e.Session)
	w.Number("u", e.User)
	w.Number("c", e.Client)
	w.Number("t", e.Tenant)
	w.Number("g", e.Consent)
}
