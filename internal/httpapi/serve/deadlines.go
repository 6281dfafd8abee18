package serve

import (
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// sweep is how often connections are looked at for a deadline that has passed: nobody is cut off later than
// that after it.
const sweep = time.Second

// Deadlines makes the deadlines of the connections that l accepts cheap. net/http moves them seven times for
// each request, and each time the runtime moves a timer: 2 to 4 percent of what a small answer costs.
// So a connection only notes them, and one sweep a second tells the system which of them have passed. A deadline
// in the past is obeyed at once: that is how net/http calls back its own reading.
func Deadlines(l net.Listener) net.Listener {
	return &listener{Listener: l, began: time.Now(), open: map[*connection]struct{}{}}
}

// listener keeps the connections that are open. It sweeps while there are any.
type listener struct {
	net.Listener
	began time.Time // deadlines count from it, by the clock that nobody sets

	mu   sync.Mutex
	open map[*connection]struct{}
}

func (l *listener) Accept() (net.Conn, error) {
	accepted, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &connection{Conn: accepted, l: l}
	c.in.tell, c.out.tell = accepted.SetReadDeadline, accepted.SetWriteDeadline
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[c] = struct{}{}; len(l.open) == 1 {
		time.AfterFunc(sweep, l.sweep)
	}
	return c, nil
}

func (l *listener) sweep() {
	now := l.since(time.Now())
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.open {
		c.in.sweep(now)
		c.out.sweep(now)
	}
	if len(l.open) > 0 {
		time.AfterFunc(sweep, l.sweep)
	}
}

// since is a moment as deadlines note it: never none, and never over.
func (l *listener) since(t time.Time) int64 { return max(1, int64(t.Sub(l.began))) }

// connection is one whose deadlines are noted.
type connection struct {
	net.Conn
	l       *listener
	in, out deadline
}

func (c *connection) Read(b []byte) (int, error) {
	c.in.under.Add(1)
	defer c.in.under.Add(-1)
	if c.in.at.Load() == over {
		return 0, os.ErrDeadlineExceeded
	}
	return c.Conn.Read(b)
}

func (c *connection) Write(b []byte) (int, error) {
	c.out.under.Add(1)
	defer c.out.under.Add(-1)
	if c.out.at.Load() == over {
		return 0, os.ErrDeadlineExceeded
	}
	return c.Conn.Write(b)
}

func (c *connection) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

func (c *connection) SetReadDeadline(t time.Time) error  { return c.in.set(c.noted(t)) }
func (c *connection) SetWriteDeadline(t time.Time) error { return c.out.set(c.noted(t)) }

func (c *connection) noted(t time.Time) int64 {
	if t.IsZero() {
		return none
	}
	if t.Before(c.l.began) {
		return over
	}
	return c.l.since(t)
}

func (c *connection) Close() error {
	c.l.mu.Lock()
	delete(c.l.open, c)
	c.l.mu.Unlock()
	return c.Conn.Close()
}

// CloseWrite is how net/http says that it has no more to say before it hangs up.
func (c *connection) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// What a deadline says besides the nanoseconds since its listener began.
const (
	none = 0
	over = -1 // was set to a moment of the past
)

// deadline is that of one direction.
type deadline struct {
	at    atomic.Int64
	under atomic.Int32 // calls under way, which only the system can end
	cut   atomic.Bool  // the system was told that it has passed
	mu    sync.Mutex   // of tell and cut
	tell  func(time.Time) error
}

// set notes a deadline. Whoever sets it and whoever sweeps look at what the other has written after they have
// written themselves, so one of them sees both: a new deadline is never cut off by what the old one was.
func (d *deadline) set(at int64) error {
	d.at.Store(at)
	switch {
	case at == over && d.under.Load() > 0:
		return d.cutOff(over)
	case at != over && d.cut.Load():
		return d.restore()
	}
	return nil
}

// sweep cuts off what is late.
func (d *deadline) sweep(now int64) {
	if at := d.at.Load(); at > none && at <= now && !d.cut.Load() {
		_ = d.cutOff(at) // a connection that is closed needs no deadline
	}
}

// cutOff has the system end what is under way, unless another deadline than at was set meanwhile.
func (d *deadline) cutOff(at int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cut.Store(true)
	if d.at.Load() == at {
		return d.tell(time.Unix(1, 0))
	}
	d.cut.Store(false)
	return d.tell(time.Time{})
}

func (d *deadline) restore() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.cut.Load() {
		return nil
	}
	d.cut.Store(false)
	return d.tell(time.Time{})
}
