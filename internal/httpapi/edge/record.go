package edge

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cardea-auth/cardea/internal/httpapi/credential"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// counter counts what is logged by sample.
type counter struct{ n atomic.Int64 }

// oneIn reports every n-th call, the first one too.
func (c *counter) oneIn(n int) bool { return (c.n.Add(1)-1)%int64(n) == 0 }

// record ends an exchange: one measurement, and one line unless it is left out by sampling.
func (d *Door) record(x *Exchange) {
	if x.status == 0 {
		x.status = http.StatusOK // net/http sends it for a handler that wrote nothing
	}
	took := d.Now().Sub(x.started)
	x.route.meter.observe(x.status, took)
	sampled := (x.route.Hot && x.status < 400) || x.status == http.StatusTooManyRequests
	if sampled && !x.route.served.oneIn(d.LogOneIn) {
		return
	}
	level := slog.LevelInfo
	if x.status >= 500 && !(x.err != nil && errs.CodeOf(x.err) == "revision_not_reached") { // what the caller named is its own
		level = slog.LevelError
	}
	ctx := context.WithoutCancel(x.R.Context())
	if d.Log.Enabled(ctx, level) {
		d.Log.LogAttrs(ctx, level, "request", x.attributes(took, sampled)...)
	}
}

// attributes are the fields of the one line per request. None of them holds a query string, a
// header that authenticates, a body or a path that did not match: those may hold secrets.
func (x *Exchange) attributes(took time.Duration, sampled bool) []slog.Attr {
	a := append(make([]slog.Attr, 0, 16),
		slog.String("request_id", x.From.RequestID),
		slog.String("tenant", string(x.Site.Tenant)),
		slog.String("method", clean(x.R.Method, 16)),
		slog.String("route", x.route.Path),
		slog.Int("status", x.status),
		slog.Int64("bytes", x.written),
		slog.Float64("ms", float64(took.Microseconds())/1000),
		slog.String("address", x.From.Address.String()),
	)
	if x.route == x.door.unrouted {
		a = append(a, slog.String("path", pathForLog(x.R.URL.Path)))
	}
	if !x.caller.IsAnonymous() {
		a = append(a, slog.String("caller", clean(x.caller.Subject().String(), 128)))
	}
	if x.Credential.Kind != credential.None {
		a = append(a, slog.String("credential", x.Credential.Kind.String()))
	}
	if client := x.caller.Proof().Client; client != "" {
		a = append(a, slog.String("client", clean(client, 128)))
	}
	if x.From.UserAgent != "" {
		a = append(a, slog.String("user_agent", clean(x.From.UserAgent, 128)))
	}
	if sampled {
		a = append(a, slog.Int("one_in", x.door.LogOneIn))
	}
	return x.appendError(a)
}

// appendError says what was refused; the cause only where the fault may be ours.
func (x *Exchange) appendError(a []slog.Attr) []slog.Attr {
	if x.err == nil {
		return a
	}
	e := errs.From(x.err)
	a = append(a, slog.String("code", clean(errs.CodeOf(e), 64)))
	if e.Missing != "" {
		a = append(a, slog.String("missing", clean(e.Missing, 128)))
	}
	if e.Err != nil && x.status >= 500 {
		a = append(a, slog.String("cause", clean(e.Err.Error(), 1024)))
	}
	return a
}

// logPanic writes the line about a panic. Its value is not logged if it is a text: panics of our own
// say nothing that the stack does not, and those of libraries may quote the input.
func (x *Exchange) logPanic(p any) {
	what := "panic"
	if err, ok := p.(error); ok { // runtime errors: index out of range and the like
		what = clean(err.Error(), 256)
	}
	x.door.Log.LogAttrs(context.WithoutCancel(x.R.Context()), slog.LevelError, "panic",
		slog.String("request_id", x.From.RequestID), slog.String("route", x.route.Path),
		slog.String("panic", what), slog.String("stack", string(debug.Stack())))
}

// maxLogSegment is the longest part of an unknown path that is logged: our tokens are longer.
const maxLogSegment = 32

// pathForLog is a path that no route has matched, without what could be a token.
func pathForLog(p string) string {
	run := 0
	for i := range len(p) {
		if run++; p[i] == '/' {
			run = 0
		}
		if run > maxLogSegment {
			return clean(p[:i-run+1], 128) + "…"
		}
	}
	return clean(p, 128)
}

// clean makes text of strangers harmless in a log that people read in terminals: everything but
// printable ASCII is escaped, control and bidirectional characters too, and what is too long is cut.
func clean(s string, limit int) string {
	s = cut(s, limit)
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			q := strconv.QuoteToASCII(s)
			return q[1 : len(q)-1]
		}
	}
	return s
}

// cut shortens s to at most limit bytes without cutting a character in two.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}

// meters makes the histogram of request times, whose labels are bounded by the list of routes, and counts the
// failures among them.
type meters struct {
	vec      *prometheus.HistogramVec
	failures prometheus.Counter // there from the start: a rate misses the first of what begins with it
}

func newMeter(r prometheus.Registerer) (meters, error) {
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "cardea_http_request_duration_seconds",
		Help:    "Time from the first look at a request to the end of its answer.",
		Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
	}, []string{"route", "status"})
	failures := prometheus.NewCounter(prometheus.CounterOpts{Name: "cardea_http_failures_total", Help: "Requests that failed on our side (5xx)."})
	return meters{v, failures}, errors.Join(r.Register(v), r.Register(failures))
}

// meter is the kept handles of one route, by class of status. One that nothing was observed with does not
// exist: all of them, with their buckets, would be 25,000 lines to read for whoever collects.
type meter struct {
	meters
	pattern string
	class   [6]atomic.Pointer[prometheus.Observer]
}

func (m meters) route(pattern string) *meter { return &meter{meters: m, pattern: pattern} }

func (m *meter) observe(status int, took time.Duration) {
	class := status / 100
	if class < 1 || class > 5 {
		return
	}
	if class == 5 {
		m.failures.Inc()
	}
	kept := m.class[class].Load()
	if kept == nil {
		o := m.vec.WithLabelValues(m.pattern, strconv.Itoa(class)+"xx") // the same for all who ask
		kept = &o
		m.class[class].Store(kept)
	}
	(*kept).Observe(took.Seconds())
}
