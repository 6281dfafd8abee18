package portable

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"time"
)

// parts counts and digests what goes by, which must be in order.
type parts struct {
	all []Part
	sum hash.Hash // of the last
	// until leaves out what expires up to then; zero leaves out nothing.
	until time.Time
}

// begin closes the part before and begins one, unless it is under way.
func (p *parts) begin(name string) {
	if n := len(p.all); n > 0 && p.all[n-1].Name == name {
		return
	}
	p.close()
	p.all, p.sum = append(p.all, Part{Name: name}), sha256.New()
}

func (p *parts) close() {
	if n := len(p.all); n > 0 && p.all[n-1].SHA256 == "" {
		p.all[n-1].SHA256 = hex.EncodeToString(p.sum.Sum(nil))
	}
}

func (p *parts) doc(d *doc) {
	p.add(d.Expires, string(d.Tenant), d.ID, string(d.Body))
}

func (p *parts) tuple(t *tuple) {
	texts := append([]string{
		string(t.Tenant), t.Store, t.Object[0], t.Object[1], t.Relation, t.Subject[0], t.Subject[1], t.Subject[2],
	}, t.Condition[:]...)
	if !t.Written.IsZero() { // so that what has none has the digest that it always had
		texts = append(texts, "written "+number(t.Written.UnixMilli()))
	}
	p.add(t.Expires, texts...)
}

// add takes each text with its length before it, so that no two things share a spelling.
func (p *parts) add(expires time.Time, texts ...string) {
	if !expires.IsZero() && !expires.After(p.until) {
		return
	}
	p.all[len(p.all)-1].Count++
	at := int64(0)
	if !expires.IsZero() {
		at = expires.UnixMilli()
	}
	b := binary.BigEndian.AppendUint64(nil, uint64(at))
	for _, x := range texts {
		b = binary.BigEndian.AppendUint64(b, uint64(len(x)))
		b = append(b, x...)
	}
	p.sum.Write(b)
}
