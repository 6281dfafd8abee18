package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// workload is something that is asked again and again.
type workload struct {
	name        string
	method      string    // of the bare answer that it is set beside
	at          string    // who is asked, by base URL; empty means the server
	process     *exec.Cmd // whose processor time counts; nil means the server's
	connections int       // 0: as the options say
	each        int       // how many things a request is about, which are what is counted; 0 means 1
	// next is the n-th request of a worker, as it goes over the wire (see wire).
	next func(worker, n int) []byte
	// check looks at an answer; nil accepts 200 only.
	check func(worker, status int, body []byte) error
	// pause is how long a worker waits between two requests, for a load that leaves room; 0 is as fast
	// as it can. A request that is sent late because the answer before was late counts from when it was due.
	pause time.Duration
	// restless is a pause without sleep, so that what is measured is not how soon the load is woken.
	restless bool
}

type result struct {
	Name    string        `json:"name"`
	Method  string        `json:"method"`
	Rate    float64       `json:"per_second"`
	OfBare  float64       `json:"of_bare"`
	CPU     time.Duration `json:"cpu_per_op_ns"`
	P50     time.Duration `json:"p50_ns"`
	P99     time.Duration `json:"p99_ns"`
	Errors  int           `json:"errors"`
	Commits float64       `json:"commits_per_op"`
	Trips   float64       `json:"round_trips_per_op"` // to a database server
	Loads   float64       `json:"loads_per_op"`
	Hits    float64       `json:"cache_hits"` // of all lookups
	RSS     int64         `json:"rss"`
}

// measure runs a workload for a while, after a short warm-up.
func measure(ctx context.Context, w workload, o options, s *server) (result, error) {
	n := o.connections
	if w.connections > 0 {
		n = w.connections
	}
	at, err := s.bases(w)
	if err != nil {
		return result{}, err
	}
	warm := max(o.span/5, 300*time.Millisecond)
	var (
		workers = make([]worker, n)
		begin   = time.Now().Add(warm)
		end     = begin.Add(o.span)
		wg      sync.WaitGroup
	)
	for i := range workers {
		wg.Go(func() { workers[i].run(ctx, w, at[i%len(at)], i, begin, end) })
	}
	time.Sleep(time.Until(begin))
	s.toggleProfile(w)
	before := s.spent(w)
	time.Sleep(time.Until(end))
	spent := s.since(before, w)
	s.toggleProfile(w)
	wg.Wait()

	var times []time.Duration
	bad := 0
	var first error
	for _, k := range workers {
		times, bad = append(times, k.times...), bad+k.wrong
		if first == nil {
			first = k.why
		}
	}
	if len(times) == 0 || bad == len(times) {
		return result{}, fmt.Errorf("nothing succeeded: %w", first)
	}
	each := float64(max(1, w.each))
	all := each * float64(len(times))
	return result{
		Name: w.name, Method: w.method, Rate: each * float64(len(times)-bad) / o.span.Seconds(),
		CPU: time.Duration(float64(spent.cpu) / all), P50: quantile(times, 50), P99: quantile(times, 99),
		Errors: bad, Commits: spent.commits / all, Trips: spent.trips / all, Loads: spent.loads / all, Hits: spent.hits / max(1, spent.hits+spent.loads), RSS: s.rss(),
	}, ctx.Err()
}

// bases are the addresses that connections reach in turn.
func (s *server) bases(w workload) ([]*url.URL, error) {
	all := []string{w.at}
	if w.at == "" {
		all = []string{s.base}
		for _, n := range s.others {
			all = append(all, n.base)
		}
	}
	var out []*url.URL
	for _, base := range all {
		u, err := url.Parse(base)
		if err != nil {
			return nil, err
		}
		out = append(out, u)
	}
	return out, nil
}

// quantile is the time that percent of all times do not exceed.
func quantile(times []time.Duration, percent int) time.Duration {
	if len(times) == 0 {
		return 0
	}
	slices.Sort(times)
	return times[(len(times)-1)*percent/100]
}

// worker is one connection that asks, waits for the answer and asks again.
type worker struct {
	times []time.Duration
	wrong int
	why   error
}

func (k *worker) run(ctx context.Context, w workload, at *url.URL, number int, begin, end time.Time) {
	k.times = make([]time.Duration, 0, 1<<16)
	var c *connection
	for i := 0; ctx.Err() == nil; i++ {
		var due time.Time
		if w.pause > 0 {
			due = begin.Add(time.Duration(i)*w.pause + w.pause*time.Duration(number)/16)
			w.await(due)
		}
		start := time.Now()
		if start.After(end) {
			break
		}
		var err error
		if c == nil {
			if c, err = dial(ctx, at, nil); err == nil {
				err = c.watch(w)
			}
			if err != nil {
				k.why = err
				return
			}
			defer c.Close()
		}
		if w.pause > 0 && c.arrived.After(due) {
			start = due // it is late because the answer before was
		}
		request := w.next(number, i)
		status, body, err := c.ask(request)
		took := time.Since(start)
		switch {
		case err != nil:
			_ = c.Close()
			c = nil
		case w.check != nil:
			err = w.check(number, status, body)
		case status != http.StatusOK:
			err = fmt.Errorf("status %d: %.200s", status, body)
		}
		if c != nil {
			took = c.arrived.Sub(start)
		}
		if start.After(begin) {
			if k.times = append(k.times, took); err != nil {
				k.wrong++
			}
		}
		if err != nil && k.why == nil {
			k.why = err
		}
	}
}

// await waits until a request is due.
func (w workload) await(due time.Time) {
	for w.restless && time.Now().Before(due) {
		runtime.Gosched() // to the other connections
	}
	time.Sleep(time.Until(due))
}

// connection is the cheapest client of HTTP/1.1 that is still one: the machine that makes the load
// must not be what is measured. net/http's own client costs more than a bare answer.
type connection struct {
	net.Conn
	in      *bufio.Reader
	body    []byte    // reused: an answer is good until the next question
	cookies []string  // those that the last answer has set, as a request sends them
	arrived time.Time // when the last answer came, if the connection is watched
}

// dial connects, from an address of the loopback network if from is given.
func dial(ctx context.Context, at *url.URL, from net.Addr) (*connection, error) {
	c, err := (&net.Dialer{Timeout: 5 * time.Second, LocalAddr: from}).DialContext(ctx, "tcp", "127.0.0.1:"+at.Port())
	if err != nil {
		return nil, err
	}
	return &connection{Conn: c, in: bufio.NewReaderSize(c, 8<<10)}, nil
}

// watch makes a connection look for its answers without rest, as one of a crowd that has a core to itself, unless
// its workload sleeps. Somebody who sleeps has to be woken, which costs whoever writes to them as much as a small
// answer does: the faster a server, the less, since its clients sleep less. A server is then measured by what it
// does itself. The connection of a workload that leaves room asks the system when its answers came
// (socket(7), SO_TIMESTAMPNS): whoever shares a core with this process may keep it from looking.
func (c *connection) watch(w workload) error {
	raw, err := c.Conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		return err
	}
	c.in.Reset(&watched{raw: raw, restless: w.pause == 0 || w.restless, arrived: &c.arrived})
	if w.pause == 0 {
		return nil
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_TIMESTAMPNS, 1)
	})
	return errors.Join(err, failed)
}

// watched reads what has come, and notes when.
type watched struct {
	raw      syscall.RawConn
	restless bool
	arrived  *time.Time
	control  [64]byte
}

func (w *watched) Read(p []byte) (n int, err error) {
	var control int
	look := func(fd uintptr) bool {
		n, control, _, _, err = syscall.Recvmsg(int(fd), p, w.control[:], 0)
		return w.restless || !errors.Is(err, syscall.EAGAIN)
	}
	for {
		if e := w.raw.Read(look); e != nil {
			return 0, e
		}
		switch {
		case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EINTR):
			runtime.Gosched() // to the other connections
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		default:
			*w.arrived = receivedAt(w.control[:control])
			return n, nil
		}
	}
}

// receivedAt is the time in a control message, now if there is none.
func receivedAt(control []byte) time.Time {
	messages, _ := syscall.ParseSocketControlMessage(control)
	for _, m := range messages {
		if m.Header.Level == syscall.SOL_SOCKET && m.Header.Type == syscall.SCM_TIMESTAMPNS && len(m.Data) >= 16 {
			return time.Unix(int64(binary.NativeEndian.Uint64(m.Data)), int64(binary.NativeEndian.Uint64(m.Data[8:])))
		}
	}
	return time.Now()
}

// ask sends a request and reads its answer.
func (c *connection) ask(request []byte) (int, []byte, error) {
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return 0, nil, err
	}
	if _, err := c.Write(request); err != nil {
		return 0, nil, err
	}
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return 0, nil, err
	}
	if len(line) < 12 {
		return 0, nil, fmt.Errorf("not an answer: %q", line)
	}
	status, err := strconv.Atoi(string(line[9:12]))
	if err != nil {
		return 0, nil, fmt.Errorf("not an answer: %q", line)
	}
	length, chunked := -1, false
	c.cookies = c.cookies[:0]
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return 0, nil, err
		}
		if len(line) <= 2 {
			break
		}
		if value, ok := bytes.CutPrefix(line, []byte("Set-Cookie: ")); ok {
			value, _, _ = bytes.Cut(value, []byte(";"))
			c.cookies = append(c.cookies, string(value))
		}
		chunked = chunked || bytes.HasPrefix(line, []byte("Transfer-Encoding: chunked"))
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(strings.TrimSpace(string(value))); err != nil {
				return 0, nil, err
			}
		}
	}
	if chunked {
		body, err := io.ReadAll(httputil.NewChunkedReader(c.in))
		if err == nil {
			_, err = c.in.ReadSlice('\n') // the reader leaves the empty line after the last chunk
		}
		return status, body, err
	}
	if length < 0 {
		return 0, nil, fmt.Errorf("an answer of status %d without a length", status)
	}
	if cap(c.body) < length {
		c.body = make([]byte, length)
	}
	c.body = c.body[:length]
	_, err = io.ReadFull(c.in, c.body)
	return status, c.body, err
}

// wire is a request as bytes. header alternates names and values.
func wire(method, base, path, contentType string, body []byte, header ...string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: cardea-bench\r\n", method, path, strings.TrimPrefix(base, "http://"))
	for i := 0; i+1 < len(header); i += 2 {
		fmt.Fprintf(&b, "%s: %s\r\n", header[i], header[i+1])
	}
	if contentType != "" {
		fmt.Fprintf(&b, "Content-Type: %s\r\nContent-Length: %d\r\n", contentType, len(body))
	}
	b.WriteString("\r\n")
	b.Write(body)
	return b.Bytes()
}

// always is a workload's next that never changes.
func always(request []byte) func(int, int) []byte {
	return func(int, int) []byte { return request }
}
