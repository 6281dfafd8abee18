package apart_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/internal/identity/password/apart"
)

// thread is what /proc tells of one (proc_pid_stat(5)).
type thread struct {
	nice, policy int
	wakes        int // how often it has waited for something
}

// process is a worker that a test talks with itself.
type process struct {
	*testing.T
	pid     int
	hash    func()
	threads func() map[string]thread
}

func startWorker(t *testing.T, at apart.Priority) process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self, apart.Name, string(at))
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		if err := c.Wait(); err != nil {
			t.Error(err)
		}
	})
	p := process{T: t, pid: c.Process.Pid}
	answers := bufio.NewReader(out)
	p.hash = func() {
		t.Helper()
		if _, err := fmt.Fprintln(in, `{"params":{"Memory":19456,"Passes":2,"Threads":1},"key":"a2V5"}`); err != nil {
			t.Fatal(err)
		}
		if line, err := answers.ReadString('\n'); err != nil || !strings.Contains(line, "$argon2id$") {
			t.Fatalf("%q, %v", line, err)
		}
	}
	p.threads = func() map[string]thread {
		t.Helper()
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", p.pid))
		if err != nil || len(tasks) == 0 {
			t.Fatal(tasks, err)
		}
		all := map[string]thread{}
		for _, task := range tasks {
			all[filepath.Base(task)] = readThread(t, task)
		}
		return all
	}
	return p
}

func readThread(t *testing.T, task string) thread {
	t.Helper()
	stat, err := os.ReadFile(task + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	status, err := os.ReadFile(task + "/status")
	if err != nil {
		t.Fatal(err)
	}
	number := func(text string) int {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest) // from the third on
	_, wakes, _ := strings.Cut(string(status), "\nvoluntary_ctxt_switches:")
	wakes, _, _ = strings.Cut(wakes, "\n")
	return thread{nice: number(fields[19-3]), policy: number(fields[41-3]), wakes: number(wakes)}
}

const idle = 5 // SCHED_IDLE

// Of the last priority is every thread but one, which the kernel wakes again and again while a hash is computed, and
// not otherwise: so others who have woken need not wait for a tick.
func TestLastPriority(t *testing.T) {
	t.Parallel()
	p := startWorker(t, apart.Last)
	p.hash()
	awake := ""
	for tid, is := range p.threads() {
		switch {
		case is.policy == idle:
		case awake == "":
			awake = tid
		default:
			t.Errorf("two threads have an ordinary priority: %s and %s", awake, tid)
		}
	}
	if awake == "" {
		t.Fatal("no thread has an ordinary priority")
	}
	before := p.threads()[awake].wakes
	for range 5 {
		p.hash()
	}
	woken := p.threads()[awake].wakes - before
	if woken < 10 { // a hash takes ten milliseconds at least
		t.Errorf("woken %d times in five hashes", woken)
	}
}

// Of a low priority are all.
func TestLowPriority(t *testing.T) {
	t.Parallel()
	p := startWorker(t, apart.Low)
	p.hash()
	for tid, is := range p.threads() {
		if is.policy == idle || is.nice < 10 {
			t.Errorf("thread %s: %+v", tid, is)
		}
	}
}
