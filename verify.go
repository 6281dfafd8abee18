package cardea

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"net/url"
)

// maxIntrospections bounds the introspections under way at one time. When the issuer hangs, requests
// beyond it are refused at once instead of piling up.
const maxIntrospections = 64

// Verify checks that token is an access token of the issuer for this API, in time and not revoked,
// and says who is behind it. The error is an [*Error]: token_missing for "", token_invalid,
// token_expired, token_revoked, or revocation_unknown if the issuer cannot be asked.
//
// It calls the issuer only if the token's key is unknown or the revocation feed is out of contact.
func (c *Client) Verify(ctx context.Context, token string) (Caller, error) {
	v, err := c.verify(ctx, token)
	if err != nil {
		return Caller{}, err
	}
	return v.caller, nil
}

// verify returns its error as *Error; Verify must not return a typed nil.
func (c *Client) verify(ctx context.Context, token string) (*verified, *Error) {
	if token == "" {
		return nil, missing()
	}
	if len(token) > MaxToken {
		return nil, invalid(notAToken)
	}
	if c.life.ended() {
		return nil, unknown(errClosed)
	}
	if c.keys.overdue() {
		return nil, unknown(errors.New("the issuer's keys could not be refreshed for more than a day"))
	}
	v, err := c.recall(ctx, token)
	if err != nil {
		return nil, err
	}
	// Everything from here on is looked at on every call, remembered token or not.
	if err := v.inTime(c.now(), c.cfg.Leeway); err != nil {
		return nil, err
	}
	if err := c.checkStanding(ctx, token, v); err != nil {
		return nil, err
	}
	return v, nil
}

// recall finds the verified token in memory, if its key is still in the issuer's set, or verifies it.
func (c *Client) recall(ctx context.Context, token string) (*verified, *Error) {
	var buffer [2 << 10]byte // on the stack for most tokens, where a conversion would allocate
	d := sha256.Sum256(append(buffer[:0], token...))
	if v := c.memory.find(d); v != nil {
		if c.keys.find(v.key.kid) == v.key {
			return v, nil
		}
		c.memory.forget(d)
	}
	v, err := c.open(ctx, token)
	if err != nil {
		return nil, err
	}
	if v.inTime(c.now(), c.cfg.Leeway) == nil {
		c.memory.put(d, v)
	}
	return v, nil
}

// open verifies a token from its bytes: form, then key, then signature, and only then the claims, so
// that a stranger's token never gets an answer about its content.
func (c *Client) open(ctx context.Context, token string) (*verified, *Error) {
	t, err := parseJWS(token)
	if err != nil {
		return nil, err
	}
	key := c.keys.find(t.kid)
	if key == nil {
		key = c.keys.findNew(ctx, &c.life, t.kid)
	}
	if key == nil || !key.verify(t) {
		return nil, invalid(notAToken)
	}
	return c.cfg.readClaims(t, key)
}

// checkStanding asks whether the token, or anything behind it, was revoked: the feed if it is in
// contact, the introspection endpoint if not.
func (c *Client) checkStanding(ctx context.Context, token string, v *verified) *Error {
	if c.offline {
		return nil
	}
	// What the feed has said stays true when it is lost.
	gone, inContact := c.standing.check(v, c.now())
	if gone {
		return revoked()
	}
	if inContact {
		return nil
	}
	active, err := c.introspect(ctx, token)
	if err != nil {
		return unknown(err)
	}
	if !active {
		return revoked()
	}
	return nil
}

// introspect asks the issuer about one token (RFC 7662 section 2). The answer is not kept: it would
// be another cache that a revocation does not reach.
func (c *Client) introspect(ctx context.Context, token string) (bool, error) {
	select {
	case c.asking <- struct{}{}:
		defer func() { <-c.asking }()
	default:
		return false, errors.New("too many introspections are under way")
	}
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}
	a, err := c.remote.postForm(ctx, c.meta.introspection, form)
	if err != nil {
		return false, err
	}
	if a.status != http.StatusOK {
		return false, errors.New("the introspection endpoint answered " + http.StatusText(a.status))
	}
	doc, err := a.object()
	if err != nil {
		return false, err
	}
	active, ok := doc["active"].(bool)
	if !ok {
		return false, errors.New("the introspection answer does not say whether the token is active")
	}
	return active, nil
}
