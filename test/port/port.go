// Package port finds ports of loopback for programs that tests start.
//
// A port that the kernel has picked (a listener at 0) and that was given back is one that it may give to
// anybody a moment later, be it for a listener or for a connection, before the program that it was meant for
// has started. So each process takes a block of ports below those that the kernel picks from, which is its
// own while it holds the first of them open, and gives out the others once each.
package port

import (
	"errors"
	"net"
	"strconv"
	"sync"
)

const (
	lowest = 10240 // below are those of services that may run here
	above  = 32768 // the first that Linux picks by itself (ip_local_port_range); other systems begin higher
	size   = 64    // of a block
)

// blocks are those that this process has taken, the last one being given out.
type blocks struct {
	mu   sync.Mutex
	held []net.Listener // until the process ends
	next int
	end  int
}

var mine blocks // a port is taken from all of a machine, so there is one of these in a process

// Free is a port at which nobody listens, and that nobody is given but this caller.
func Free() (int, error) {
	mine.mu.Lock()
	defer mine.mu.Unlock()
	for {
		for mine.next < mine.end {
			port := mine.next
			mine.next++
			if l := listen(port); l != nil {
				return port, l.Close()
			}
		}
		if err := mine.take(); err != nil {
			return 0, err
		}
	}
}

// Addresses are different addresses of loopback at which nobody listens, and that nobody is given but this caller.
func Addresses(n int) ([]string, error) {
	var out []string
	for range n {
		port, err := Free()
		if err != nil {
			return nil, err
		}
		out = append(out, address(port))
	}
	return out, nil
}

// take takes the lowest block that no process has.
func (b *blocks) take() error {
	for first := lowest; first+size <= above; first += size {
		if l := listen(first); l != nil {
			b.held, b.next, b.end = append(b.held, l), first+1, first+size
			return nil
		}
	}
	return errors.New("no block of ports is free")
}

// listen listens at a port, or returns nil.
func listen(port int) net.Listener {
	l, err := net.Listen("tcp", address(port))
	if err != nil {
		return nil
	}
	return l
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
