package edge

import (
	"net/http"
	"strconv"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/httpapi/credential"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/limit"
)

// limit refuses an address from which too much or too many refused credentials came. It looks at
// nothing but the address, so that it costs less than what it protects.
func (x *Exchange) limit() error {
	if x.route.preflight != nil {
		return nil
	}
	intent := x.route.Intent
	if intent == 0 {
		intent = limit.API
	}
	if err := x.apply(x.door.Gate.Use(x.asker(), intent)); err != nil {
		return err
	}
	x.guessing = intent == limit.Token || len(x.R.Header["Authorization"])+len(x.R.Header["X-Api-Key"]) > 0
	if x.guessing {
		if v := x.door.Gate.Look(x.asker(), limit.Credential); !v.Allowed() {
			return x.apply(v)
		}
	}
	return nil
}

// countGuess counts a refused credential against its address, whoever has refused it: the doorstep,
// or an endpoint that reads client secrets or tokens itself. A session cookie is not guessed at.
func (x *Exchange) countGuess() {
	if x.guessing && x.status == http.StatusUnauthorized {
		x.door.Gate.Count(x.asker(), limit.Credential)
	}
}

func (x *Exchange) asker() limit.Asker {
	return limit.Asker{Tenant: x.Site.Tenant, Address: x.From.Address}
}

// apply tells the caller what a limit has left (draft-ietf-httpapi-ratelimit-headers-10).
func (x *Exchange) apply(v limit.Verdict) error {
	if !v.Rule.On() {
		return nil
	}
	h := x.Header()
	h["Ratelimit-Policy"] = []string{v.Policy()}
	h["Ratelimit"] = []string{v.Left()}
	return v.Err()
}

// tellWait repeats Retry-After in the words of apply, for a limit that a domain has applied: the door
// does not know its size.
func (x *Exchange) tellWait(e *errs.Error) {
	h := x.Header()
	if e.Kind == errs.RateLimited && e.RetryAfter > 0 && h.Get("RateLimit") == "" {
		h.Set("RateLimit", `"`+errs.CodeOf(e)+`";r=0;t=`+strconv.FormatInt(limit.Seconds(e.RetryAfter), 10))
	}
}

// authenticate says who asks.
func (x *Exchange) authenticate() (access.Caller, error) {
	a, anonymous := x.route.Access, access.Anonymous(x.Site.Tenant, x.From)
	x.caller = anonymous
	c, err := x.credential(a.accept)
	if err != nil {
		return anonymous, err
	}
	x.Credential = c
	if err := x.checkCSRF(c); err != nil {
		return anonymous, err
	}
	if c.Kind == credential.None {
		return anonymous, x.withoutCredential(c)
	}
	if c.Kind == credential.DPoP {
		c.Method, c.URI = x.R.Method, x.Site.Issuer+x.R.URL.EscapedPath()
	}
	caller, err := x.door.Authenticator.Authenticate(x.R.Context(), x.Site.Tenant, c, x.From)
	if err == nil && (caller.IsAnonymous() || caller.Tenant() != x.Site.Tenant) {
		err = errs.New(errs.Unauthenticated, "token_invalid", "The credential is not valid here.")
	}
	if err != nil {
		return anonymous, x.refused(c, err)
	}
	x.caller = caller
	return caller, nil
}

// credential reads what the route accepts, and nothing on a route that accepts nothing.
func (x *Exchange) credential(accept credential.Accept) (credential.Credential, error) {
	s := credential.Source{Header: x.R.Header, Jar: x.door.Cookies, Tenant: x.Site.Tenant}
	if accept&credential.ClientCert != 0 {
		var err error
		if s.Certificate, err = credential.ClientCertificate(x.R, x.fromProxy && x.door.ProxiesSendCertificates); err != nil {
			return credential.Credential{}, err
		}
	}
	return credential.Read(s, accept)
}

// refused decides about a credential that proves nobody. Only a dead session cookie on a route for
// strangers makes a stranger. All else is refused, also when we cannot know. The cookie is left alone: by
// the time this answer arrives, the browser may hold its successor, which a step-up, a new password or a
// sign-in in another tab has put in its place, and would lose that one.
func (x *Exchange) refused(c credential.Credential, err error) error {
	if c.Kind != credential.Session || !errs.Is(err, errs.Unauthenticated) {
		return err
	}
	x.Credential = credential.Credential{Broken: true}
	if x.route.Access.anonymous {
		return nil
	}
	return err
}

// withoutCredential decides about a request without a credential, or with a cookie that is not ours.
func (x *Exchange) withoutCredential(c credential.Credential) error {
	if c.Broken {
		x.door.Cookies.ClearSession(x.Header(), x.Site.Tenant)
	}
	switch {
	case x.route.Access.Anonymous():
		return nil
	case c.Broken:
		return errs.New(errs.Unauthenticated, "session_expired", "Your session has ended; sign in again.")
	}
	return errs.New(errs.Unauthenticated, "token_missing", "Sign in first.")
}

// checkCSRF protects what a browser would do by the power of a cookie.
func (x *Exchange) checkCSRF(c credential.Credential) error {
	if !isWrite(x.R.Method) {
		return nil
	}
	switch x.route.Access.csrf {
	case byOrigin:
		return credential.SameOrigin(x.R, x.Site.Origin)
	case bySession:
		if c.Kind == credential.Session {
			return x.checkToken(c.Token)
		}
	case byFlow:
		bound, _, err := x.door.Cookies.Get(x.R.Header, credential.FlowCookie, x.Site.Tenant)
		if err != nil {
			return err
		}
		return x.checkToken(bound)
	}
	return nil
}

func (x *Exchange) checkToken(bound secret.Value) error {
	field := ""
	if x.isForm() {
		form, err := x.Form()
		if err != nil {
			return err
		}
		field = form.Get(credential.CSRFField)
	}
	return credential.CheckCSRF(x.R, x.Site.Origin, bound, field)
}
