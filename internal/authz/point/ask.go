package point

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/cardea-auth/cardea/internal/kit/egress"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
)

// AskedByHeader lists the addresses of those who have passed a question on, first to last, with commas
// between them. Whoever finds itself in it does not pass the question on again.
const AskedByHeader = "Cardea-Asked-By"

// Bounds of asking.
const (
	maxHops    = 4       // by how many a question may have been passed on
	maxAnswer  = 1 << 20 // bytes of an answer
	atOnce     = 32      // questions of a node to one point
	tripsAfter = 5       // failures one after another
	restFor    = 10 * time.Second
)

// ParseAskedBy reads AskedByHeader. More than can be passed on are cut, which leaves too many.
func ParseAskedBy(text string) []string {
	if text == "" {
		return nil
	}
	out := strings.SplitN(text, ",", maxHops+1)
	for i := range out {
		out[i] = strings.TrimSpace(out[i])
	}
	return out
}

// Ask puts questions to a point, all of them in one request. Either each of them has an answer, or there is
// an error: NotFound for a point that is not there, Unavailable for one that did not answer in time, in the
// words of AuthZEN, and once for each question. askedBy says who has passed the questions on already. A
// point that has no evaluations is asked one question after the other, in the same time.
func (p *Points) Ask(ctx context.Context, t id.Tenant, name string, askedBy []string, qs []Question) ([]Answer, error) {
	doc, err := p.all.In(t).View(ctx, name)
	if err != nil {
		return nil, instead(err)
	}
	if p.cameRound(t, askedBy) || len(askedBy) >= maxHops {
		return nil, errs.New(errs.Unavailable, "decision_point_loop", "The question has come round: decision points ask each other.")
	}
	l, err := p.lines.to(t, doc)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(doc.Timeout)*time.Millisecond)
	defer cancel()
	answers, err := l.breaker.Execute(func() ([]Answer, error) {
		if doc.Rego != nil {
			return l.evaluate(ctx, p, t, doc, qs)
		}
		return l.ask(ctx, doc, strings.Join(append(askedBy[:len(askedBy):len(askedBy)], p.config.Issuer(t)), ", "), qs)
	})
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		return nil, errs.Busy(restFor, err, "decision_point_resting", "It has failed too often and is not asked for some seconds.")
	}
	p.note(t, name, l, err)
	return answers, err
}

// note tells of the first failure after an answer.
func (p *Points) note(t id.Tenant, name string, l *line, err error) {
	if was := l.failing.Swap(err != nil); err != nil && !was && p.config.Failed != nil {
		p.config.Failed(t, name, err)
	}
}

// line is how a node reaches a point: connections and a breaker of its own, so that a point that hangs
// takes nothing from anybody else.
type line struct {
	version int64
	created time.Time
	client  *egress.Client
	breaker *gobreaker.CircuitBreaker[[]Answer]
	failing atomic.Bool

	reading  chan struct{} // holds whoever looks at what follows
	prepared Prepared      // of Rego
	read     time.Time
}

type lineKey struct {
	tenant id.Tenant
	name   string
}

// lines are those of all points that were asked.
type lines struct {
	way *egress.Client
	mu  sync.Mutex
	all map[lineKey]*line
}

func newLines(c Config) *lines { return &lines{way: c.Egress, all: map[lineKey]*line{}} }

// to is the line to a point as it is now.
func (l *lines) to(t id.Tenant, doc *Point) (*line, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := lineKey{t, doc.ID}
	if found := l.all[key]; found != nil {
		if found.version == doc.Version && found.created.Equal(doc.Created) {
			return found, nil
		}
		found.client.Close()
	}
	trusted, err := roots(doc.CA)
	if err != nil {
		return nil, err
	}
	made := &line{
		version: doc.Version, created: doc.Created, reading: make(chan struct{}, 1),
		client: l.way.Apart(egress.Own{RootCAs: trusted, Budget: atOnce, MaxBody: maxAnswer}),
		breaker: gobreaker.NewCircuitBreaker[[]Answer](gobreaker.Settings{
			Timeout:     restFor,
			ReadyToTrip: func(n gobreaker.Counts) bool { return n.ConsecutiveFailures >= tripsAfter },
			IsExcluded:  ofAsker,
		}),
	}
	l.all[key] = made
	return made, nil
}

// ofAsker reports whether a failure is the asker's doing, and says nothing of the point: otherwise one asker
// could have it rest for all others.
func ofAsker(err error) bool {
	return errors.Is(err, context.Canceled) || errs.Is(err, errs.Invalid) || errs.CodeOf(err) == "decision_point_refused"
}

// drop forgets the lines of a tenant.
func (l *lines) drop(t id.Tenant) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, one := range l.all {
		if key.tenant == t {
			one.client.Close()
			delete(l.all, key)
		}
	}
}

// The paths of AuthZEN 1.0 (section 10.1).
const (
	pathOne  = "/access/v1/evaluation"
	pathMany = "/access/v1/evaluations"
)

func (l *line) ask(ctx context.Context, doc *Point, askedBy string, qs []Question) ([]Answer, error) {
	answers, none, err := l.send(ctx, doc, askedBy, qs)
	if !none || len(qs) == 1 {
		return answers, err
	}
	for _, q := range qs { // evaluations are optional (section 9.1)
		one, _, err := l.send(ctx, doc, askedBy, []Question{q})
		if err != nil {
			return nil, err
		}
		answers = append(answers, one...)
	}
	return answers, nil
}

// send is one request. none says that there is no such end point.
func (l *line) send(ctx context.Context, doc *Point, askedBy string, qs []Question) (answers []Answer, none bool, err error) {
	body, err := encode(qs)
	if err != nil {
		return nil, false, errs.Bad("/context", "cannot be passed on")
	}
	path := pathOne
	if len(qs) > 1 {
		path = pathMany
	}
	header := map[string][]string{"Content-Type": {"application/json"}, "Accept": {"application/json"}, AskedByHeader: {askedBy}}
	if token := doc.Credential.Reveal(); token != "" {
		header["Authorization"] = []string{"Bearer " + token}
	}
	r, err := l.client.Do(ctx, egress.Decision, egress.Request{Method: "POST", URL: doc.URL + path, Header: header, Body: body})
	if err != nil {
		return nil, false, err
	}
	switch r.Status {
	case 200:
	case 400, 413, 422: // it understands the question, and does not like it
		return nil, false, errs.New(errs.Unavailable, "decision_point_refused", "It refused the question with status %s.", strconv.Itoa(r.Status))
	default:
		return nil, r.Status == 404 || r.Status == 501, notAuthZEN("It answered with status " + strconv.Itoa(r.Status) + ".")
	}
	answers, err = decode(r.Body, len(qs))
	return answers, false, err
}
