package portable

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"

	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
)

// Verify reads a whole file and changes nothing: every line is well-formed and in its place, every
// collection is one of schemas, nothing stands there twice, and the digest is right.
func Verify(r io.Reader, schemas []store.Schema) (Summary, error) {
	x := newReader(r, schemas)
	for {
		switch _, err := x.next(); {
		case errors.Is(err, io.EOF):
			return x.summary, nil
		case err != nil:
			return Summary{}, err
		}
	}
}

// reader reads lines strictly. The states are: before the header, among documents, among tuples,
// after the end.
type reader struct {
	in      *bufio.Reader
	sum     hash.Hash
	schemas []store.Schema
	summary Summary
	lines   int64 // read so far
	format  int
	parts   parts
	state   state
	last    key
}

type state uint8

const (
	atStart state = iota
	inDocs
	inTuples
	atEnd
)

func newReader(r io.Reader, schemas []store.Schema) *reader {
	return &reader{in: bufio.NewReaderSize(r, 1<<16), sum: sha256.New(), schemas: schemas}
}

// next is the next line with a document or a tuple; io.EOF after the last, if the file is whole.
func (x *reader) next() (line, error) {
	for {
		raw, err := x.readLine()
		if err != nil {
			return line{}, err
		}
		if raw == nil {
			if x.state != atEnd {
				return line{}, bad(x.lines, "it ends too early")
			}
			return line{}, io.EOF
		}
		l, err := x.parse(raw)
		if err != nil || l.Doc != nil || l.Tuple != nil {
			return l, err
		}
	}
}

// readLine is the next line with its end, or nil at the end of the file.
func (x *reader) readLine() ([]byte, error) {
	var long []byte
	for {
		part, err := x.in.ReadSlice('\n')
		if len(long)+len(part) > MaxLine {
			return nil, bad(x.lines+1, "it is too long")
		}
		switch {
		case err == nil:
			x.lines++
			if long == nil {
				return part, nil
			}
			return append(long, part...), nil
		case errors.Is(err, bufio.ErrBufferFull):
			long = append(long, part...)
		case errors.Is(err, io.EOF) && len(long)+len(part) == 0:
			return nil, nil
		case errors.Is(err, io.EOF):
			return nil, bad(x.lines+1, "it ends in the middle of a line")
		default:
			return nil, err
		}
	}
}

func (x *reader) parse(raw []byte) (line, error) {
	var l line
	// The decoder refuses a name that stands twice and text that is not UTF-8; its own words quote
	// the input and are not kept.
	if bytes.Count(raw, []byte{'\n'}) != 1 || json.Unmarshal(raw, &l, json.RejectUnknownMembers(true)) != nil {
		return line{}, bad(x.lines, "it is not one of ours")
	}
	set := 0
	for _, is := range []bool{l.Header != nil, l.Doc != nil, l.Tuple != nil, l.End != nil} {
		if is {
			set++
		}
	}
	if set != 1 {
		return line{}, bad(x.lines, "it is not one of ours")
	}
	if l.End != nil {
		return l, x.finish(l.End)
	}
	x.sum.Write(raw)
	switch {
	case l.Header != nil:
		return l, x.begin(l.Header)
	case l.Doc != nil:
		return l, x.admitDoc(l.Doc)
	}
	return l, x.admitTuple(l.Tuple)
}

func (x *reader) begin(h *header) error {
	switch {
	case x.state != atStart:
		return bad(x.lines, "a file has one beginning")
	case h.Format < 1 || h.Format > Format:
		return bad(x.lines, "format %d is not known to this version", h.Format)
	case h.Format == 1 && h.Data == (Formats{}):
		h.Data = Formats{1, 1}
	case h.Format == 1 || h.Data[0] < 1 || h.Data[1] < h.Data[0]:
		return bad(x.lines, "the data formats are none")
	}
	for i, c := range h.Collections {
		if i > 0 && h.Collections[i-1] >= c {
			return bad(x.lines, "the collections are not in order")
		}
		if x.schema(c) == nil || c == store.OutboxCollection || c == Marker {
			return bad(x.lines, "it holds a collection that is not known to this version")
		}
	}
	x.state, x.format = inDocs, h.Format
	x.summary.At, x.summary.Collections, x.summary.Data = h.At, h.Collections, h.Data
	return nil
}

func (x *reader) admitDoc(d *doc) error {
	switch {
	case x.state != inDocs:
		return bad(x.lines, "a document stands in the wrong place")
	case !slices.Contains(x.summary.Collections, d.Collection):
		return bad(x.lines, "the beginning does not name its collection")
	case !id.ValidTenant(string(d.Tenant)) || d.ID == "" || d.Version < 1 || d.Body.Kind() != '{':
		return bad(x.lines, "it is not a document")
	}
	x.summary.Docs++
	x.beginUpTo(d.Collection)
	x.parts.doc(d)
	return x.follow(d.key())
}

func (x *reader) admitTuple(t *tuple) error {
	switch {
	case x.state == inDocs:
		x.state, x.last = inTuples, key{}
	case x.state != inTuples:
		return bad(x.lines, "a tuple stands in the wrong place")
	}
	if !id.ValidTenant(string(t.Tenant)) || slices.Contains([]string{t.Object[0], t.Object[1], t.Relation, t.Subject[0], t.Subject[1]}, "") ||
		x.format <= Untimed && !t.Written.IsZero() {
		return bad(x.lines, "it is not a tuple")
	}
	x.summary.Tuples++
	x.beginUpTo(TuplesPart)
	x.parts.tuple(t)
	return x.follow(t.key())
}

// beginUpTo begins the parts up to one: those between hold nothing. The tuples come last.
func (x *reader) beginUpTo(name string) {
	for _, c := range x.summary.Collections[min(max(len(x.parts.all)-1, 0), len(x.summary.Collections)):] {
		if name != TuplesPart && c > name {
			return
		}
		x.parts.begin(c)
	}
	if name == TuplesPart {
		x.parts.begin(TuplesPart)
	}
}

// follow refuses what is out of order, and so what stands there twice.
func (x *reader) follow(k key) error {
	if slices.Compare(x.last[:], k[:]) >= 0 {
		return bad(x.lines, "it is out of order")
	}
	x.last = k
	return nil
}

func (x *reader) finish(e *end) error {
	if x.state != inDocs && x.state != inTuples {
		return bad(x.lines, "the end stands in the wrong place")
	}
	x.state = atEnd
	x.beginUpTo(TuplesPart)
	x.parts.close()
	x.summary.SHA256, x.summary.Parts = x.digest(), x.parts.all
	if e.SHA256 != x.summary.SHA256 || e.Docs != x.summary.Docs || e.Tuples != x.summary.Tuples {
		return bad(x.lines, "the file was damaged: its digest is another")
	}
	if x.parts.until.IsZero() && !slices.Equal(e.Parts, x.summary.Parts) && (x.format > 1 || e.Parts != nil) {
		return bad(x.lines, "the file was damaged: the digest of a part is another")
	}
	return nil
}

func (x *reader) digest() string { return hex.EncodeToString(x.sum.Sum(nil)) }

func (x *reader) schema(collection string) *store.Schema {
	i := slices.IndexFunc(x.schemas, func(s store.Schema) bool { return s.Name == collection })
	if i < 0 {
		return nil
	}
	return &x.schemas[i]
}

func number(n int64) string { return strconv.FormatInt(n, 10) }
