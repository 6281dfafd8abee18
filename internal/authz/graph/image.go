package graph

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"math"
	"strings"

	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// An image is a revision as bytes, for whoever wants to have it again without reading the tuples one by
// one. Numbers are variable-length (encoding/binary), texts have their length in front:
//
//	magic · digest of the model · revision · ignored
//	names, in the order of their numbers: how many, then the type and length of each, then all ids in one
//	conditions, in the order of theirs: how many, then name and context of each
//	keys from the object, then from the subject: how many, then each as what it adds to the one before
//
// An image is of one model and one format, and only LoadImage knows what it says: another format is
// another magic. It has no checksum; whoever keeps it must know it again.
const imageMagic = "cardea graph 1\n"

// WriteImage writes the view as it is without what it supposes.
func (v View) WriteImage(to io.Writer) error {
	w := imageWriter{Writer: bufio.NewWriterSize(to, 1<<16)}
	w.put([]byte(imageMagic))
	digest := v.graph.model.digest()
	w.put(digest[:])
	w.number(v.state.revision)
	w.number(uint64(v.state.ignored))
	first := uint32(len(v.graph.model.kinds))
	count := v.state.names.count.Load()
	w.number(uint64(count - first))
	for node := first; node < count; node++ {
		at := v.state.names.at(node)
		w.number(uint64(at.kind))
		w.number(uint64(len(at.id)))
	}
	for node := first; node < count; node++ {
		w.bytes(v.state.names.at(node).id)
	}
	bindings := *v.state.bindings.all.Load()
	w.number(uint64(len(bindings) - 1))
	for _, b := range bindings[1:] {
		w.text(b.Name)
		w.text(b.Context)
	}
	w.tree(v.state.forward)
	w.tree(v.state.reverse)
	if w.err != nil {
		return w.err
	}
	return w.Flush()
}

// imageWriter keeps the first error.
type imageWriter struct {
	*bufio.Writer
	space [binary.MaxVarintLen64]byte
	err   error
}

func (w *imageWriter) put(b []byte) {
	if w.err == nil {
		_, w.err = w.Write(b)
	}
}

func (w *imageWriter) number(n uint64) {
	w.put(w.space[:binary.PutUvarint(w.space[:], n)])
}

func (w *imageWriter) text(s string) {
	w.number(uint64(len(s)))
	w.bytes(s)
}

func (w *imageWriter) bytes(s string) {
	if w.err == nil {
		_, w.err = w.WriteString(s)
	}
}

// tree writes keys as steps. A step of hi leaves room for a bit, which says that a term follows.
func (w *imageWriter) tree(t tree) {
	w.number(uint64(t.size))
	before := key{}
	for it := range t.all {
		step := (it.hi - before.hi) << 1
		if !it.always() {
			step |= 1
		}
		w.number(step)
		if it.hi == before.hi {
			w.number(it.lo - before.lo)
		} else {
			w.number(it.lo)
		}
		if !it.always() {
			w.number(uint64(it.until))
			w.number(uint64(it.condition))
		}
		before = it.key
	}
}

// digest tells models apart whose images do not mean the same: by types, relations and what they take, in
// their order. How a relation follows from others does not matter.
func (m *Model) digest() [sha256.Size]byte {
	var b strings.Builder
	for _, k := range m.kinds[1:] {
		b.WriteString("type " + k.name + "\n")
		for _, name := range k.order {
			b.WriteString(name)
			r := m.relations[k.relations[name]]
			for _, s := range r.allowed {
				b.WriteString("|" + m.text(s)) // no name holds a '|'
			}
			if r.foreign != "" {
				b.WriteString("|*") // nor is one a '*'
			}
			b.WriteByte('\n')
		}
	}
	return sha256.Sum256([]byte(b.String()))
}

// LoadImage is Load of what WriteImage wrote. It refuses with code image_unusable what it does not
// understand to the last byte, what is of another model or format, and what the model would not accept;
// then nothing has changed.
func (g *Graph) LoadImage(image []byte) error {
	g.writing.Lock()
	defer g.writing.Unlock()
	r := imageReader{graph: g, rest: image}
	next, items, ok := r.read()
	if !ok {
		return errs.New(errs.Invalid, "image_unusable", "The image is damaged, or of another model or format.")
	}
	if next.revision < g.now.Load().revision {
		return errs.New(errs.Conflict, "revision_stale", "The index is already at a later revision.")
	}
	g.adopt(next, items)
	g.now.Store(next)
	return nil
}

// adopt counts what stands in the tuples of a state that is about to be published.
func (g *Graph) adopt(next *state, forward []item) {
	g.uses, g.live = make([]uint32, next.names.count.Load()), 0
	g.bound, g.carried = make([]uint32, next.bindings.count()), 0
	for _, it := range forward {
		g.count(pointOf(it), 1)
	}
}

// imageReader takes an image apart. Every number is bounded by what is left to read, so that a damaged
// one costs no more than its length.
type imageReader struct {
	graph *Graph
	rest  []byte
	bad   bool
}

func (r *imageReader) read() (next *state, forward []item, ok bool) {
	digest := r.graph.model.digest()
	head := append([]byte(imageMagic), digest[:]...)
	if !bytes.HasPrefix(r.rest, head) {
		return nil, nil, false
	}
	r.rest = r.rest[len(head):]
	next = &state{names: newNames(r.graph.kinds()), bindings: newBindings(), closures: &closures{}}
	next.revision = r.number(math.MaxInt64)
	next.ignored = int(r.number(math.MaxInt32))
	r.names(next.names)
	r.conditions(next.bindings)
	forward, sum := r.items(next, func(it item) point { return pointOf(it) })
	reverse, back := r.items(next, func(it item) point { return pointBack(it) })
	if r.bad || len(r.rest) > 0 || len(forward) != len(reverse) || sum != back {
		return nil, nil, false
	}
	next.forward, next.reverse = build(forward), build(reverse)
	return next, forward, true
}

// number reads a number up to most, and 0 once anything was wrong.
func (r *imageReader) number(most uint64) uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 || n > most || r.bad {
		r.bad = true
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

// many reads how many entries follow, each of which takes at least so many bytes.
func (r *imageReader) many(bytes int) int { return int(r.number(uint64(len(r.rest) / bytes))) }

func (r *imageReader) text() string { return r.bytes(r.number(uint64(len(r.rest)))) }

func (r *imageReader) bytes(n uint64) string {
	if r.bad || n > uint64(len(r.rest)) {
		r.bad = true
		return ""
	}
	s := string(r.rest[:n])
	r.rest = r.rest[n:]
	return s
}

// names reads all ids as one text, which takes one allocation instead of one for each.
func (r *imageReader) names(to *names) {
	type entry struct{ kind, length uint32 }
	all, sum := make([]entry, r.many(2)), uint64(0)
	for i := range all {
		all[i] = entry{uint32(r.number(uint64(r.graph.kinds()))), uint32(r.number(math.MaxUint32))}
		sum += uint64(all[i].length)
	}
	ids := r.bytes(sum)
	if r.bad {
		return
	}
	to.reserve(len(all))
	for _, at := range all {
		id := ids[:at.length]
		ids = ids[at.length:]
		if _, twice := to.find(at.kind, id); twice || at.kind == 0 || checkID(id) != nil {
			r.bad = true
			return
		}
		to.add(at.kind, id)
	}
}

func (r *imageReader) conditions(to *bindings) {
	for range r.many(2) {
		c, before := Condition{Name: r.text(), Context: r.text()}, to.count()
		if r.bad || c.Name == "" || r.graph.model.conditions == nil || r.graph.model.checkCondition(c) != nil ||
			to.intern(r.graph.model, c) != uint32(before) {
			r.bad = true
			return
		}
	}
}

// items reads one side, and a sum of its tuples that does not depend on their order.
func (r *imageReader) items(next *state, point func(item) point) (items []item, sum uint64) {
	items = make([]item, 0, r.many(2))
	before := key{}
	for range cap(items) {
		it := item{term: term{until: never}}
		step := r.number(math.MaxUint64)
		it.hi, it.lo = before.hi+step>>1, r.number(math.MaxUint64)
		if step>>1 == 0 {
			it.lo += before.lo
		}
		if step&1 != 0 {
			it.until, it.condition = int64(r.number(math.MaxInt64)), uint32(r.number(uint64(next.bindings.count()-1)))
		}
		p := point(it)
		if r.bad || !before.before(it.key) || !r.sound(next, p) {
			r.bad = true
			return nil, 0
		}
		items = append(items, it)
		sum += p.sum()
		before = it.key
	}
	return items, sum
}

// sound reports whether the model would accept a tuple.
func (r *imageReader) sound(next *state, p point) bool {
	m, count := r.graph.model, next.names.count.Load()
	kinds := uint32(len(m.kinds))
	if p.object < kinds || p.object >= count || p.subject == 0 || p.subject >= count ||
		p.relation == 0 || int(p.relation) >= len(m.relations) || int(p.subjectRel) >= len(m.relations) {
		return false
	}
	relation := m.relations[p.relation]
	if next.names.at(p.object).kind != relation.kind.id {
		return false
	}
	s := shape{kind: next.names.at(p.subject).kind, relation: p.subjectRel, wild: p.subject < kinds}
	if p.condition != 0 {
		s.condition = next.bindings.at(p.condition).Name
	}
	for _, allowed := range relation.allowed {
		if allowed == s {
			return true
		}
	}
	return false
}

// pointBack takes a key of the reverse side apart.
func pointBack(it item) point {
	return point{subject: high(it.hi), subjectRel: low(it.hi), relation: high(it.lo), object: low(it.lo), term: it.term}
}

// sum is a number that differs between different tuples, as good as always.
func (p point) sum() uint64 {
	h := pack(p.object, p.relation)
	for _, part := range [...]uint64{pack(p.subject, p.subjectRel), uint64(p.until), uint64(p.condition)} {
		h = (h ^ h>>29) * 0x9E3779B97F4A7C15
		h ^= part
	}
	h = (h ^ h>>32) * 0xD6E8FEB86659FD93
	return h ^ h>>32
}
