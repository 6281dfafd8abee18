package edge_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/httpapi/credential"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/limit"
)

// The benchmark measures a server in a process of its own on one core, as performance.md does, so
// that the load generator does not blur the difference. The test binary starts itself again.
const benchServer = "CARDEA_BENCH_SERVER"

func TestMain(m *testing.M) {
	if kind := os.Getenv(benchServer); kind != "" {
		serveBench(kind)
		return
	}
	os.Exit(m.Run())
}

type anyone struct{}

func (anyone) Authenticate(_ context.Context, t id.Tenant, _ credential.Credential, from access.Origin) (access.Caller, error) {
	return access.Authenticated(t, access.Service("bench"), access.Proof{Client: "bench", Scoped: true}, from), nil
}

func (anyone) Listed(context.Context, id.Tenant, edge.CORS, string) (bool, error) { return false, nil }

func benchDoor(host string) (http.Handler, error) {
	dir, err := edge.NewSharedHost("http://"+host, nil, func(context.Context, id.Tenant) error { return nil })
	if err != nil {
		return nil, err
	}
	policy := limit.Defaults()
	policy.API.Address = limit.Rule{Count: 1e9, Per: time.Second}
	return edge.New(edge.Config{
		Directory: dir, Authenticator: anyone{}, Origins: anyone{}, Now: time.Now,
		Gate:           limit.NewGate(limit.NewLimiter(limit.Config{Now: time.Now}), nil, policy),
		Log:            slog.New(slog.NewJSONHandler(io.Discard, nil)),
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		Metrics:        prometheus.NewRegistry(),
	}, []edge.Route{{
		Method: "POST", Path: "/access/v1/evaluation", Name: "access.evaluate", Access: edge.Needs("access.evaluate"), Hot: true,
		Handle: func(x *edge.Exchange, _ access.Caller) error {
			if _, err := x.Body(); err != nil {
				return err
			}
			return x.Bytes(200, "application/json", []byte(`{"decision":true}`))
		},
	}})
}

func bareHandler(w http.ResponseWriter, r *http.Request) {
	_, _ = io.ReadAll(r.Body)
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"decision":true}`))
}

func serveBench(kind string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	var h http.Handler = http.HandlerFunc(bareHandler)
	if kind == "door" {
		if h, err = benchDoor(l.Addr().String()); err != nil {
			panic(err)
		}
	}
	fmt.Println(l.Addr())
	go func() { _ = http.Serve(l, h) }()
	_, _ = io.Copy(io.Discard, os.Stdin) // until the benchmark is over
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	fmt.Println(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkHotPath compares an empty authenticated endpoint behind the door with a bare handler, in
// turns, so that whatever else the machine does hits both alike. %-of-bare is the throughput of the
// door as a part of the bare one's, by the CPU time that each server took.
func BenchmarkHotPath(b *testing.B) {
	bare, door := startServer(b, "bare"), startServer(b, "door")
	const turn = 2000
	for left := b.N; left > 0; left -= turn {
		bare.load(b, min(left, turn))
		door.load(b, min(left, turn))
	}
	per := func(ns int64) float64 { return float64(ns) / float64(b.N) / 1000 }
	bareTook, doorTook := per(bare.stop()), per(door.stop())
	b.ReportMetric(bareTook, "bare-µs/op")
	b.ReportMetric(doorTook, "door-µs/op")
	b.ReportMetric(100*bareTook/doorTook, "%-of-bare")
}

type benchProcess struct {
	cmd  *exec.Cmd
	in   io.Closer
	out  *bufio.Reader
	addr string
}

func startServer(b *testing.B, kind string) *benchProcess {
	b.Helper()
	p := &benchProcess{cmd: exec.Command(os.Args[0])}
	p.cmd.Env = append(os.Environ(), benchServer+"="+kind, "GOMAXPROCS=1")
	in, _ := p.cmd.StdinPipe()
	out, _ := p.cmd.StdoutPipe()
	if err := p.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	p.in, p.out = in, bufio.NewReader(out)
	addr, _ := p.out.ReadString('\n')
	p.addr = strings.TrimSpace(addr)
	return p
}

// stop ends the server and returns the CPU time that it took, in nanoseconds.
func (p *benchProcess) stop() int64 {
	_ = p.in.Close()
	line, _ := p.out.ReadString('\n')
	var cpu int64
	_, _ = fmt.Sscan(line, &cpu)
	_ = p.cmd.Wait()
	return cpu
}

// load sends n requests over 16 connections that stay open.
func (p *benchProcess) load(b *testing.B, n int) {
	const body = `{"subject":{"type":"user","id":"alice"},"action":{"name":"read"},"resource":{"type":"doc","id":"1"}}`
	request := []byte(fmt.Sprintf("POST /access/v1/evaluation HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench/1\r\n"+
		"Authorization: Bearer abcdefghijklmnop\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", p.addr, len(body), body))
	var wg sync.WaitGroup
	for i := range 16 {
		share := n / 16
		if i == 0 {
			share = n - 15*share
		}
		wg.Go(func() {
			if err := send(p.addr, request, share); err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
}

func send(addr string, request []byte, n int) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	buf, in := make([]byte, 4096), bufio.NewReader(c)
	for range n {
		if _, err := c.Write(request); err != nil {
			return err
		}
		if err := readAnswer(in, buf); err != nil {
			return err
		}
	}
	return nil
}

// readAnswer reads one answer of known small form without parsing it.
func readAnswer(in *bufio.Reader, buf []byte) error {
	for first := true; ; first = false {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if first && string(line) != "HTTP/1.1 200 OK\r\n" {
			return fmt.Errorf("answer %s", line)
		}
		if len(line) == 2 {
			break
		}
	}
	_, err := io.ReadFull(in, buf[:len(`{"decision":true}`)])
	return err
}

// discard is a ResponseWriter that costs next to nothing.
type discard struct{ h http.Header }

func (d *discard) Header() http.Header         { return d.h }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}

// BenchmarkDoor is the chain alone, without net/http around it.
func BenchmarkDoor(b *testing.B) {
	h, err := benchDoor("id.example.com")
	if err != nil {
		b.Fatal(err)
	}
	const body = `{"subject":{"type":"user","id":"alice"}}`
	r, _ := http.NewRequest("POST", "http://id.example.com/access/v1/evaluation", nil)
	r.Header = http.Header{"Authorization": {"Bearer abcdefghijklmnop"}, "Content-Type": {"application/json"}, "User-Agent": {"bench/1"}}
	r.RemoteAddr, r.ContentLength = "192.0.2.1:4711", int64(len(body))
	b.ReportAllocs()
	for b.Loop() {
		r.Body = io.NopCloser(strings.NewReader(body))
		h.ServeHTTP(&discard{h: http.Header{}}, r)
	}
}
