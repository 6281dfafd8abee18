package envelope

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
)

// Collections that the package declares. Both lie in the system tenant.
const (
	DataKeyCollection   = "data_key"   // one document per tenant, by the tenant's name
	MasterKeyCollection = "master_key" // the one canary
)

// canaryID is the id of the only document of MasterKeyCollection.
const canaryID = "canary"

// ringDocument holds the data keys of one tenant. They are in one document so that replacing a key,
// and wrapping all keys anew, is one write.
type ringDocument struct {
	store.Meta
	Current uint32    `json:"current"` // the number of the key that seals
	Keys    []dataKey `json:"keys"`
}

// dataKey is one data key, wrapped.
type dataKey struct {
	Number  uint32              `json:"number"` // from 1, never used again
	Wraps   map[MasterID][]byte `json:"wraps"`  // the key, wrapped by each accepted master key
	Seals   int64               `json:"seals"`  // how often it may have sealed: blocks are counted before they are used
	Created time.Time           `json:"created"`
	Retired time.Time           `json:"retired,omitzero"`
	Unknown jsontext.Value      `json:",embed"`
}

func ringKind() store.Kind[ringDocument] {
	return store.Kind[ringDocument]{
		Name: DataKeyCollection, Noun: "data key",
		Meta: func(d *ringDocument) *store.Meta { return &d.Meta },
	}
}

// current is the key that seals, or nil.
func (d *ringDocument) current() *dataKey {
	i := slices.IndexFunc(d.Keys, func(k dataKey) bool { return k.Number == d.Current })
	if i < 0 {
		return nil
	}
	return &d.Keys[i]
}

// canaryDocument says which master keys fit the database.
type canaryDocument struct {
	store.Meta
	Masters []masterEntry `json:"masters"`
}

// masterEntry is a master key that the database knows.
type masterEntry struct {
	ID    MasterID    `json:"id"`
	State masterState `json:"state"`
	Box   []byte      `json:"box"` // a constant, wrapped by the key: proves that it is this key
}

// masterState is where a master key is in its life. During a change of the master key each data key
// is wrapped by both.
type masterState string

const (
	masterJoining masterState = "joining" // not every data key is wrapped by it yet: it cannot start a server
	masterCurrent masterState = "current"
	masterLeaving masterState = "leaving" // it still opens everything, until Finish
)

func canaryKind() store.Kind[canaryDocument] {
	return store.Kind[canaryDocument]{
		Name: MasterKeyCollection, Noun: "master key",
		Meta: func(d *canaryDocument) *store.Meta { return &d.Meta },
	}
}

// entry is the entry of the master key m, or nil.
func (d *canaryDocument) entry(m MasterID) *masterEntry {
	i := slices.IndexFunc(d.Masters, func(e masterEntry) bool { return e.ID == m })
	if i < 0 {
		return nil
	}
	return &d.Masters[i]
}

// in is the entry that is in state s, or nil; no state has two.
func (d *canaryDocument) in(s masterState) *masterEntry {
	i := slices.IndexFunc(d.Masters, func(e masterEntry) bool { return e.State == s })
	if i < 0 {
		return nil
	}
	return &d.Masters[i]
}

// canaryText is what the canary holds; it is no secret.
const canaryText = "cardea canary v1"

// canaryPlace is the additional data of the canary's box.
func canaryPlace(m MasterID) []byte { return []byte("cardea master key canary v1\x00" + m) }

// wrapPlace is the additional data of a wrapped data key: it opens only for this tenant and number.
func wrapPlace(t id.Tenant, number uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte("cardea data key v1\x00"+string(t)+"\x00"), number)
}

// WrongKeyError says that the master key is not the one that the database was sealed with. The
// server must not start: it could neither read its secrets nor tell a lost key from a wrong one.
type WrongKeyError struct {
	Expected MasterID // the key that fits
	Given    MasterID // the key that was handed to the server
	Joining  bool     // Given is being introduced by Rewrap, which has not come to its end
}

// Error names both keys by their ids.
func (e *WrongKeyError) Error() string {
	if e.Joining {
		return fmt.Sprintf("envelope: the change to master key %s is not finished: start with master key %s and repeat it", e.Given, e.Expected)
	}
	return fmt.Sprintf("envelope: the database is sealed with master key %s, and the key given is %s", e.Expected, e.Given)
}
