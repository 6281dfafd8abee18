package redis_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/internal/cache/redis"
)

// FuzzFrames cuts a stream anywhere: whatever the pieces, the guard says what a reader of the whole
// would. That reader is written as the protocol is described, one value after the other.
func FuzzFrames(f *testing.F) {
	for _, text := range []string{
		"+OK\r\n", "-ERR no\r\n:12\r\n", "$3\r\nabc\r\n$-1\r\n", "*2\r\n:1\r\n*1\r\n$0\r\n\r\n", "*-1\r\n*0\r\n", "$3\r\nabcd\r\n", "+\n", "$-2\r\n",
		"*9\r\n", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", ":1", "%1\r\n+a\r\n#t\r\n", ">1\r\n_\r\n", "|1\r\n", ":x\r\n", "$99999999999999999999\r\n",
	} {
		f.Add([]byte(text), 1, 3)
	}
	f.Fuzz(func(t *testing.T, stream []byte, i, j int) {
		i, j = cut(i, len(stream)), cut(j, len(stream))
		got := redis.Frames(stream[:min(i, j)], stream[min(i, j):max(i, j)], stream[max(i, j):])
		want := readAll(bufio.NewReaderSize(bytes.NewReader(stream), 16))
		if (got == nil) != (want == nil) {
			t.Errorf("%q: %v in pieces, %v as a whole", stream, got, want)
		}
	})
}

func cut(n, most int) int {
	if most == 0 {
		return 0
	}
	return ((n % most) + most) % most
}

// readAll is nil for a stream of good answers, the last of which may not be complete.
func readAll(r *bufio.Reader) error {
	for {
		if err := readOne(r, 0); err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return nil
			}
			return err
		}
	}
}

var errBad = errors.New("bad")

func readOne(r *bufio.Reader, depth int) error {
	line, err := r.ReadString('\n')
	if err != nil {
		if len(line) > 4<<10 {
			return errBad
		}
		return err
	}
	if len(line) < 3 || len(line) > 4<<10 || !strings.HasSuffix(line, "\r\n") {
		return errBad
	}
	n, numeric := strconv.ParseInt(line[1:len(line)-2], 10, 64)
	switch line[0] {
	case '+', '-', '_', '#', ',', '(':
		return nil
	case ':':
		if numeric != nil {
			return errBad
		}
		return nil
	case '$', '=', '!':
		if numeric != nil || n < -1 || n > 4<<20 {
			return errBad
		}
		if n < 0 {
			return nil
		}
		if _, err := io.CopyN(io.Discard, r, n); err != nil {
			return err
		}
		for _, want := range []byte("\r\n") {
			if b, err := r.ReadByte(); err != nil {
				return err
			} else if b != want {
				return errBad
			}
		}
		return nil
	case '*', '~', '>', '%':
		if numeric != nil || n < -1 || n > 64<<10 || n > 0 && depth == 8 {
			return errBad
		}
		if line[0] == '%' {
			n *= 2
		}
		for range max(n, 0) {
			if err := readOne(r, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	return errBad
}
