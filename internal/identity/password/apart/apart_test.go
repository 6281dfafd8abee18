package apart_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/identity/password"
	"github.com/cardea-auth/cardea/internal/identity/password/apart"
	"github.com/cardea-auth/cardea/internal/kit/secret"
)

// TestMain makes this program a worker, or one that dies, when it is started as such.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) == 3 && os.Args[1] == apart.Name:
		if err := apart.Main(os.Stdin, os.Stdout, apart.Priority(os.Args[2])); err != nil {
			os.Exit(1)
		}
		return
	case len(os.Args) == 3 && os.Args[1] == "starves" && os.Args[2] == string(apart.Low):
		_ = apart.Serve(os.Stdin, os.Stdout)
		return
	case len(os.Args) == 3 && os.Args[1] == "starves":
		_, _ = io.Copy(io.Discard, os.Stdin)
		return
	case len(os.Args) == 3 && os.Args[1] == "dies":
		_, _ = os.Stdin.Read(make([]byte, 1))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// workers counts what it starts. A name that is not a program starts nothing.
type workers struct {
	mu      sync.Mutex
	program string
	args    []string // of the n-th start; the last one for all that follow
	started []*exec.Cmd

	patience time.Duration
}

func (w *workers) command(at apart.Priority) *exec.Cmd {
	w.mu.Lock()
	defer w.mu.Unlock()
	arg := w.args[min(len(w.started), len(w.args)-1)]
	c := exec.Command(w.program, arg, string(at))
	c.Env = []string{}
	w.started = append(w.started, c)
	return c
}

func (w *workers) starts() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.started)
}

func pool(t *testing.T, w *workers, idle time.Duration) (*apart.Pool, *password.Hasher, *failures) {
	t.Helper()
	var told failures
	if w.program == "" {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		w.program = self
	}
	if w.patience == 0 {
		w.patience = time.Minute // the machine of a test may be busy
	}
	p := apart.New(apart.Config{Command: w.command, Failed: told.note, Idle: idle, Patience: w.patience})
	t.Cleanup(func() { _ = p.Close() })
	h, err := password.New(password.Config{
		Slots: 2, Wait: time.Minute, Worker: p,
		Pepper: "p1", Peppers: []password.Pepper{{ID: "p1", Key: secret.New(strings.Repeat("k", 32))}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p, h, &told
}

// failures is what a Pool has told.
type failures struct {
	mu  sync.Mutex
	all []string
}

func (f *failures) note(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = append(f.all, err.Error())
}

func (f *failures) text() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.all, "\n")
}

func verify(t *testing.T, h *password.Hasher, stored password.Hash, text string, want bool) {
	t.Helper()
	ok, _, err := h.Verify(t.Context(), stored, secret.New(text))
	if err != nil || ok != want {
		t.Errorf("%q: %v, %v; want %v", text, ok, err, want)
	}
}

// A hash made apart verifies here, and the other way round; those of other makers verify apart.
func TestApartIsTheSame(t *testing.T) {
	t.Parallel()
	w := &workers{args: []string{apart.Name}}
	_, there, _ := pool(t, w, 0)
	here, err := password.New(password.Config{
		Pepper: "p1", Peppers: []password.Pepper{{ID: "p1", Key: secret.New(strings.Repeat("k", 32))}},
	})
	if err != nil {
		t.Fatal(err)
	}
	made := map[string]password.Hash{}
	for name, h := range map[string]*password.Hasher{"here": here, "apart": there} {
		if made[name], err = h.Hash(t.Context(), secret.New("correct horse")); err != nil {
			t.Fatal(err)
		}
	}
	const bcrypt = "$2a$04$zVHmKQtGGQob.b/Nc7l9NO8UlrYcW05FiuCj/SxsFO/ZtiN9.mNzy" // of "allmine", openwall's vector has another salt
	for _, stored := range made {
		verify(t, there, stored, "correct horse", true)
		verify(t, there, stored, "wrong horse", false)
		verify(t, here, stored, "correct horse", true)
	}
	verify(t, there, bcrypt, "surely not", false)
	if err := there.Decoy(t.Context(), secret.New("anything")); err != nil {
		t.Error(err)
	}
	if n := w.starts(); n != 1 {
		t.Errorf("%d workers for one caller at a time", n)
	}
}

// No more workers than slots, however many callers.
func TestOneWorkerForEachSlot(t *testing.T) {
	t.Parallel()
	w := &workers{args: []string{apart.Name}}
	_, h, _ := pool(t, w, 0)
	stored, err := h.Hash(t.Context(), secret.New("correct horse"))
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() { verify(t, h, stored, "correct horse", true) })
	}
	all.Wait()
	if n := w.starts(); n != 2 {
		t.Errorf("%d workers for two slots", n)
	}
}

// A worker that dies is replaced; where none lives or none can be started, the server hashes.
func TestDeadWorkers(t *testing.T) {
	t.Parallel()
	for name, w := range map[string]*workers{
		"one dies":     {args: []string{"dies", apart.Name}},
		"all die":      {args: []string{"dies"}},
		"none to have": {program: "/nonexistent/cardea", args: []string{apart.Name}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, h, told := pool(t, w, 0)
			stored, err := h.Hash(t.Context(), secret.New("correct horse"))
			if err != nil {
				t.Fatal(err)
			}
			verify(t, h, stored, "correct horse", true)
			verify(t, h, stored, "wrong horse", false)
			if (name == "all die") != (told.text() != "") {
				t.Errorf("told of: %q", told.text())
			}
			if strings.Contains(told.text(), "horse") {
				t.Errorf("a password in an error: %s", told.text())
			}
		})
	}
}

// A worker that is never let to the processor is replaced by one that has a share, and so are those after it.
func TestStarvedWorkers(t *testing.T) {
	t.Parallel()
	w := &workers{args: []string{"starves"}, patience: 50 * time.Millisecond}
	_, h, told := pool(t, w, 0)
	stored, err := h.Hash(t.Context(), secret.New("correct horse"))
	if err != nil {
		t.Fatal(err)
	}
	verify(t, h, stored, "correct horse", true)
	if n := w.starts(); n != 2 {
		t.Errorf("%d workers: one starves, the next one has its share and is used again", n)
	}
	if told.text() != "" {
		t.Errorf("a worker that is late has not failed: %s", told.text())
	}
}

// A worker killed while it is idle costs nobody an answer.
func TestKilledWhileIdle(t *testing.T) {
	t.Parallel()
	w := &workers{args: []string{apart.Name}}
	_, h, _ := pool(t, w, 0)
	stored, err := h.Hash(t.Context(), secret.New("correct horse"))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.started[0].Process.Kill(); err != nil {
		t.Fatal(err)
	}
	verify(t, h, stored, "correct horse", true)
}

// A worker without work ends, and Close leaves none behind.
func TestWorkersEnd(t *testing.T) {
	t.Parallel()
	w := &workers{args: []string{apart.Name}}
	p, h, _ := pool(t, w, time.Millisecond)
	for range 2 {
		if _, err := h.Hash(t.Context(), secret.New("correct horse")); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(); err != nil { // waits for every process
		t.Fatal(err)
	}
	if _, err := p.Compute(t.Context(), password.Work{Key: []byte("k")}); !errors.Is(err, password.ErrNoWorker) {
		t.Errorf("a closed pool answers %v", err)
	}
}

func TestServe(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	in := `{"params":{"Memory":64,"Passes":1,"Threads":1},"key":"a2V5"}` + "\n" + `{"hash":"$what$","key":"a2V5"}`
	if err := apart.Serve(strings.NewReader(in), &out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], `"made":"$argon2id$`) || !strings.Contains(lines[1], `"error":`) {
		t.Errorf("%s", out.String())
	}
	if err := apart.Serve(strings.NewReader(`{"key":`), io.Discard); err == nil {
		t.Error("half a request is no end")
	}
}
