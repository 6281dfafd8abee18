package cardea

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"net/http"
	"net/url"
	"time"
)

// Bounds of the feed. The contract is in the package comment.
const (
	maxLine   = 4 << 10
	maxCursor = 512
	minPause  = 100 * time.Millisecond
	maxPause  = 5 * time.Second
	// maxSilence is when a connection without a heartbeat is given up: early enough to find another
	// before contactLife is over.
	maxSilence = 3 * time.Second
)

// errCursor is the server's answer to a cursor that it does not know any more.
var errCursor = errors.New("the cursor is not known any more")

// follower follows the revocation feed for the life of the client.
//
//	connect ── lines up to "live" ──▶ live ── lines, heartbeats ──▶ silence, error or end ──▶ connect
//	   └── 410: forget the cursor, collect a complete new set, put it in force at "live"
type follower struct {
	remote   remote
	url      string // the issuer
	standing *standing
	now      func() time.Time
	notice   func(string, error)
	ready    chan error // gets the outcome of the first connection, nil once live; has room for it

	cursor string // resumes after this line; "" means from nothing
	fresh  *marks // the set being collected from nothing; nil while the one in force is kept up
	live   bool
	lost   bool // contact was lost and not found again
	waited int  // connections in a row that did not get live

	settled bool // New knows the outcome of the first connection
}

// run connects, again and again, until ctx ends.
func (f *follower) run(ctx context.Context) {
	for ctx.Err() == nil {
		f.live = false
		err := f.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		if f.live {
			f.lost = true
			f.notice("The revocation feed broke off.", err)
		} else {
			f.settle(err)
		}
		if errors.Is(err, errCursor) && f.cursor != "" {
			f.cursor = ""
			continue
		}
		if !pause(ctx, f.backoff()) {
			return
		}
	}
}

// settle tells New how the first connection went. Of later failures in a row, only the
// second is noticed.
func (f *follower) settle(err error) {
	if err != nil {
		err = fmt.Errorf("following the issuer's revocations: %w", err)
	}
	if !f.settled {
		f.settled = true
		f.ready <- err // has room for one
		return
	}
	if err != nil && f.waited == 1 {
		f.notice("There is no contact with the revocation feed; tokens are introspected.", err)
	}
}

// backoff doubles from 100 ms to 5 s. Half of it is random, so that a thousand services do not come
// back at the same moment.
func (f *follower) backoff() time.Duration {
	d := min(minPause<<min(f.waited, 6), maxPause)
	f.waited++
	return d/2 + rand.N(d/2)
}

// follow holds one connection until it breaks, falls silent or says something that breaks the contract.
func (f *follower) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(maxSilence, func() { cancel(errors.New("the revocation feed is silent")) })
	defer silence.Stop()

	body, err := f.connect(ctx)
	if err != nil {
		return err
	}
	defer body.Close()
	if f.cursor == "" {
		f.fresh = newMarks()
	}
	lines := bufio.NewReaderSize(body, maxLine)
	for {
		raw, err := lines.ReadSlice('\n')
		if err != nil {
			return fmt.Errorf("reading the revocation feed: %w", errors.Join(err, context.Cause(ctx)))
		}
		silence.Reset(maxSilence)
		if err := f.line(raw); err != nil {
			return err
		}
	}
}

func (f *follower) connect(ctx context.Context) (io.ReadCloser, error) {
	target := f.url + "/revocations"
	if f.cursor != "" {
		target += "?after=" + url.QueryEscape(f.cursor)
	}
	req, err := f.remote.request(ctx, http.MethodGet, target, "application/x-ndjson", http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept-Encoding", "identity") // a compressing proxy would hold lines back
	f.remote.authenticate(req)
	res, err := f.remote.http.Do(req)
	if err != nil {
		return nil, errors.Join(err, context.Cause(ctx))
	}
	media, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	switch {
	case res.StatusCode == http.StatusGone:
		err = errCursor
	case res.StatusCode == http.StatusUnauthorized || res.StatusCode == http.StatusForbidden:
		err = fmt.Errorf("the issuer answered %d: this client may not follow revocations", res.StatusCode)
	case res.StatusCode != http.StatusOK || media != "application/x-ndjson":
		err = fmt.Errorf("the issuer answered %d with the type %q", res.StatusCode, media)
	default:
		return res.Body, nil
	}
	res.Body.Close()
	return nil, err
}

// line applies one line. An error ends the connection: a line that was not understood may have been a
// revocation, so the next connection starts before it.
func (f *follower) line(raw []byte) error {
	object, err := decodeObject(raw)
	if err != nil {
		return fmt.Errorf("a line of the revocation feed: %w", err)
	}
	name, okKind := stringOf(object, "kind")
	cursor, okCursor := stringOf(object, "cursor")
	if !okKind || !okCursor || len(cursor) > maxCursor {
		return errors.New("a line of the revocation feed has no kind or no usable cursor")
	}
	switch name {
	case "live":
		f.becomeLive()
	case "heartbeat":
	default:
		if err := f.revocation(name, object); err != nil {
			return err
		}
	}
	if f.fresh == nil { // while a new set is collected, a broken connection starts again from nothing
		f.cursor = cursor
	}
	if f.live {
		f.standing.hear(f.now())
	}
	return nil
}

func (f *follower) becomeLive() {
	if f.fresh != nil {
		f.standing.replace(f.fresh)
		f.fresh = nil
	}
	if f.lost {
		f.notice("There is contact with the revocation feed again.", nil)
	}
	f.live, f.lost, f.waited = true, false, 0
	f.settle(nil)
}

func (f *follower) revocation(name string, object map[string]any) error {
	until, ok := secondsOf(object["until"])
	if !ok {
		return errors.New("a revocation has no until")
	}
	apply := func(m *marks) error { m.blind = max(m.blind, until); return nil }
	if k, known := kindOf(name); known {
		id, okID := stringOf(object, "id")
		epoch, okEpoch := uintOf(object["min_epoch"])
		if !okID || (k.byEpoch() && !okEpoch) {
			return errors.New("a revocation has no id or no min_epoch")
		}
		if k == kindTenant {
			id = ""
		}
		apply = func(m *marks) error { return m.add(ref{k, id}, mark{minEpoch: epoch, until: until}) }
	}
	if f.fresh != nil {
		return apply(f.fresh)
	}
	return f.standing.change(apply)
}
