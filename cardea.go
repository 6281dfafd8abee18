package cardea

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Bounds of a Client.
const (
	defaultLeeway  = time.Minute
	maxLeeway      = 5 * time.Minute
	defaultTimeout = 3 * time.Second
	startTimeout   = 10 * time.Second
)

// Config says whom a Client trusts and who it is. Issuer and Audience are always required, ClientID
// and ClientSecret unless the client is [Offline]; the rest has a useful zero value.
type Config struct {
	// Issuer is the issuer's identifier, compared byte for byte with the metadata and with every
	// token. It is an https URL; http is accepted for a loopback host only.
	Issuer string
	// Audience is the identifier of this API, which each token must name in aud. Never empty.
	Audience string
	// ClientID and ClientSecret are this service's own registration at the issuer. They are sent to
	// the issuer's origin only, and only as an Authorization header.
	ClientID     string
	ClientSecret Secret
	// HTTPClient is used for calls to the issuer; nil means a client of its own. It is copied:
	// redirects are never followed, cookies never kept, and its Timeout is replaced by Timeout.
	HTTPClient *http.Client
	// Timeout bounds each call to the issuer except the revocation feed; 0 means 3 s.
	Timeout time.Duration
	// Leeway is how far the clocks of issuer and service may differ; 0 means 60 s, negative means
	// none, and more than 5 minutes is refused.
	Leeway time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Notice hears when contact with the revocation feed or the keys is lost, with the cause, and when
	// it is found again, with nil. It never hears tokens or secrets. It is called by the client's own
	// goroutines, which wait for it. Nil means silence.
	Notice func(what string, cause error)
	// PermissionRequest says what to ask for a permission by name. Nil means: may the caller, as
	// "user" or "service", do the action of that name on this API, the resource of type "api" whose id
	// is Audience. A role that somebody has in one organisation only does not count there: the API
	// serves others too. A service that knows which object or organisation a request is about says so
	// with a function of its own.
	PermissionRequest func(r *http.Request, who Caller, permission string) Request
	// RoleRequest says what to ask for a role by name. Nil means: is the caller an "assignee" of the
	// resource of type "role" with that id.
	RoleRequest func(r *http.Request, who Caller, role string) Request
}

// Option changes how a Client works. There is no option that weakens the verification of a token.
type Option func(*Client)

// Offline makes a Client that verifies tokens by signature and claims alone: it does not follow
// revocations and introspects nothing. Revocation takes up to the token's life: a user who signed
// out, was disabled or lost a device is let in until the token expires. Without ClientID and
// ClientSecret such a client cannot ask for decisions either, and everything that needs one is
// refused.
func Offline() Option { return func(c *Client) { c.offline = true } }

// Secret is a client secret that does not print itself.
type Secret string

const redacted = "[redacted]"

// String hides the secret.
func (Secret) String() string { return redacted }

// GoString hides the secret.
func (Secret) GoString() string { return redacted }

// Format hides the secret from every verb of package fmt.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalText hides the secret from encoders and from log/slog.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Client verifies tokens and asks for decisions. It is safe for use by many goroutines.
type Client struct {
	cfg     Config
	offline bool
	now     func() time.Time
	notice  func(string, error)

	life     lifetime
	remote   remote
	meta     metadata
	keys     *keyRing
	memory   *memory
	standing *standing
	token    clientToken
	asking   chan struct{} // a slot per introspection under way
}

// New reads the issuer's metadata and keys, starts to follow its revocations, and returns a Client
// that is ready, or an error that says what is wrong with the configuration or the issuer. It takes
// 10 seconds at most; ctx bounds New only, not the life of the client.
func New(ctx context.Context, cfg Config, options ...Option) (*Client, error) {
	c := &Client{cfg: cfg}
	for _, o := range options {
		o(c)
	}
	if err := c.configure(); err != nil {
		return nil, fmt.Errorf("cardea: configuring: %w", err)
	}
	c.life.start(ctx)
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := c.connect(ctx); err != nil {
		c.Close()
		return nil, fmt.Errorf("cardea: %w", err)
	}
	return c, nil
}

// Close ends the client's goroutines and calls to the issuer and waits for them. A closed client
// refuses every token and every decision. Closing twice is harmless.
func (c *Client) Close() {
	c.life.stop()
	c.remote.close()
}

func (c *Client) connect(ctx context.Context) error {
	meta, err := c.remote.discover(ctx, c.cfg.Issuer)
	if err != nil {
		return fmt.Errorf("reading the issuer's metadata: %w", err)
	}
	c.meta = meta
	c.keys = newKeyRing(c.remote, meta.jwks, c.now, c.notice)
	if err := c.keys.refresh(ctx); err != nil {
		return fmt.Errorf("reading the issuer's keys: %w", err)
	}
	c.life.spawn(c.keys.keepFresh)
	if c.offline {
		return nil
	}
	f := &follower{
		remote: c.remote, url: c.cfg.Issuer, standing: c.standing, now: c.now, notice: c.notice,
		ready: make(chan error, 1),
	}
	c.life.spawn(f.run)
	select {
	case err := <-f.ready:
		return err
	case <-ctx.Done():
		return fmt.Errorf("waiting for the revocation feed: %w", context.Cause(ctx))
	}
}

// configure validates the configuration and fills in what follows from it.
func (c *Client) configure() error {
	if err := c.cfg.check(c.offline); err != nil {
		return err
	}
	if c.cfg.Leeway == 0 {
		c.cfg.Leeway = defaultLeeway
	}
	c.cfg.Leeway = max(c.cfg.Leeway, 0)
	if c.cfg.Timeout <= 0 {
		c.cfg.Timeout = defaultTimeout
	}
	if c.now = c.cfg.Now; c.now == nil {
		c.now = time.Now
	}
	if c.notice = c.cfg.Notice; c.notice == nil {
		c.notice = func(string, error) {}
	}
	if c.cfg.PermissionRequest == nil {
		c.cfg.PermissionRequest = c.permissionRequest
	}
	if c.cfg.RoleRequest == nil {
		c.cfg.RoleRequest = roleRequest
	}
	c.remote = newRemote(c.cfg)
	c.memory = newMemory(maxRemembered, maxRememberedBytes)
	c.standing = newStanding()
	c.asking = make(chan struct{}, maxIntrospections)
	return nil
}

// check refuses a configuration whose empty or loose value would weaken a later check.
func (c Config) check(offline bool) error {
	if err := checkIssuer(c.Issuer); err != nil {
		return err
	}
	if c.Audience == "" {
		return errors.New("the Audience is empty: without it, a token for any other API would be accepted here")
	}
	if c.Leeway > maxLeeway {
		return fmt.Errorf("the Leeway is more than %v: expired and revoked tokens would live on", maxLeeway)
	}
	if (c.ClientID == "") != (c.ClientSecret == "") {
		return errors.New("one of ClientID and ClientSecret is empty: they belong together")
	}
	if c.ClientID == "" && !offline {
		return errors.New("both ClientID and ClientSecret are empty: without them, revocations cannot be followed (Offline gives that up explicitly)")
	}
	return nil
}

func checkIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" || u.Opaque != "" {
		return errors.New("the Issuer is not an absolute URL")
	}
	if u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(issuer, "/") || strings.Contains(issuer, "#") {
		return errors.New("the Issuer has user information, a query, a fragment or a trailing slash")
	}
	return checkScheme(u)
}

// checkScheme accepts https, and http to this machine only.
func checkScheme(u *url.URL) error {
	if u.Scheme == "https" || (u.Scheme == "http" && isLoopback(u.Hostname())) {
		return nil
	}
	return errors.New("the issuer's URL is not https: anybody on the way could replace its keys")
}

func isLoopback(host string) bool {
	return host == "localhost" || host == "127.0.0.1" || host == "::1"
}

// lifetime owns the goroutines of a client.
type lifetime struct {
	ctx    context.Context // ends with the client; the one context that is kept, because it is the client's life
	cancel context.CancelFunc

	mu      sync.Mutex
	stopped bool
	wg      sync.WaitGroup
}

// start begins the life. It keeps the values of ctx, such as trace attributes, but not its end.
func (l *lifetime) start(ctx context.Context) {
	l.ctx, l.cancel = context.WithCancel(context.WithoutCancel(ctx))
}

// spawn runs work until it returns or the client is closed. It reports false, and runs nothing, once
// the client is closed.
func (l *lifetime) spawn(work func(context.Context)) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		return false
	}
	l.wg.Go(func() { work(l.ctx) })
	return true
}

func (l *lifetime) ended() bool { return l.ctx.Err() != nil }

func (l *lifetime) stop() {
	l.mu.Lock()
	l.stopped = true
	l.mu.Unlock()
	l.cancel()
	l.wg.Wait()
}
