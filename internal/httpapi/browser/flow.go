// Package browser is the door for people: it runs flows for our own pages and for head-less clients,
// tells a page who is signed in, and ends a session.
//
//	flow.go     start, show and advance a flow      session.go  who am I, a short token, sign out
//
// The handle of a flow and the token of a session live in cookies that scripts cannot read; a write
// repeats the token that is bound to its cookie. The package proves nothing: the flow machine does.
package browser

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/flow"
	"github.com/cardea-auth/cardea/internal/httpapi/credential"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/kit/strict"
)

// Requests knows what an application's request needs.
type Requests interface {
	// Opening is the flow that an authorization request needs, and the path that goes on with the
	// request afterwards.
	Opening(ctx context.Context, c access.Caller, request string) (flow.Opening, error)
}

// Flows serves flows.
type Flows struct {
	Machine  *flow.Machine
	Requests Requests
}

// Routes are the end points as the doorstep must know them.
func (d *Flows) Routes() []edge.Route {
	return []edge.Route{
		{Method: "POST", Path: "/flows", Name: "flow.start", Access: edge.StartsFlow("anybody may begin to sign in"), Handle: d.start},
		{Method: "GET", Path: "/flow", Name: "flow.show", Access: edge.InFlow("the flow cookie says which flow"), Handle: d.show},
		{Method: "POST", Path: "/flow/{step}", Name: "flow.submit", Access: edge.InFlow("the step proves what it proves"), Handle: d.submit},
	}
}

// Start is the body that begins a flow.
type Start struct {
	Kind     flow.Kind `json:"kind,omitzero"`      // needed unless request says it
	Request  string    `json:"request,omitzero"`   // handle of an authorization request
	ReturnTo string    `json:"return_to,omitzero"` // path on this server to go on to
	Hint     string    `json:"login_hint,omitzero"`
}

// Flow is what a client sees of a flow.
type Flow struct {
	Kind     flow.Kind   `json:"kind"`
	Steps    []flow.View `json:"steps,omitempty"` // what may be done now
	Notice   string      `json:"notice,omitempty"`
	Done     bool        `json:"done"`
	ReturnTo string      `json:"return_to,omitempty"`
	User     string      `json:"user,omitempty"`       // who has signed in, when done
	CSRF     string      `json:"csrf_token,omitempty"` // to be repeated in X-CSRF-Token with the next write
}

func (d *Flows) start(x *edge.Exchange, c access.Caller) error {
	body, err := x.Body()
	if err != nil {
		return err
	}
	var in Start
	if err := strict.Unmarshal(body, &in); err != nil {
		return err
	}
	opening, err := d.opening(x.R.Context(), c, in)
	if err != nil {
		return err
	}
	a, err := d.Machine.Start(x.R.Context(), c, opening)
	if err != nil {
		return err
	}
	return reply(x, a)
}

func (d *Flows) opening(ctx context.Context, c access.Caller, in Start) (flow.Opening, error) {
	if in.Request != "" {
		o, err := d.Requests.Opening(ctx, c, in.Request)
		if err != nil {
			return o, err
		}
		if in.Kind != "" { // a person who has no account may open one instead, and the other way round
			o.Kind = in.Kind
		}
		return o, nil
	}
	if !in.Kind.Valid() {
		return flow.Opening{}, errs.Bad("/kind", "is not a kind of flow")
	}
	if in.ReturnTo != "" && !localPath(in.ReturnTo) {
		return flow.Opening{}, errs.Bad("/return_to", "must be a path on this server")
	}
	return flow.Opening{Kind: in.Kind, ReturnTo: in.ReturnTo, Hint: in.Hint}, nil
}

// localPath accepts a path on this server and nothing that any browser reads as another origin:
// "//evil", "/\evil", control characters, a scheme.
func localPath(s string) bool {
	if len(s) > 2048 || !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") || strings.ContainsAny(s, "\\\x7f") {
		return false
	}
	for _, r := range s {
		if r < ' ' {
			return false
		}
	}
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "" && u.Host == "" && !strings.HasPrefix(u.Path, "//") && !strings.ContainsAny(u.Path, "\\\t\r\n")
}

func (d *Flows) show(x *edge.Exchange, c access.Caller) error {
	handle, err := handleOf(x)
	if err != nil {
		return err
	}
	a, err := d.Machine.Show(x.R.Context(), c, handle)
	if err != nil {
		return err
	}
	return reply(x, a)
}

func (d *Flows) submit(x *edge.Exchange, c access.Caller) error {
	handle, err := handleOf(x)
	if err != nil {
		return err
	}
	body, err := x.Body()
	if err != nil {
		return err
	}
	values := map[string]string{}
	if err := strict.Unmarshal(body, &values); err != nil {
		return err
	}
	delete(values, "device") // only the cookie speaks for a device
	device, found, err := x.Cookies().Get(x.R.Header, credential.DeviceCookie, x.Site.Tenant)
	if err != nil {
		return err
	}
	if found {
		values["device"] = device.Reveal()
	}
	a, err := d.Machine.Submit(x.R.Context(), c, handle, x.R.PathValue("step"), flow.NewInput(values))
	if err != nil {
		return err
	}
	return reply(x, a)
}

func handleOf(x *edge.Exchange) (string, error) {
	handle, found, err := x.Cookies().Get(x.R.Header, credential.FlowCookie, x.Site.Tenant)
	if err != nil {
		return "", err
	}
	if !found {
		return "", errs.New(errs.NotFound, "flow_expired", "This page is too old; start again.")
	}
	return handle.Reveal(), nil
}

// deviceLife is how long a browser keeps its device cookie.
const deviceLife = 90 * 24 * time.Hour

// reply writes a flow, and with it the cookies that the browser has from now on.
func reply(x *edge.Exchange, a flow.Answer) error {
	jar, h, t := x.Cookies(), x.Header(), x.Site.Tenant
	out := Flow{Kind: a.Kind, Steps: a.Steps, Notice: a.Notice, Done: a.Done, ReturnTo: a.Return}
	if a.Handle != "" {
		handle := secret.New(a.Handle)
		jar.Set(h, credential.FlowCookie, t, handle, flow.Life)
		out.CSRF = credential.CSRFToken(handle)
	}
	if a.Done {
		out.User = a.Result.User
		jar.Clear(h, credential.FlowCookie, t)
		SetSession(x, a.Result)
		if !a.Result.Session.Empty() {
			out.CSRF = credential.CSRFToken(a.Result.Session)
		}
	}
	b, err := json.Marshal(out)
	if err != nil {
		return err
	}
	return x.Bytes(http.StatusOK, "application/json", b)
}

// SetSession gives the browser the session and the device that a flow has made, if any.
func SetSession(x *edge.Exchange, r flow.Result) {
	if !r.Session.Empty() {
		x.Cookies().SetSession(x.Header(), x.Site.Tenant, r.Session, r.Expires.Sub(x.Now()))
	}
	if !r.Device.Empty() {
		x.Cookies().Set(x.Header(), credential.DeviceCookie, x.Site.Tenant, r.Device, deviceLife)
	}
}
