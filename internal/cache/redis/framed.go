package redis

import (
	"bytes"
	"errors"
	"net"
	"strconv"
)

// Bounds of an answer of Redis. What is larger is not one that we have asked for, and a reader that
// believed its lengths would ask for that much memory.
const (
	maxLine  = 4 << 10
	maxBulk  = 4 << 20
	maxArray = 64 << 10
	maxDepth = 8
)

// errGarbage says that what came is not an answer of Redis, or larger than any answer to us may be.
var errGarbage = errors.New("redis: what came is not an answer of Redis")

// framedConn is a connection to Redis that ends where something comes that is not RESP within bounds,
// before the driver believes it: it would ask for as much memory, and go as deep, as it is told to.
type framedConn struct {
	net.Conn
	frames frames
	err    error
}

// Read implements net.Conn.
func (c *framedConn) Read(b []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.Conn.Read(b)
	if bad := c.frames.pass(b[:n]); bad != nil {
		c.err = bad
		_ = c.Close() // nothing on it can be understood any more
		return 0, bad
	}
	return n, err
}

// frames reads along with a stream of answers, in whatever pieces it comes.
type frames struct {
	line []byte // of a line that has begun
	skip int    // bytes of a bulk string, with its end, that are still to come
	open []int  // how many elements are missing in each array that is open
}

// pass looks at the next bytes.
func (f *frames) pass(b []byte) error {
	for len(b) > 0 {
		if f.skip > 0 {
			n := min(f.skip, len(b))
			if err := f.bulk(b[:n]); err != nil {
				return err
			}
			b = b[n:]
			continue
		}
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			f.line = append(f.line, b...)
			if len(f.line) > maxLine {
				return errGarbage
			}
			return nil
		}
		line := b[:i+1]
		if len(f.line) > 0 {
			f.line = append(f.line, line...)
			line = f.line
		}
		if err := f.header(line); err != nil {
			return err
		}
		f.line, b = f.line[:0], b[i+1:]
	}
	return nil
}

// bulk passes over a part of a bulk string, whose last two bytes end a line.
func (f *frames) bulk(b []byte) error {
	for i, c := range b {
		if at := f.skip - i; at == 2 && c != '\r' || at == 1 && c != '\n' {
			return errGarbage
		}
	}
	f.skip -= len(b)
	if f.skip == 0 {
		f.done()
	}
	return nil
}

// header reads one line, from its type to its end.
func (f *frames) header(line []byte) error {
	if len(line) < 3 || len(line) > maxLine || line[len(line)-2] != '\r' {
		return errGarbage
	}
	text := line[1 : len(line)-2]
	switch line[0] {
	case '+', '-', '_', '#', ',', '(':
		f.done()
		return nil
	case ':':
		if _, err := strconv.ParseInt(string(text), 10, 64); err != nil {
			return errGarbage
		}
		f.done()
		return nil
	case '$', '=', '!':
		return f.length(text, maxBulk, func(n int) error { f.skip = n + 2; return nil })
	case '*', '~', '>':
		return f.length(text, maxArray, f.array)
	case '%':
		return f.length(text, maxArray, func(n int) error { return f.array(2 * n) })
	}
	return errGarbage
}

// length reads a length and hands it on; -1 stands for nothing.
func (f *frames) length(text []byte, most int, on func(int) error) error {
	n, err := strconv.Atoi(string(text))
	switch {
	case err != nil || n < -1 || n > most:
		return errGarbage
	case n < 0:
		f.done()
		return nil
	}
	return on(n)
}

func (f *frames) array(n int) error {
	if n == 0 {
		f.done()
		return nil
	}
	if len(f.open) == maxDepth {
		return errGarbage
	}
	f.open = append(f.open, n)
	return nil
}

// done notes that a value is complete, and with it perhaps the arrays that it is the last of.
func (f *frames) done() {
	for len(f.open) > 0 {
		last := len(f.open) - 1
		f.open[last]--
		if f.open[last] > 0 {
			return
		}
		f.open = f.open[:last]
	}
}
