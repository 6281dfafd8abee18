package authorize

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/oauth"
)

// Bounds of an authorization request, in bytes unless said.
const (
	maxState  = 1024
	maxNonce  = 512
	maxHint   = 320
	maxACR    = 512
	maxOrg    = 64
	maxMaxAge = 366 * 24 * 3600 // seconds
)

// Mode is how the answer gets to the client.
type Mode string

// The response modes. Fragment is not offered: it is for tokens in URLs, of which there are none.
const (
	Query    Mode = "query"     // in the redirect URI's query (the default)
	FormPost Mode = "form_post" // by a form that posts itself (OAuth 2.0 Form Post Response Mode)
)

// Params are the parameters of an authorization request as they were sent. A door makes them from the
// query or the form; a parameter without a value counts as absent (RFC 6749, section 3.1).
type Params struct{ values url.Values }

// NewParams takes parameters over. A parameter that stands there twice, other than resource (RFC
// 8707), is refused: two readers could take different ones.
func NewParams(values url.Values) (Params, error) {
	for name, list := range values {
		if len(list) > 1 && name != "resource" {
			return Params{}, oauth.Refuse(oauth.InvalidRequest, "A parameter was sent twice.")
		}
	}
	return Params{values: values}, nil
}

func (p Params) get(name string) string { return p.values.Get(name) }

// Request is an authorization request that has been checked against its client. It is kept in the
// sealed handle, so nothing in it comes from the browser again.
type Request struct {
	Client    oauth.ClientID    `json:"client"`
	Redirect  oauth.RedirectURI `json:"redirect"`
	Mode      Mode              `json:"mode"`
	State     string            `json:"state,omitzero"`
	Nonce     string            `json:"nonce,omitzero"`
	Challenge oauth.Challenge   `json:"challenge,omitzero"`
	Scopes    oauth.Scopes      `json:"scopes,omitzero"`
	Audience  []string          `json:"audience"`
	Org       string            `json:"org,omitzero"`
	Prompt    Prompt            `json:"prompt,omitzero"`
	MaxAge    int64             `json:"max_age,omitzero"`     // seconds
	HasMaxAge bool              `json:"has_max_age,omitzero"` // max_age=0 means: sign in now
	Strength  access.Strength   `json:"strength,omitzero"`    // from acr_values, and of the client
	Hint      string            `json:"hint,omitzero"`        // login_hint
	User      string            `json:"user,omitzero"`        // from id_token_hint: only this user will do
	Selected  string            `json:"selected,omitzero"`    // the user whom the person has chosen for this request
	Locales   string            `json:"locales,omitzero"`
	Started   time.Time         `json:"started"`
}

// Prompt is what the client wants the user to be asked (OpenID Connect Core, section 3.1.2.1).
type Prompt struct {
	None    bool `json:"none,omitzero"`    // nothing: answer from what is known, or fail
	Login   bool `json:"login,omitzero"`   // to sign in again
	Consent bool `json:"consent,omitzero"` // to consent again
	Select  bool `json:"select,omitzero"`  // which account
	Create  bool `json:"create,omitzero"`  // to open an account (Initiating User Registration 1.0)
}

// parse fills in what does not decide where an answer may go. Every error in it may be told to the
// client by redirect.
func (r *Request) parse(p Params, c *oauth.Client, issuer string) error {
	for _, step := range []func(Params, *oauth.Client, string) error{
		r.parseForm, r.parseScopes, r.parseProof, r.parsePrompt, r.parseMaxAge, r.parseTexts,
	} {
		if err := step(p, c, issuer); err != nil {
			return err
		}
	}
	return nil
}

func (r *Request) parseForm(p Params, c *oauth.Client, _ string) error {
	switch {
	case p.get("request") != "":
		return oauth.Refuse(oauth.RequestNotSupported, "Request objects are not supported.")
	case p.get("request_uri") != "":
		return oauth.Refuse(oauth.RequestURINotSupported, "The parameter request_uri is not supported.")
	case p.get("registration") != "":
		return oauth.Refuse(oauth.RegistrationUnsupported, "The parameter registration is not supported.")
	case p.get("response_type") == "":
		return oauth.Refuse(oauth.InvalidRequest, "The response_type is missing.")
	case p.get("response_type") != "code":
		return oauth.Refuse(oauth.UnsupportedResponseType, "The response_type must be code.")
	case !c.May(oauth.GrantCode):
		return oauth.Refuse(oauth.UnauthorizedClient, "The client may not use this grant.")
	}
	return nil
}

func (r *Request) parseScopes(p Params, c *oauth.Client, issuer string) (err error) {
	if r.Scopes, err = oauth.ParseScopes(p.get("scope")); err != nil {
		return err
	}
	if !r.Scopes.Within(c.Scopes) {
		return oauth.Refuse(oauth.InvalidScope, "The client may not ask for one of the scopes.")
	}
	r.Audience = slices.DeleteFunc(slices.Clone(p.values["resource"]), func(s string) bool { return s == "" })
	if err := oauth.CheckResources(c, issuer, r.Audience); err != nil {
		return err
	}
	if len(r.Audience) == 0 {
		r.Audience = []string{c.DefaultAudience(issuer)}
	}
	return oauth.CheckOwnScopes(r.Scopes, r.Audience, issuer)
}

func (r *Request) parseProof(p Params, c *oauth.Client, _ string) (err error) {
	if r.Challenge, err = oauth.ParseChallenge(p.get("code_challenge"), p.get("code_challenge_method")); err != nil {
		return err
	}
	if r.Challenge == "" && (c.Public() || !c.UnsafeNoPKCE) {
		return oauth.Refuse(oauth.InvalidRequest, "The code_challenge is missing: PKCE is required.")
	}
	if r.Nonce = p.get("nonce"); len(r.Nonce) > maxNonce || !plain(r.Nonce) {
		return oauth.Refuse(oauth.InvalidRequest, "The nonce is longer than %d bytes, or not printable.", maxNonce)
	}
	return nil
}

func (r *Request) parsePrompt(p Params, _ *oauth.Client, _ string) error {
	for _, word := range strings.Fields(p.get("prompt")) {
		switch word {
		case "none":
			r.Prompt.None = true
		case "login":
			r.Prompt.Login = true
		case "consent":
			r.Prompt.Consent = true
		case "select_account":
			r.Prompt.Select = true
		case "create":
			r.Prompt.Create = true
		default:
			return oauth.Refuse(oauth.InvalidRequest, "The prompt is not known.")
		}
	}
	if r.Prompt.None && r.Prompt != (Prompt{None: true}) {
		return oauth.Refuse(oauth.InvalidRequest, "The prompt none goes with no other.")
	}
	return nil
}

func (r *Request) parseMaxAge(p Params, c *oauth.Client, _ string) error {
	r.Strength = max(oauth.WantedStrength(p.get("acr_values")), c.MinStrength)
	text := p.get("max_age")
	if text == "" {
		return nil
	}
	seconds, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return oauth.Refuse(oauth.InvalidRequest, "The max_age is not a number of seconds.")
	}
	r.MaxAge, r.HasMaxAge = int64(min(seconds, maxMaxAge)), true
	return nil
}

func (r *Request) parseTexts(p Params, _ *oauth.Client, _ string) error {
	r.Hint, r.Org, r.Locales = p.get("login_hint"), p.get("organization"), p.get("ui_locales")
	if len(p.get("acr_values")) > maxACR || len(r.Hint) > maxHint || len(r.Org) > maxOrg || len(r.Locales) > maxHint {
		return oauth.Refuse(oauth.InvalidRequest, "A parameter is too long.")
	}
	if !plain(r.Org) || !plain(r.Locales) || strings.ContainsFunc(r.Hint, func(c rune) bool { return c < ' ' || c == 0x7f || c == '\ufffd' }) {
		return oauth.Refuse(oauth.InvalidRequest, "A parameter holds characters that it must not.")
	}
	return nil
}

// plain reports whether s is printable ASCII.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
