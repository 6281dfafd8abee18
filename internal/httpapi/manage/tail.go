package manage

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/audit"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/httpapi/problem"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
)

const (
	// tailLife is how long one connection follows the log. The follower comes back with the number of
	// the last event, and with a credential that is looked at again.
	tailLife = time.Minute
	// heartbeat is how often a follower hears that the connection lives.
	heartbeat = 10 * time.Second
	// lastWords is how long the end of the answer may take after that: without it the connection would be
	// cut, and a browser would call it an error.
	lastWords = 10 * time.Second
)

// followLog is what the tail reads.
type followLog struct {
	within
	After int64  `query:"after" min:"0" max:"9007199254740991" doc:"number of the last event that was seen; 0: from the first one; left out: from now on"`
	Last  string `header:"Last-Event-ID" max:"20" doc:"the same, as browsers send it when they come back; it wins"`
}

func (a *API) tail() rest.Operation {
	e := administers("GET /api/audit/tail", "audit.tail", "audit.read", groupAudit, "Follow the log")
	e.Details = `Server-sent events: the id is the number of the event, the data an event as the list shows it. Sealed events only,
so nothing is missed or repeated by a follower that comes back with the last id. A line that begins with a colon is a sign of life. The
connection ends after a minute, and at once when the permission does; an error is the last thing that is sent`
	e.Timeout, e.Follows = tailLife, true
	return rest.Describe[followLog, Event](e, "text/event-stream", a.follow)
}

func (a *API) follow(x *edge.Exchange, c access.Caller) error {
	named, after, err := readFollow(x)
	if err != nil {
		return err
	}
	if c, err = a.about(x.R.Context(), c, named); err != nil {
		return err
	}
	// The tail asks for the permission by itself, but says nothing before the first event: the answer
	// has to be known now.
	if _, err := a.Audit.List(x.R.Context(), c, audit.Filter{}, page.Request{Limit: 1}); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(x.R.Context())
	defer cancel()
	s := newStream(x)
	s.line("retry: 1000\n\n")
	beat := time.NewTicker(a.beat())
	defer beat.Stop()
	for events := a.tailing(ctx, c, after); s.alive(); {
		select {
		case <-ctx.Done():
			return nil
		case <-beat.C:
			s.line(": \n\n")
		case e, ok := <-events:
			if !ok || !s.event(e) {
				return nil
			}
		}
	}
	return nil
}

func (a *API) beat() time.Duration {
	if a.Heartbeat > 0 {
		return a.Heartbeat
	}
	return heartbeat
}

// readFollow reads what followLog declares. A description does not read, and a stream has no other way.
func readFollow(x *edge.Exchange) (named id.Tenant, after int64, err error) {
	q, err := x.Query()
	if err != nil {
		return "", 0, err
	}
	text, known := "", 0
	for name := range q {
		switch name {
		case "tenant":
			if named = id.Tenant(q.Get(name)); !id.ValidTenant(string(named)) {
				return "", 0, errs.Bad("tenant", "must be the name of a tenant")
			}
			known++
		case "after":
			text, known = q.Get(name), known+1
		}
	}
	if known != len(q) {
		return "", 0, errs.Bad("query", "holds a parameter that is not known here; known are: tenant, after")
	}
	where := "after"
	if last := x.R.Header["Last-Event-Id"]; len(last) == 1 {
		text, where = last[0], "Last-Event-ID"
	} else if len(last) > 1 {
		return "", 0, errs.New(errs.Invalid, problem.CodeMalformed, "A header was sent twice.")
	}
	if text == "" {
		return named, 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 53)
	if err != nil {
		return "", 0, errs.Bad(where, "must be the number of an event")
	}
	if n == 0 {
		return named, audit.FromStart, nil
	}
	return named, int64(n), nil
}

// followed is what a tail has yielded.
type followed struct {
	event *audit.Event
	err   error
}

// tailing runs a tail until ctx ends, so that its follower can do something else between events.
func (a *API) tailing(ctx context.Context, c access.Caller, after int64) <-chan followed {
	out := make(chan followed)
	go func() {
		defer close(out)
		for e, err := range a.Audit.Tail(ctx, c, after) {
			select {
			case out <- followed{e, err}:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

// stream writes server-sent events (HTML, section 9.2). A follower that has gone ends it.
type stream struct {
	x       *edge.Exchange
	control *http.ResponseController
	err     error
}

func newStream(x *edge.Exchange) *stream {
	h := x.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // nginx would keep events until it has a buffer full of them
	x.WriteHeader(http.StatusOK)
	s := &stream{x: x, control: http.NewResponseController(x)}
	_ = s.control.SetWriteDeadline(x.Now().Add(tailLife + lastWords)) // a writer that knows none needs none
	return s
}

func (s *stream) alive() bool { return s.err == nil }

func (s *stream) line(text string) {
	if s.err == nil {
		_, s.err = s.x.Write([]byte(text))
	}
	if s.err == nil {
		s.err = s.control.Flush()
	}
}

// event sends what a tail has yielded, and reports whether there can be more.
func (s *stream) event(f followed) bool {
	if f.err != nil {
		s.send("event: error\n", problem.From(f.err, s.x.From.RequestID))
		return false
	}
	s.send("id: "+strconv.FormatInt(f.event.Seq, 10)+"\n", showEvent(f.event))
	return s.alive()
}

func (s *stream) send(head string, v any) {
	b, err := json.Marshal(v) // on one line: JSON has no line breaks of its own
	if err != nil {
		s.err = err
		return
	}
	s.line(head + "data: " + string(b) + "\n\n")
}
