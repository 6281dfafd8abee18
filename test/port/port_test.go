package port_test

import (
	"bufio"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/cardea-auth/cardea/test/port"
)

// TestMain is also the other process of the tests, which prints what it is given until it is told to end.
func TestMain(m *testing.M) {
	if os.Getenv("PORTS") == "" {
		os.Exit(m.Run())
	}
	for range 100 {
		p, err := port.Free()
		if err != nil {
			panic(err)
		}
		_, _ = os.Stdout.WriteString(strconv.Itoa(p) + "\n")
	}
	_, _ = os.Stdout.WriteString("\n")
	_, _ = bufio.NewReader(os.Stdin).ReadByte()
}

// TestFree: nobody is given the port of another, in this process or in two that run at once, and none that the
// kernel could give away.
func TestFree(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[int]bool{}
	add := func(p int) {
		mu.Lock()
		defer mu.Unlock()
		if seen[p] {
			t.Errorf("%d was given twice", p)
		}
		if p >= 32768 {
			t.Errorf("%d is one that the kernel gives away", p)
		}
		seen[p] = true
	}
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 50 {
				p, err := port.Free()
				if err != nil {
					t.Error(err)
					return
				}
				add(p)
			}
		})
	}
	for range 2 {
		c := exec.CommandContext(t.Context(), os.Args[0])
		c.Env = append(os.Environ(), "PORTS=1")
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
		defer func() { // when all have been read: what is given is its own for as long as it lives
			_ = in.Close()
			_ = c.Wait()
		}()
		wait.Go(func() {
			lines := bufio.NewScanner(out)
			for lines.Scan() && lines.Text() != "" {
				p, err := strconv.Atoi(lines.Text())
				if err != nil {
					t.Error(err)
				}
				add(p)
			}
		})
	}
	wait.Wait()
	if len(seen) != 400 {
		t.Errorf("%d ports in place of 400", len(seen))
	}
}

// TestAddresses: somebody can listen at each.
func TestAddresses(t *testing.T) {
	t.Parallel()
	all, err := port.Addresses(70) // more than a block has
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range all {
		l, err := net.Listen("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		if !strings.HasPrefix(at, "127.0.0.1:") {
			t.Errorf("%s is not loopback", at)
		}
	}
}
