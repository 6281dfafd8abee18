package clientauth

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/kit/strict"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/store"
)

// Bounds of a client assertion.
const (
	maxAssertion = 8 << 10
	// MaxAssertionLife is how far ahead exp may lie: the jti is kept until then.
	MaxAssertionLife = 10 * time.Minute
	leeway           = 30 * time.Second // between our clock and the client's
	maxJTI           = 256
)

// Assertion is what a client assertion says (RFC 7523, section 3), before or after its signature was
// checked.
//
// Audience stays raw: only a string is accepted, never an array, so that an assertion made for
// somebody else cannot carry our name among others.
type Assertion struct {
	KeyID    string         `json:"-"`
	Issuer   string         `json:"iss"`
	Subject  string         `json:"sub"`
	Audience jsontext.Value `json:"aud"`
	Expires  int64          `json:"exp"`
	Issued   int64          `json:"iat"`
	NotUntil int64          `json:"nbf"`
	ID       string         `json:"jti"`
}

// ParseAssertion reads the form and the claims of an assertion, but not its signature: it serves to
// find the client whose keys are to be used. The JOSE header's own keys and addresses (jwk, jku, x5c,
// x5u) are ignored.
func ParseAssertion(text string) (Assertion, error) {
	bad := errors.New("clientauth: malformed assertion")
	if len(text) > maxAssertion || strings.Count(text, ".") != 2 {
		return Assertion{}, bad
	}
	var parts [3][]byte
	for i, part := range strings.Split(text, ".") {
		raw, err := strict.Base64URL(part)
		if err != nil || len(raw) == 0 || strings.ContainsAny(part, "\r\n") {
			return Assertion{}, bad
		}
		parts[i] = raw
	}
	var head struct {
		KeyID    string         `json:"kid"`
		Critical jsontext.Value `json:"crit"`
		Plain    jsontext.Value `json:"b64"`
	}
	if strict.UnmarshalOpen(parts[0], &head) != nil || head.Critical != nil || head.Plain != nil {
		return Assertion{}, bad
	}
	said := Assertion{KeyID: head.KeyID}
	if strict.UnmarshalOpen(parts[1], &said) != nil {
		return Assertion{}, bad
	}
	return said, nil
}

// checkAssertion verifies the signature with the client's keys and its pinned algorithm, then the
// claims, and spends the jti last, so that a forged assertion cannot use one up.
func (a *Authenticator) checkAssertion(ctx context.Context, c access.Caller, client *oauth.Client, text string) error {
	said, err := ParseAssertion(text)
	if err != nil {
		return refuse(err)
	}
	jws, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(client.AuthAlg)})
	if err != nil {
		return refuse(errors.New("clientauth: assertion has another algorithm"))
	}
	key, err := a.keys.find(ctx, client, said.KeyID)
	if err != nil {
		return err
	}
	if _, err := jws.Verify(key.Key); err != nil {
		return refuse(errors.New("clientauth: signature does not verify"))
	}
	tenant, err := a.tenants.Standing(ctx, c.Tenant())
	if err != nil {
		return err
	}
	now := a.db.Now()
	if err := said.check(client, tenant.Issuer, now); err != nil {
		return refuse(err)
	}
	return a.spend(ctx, c, client, said)
}

// check applies RFC 7523, section 3, with the issuer as the only audience.
func (s Assertion) check(client *oauth.Client, issuer string, now time.Time) error {
	aud, err := jsontext.AppendUnquote(nil, s.Audience)
	expires := time.Unix(s.Expires, 0)
	switch {
	case s.Issuer != client.ID || s.Subject != client.ID:
		return errors.New("clientauth: iss or sub is not the client")
	case err != nil || string(aud) != issuer || issuer == "":
		return errors.New("clientauth: aud is not the issuer as a string")
	case s.Expires <= 0 || !now.Before(expires.Add(leeway)):
		return errors.New("clientauth: assertion has expired")
	case expires.After(now.Add(MaxAssertionLife + leeway)):
		return errors.New("clientauth: assertion lives too long")
	case time.Unix(s.Issued, 0).After(now.Add(leeway)) || time.Unix(s.NotUntil, 0).After(now.Add(leeway)):
		return errors.New("clientauth: assertion is from the future")
	case s.ID == "" || len(s.ID) > maxJTI:
		return errors.New("clientauth: assertion without a usable jti")
	}
	return nil
}

// spent remembers an assertion until it has expired, so that it cannot be used twice.
type spent struct {
	store.Meta
	Client string `json:"client"`
}

func spentKind() store.Kind[spent] {
	return store.Kind[spent]{
		Name: "client_assertion", Noun: "assertion",
		Meta: func(s *spent) *store.Meta { return &s.Meta },
	}
}

func (a *Authenticator) spend(ctx context.Context, c access.Caller, client *oauth.Client, said Assertion) error {
	permit, err := a.guard.Open(c, "assertion.spend", client.Object())
	if err != nil {
		return err
	}
	// A client's id holds no blank, so the pair has one reading.
	doc := &spent{Client: client.ID}
	doc.ID, doc.Expires = secret.Hash(client.ID+" "+said.ID), time.Unix(said.Expires, 0).Add(2*leeway)
	_, err = a.db.Commit(ctx, store.Batch{Permit: permit, Docs: []store.DocOp{a.spent.In(c.Tenant()).Insert(ctx, doc)}})
	if errs.CodeOf(err) == "already_exists" {
		return refuse(errors.New("clientauth: assertion was used before"))
	}
	return err
}
