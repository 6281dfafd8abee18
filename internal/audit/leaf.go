package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/cardea-auth/cardea/internal/store"
)

// leafVersion is the first byte of a leaf and of a personal part: another form gets another number.
const leafVersion = 1

// leaf is what of an event is sealed: every member but the text of the personal part, each preceded
// by its length, so that no two events share a leaf. In order:
//
//	version (1 byte) · seq (8) · at in Unix milliseconds (8) · 16 texts · public · unknown
//
// The texts are id, kind, actor_type, actor_id, actor_home, object_type, object_id, org, client,
// session, request, action, reason, because, person, digest. A text is its length (4 bytes, big
// endian like all numbers) and its bytes. public is the number of its members (4) and then name and
// value of each, in bytewise order of names. unknown is a text: the members that a newer version of
// this program wrote, as canonical JSON (RFC 8785), or empty.
func leaf(e *store.EventRecord) []byte {
	b := make([]byte, 0, 512)
	b = append(b, leafVersion)
	b = binary.BigEndian.AppendUint64(b, uint64(e.Seq))
	b = binary.BigEndian.AppendUint64(b, uint64(e.At.UnixMilli()))
	for _, text := range [...]string{
		e.ID, e.Kind, e.ActorType, e.ActorID, e.ActorHome, e.ObjectType, e.ObjectID, e.Org, e.Client, e.Session,
		e.Request, e.Action, e.Reason, e.Because, e.Person, e.Digest,
	} {
		b = appendText(b, text)
	}
	return appendText(appendMap(b, e.Public), unknown(e))
}

// unknown is the members of e that this version does not know, in a form that has one spelling.
func unknown(e *store.EventRecord) string {
	if len(e.Unknown) == 0 {
		return ""
	}
	v := e.Unknown.Clone()
	if err := v.Canonicalize(); err != nil {
		return string(e.Unknown) // it was read as JSON, so this cannot be; if it is, the bytes count
	}
	return string(v)
}

// leafHash is the hash of a leaf as RFC 6962, section 2.1, defines it.
func leafHash(e *store.EventRecord) tlog.Hash { return tlog.RecordHash(leaf(e)) }

// digest is the salted hash of the personal part: hexadecimal SHA-256 over version (1 byte), the salt
// as a text, and the members as in a leaf. Without the salt it reveals nothing, not even whether two
// events have the same address.
func digest(e *store.EventRecord) string {
	b := appendText([]byte{leafVersion}, e.Salt)
	sum := sha256.Sum256(appendMap(b, e.Personal))
	return hex.EncodeToString(sum[:])
}

// erased reports whether the personal part was forgotten: only then is there no salt.
func erased(e *store.EventRecord) bool { return e.Salt == "" && len(e.Personal) == 0 }

func appendText(b []byte, text string) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(text)))
	return append(b, text...)
}

func appendMap(b []byte, m map[string]string) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(m)))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		b = appendText(appendText(b, k), m[k])
	}
	return b
}
