package password

import (
	_ "embed"
	"encoding/binary"
	"strings"
)

// commonFile holds some 50,000 common passwords, folded. Its head says where they come from and
// under which licence; tools/commonpasswords writes it.
//
//go:embed common.bin
var commonFile string

// blockSize is how many entries share one offset: the first is written out, the others repeat the
// beginning of the one before.
const blockSize = 32

// wordlist is a sorted list of texts with a rank, searched where it lies: nothing is unpacked, so it
// costs neither start-up time nor heap.
//
//	head text, NUL, number of blocks as uint32, the offset of each as uint32, entries
//	entry: uint16 = shared<<11 | length<<6 | band; then length bytes that follow the shared ones
//
// Numbers are big-endian; band is the binary logarithm of the rank.
type wordlist struct {
	offsets string
	entries string
}

func commonPasswords() wordlist {
	body := commonFile[strings.IndexByte(commonFile, 0)+1:]
	n := 4 * int(binary.BigEndian.Uint32([]byte(body[:4])))
	return wordlist{offsets: body[4 : 4+n], entries: body[4+n:]}
}

// find reports whether word is in the list and in which band: about 2^band others are more common.
func (l wordlist) find(word string) (band int, found bool) {
	low, high := 0, len(l.offsets)/4
	for low < high {
		middle := (low + high) / 2
		if first := l.block(middle); first.next() && string(first.word()) <= word {
			low = middle + 1
		} else {
			high = middle
		}
	}
	if low == 0 {
		return 0, false
	}
	c := l.block(low - 1)
	for range blockSize {
		if !c.next() || string(c.word()) > word {
			return 0, false
		}
		if string(c.word()) == word {
			return c.band, true
		}
	}
	return 0, false
}

// block is a cursor before the first entry of block i.
func (l wordlist) block(i int) cursor {
	at := 0
	for _, b := range []byte(l.offsets[4*i : 4*i+4]) {
		at = at<<8 | int(b)
	}
	return cursor{rest: l.entries[at:]}
}

// cursor walks over entries.
type cursor struct {
	rest   string
	buffer [32]byte
	length int
	band   int
}

// next moves to the next entry; false after the last.
func (c *cursor) next() bool {
	if len(c.rest) < 2 {
		return false
	}
	head := int(c.rest[0])<<8 | int(c.rest[1])
	shared, length := head>>11, head>>6&31
	copy(c.buffer[shared:], c.rest[2:2+length])
	c.length, c.band, c.rest = shared+length, head&63, c.rest[2+length:]
	return true
}

func (c *cursor) word() []byte { return c.buffer[:c.length] }
