package graph

// table maps atoms to small numbers for the time of one question. Emptying it is one increment, so a
// pooled table costs nothing when the next question is small.
type table struct {
	slots []slot
	round uint32 // a slot of another round is free
	used  int
}

type slot struct {
	key   uint64
	value uint32
	round uint32
}

const smallestTable = 64

// reset empties the table.
func (t *table) reset() {
	t.round++
	t.used = 0
	if t.round == 0 || len(t.slots) == 0 { // the counter came round: old slots would look fresh
		t.slots = make([]slot, max(smallestTable, len(t.slots)))
		t.round = 1
	}
}

// slotOf is the position of key, or of the free slot where it belongs.
func (t *table) slotOf(key uint64) *slot {
	h := key * 0x9E3779B97F4A7C15
	h ^= h >> 32
	mask := uint64(len(t.slots) - 1)
	for i := h; ; i++ {
		if s := &t.slots[i&mask]; s.round != t.round || s.key == key {
			return s
		}
	}
}

func (t *table) get(key uint64) (uint32, bool) {
	s := t.slotOf(key)
	return s.value, s.round == t.round
}

func (t *table) put(key uint64, value uint32) {
	s := t.slotOf(key)
	if s.round == t.round {
		s.value = value
		return
	}
	*s = slot{key, value, t.round}
	if t.used++; t.used*4 >= len(t.slots)*3 {
		t.grow()
	}
}

func (t *table) grow() {
	old := t.slots
	t.slots = make([]slot, 2*len(old))
	for _, s := range old {
		if s.round == t.round {
			*t.slotOf(s.key) = s
		}
	}
}
