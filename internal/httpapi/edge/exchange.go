package edge

import (
	"net/http"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/httpapi/credential"
	"github.com/cardea-auth/cardea/internal/httpapi/problem"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// Exchange is one request and its answer. It is the http.ResponseWriter of the answer and must not
// be kept after the handler has returned.
type Exchange struct {
	R    *http.Request // its path is relative to the tenant's base
	Site Site          // whose answer this is
	From access.Origin // where the request came from

	// Credential is what the caller was authenticated by; a token in it may be needed to end it.
	Credential credential.Credential

	door     *Door
	route    *route
	w        http.ResponseWriter
	started  time.Time
	caller   access.Caller
	err      error // what was refused, for the log
	panicked any

	body     []byte
	bodyErr  error
	bodyRead bool

	status      int
	written     int64
	requestID   [1]string // backing of the header's value
	fromProxy   bool      // the peer is a trusted proxy
	guessing    bool      // the request carries what could be a guess at a secret
	suppressing bool      // the mux is writing an answer of its own, which we replace
}

// Header is the header of the answer.
func (x *Exchange) Header() http.Header { return x.w.Header() }

// WriteHeader sends the status and the header.
func (x *Exchange) WriteHeader(status int) {
	if x.route == x.door.unrouted && x.err == nil {
		x.status, x.suppressing = status, true // no route of ours: this is the mux speaking
		return
	}
	if x.status == 0 && status >= 200 {
		x.status = status
	}
	x.w.WriteHeader(status)
}

// Write sends a part of the body.
func (x *Exchange) Write(b []byte) (int, error) {
	if x.suppressing {
		return len(b), nil
	}
	if x.status == 0 {
		x.status = http.StatusOK
	}
	n, err := x.w.Write(b)
	x.written += int64(n)
	return n, err
}

// Unwrap is for http.ResponseController.
func (x *Exchange) Unwrap() http.ResponseWriter { return x.w }

// Cookies names and writes the cookies of this server.
func (x *Exchange) Cookies() credential.Jar { return x.door.Cookies }

// Now is the time of this node.
func (x *Exchange) Now() time.Time { return x.door.Now() }

// Redirect answers 303 See Other (RFC 9110, section 15.4.4), which never repeats a body that holds
// credentials (RFC 9700, section 4.12). The address must have been checked: it is sent as it is.
func (x *Exchange) Redirect(to string) {
	x.Header().Set("Location", to)
	x.WriteHeader(http.StatusSeeOther)
}

// refuse answers err.
func (x *Exchange) refuse(err error) {
	if x.err == nil {
		x.err = err
	}
	if x.status != 0 && !x.suppressing {
		panic(http.ErrAbortHandler) // half an answer is out: only a cut connection tells the truth
	}
	x.suppressing, x.status = false, 0
	x.tellWait(errs.From(err))
	x.answerRefusal(err, x.Site.Metadata)
}

// answerRefusal writes a problem document, or what the route has in its place.
func (x *Exchange) answerRefusal(err error, metadata string) {
	if x.route.Refuse == nil {
		problem.Write(x, err, x.From.RequestID, metadata)
		return
	}
	problem.Headers(x.Header(), err, metadata)
	x.route.Refuse(x, problem.From(err, x.From.RequestID))
}

// refuseUnrouted replaces the plain text in which the mux answers what no route matched.
func (x *Exchange) refuseUnrouted() {
	if !x.suppressing {
		return
	}
	if x.status == http.StatusMethodNotAllowed { // Allow was set by the mux
		x.refuse(errs.New(errs.Invalid, problem.CodeMethodNotAllowed, "This address does not take that method."))
		return
	}
	x.Header().Del("Location")
	x.refuse(noRoute())
}

func noRoute() error {
	return errs.New(errs.NotFound, problem.CodeNoRoute, "There is nothing at this address.")
}

// close ends every exchange, also one that panicked.
func (x *Exchange) close() {
	if p := recover(); p != nil {
		x.recovered(p)
	}
	x.countGuess()
	x.door.record(x)
	if x.panicked == http.ErrAbortHandler {
		panic(http.ErrAbortHandler)
	}
}

// recovered answers a panic with 500, if nothing has been said yet, or has the connection cut.
func (x *Exchange) recovered(p any) {
	x.panicked = p
	if p == http.ErrAbortHandler {
		return
	}
	x.err = errs.New(errs.Internal, "", "")
	if x.status != 0 && !x.suppressing {
		x.logPanic(p)
		x.panicked = http.ErrAbortHandler
		return
	}
	x.logPanic(p)
	x.suppressing, x.status = false, 0
	x.answerRefusal(x.err, "")
}
