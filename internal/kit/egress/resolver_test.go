package egress_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// names is a name server whose answers a test writes: for each name the addresses of the first
// query, of the second and so on; the last is repeated.
type names struct {
	mu      sync.Mutex
	answers map[string][][]string
	asked   map[string]int
}

func newNames(answers map[string][][]string) *names {
	return &names{answers: answers, asked: map[string]int{}}
}

// resolver is one that asks n over a pipe, in the framing of DNS over TCP.
func (n *names) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go n.serve(theirs)
		return ours, nil
	}}
}

func (n *names) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	for {
		var size [2]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(c, query); err != nil {
			return
		}
		answer, err := n.answer(query)
		if err != nil {
			return
		}
		if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)); err != nil {
			return
		}
	}
}

func (n *names) answer(query []byte) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		return nil, err
	}
	q := m.Questions[0]
	m.Header.Response, m.Header.RecursionAvailable, m.Additionals = true, true, nil
	found, known := n.look(strings.TrimSuffix(q.Name.String(), "."), q.Type)
	if !known {
		m.Header.RCode = dnsmessage.RCodeNameError
	}
	for _, a := range found {
		h := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 0}
		if a.Is4() {
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: a.As4()}})
		} else {
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
		}
	}
	return m.Pack()
}

func (n *names) look(name string, kind dnsmessage.Type) (found []netip.Addr, known bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	name = strings.ToLower(name)
	rounds, known := n.answers[name]
	if !known {
		return nil, false
	}
	round := min(n.asked[name], len(rounds)-1)
	if kind == dnsmessage.TypeA {
		n.asked[name]++
	}
	for _, text := range rounds[round] {
		a := netip.MustParseAddr(text)
		if a.Is4() == (kind == dnsmessage.TypeA) {
			found = append(found, a)
		}
	}
	return found, true
}

func TestNamesAnswer(t *testing.T) {
	t.Parallel()
	n := newNames(map[string][][]string{"a.example": {{"192.0.2.1"}, {"192.0.2.2"}}})
	for _, want := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.2"} {
		got, err := n.resolver().LookupHost(t.Context(), "a.example")
		if err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("LookupHost = %v, %v; want %s", got, err, want)
		}
	}
}
