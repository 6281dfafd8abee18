package manage_test

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/id"
)

// tail follows the log over a real connection; lines come through the channel until it is ended.
func (w *world) tail(query string, header ...string) (lines <-chan string, end func()) {
	w.t.Helper()
	w.clock.Set(time.Now()) // the deadlines of a real connection are read by a real clock
	server := httptest.NewServer(w.handler)
	ctx, cancel := context.WithCancel(w.t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/api/audit/tail"+query, http.NoBody)
	w.must(err)
	r.Host = "id.example"
	r.Header.Set("Authorization", "Bearer root")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := server.Client().Do(r)
	w.must(err)
	if answer.StatusCode != 200 || answer.Header.Get("Content-Type") != "text/event-stream" {
		w.t.Fatalf("tail: %d %s", answer.StatusCode, answer.Header.Get("Content-Type"))
	}
	out := make(chan string)
	go func() {
		defer close(out)
		for s := bufio.NewScanner(answer.Body); s.Scan(); {
			select {
			case out <- s.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	return out, func() {
		cancel()
		_ = answer.Body.Close()
		server.Close()
	}
}

// until reads lines up to one that begins with prefix.
func (w *world) until(lines <-chan string, prefix string) string {
	w.t.Helper()
	for line := range lines {
		if strings.HasPrefix(line, prefix) {
			return line
		}
	}
	w.t.Fatalf("the stream has ended without %s", prefix)
	return ""
}

// seal seals twice: the first time makes the key of the seal, which is an event itself.
func (w *world) seal() {
	w.t.Helper()
	w.must(w.api.Audit.Seal(w.t.Context(), id.Default))
	w.must(w.api.Audit.Seal(w.t.Context(), id.Default))
}

// TestTail: events arrive as they are sealed, signs of life between them, and whoever comes back goes
// on where it was.
func TestTail(t *testing.T) {
	w := newWorld(t)
	w.ok("root", "POST", "/api/users", `{"email":"before@example.com"}`)
	w.seal()
	lines, end := w.tail("")
	w.until(lines, "retry: ")
	w.until(lines, ":")
	made := w.ok("root", "POST", "/api/users", `{"email":"a@example.com"}`).get("id")
	w.seal()
	first, data := w.until(lines, "id: "), w.until(lines, "data: ")
	if !strings.Contains(data, made) || !strings.Contains(data, `"kind":"user.created"`) || strings.Contains(data, "salt") {
		t.Errorf("the event: %s", data)
	}
	end()
	later := w.ok("root", "POST", "/api/users", `{"email":"b@example.com"}`).get("id")
	w.seal()
	for _, back := range [][]string{{"", "Last-Event-ID", first[len("id: "):]}, {"?after=" + first[len("id: "):]}} {
		lines, end := w.tail(back[0], back[1:]...)
		if data := w.until(lines, "data: "); !strings.Contains(data, later) {
			t.Errorf("who comes back sees %s", data)
		}
		end()
	}
	lines, end = w.tail("?after=0")
	if at := w.until(lines, "id: "); at != "id: 1" {
		t.Errorf("from the start: %s", at)
	}
	end()
}

// TestTailEndsWithThePermission: who may not read any more hears so, and nothing else.
func TestTailEndsWithThePermission(t *testing.T) {
	w := newWorld(t)
	allowed := make(chan bool, 1)
	allowed <- true
	w.allow = func(r access.Request) bool {
		if r.Action != "audit.read" {
			return true
		}
		now := <-allowed
		allowed <- now
		return now
	}
	lines, end := w.tail("")
	defer end()
	w.until(lines, ":")
	<-allowed
	allowed <- false
	w.ok("root", "POST", "/api/users", `{"email":"a@example.com"}`)
	w.seal()
	w.until(lines, "event: error")
	if data := w.until(lines, "data: "); !strings.Contains(data, `"code":"permission_missing"`) || strings.Contains(data, "user.created") {
		t.Errorf("the last word: %s", data)
	}
	for line := range lines {
		if strings.HasPrefix(line, "data:") || strings.HasPrefix(line, "id:") {
			t.Errorf("after the end: %s", line)
		}
	}
}

func TestTailRefusals(t *testing.T) {
	w := newWorld(t)
	for _, query := range []string{"?after=-1", "?after=x", "?after=1&after=2", "?from=1", "?after=99999999999999999999", "?tenant=", "?tenant=A"} {
		if a := w.do("root", "GET", "/api/audit/tail"+query, ""); a.status != 400 {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
	}
	for _, last := range []string{"x", "-1", "1 ", "0x1", "1e3"} {
		if a := w.do("root", "GET", "/api/audit/tail", "", "Last-Event-ID", last); a.status != 400 {
			t.Errorf("Last-Event-ID %q: %d %s", last, a.status, a.body)
		}
	}
}

// clocked is an answer whose connection remembers until when it may be written.
type clocked struct {
	*httptest.ResponseRecorder
	until time.Time
	gone  context.CancelFunc
}

func (c *clocked) SetWriteDeadline(t time.Time) error { c.until = t; return nil }
func (c *clocked) Flush()                             { c.gone() }

// TestTailEndsInOrder: the connection may be written for longer than the log is followed, so that a minute
// ends with the end of the answer and not with a cut, which browsers call an error.
func TestTailEndsInOrder(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "https://id.example/api/audit/tail", http.NoBody)
	r.Header.Set("Authorization", "Bearer root")
	answer := &clocked{ResponseRecorder: httptest.NewRecorder(), gone: cancel}
	w.handler.ServeHTTP(answer, r)
	if left := answer.until.Sub(w.clock.Now()); answer.Code != 200 || left < 65*time.Second {
		t.Errorf("status %d, and %s are left to write in", answer.Code, left)
	}
}
