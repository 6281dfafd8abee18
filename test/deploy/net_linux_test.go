package deploy_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cardea-auth/cardea/test/process"
)

// machine is a network namespace of its own: it reaches what it has wires to, and nothing else.
type machine struct {
	t    *testing.T
	name string
	ip   string // the program
}

// wire joins a machine and this one. Each wire is a network of two addresses.
type wire struct {
	machine    *machine
	device     string // in the machine
	here, peer string // addresses
}

var machines, wires atomic.Int64

// newMachine makes one, or skips the test where that is not permitted.
func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{t: t, name: fmt.Sprintf("cardea-%d-%d", os.Getpid(), machines.Add(1)), ip: program(t, "ip")}
	if os.Getuid() != 0 {
		t.Skip("needs root for network namespaces")
	}
	if out, err := exec.Command(m.ip, "netns", "add", m.name).CombinedOutput(); err != nil {
		t.Skipf("network namespaces are not permitted here: %v: %s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command(m.ip, "netns", "del", m.name).Run() }) // and its wires with it
	m.do("-n", m.name, "link", "set", "lo", "up")
	return m
}

// do runs ip.
func (m *machine) do(args ...string) {
	m.t.Helper()
	if out, err := exec.Command(m.ip, args...).CombinedOutput(); err != nil {
		m.t.Fatalf("ip %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// wire lays a wire.
func (m *machine) wire() *wire {
	m.t.Helper()
	n := wires.Add(1)
	base := fmt.Sprintf("10.%d.%d.", 200+os.Getpid()%50, n%250)
	w := &wire{machine: m, device: fmt.Sprintf("cd%xp%d", os.Getpid(), n), here: base + "1", peer: base + "2"}
	outside := fmt.Sprintf("cd%xh%d", os.Getpid(), n)
	m.do("link", "add", outside, "type", "veth", "peer", "name", w.device, "netns", m.name)
	m.do("addr", "add", w.here+"/30", "dev", outside)
	m.do("link", "set", outside, "up")
	m.do("-n", m.name, "addr", "add", w.peer+"/30", "dev", w.device)
	m.do("-n", m.name, "link", "set", w.device, "up")
	return w
}

// cut has all that the machine sends on the wire get lost, without anybody being told: it goes to a network
// card that is not there.
func (w *wire) cut() {
	w.machine.t.Helper()
	w.machine.do("-n", w.machine.name, "neigh", "replace", w.here, "lladdr", "02:00:00:00:00:01", "dev", w.device, "nud", "permanent")
}

// mend has the machine ask again where the other end is.
func (w *wire) mend() {
	w.machine.t.Helper()
	w.machine.do("-n", w.machine.name, "neigh", "del", w.here, "dev", w.device)
}

// lead has what comes to an address of this machine go on to another, such as a socket in a file.
func (w *wire) lead(network, to string) (address string) {
	w.machine.t.Helper()
	l, err := net.Listen("tcp", w.here+":0")
	if err != nil {
		w.machine.t.Fatal(err)
	}
	w.machine.t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			up, err := net.Dial(network, to)
			if err != nil {
				_ = from.Close()
				continue
			}
			pass := func(to, from net.Conn) { _, _ = io.Copy(to, from); _, _ = to.Close(), from.Close() }
			go pass(up, from)
			go pass(from, up)
		}
	}()
	return l.Addr().String()
}

// serveIn starts a server in a machine. It is reached by the wire.
func serveIn(t *testing.T, front *wire, issuer string, env ...string) *node {
	t.Helper()
	m := front.machine
	n := &node{dir: t.TempDir(), listen: front.peer + ":8420", management: front.peer + ":8421"}
	n.env = append([]string{
		"CARDEA_DATA_DIR=" + filepath.Join(n.dir, "data"), "CARDEA_SERVER_ISSUER=" + issuer,
		"CARDEA_SERVER_LISTEN=" + n.listen, "CARDEA_SERVER_MANAGEMENT=" + n.management,
	}, env...)
	c := exec.Command(m.ip, "netns", "exec", m.name, binary, "serve")
	c.Env = n.env
	n.Process = process.Run(t, c)
	await(t, n.Process, "http://"+n.management+"/readyz", 200)
	return n
}
