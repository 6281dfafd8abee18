package oauth

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

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
	o := object{buf: append(b, '{')}
	c.members(&o)
	return append(o.buf, '}'), o.err
}

// AppendIntrospection appends the claims as the answer of introspection (RFC 7662, section 2.2) about
// an active token of the given type.
func (c *AccessClaims) AppendIntrospection(b []byte, tokenType string) ([]byte, error) {
	o := object{buf: append(b, '{')}
	o.flag("active", true)
	o.text("token_type", tokenType)
	c.members(&o)
	return append(o.buf, '}'), o.err
}

func (c *AccessClaims) members(o *object) {
	o.text("iss", c.Issuer)
	o.audience(c.Audience)
	o.text("sub", c.Subject)
	o.text("client_id", string(c.Client))
	o.text("scope", c.Scope)
	o.number("iat", c.Issued)
	o.number("exp", c.Expires)
	o.text("jti", c.JTI)
	o.text("sid", c.Session)
	o.text("org_id", c.Org)
	o.epochs(c.Epochs)
	o.text("acr", c.ACR)
	o.number("auth_time", c.AuthTime)
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
	o := object{buf: append(b, '{')}
	o.text("iss", c.Issuer)
	o.text("aud", string(c.Audience))
	o.text("sub", c.Subject)
	o.number("iat", c.Issued)
	o.number("exp", c.Expires)
	o.number("auth_time", c.AuthTime)
	o.text("nonce", c.Nonce)
	o.text("acr", c.ACR)
	o.list("amr", c.Methods)
	o.text("sid", c.Session)
	o.text("org_id", c.Org)
	o.text("at_hash", c.AtHash)
	c.Person.members(&o)
	return append(o.buf, '}'), o.err
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
	o := object{buf: append(b, '{')}
	o.text("sub", subject)
	c.members(&o)
	return append(o.buf, '}'), o.err
}

func (c UserClaims) members(o *object) {
	p := &c.profile
	if c.scopes.Has(ScopeProfile) {
		o.text("name", p.Name)
		o.text("given_name", p.GivenName)
		o.text("family_name", p.FamilyName)
		o.text("nickname", p.Nickname)
		o.text("preferred_username", p.Username)
		o.text("picture", p.Picture)
		o.text("locale", p.Locale)
		o.text("zoneinfo", p.Zone)
		if !p.Updated.IsZero() {
			o.number("updated_at", p.Updated.Unix())
		}
	}
	if c.scopes.Has(ScopeEmail) && p.Email != "" {
		o.text("email", p.Email)
		o.flag("email_verified", p.EmailVerified)
	}
	if c.scopes.Has(ScopePhone) && p.Phone != "" {
		o.text("phone_number", p.Phone)
		o.flag("phone_number_verified", p.PhoneVerified)
	}
}

// object writes a JSON object by hand: tokens are made too often for reflection. The first error, a
// text that is not UTF-8, is kept.
type object struct {
	buf []byte
	err error
}

func (o *object) name(n string) {
	if o.buf[len(o.buf)-1] != '{' {
		o.buf = append(o.buf, ',')
	}
	o.buf = append(o.buf, '"')
	o.buf = append(o.buf, n...)
	o.buf = append(o.buf, '"', ':')
}

func (o *object) quote(s string) {
	buf, err := jsontext.AppendQuote(o.buf, s)
	o.buf = buf
	if o.err == nil {
		o.err = err
	}
}

func (o *object) text(name, value string) {
	if value != "" {
		o.name(name)
		o.quote(value)
	}
}

func (o *object) number(name string, value int64) {
	if value != 0 {
		o.name(name)
		o.buf = strconv.AppendInt(o.buf, value, 10)
	}
}

func (o *object) flag(name string, value bool) {
	o.name(name)
	o.buf = strconv.AppendBool(o.buf, value)
}

func (o *object) list(name string, values []string) {
	if len(values) == 0 {
		return
	}
	o.name(name)
	o.buf = append(o.buf, '[')
	for i, v := range values {
		if i > 0 {
			o.buf = append(o.buf, ',')
		}
		o.quote(v)
	}
	o.buf = append(o.buf, ']')
}

// audience is one string or a list (RFC 7519, section 4.1.3).
func (o *object) audience(values []string) {
	if len(values) == 1 {
		o.text("aud", values[0])
		return
	}
	o.list("aud", values)
}

func (o *object) epochs(e Epochs) {
	o.name("ep")
	in := object{buf: append(o.buf, '{')}
	in.number("s", e.Session)
	in.number("u", e.User)
	in.number("c", e.Client)
	in.number("t", e.Tenant)
	in.number("g", e.Consent)
	o.buf = append(in.buf, '}')
}
