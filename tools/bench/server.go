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
	"sync"
	"syscall"
	"time"

	"github.com/cardea-auth/cardea/test/port"
)

// server is the shipped binary, built for this run, on one core.
type server struct {
	dir, binary, base, management string
	process                       *exec.Cmd
	coldNew, coldExisting         time.Duration
	idleRSS, binarySize           int64
	profile                       string   // where profiles go; empty for none
	devices                       sync.Map // the cookie of each account's browser, by number
	mail                          []string // settings: where its mails go
	others                        []*server
}

// onServerCore is a command bound to core 0, if the load has left it. How many processors there are says
// nothing here: whoever is bound to one of two sees one.
func onServerCore(ctx context.Context, name string, args ...string) *exec.Cmd {
	if path, err := exec.LookPath("taskset"); err == nil && os.Getenv(pinned) != "" {
		args = append([]string{"-c", "0", name}, args...)
		name = path
	}
	return exec.CommandContext(ctx, name, args...)
}

// pinned says that this process has left the server's core.
const pinned = "BENCH_PINNED" // not CARDEA_…: the server refuses settings that it does not know

// leaveServerCore starts this program again on the cores that are not the server's. Where that cannot
// be done the figures are those of a shared core, and the table says nothing wrong: all share it.
func leaveServerCore() error {
	path, err := exec.LookPath("taskset")
	if err != nil || runtime.NumCPU() < 2 || os.Getenv(pinned) != "" {
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cores := "1-" + strconv.Itoa(runtime.NumCPU()-1)
	args := append([]string{path, "-c", cores, self}, os.Args[1:]...)
	return syscall.Exec(path, args, append(os.Environ(), pinned+"=1"))
}

func startServer(ctx context.Context, o options) (*server, error) {
	dir, err := os.MkdirTemp("", "cardea-bench-")
	if err != nil {
		return nil, err
	}
	s := &server{dir: dir, binary: o.binary, profile: o.profile}
	if s.binary == "" {
		s.binary = filepath.Join(dir, "cardea")
		if err := buildServer(ctx, s.binary, o.profile != ""); err != nil {
			return nil, err
		}
	}
	if info, err := os.Stat(s.binary); err == nil {
		s.binarySize = info.Size()
	}
	if o.binary == "" && o.profile == "" && s.binarySize > maxBinary {
		return nil, fmt.Errorf("the binary has %d bytes, more than %d: has a library brought calls of methods by name (TestArchitectureLinker), or is it worth it?", s.binarySize, maxBinary)
	}
	if s.mail, err = postbox(); err != nil {
		return nil, err
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

// maxBinary is what the shipped binary may have, in bytes. With calls of methods by name it would be 12 MB more
// at once: they come unnoticed with a library.
const maxBinary = 49_000_000

// buildServer builds the program as it is shipped, or with a profiler inside.
func buildServer(ctx context.Context, to string, profiled bool) error {
	program := "./cmd/cardea"
	if profiled {
		program = "./tools/bench/profiled"
	}
	c := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", to, program)
	c.Stderr = os.Stderr
	if err := c.Run(); err != nil {
		return fmt.Errorf("building the server: %w", err)
	}
	return nil
}

func (s *server) start(ctx context.Context) (time.Duration, error) {
	if s.base == "" { // it keeps its name when it is started again: its audit log is signed with it
		at, err := port.Addresses(2)
		if err != nil {
			return 0, err
		}
		s.base, s.management = strings.Replace("http://"+at[0], "127.0.0.1", "localhost", 1), "http://"+at[1]
	}
	listen, private := strings.Replace(s.base, "http://localhost", "127.0.0.1", 1), strings.TrimPrefix(s.management, "http://")
	s.process = onServerCore(ctx, s.binary, "serve", "--data", filepath.Join(s.dir, "data"), "--issuer", s.base, "--listen", listen, "--management", private)
	s.process.Env = append(append(os.Environ(), s.mail...), "PROFILE_DIR="+s.profile, "CARDEA_SERVER_TRUSTED_PROXIES=127.0.0.1/32")
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

// rss is the resident memory of the server and its children. What they share, as the program's text,
// counts for each of them.
func (s *server) rss() int64 { return s.status("VmRSS:") }

// status sums up a line of /proc/PID/status, in bytes.
func (s *server) status(line string) int64 {
	var sum int64
	for _, pid := range family(s.process.Process.Pid) {
		text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
		if err != nil {
			continue
		}
		for l := range strings.Lines(string(text)) {
			if rest, ok := strings.CutPrefix(l, line); ok {
				kb, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
				sum += kb << 10
			}
		}
	}
	return sum
}

// spending is what a measurement looks at before and after.
type spending struct {
	cpu                         time.Duration
	commits, trips, hits, loads float64
}

// toggleProfile starts or ends a profile, if profiles are wanted of the server.
func (s *server) toggleProfile(w workload) {
	if s.profile != "" && w.process == nil {
		_ = s.process.Process.Signal(syscall.SIGUSR1)
	}
}

func (s *server) spent(w workload) spending {
	out := s.counted() // costs the server time, which is not what is measured
	out.cpu = s.cpu(w)
	return out
}

// since is what was spent after before.
func (s *server) since(before spending, w workload) spending {
	cpu, now := s.cpu(w), s.counted()
	return spending{cpu - before.cpu, now.commits - before.commits, now.trips - before.trips, now.hits - before.hits, now.loads - before.loads}
}

// cpu is the processor time of whoever answers a workload.
func (s *server) cpu(w workload) (sum time.Duration) {
	all := []*exec.Cmd{w.process}
	if w.process == nil {
		all[0] = s.process
		for _, n := range s.others {
			all = append(all, n.process)
		}
	}
	for _, process := range all {
		for _, pid := range family(process.Process.Pid) {
			sum += cpuOf(pid)
		}
	}
	return sum
}

// family is a process and its children: the server computes password hashes in processes of their own.
func family(pid int) []int {
	out := []int{pid}
	tasks, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
	if err != nil {
		return out
	}
	for _, path := range tasks {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		for _, field := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(field); err == nil {
				out = append(out, child)
			}
		}
	}
	return out
}

// cpuOf is the processor time that a process has used. The kernel counts in hundredths of a second.
func cpuOf(pid int) time.Duration {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond
}

// forgetPeak makes the kernel count the peak of the server's memory from now on.
func (s *server) forgetPeak() {
	for _, pid := range family(s.process.Process.Pid) {
		_ = os.WriteFile("/proc/"+strconv.Itoa(pid)+"/clear_refs", []byte("5"), 0o600)
	}
}

// peak is the most that the resident memory was.
func (s *server) peak() int64 { return s.status("VmHWM:") }

// counted is what all nodes have counted: transactions that became durable, and documents that were in their
// memory or were loaded into it, each of which asks the database, or Redis, once.
func (s *server) counted() (sum spending) {
	for _, n := range append([]*server{s}, s.others...) {
		text := n.metrics()
		sum.commits += valueOf(text, "cardea_store_commits_total")
		sum.trips += valueOf(text, "cardea_store_round_trips_total")
		sum.hits += valueOf(text, `cardea_cache_lookups_total{answer="hit"}`)
		sum.loads += valueOf(text, `cardea_cache_lookups_total{answer="load"}`)
	}
	return sum
}

func (s *server) metrics() string {
	r, err := http.Get(s.management + "/metrics") //nolint:noctx // loopback
	if err != nil {
		return ""
	}
	defer func() { _ = r.Body.Close() }()
	text, _ := io.ReadAll(r.Body) // of what is missing nothing is counted
	return string(text)
}

func valueOf(metrics, name string) float64 {
	for line := range strings.Lines(metrics) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
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
