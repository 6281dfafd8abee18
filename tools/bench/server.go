package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// server is the shipped binary, built for this run, on one core.
type server struct {
	dir, binary, base, management string
	process                       *exec.Cmd
	coldNew, coldExisting         time.Duration
	idleRSS, binarySize           int64
}

// onServerCore is a command bound to core 0 with one processor; the load runs on the others.
func onServerCore(ctx context.Context, name string, args ...string) *exec.Cmd {
	if path, err := exec.LookPath("taskset"); err == nil && runtime.NumCPU() > 1 {
		args = append([]string{"-c", "0", name}, args...)
		name = path
	}
	c := exec.CommandContext(ctx, name, args...)
	c.Env = append(os.Environ(), "GOMAXPROCS=1")
	return c
}

func startServer(ctx context.Context) (*server, error) {
	dir, err := os.MkdirTemp("", "cardea-bench-")
	if err != nil {
		return nil, err
	}
	s := &server{dir: dir, binary: filepath.Join(dir, "cardea")}
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", s.binary, "./cmd/cardea")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return nil, fmt.Errorf("building the server: %w", err)
	}
	if info, err := os.Stat(s.binary); err == nil {
		s.binarySize = info.Size()
	}
	if s.coldNew, err = s.start(ctx); err != nil {
		return nil, err
	}
	s.end()
	if s.coldExisting, err = s.start(ctx); err != nil {
		return nil, err
	}
	time.Sleep(2 * time.Second) // a measurement, not a test: let the start's garbage be collected
	s.idleRSS = s.rss()
	return s, nil
}

func (s *server) start(ctx context.Context) (time.Duration, error) {
	port, err := freePort()
	if err != nil {
		return 0, err
	}
	private, err := freePort()
	if err != nil {
		return 0, err
	}
	s.base, s.management = "http://localhost:"+strconv.Itoa(port), "http://127.0.0.1:"+strconv.Itoa(private)
	s.process = onServerCore(ctx, s.binary, "serve", "--data", filepath.Join(s.dir, "data"), "--issuer", s.base,
		"--listen", "127.0.0.1:"+strconv.Itoa(port), "--management", "127.0.0.1:"+strconv.Itoa(private))
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	s.process.Stdout, s.process.Stderr = log, log
	begin := time.Now()
	if err := s.process.Start(); err != nil {
		return 0, err
	}
	err = waitFor(ctx, s.base+"/.well-known/openid-configuration")
	return time.Since(begin), err
}

// waitFor asks until there is an answer.
func waitFor(ctx context.Context, url string) error {
	deadline := time.Now().Add(15 * time.Second)
	for time.Now().Before(deadline) && ctx.Err() == nil {
		r, err := http.Get(url) //nolint:noctx // bounded by the deadline
		if err == nil {
			_ = r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return nil
			}
		}
		time.Sleep(2 * time.Millisecond)
	}
	return fmt.Errorf("%s does not answer", url)
}

func (s *server) end() {
	_ = s.process.Process.Signal(syscall.SIGTERM)
	_ = s.process.Wait()
}

func (s *server) stop() {
	s.end()
	_ = os.RemoveAll(s.dir)
}

// rss is the server's resident memory.
func (s *server) rss() int64 {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(s.process.Process.Pid) + "/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// commits is how many transactions the server has made durable.
func (s *server) commits() float64 {
	r, err := http.Get(s.management + "/metrics") //nolint:noctx // loopback
	if err != nil {
		return 0
	}
	defer func() { _ = r.Body.Close() }()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "cardea_store_commits_total "); ok {
			n, _ := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			return n
		}
	}
	return 0
}

// cli runs a command of the server's command line and reads its JSON.
func (s *server) cli(ctx context.Context, stdin string, out any, args ...string) error {
	c := exec.CommandContext(ctx, s.binary, append(args, "--data", filepath.Join(s.dir, "data"), "--json")...)
	c.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := c.Run(); err != nil {
		return fmt.Errorf("cardea %s: %w: %s", args[0], err, stderr.String())
	}
	return json.Unmarshal(stdout.Bytes(), out)
}
