package egress

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// Defaults and bounds of a Client.
const (
	defaultTimeout   = 3 * time.Second
	defaultMaxBody   = 1 << 20
	defaultBudget    = 64
	defaultAnonymous = 4
	maxHeader        = 64 << 10
	idleFor          = 30 * time.Second
	idlePerHost      = 2
	idleAll          = 64
	retryAfter       = 5 * time.Second
)

// Config is what a Client needs. The zero value reaches the public internet by https and nothing else.
type Config struct {
	Allow []Rule // networks that are not public but may be reached, by purpose
	// Dev admits loopback addresses for every purpose, and http to them. For --dev only.
	Dev bool

	RootCAs  *x509.CertPool // whom to trust; nil means the system's
	Resolver *net.Resolver  // nil means the system's

	Timeout   time.Duration // for a whole fetch, or for connecting; 0 means 3 s
	MaxBody   int64         // bytes of an answer; 0 means 1 MiB
	Budget    int           // fetches at once; 0 means 64
	Anonymous int           // fetches at once for strangers; 0 means 4

	idle int // connections to one host that wait for the next fetch
}

// Client fetches and connects. It is safe for concurrent use.
type Client struct {
	config Config
	lanes  map[Purpose]lane
	slots  chan struct{} // the budget of this view of the client
	others chan struct{} // the budget of strangers
	wait   bool          // whether to wait for a slot, or be refused at once
}

// lane is the connections of one purpose. They are not shared with another, for which the same
// address may be refused.
type lane struct {
	secure *http.Transport
	clear  *http.Transport // to loopback only; nil unless Dev
}

// New makes a Client. It fails for a rule that is not well-formed or too wide.
func New(c Config) (*Client, error) {
	for _, r := range c.Allow {
		if err := r.check(); err != nil {
			return nil, err
		}
	}
	if c.Timeout < 0 || c.MaxBody < 0 || c.Budget < 0 || c.Anonymous < 0 {
		return nil, errors.New("egress: bounds cannot be negative")
	}
	c.Timeout = or(c.Timeout, defaultTimeout)
	c.MaxBody = or(c.MaxBody, defaultMaxBody)
	c.Budget = or(c.Budget, defaultBudget)
	c.Anonymous = or(c.Anonymous, defaultAnonymous)
	c.Allow = slices.Clone(c.Allow)
	client := &Client{
		config: c, wait: true, lanes: map[Purpose]lane{},
		slots: make(chan struct{}, c.Budget), others: make(chan struct{}, c.Anonymous),
	}
	for _, p := range Purposes() {
		client.lanes[p] = client.newLane(p)
	}
	return client, nil
}

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

func (c *Client) newLane(p Purpose) lane {
	l := lane{secure: c.transport(c.dialer(p, publicOrAllowed))}
	if c.config.Dev {
		l.clear = c.transport(c.dialer(p, loopbackOnly))
	}
	return l
}

// transport speaks HTTP/1.1 only: one answer after the other is all we need, and the rest of HTTP/2
// is surface. There is no proxy, no decompression (a small body stays small) and no retry by us.
func (c *Client) transport(d Dial) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy: nil, DialContext: d, Protocols: protocols, DisableCompression: true,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.config.RootCAs},
		TLSHandshakeTimeout: c.config.Timeout, ResponseHeaderTimeout: c.config.Timeout,
		MaxResponseHeaderBytes: maxHeader, MaxIdleConns: idleAll, MaxIdleConnsPerHost: or(c.config.idle, idlePerHost), IdleConnTimeout: idleFor,
	}
}

// ForAnonymous is the same client for fetches that a request without credentials causes. They have a
// small budget of their own and are refused at once when it is used up, so that strangers can
// neither take connections away from others nor use this server as a megaphone.
func (c *Client) ForAnonymous() *Client {
	view := *c
	view.slots, view.wait = c.others, false
	return &view
}

// Own is what a part of the program has for itself: see Apart.
type Own struct {
	RootCAs *x509.CertPool // whom to trust instead; nil means whom the client trusts
	Budget  int            // fetches at once
	MaxBody int64          // bytes of an answer; 0 means as many as the client
}

// Apart is a client by the same rules, with connections and a budget of its own, so that what it reaches
// can neither take them from others nor lack them. Whoever made it closes it.
func (c *Client) Apart(o Own) *Client {
	view := &Client{config: c.config, wait: true, lanes: map[Purpose]lane{}, slots: make(chan struct{}, o.Budget), others: c.others}
	view.config.RootCAs = or(o.RootCAs, c.config.RootCAs)
	view.config.MaxBody = or(o.MaxBody, c.config.MaxBody)
	view.config.idle = o.Budget
	for _, p := range Purposes() {
		view.lanes[p] = view.newLane(p)
	}
	return view
}

// Close closes idle connections. Fetches under way go on.
func (c *Client) Close() {
	for _, l := range c.lanes {
		l.secure.CloseIdleConnections()
		if l.clear != nil {
			l.clear.CloseIdleConnections()
		}
	}
}

// Request is what to send. Method defaults to GET. Header must not hold Host.
type Request struct {
	Method string
	URL    string
	Header http.Header
	Body   []byte
}

// Response is an answer, whole. A redirect is an answer like any other and is not followed.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Get fetches rawURL. Any status but 200 is an error, redirects too. Errors are Invalid with code
// url_refused for the form of the URL, and Unavailable with code fetch_failed, or too_busy, for all else.
func (c *Client) Get(ctx context.Context, p Purpose, rawURL string) (*Response, error) {
	r, err := c.Do(ctx, p, Request{URL: rawURL})
	if err == nil && r.Status != http.StatusOK {
		return nil, failed(fmt.Errorf("egress: answered with status %d", r.Status))
	}
	return r, err
}

// Do sends r once and reads the answer, within the time limit of the client and of ctx. Its errors
// are those of Get, but every status is an answer.
func (c *Client) Do(ctx context.Context, p Purpose, r Request) (*Response, error) {
	u, err := c.parse(p, r.URL)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	defer func() { <-c.slots }()
	request, err := http.NewRequestWithContext(ctx, or(r.Method, http.MethodGet), u.String(), bytes.NewReader(r.Body))
	if err != nil {
		return nil, errs.Wrap(errs.Internal, err, "", "Something went wrong on our side.")
	}
	if r.Header != nil {
		request.Header = r.Header.Clone()
	}
	lane, known := c.lanes[p]
	if !known {
		return nil, errs.Wrap(errs.Internal, errRulePurpose, "", "Something went wrong on our side.")
	}
	transport := lane.secure
	if u.Scheme == "http" {
		transport = lane.clear // not nil: parse refuses http unless Dev
	}
	return c.exchange(transport, request)
}

// enter takes a place in the budget.
func (c *Client) enter(ctx context.Context) error {
	select {
	case c.slots <- struct{}{}:
		return nil
	default:
	}
	if !c.wait {
		return errs.Busy(time.Second, nil, "too_busy", "Too much is being fetched right now. Please try again shortly.")
	}
	select {
	case c.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return errs.Busy(time.Second, ctx.Err(), "too_busy", "Too much is being fetched right now. Please try again shortly.")
	}
}

// exchange uses the transport itself: an http.Client would follow redirects.
func (c *Client) exchange(t http.RoundTripper, r *http.Request) (*Response, error) {
	answer, err := t.RoundTrip(r)
	if err != nil {
		return nil, failed(err)
	}
	defer func() { _ = answer.Body.Close() }() // what was read is whole; nothing depends on the close
	body, err := io.ReadAll(io.LimitReader(answer.Body, c.config.MaxBody+1))
	if err != nil {
		return nil, failed(err)
	}
	if int64(len(body)) > c.config.MaxBody {
		return nil, failed(fmt.Errorf("egress: the answer is larger than %d bytes", c.config.MaxBody))
	}
	return &Response{Status: answer.StatusCode, Header: answer.Header, Body: body}, nil
}

// failed is the one answer to all that goes wrong on the way.
func failed(cause error) error {
	return errs.Busy(retryAfter, cause, "fetch_failed", "The address could not be fetched.")
}
