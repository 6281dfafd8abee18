package cardea

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Bounds of what the issuer may send.
const (
	maxMetadata = 64 << 10
	maxKeys     = 256 << 10
	maxAnswer   = 1 << 20
)

// remote is the issuer, as far as HTTP is concerned. It is the only place that sends credentials.
type remote struct {
	http    *http.Client
	own     bool // true if nobody else uses http
	issuer  string
	id      string
	secret  Secret
	timeout time.Duration
}

// metadata is what this package uses of the issuer's configuration (OpenID Connect Discovery 1.0
// section 3, RFC 8414).
type metadata struct{ jwks, token, introspection string }

// answer is one whole response, body bounded.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func newRemote(cfg Config) remote {
	r := remote{issuer: cfg.Issuer, id: cfg.ClientID, secret: cfg.ClientSecret, timeout: cfg.Timeout}
	client := http.Client{Transport: newTransport()}
	if r.own = cfg.HTTPClient == nil; !r.own {
		client = *cfg.HTTPClient
	}
	// A redirect would carry the request, and what the answer is trusted for, to somebody else.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client.Jar = nil
	client.Timeout = 0 // it would cut the revocation feed; every other call has a deadline of its own
	r.http = &client
	return r
}

func newTransport() *http.Transport {
	dialer := net.Dialer{Timeout: defaultTimeout, KeepAlive: 15 * time.Second}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: defaultTimeout, IdleConnTimeout: 90 * time.Second, MaxIdleConnsPerHost: 32,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

func (r remote) close() {
	if r.own {
		r.http.CloseIdleConnections()
	}
}

// request makes a request to the issuer that says what answer is wanted.
func (r remote) request(ctx context.Context, method, target, accept string, body io.Reader) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", accept)
	req.Header.Set("User-Agent", "cardea-go")
	return req, nil
}

// authenticate adds the client's own credentials. RFC 6749 section 2.3.1: both halves are
// form-encoded first, so that a colon in the id cannot move the border.
func (r remote) authenticate(req *http.Request) {
	req.SetBasicAuth(url.QueryEscape(r.id), url.QueryEscape(string(r.secret)))
}

// get fetches a public JSON document of at most limit bytes.
func (r remote) get(ctx context.Context, target string, limit int64) (answer, error) {
	req, err := r.request(ctx, http.MethodGet, target, "application/json", http.NoBody)
	if err != nil {
		return answer{}, err
	}
	return r.send(req, limit)
}

// postForm posts a form with the client's credentials.
func (r remote) postForm(ctx context.Context, target string, form url.Values) (answer, error) {
	req, err := r.request(ctx, http.MethodPost, target, "application/json", strings.NewReader(form.Encode()))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.authenticate(req)
	return r.send(req, maxAnswer)
}

// send performs the call within the timeout and reads the whole answer. An answer that is longer than
// limit is an error, never a cut.
func (r remote) send(req *http.Request, limit int64) (answer, error) {
	ctx, cancel := context.WithTimeout(req.Context(), r.timeout)
	defer cancel()
	res, err := r.http.Do(req.WithContext(ctx))
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err != nil {
		return answer{}, fmt.Errorf("reading the answer: %w", err)
	}
	if int64(len(body)) > limit {
		return answer{}, fmt.Errorf("the answer is larger than %d bytes", limit)
	}
	return answer{status: res.StatusCode, header: res.Header, body: body}, nil
}

// object is the JSON object that a 200 answer holds.
func (a answer) object() (map[string]any, error) {
	if a.status != http.StatusOK {
		return nil, fmt.Errorf("the issuer answered %d", a.status)
	}
	return decodeObject(a.body)
}

// discover reads and checks the issuer's metadata. OpenID Connect Discovery 1.0 section 4.3: the
// issuer in it must be exactly the one that was asked.
func (r remote) discover(ctx context.Context, issuer string) (metadata, error) {
	a, err := r.get(ctx, issuer+"/.well-known/openid-configuration", maxMetadata)
	if err != nil {
		return metadata{}, err
	}
	doc, err := a.object()
	if err != nil {
		return metadata{}, err
	}
	if doc["issuer"] != issuer {
		return metadata{}, errors.New("the metadata belongs to another issuer")
	}
	var m metadata
	for name, field := range map[string]*string{
		"jwks_uri": &m.jwks, "token_endpoint": &m.token, "introspection_endpoint": &m.introspection,
	} {
		value, present := doc[name]
		if !present && name != "jwks_uri" && r.id == "" {
			continue // nobody would use it
		}
		if *field, err = r.endpoint(value); err != nil {
			return metadata{}, fmt.Errorf("%s: %w", name, err)
		}
	}
	return m, nil
}

// endpoint accepts a URL on the issuer's own origin only: keys come from there and secrets go there.
func (r remote) endpoint(value any) (string, error) {
	text, ok := value.(string)
	if !ok {
		return "", errors.New("missing or not a string")
	}
	u, err := url.Parse(text)
	if err != nil || u.User != nil || u.Fragment != "" {
		return "", errors.New("not a usable URL")
	}
	home, err := url.Parse(r.issuer)
	if err != nil || u.Scheme != home.Scheme || u.Host != home.Host {
		return "", errors.New("not on the issuer's origin")
	}
	return text, nil
}
