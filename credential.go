package cardea

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"
)

// clientToken is the client's own access token for the decision API (RFC 6749 section 4.4), kept and
// renewed when four fifths of its life are over.
type clientToken struct {
	fetch single

	mu      sync.Mutex
	value   string
	renewAt time.Time
	expires time.Time
}

// bearer is a token that is still good, fetched if need be. Within the last fifth of a token's life it
// is used on while one caller's renewal runs in the background.
func (c *Client) bearer(ctx context.Context) (string, error) {
	value, renew := c.token.current(c.now())
	if value != "" && !renew {
		return value, nil
	}
	if value != "" {
		c.token.fetch.start(&c.life, c.fetchToken)
		return value, nil
	}
	if err := c.token.fetch.do(ctx, &c.life, c.fetchToken); err != nil {
		return "", fmt.Errorf("fetching a client token: %w", err)
	}
	if value, _ = c.token.current(c.now()); value == "" {
		return "", errors.New("the issuer gave a client token that has expired already")
	}
	return value, nil
}

func (t *clientToken) current(now time.Time) (value string, renew bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.value == "" || !now.Before(t.expires) {
		return "", true
	}
	return t.value, !now.Before(t.renewAt)
}

// drop forgets value, which the issuer has refused, unless somebody has fetched another one already.
func (t *clientToken) drop(value string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.value == value {
		t.value = ""
	}
}

func (c *Client) fetchToken(ctx context.Context) error {
	asked := c.now()
	a, err := c.remote.postForm(ctx, c.meta.token, url.Values{"grant_type": {"client_credentials"}})
	if err != nil {
		return err
	}
	doc, err := a.object()
	if err != nil {
		return err
	}
	value, ok := stringOf(doc, "access_token")
	kind, _ := stringOf(doc, "token_type")
	life, okLife := secondsOf(doc["expires_in"])
	if !ok || !isToken68(value) || !strings.EqualFold(kind, "Bearer") || !okLife {
		return errors.New("the token endpoint did not answer with a bearer token and its life")
	}
	lasts := time.Duration(min(life, int64(24*time.Hour/time.Second))) * time.Second
	c.token.mu.Lock()
	defer c.token.mu.Unlock()
	c.token.value, c.token.expires, c.token.renewAt = value, asked.Add(lasts), asked.Add(lasts*4/5)
	return nil
}
