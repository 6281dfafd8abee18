package audit

import (
	"encoding/hex"
	"reflect"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/cardea-auth/cardea/internal/store"
)

// Every member of an event is sealed, but salt and personal part, of which the digest is: a member
// that somebody adds to events and forgets here turns this red.
func TestLeafHoldsEveryMember(t *testing.T) {
	t.Parallel()
	plain := leafHash(&store.EventRecord{})
	seen := map[tlog.Hash]string{plain: "no member"}
	record := reflect.TypeFor[store.EventRecord]()
	for i := range record.NumField() {
		field := record.Field(i)
		e := &store.EventRecord{}
		switch v := reflect.ValueOf(e).Elem().Field(i); field.Type {
		case reflect.TypeFor[store.Meta]():
			e.ID = "x"
		case reflect.TypeFor[string]():
			v.SetString("x")
		case reflect.TypeFor[int64]():
			v.SetInt(7)
		case reflect.TypeFor[time.Time]():
			e.At = time.UnixMilli(7)
		case reflect.TypeFor[map[string]string]():
			v.Set(reflect.ValueOf(map[string]string{"x": "x"}))
		default:
			t.Errorf("member %s is of a type that leaf does not know", field.Name)
		}
		h := leafHash(e)
		if field.Name == "Salt" || field.Name == "Personal" {
			if h != plain {
				t.Errorf("%s is in the leaf: it could never be erased", field.Name)
			}
			if digest(e) == digest(&store.EventRecord{}) {
				t.Errorf("%s is not in the digest", field.Name)
			}
			continue
		}
		if other, ok := seen[h]; ok {
			t.Errorf("%s has the leaf of %s", field.Name, other)
		}
		seen[h] = field.Name
	}
	e := &store.EventRecord{}
	e.Unknown = []byte(`{"b":1, "a":"x"}`)
	f := &store.EventRecord{}
	f.Unknown = []byte(`{"a":"x","b":1}`)
	if leafHash(e) == plain || leafHash(e) != leafHash(f) {
		t.Error("unknown members are not sealed, or by their spelling")
	}
}

// The form of a leaf is fixed: what was sealed with it must verify for ever. The values were computed
// from the description in leaf.go by another program in another language.
func TestLeafIsFixed(t *testing.T) {
	t.Parallel()
	e := &store.EventRecord{
		Meta: store.Meta{ID: "id"}, Kind: "user.updated", At: time.UnixMilli(1_800_000_000_123), ActorType: "user", ActorID: "u1",
		ActorHome: "system", ObjectType: "cardea:user", ObjectID: "u2", Org: "o", Client: "c", Session: "s", Request: "r",
		Action: "user.update", Reason: "why", Because: "so", Public: map[string]string{"b": "2", "a": "1"}, Person: "u2",
		Personal: map[string]string{"email": "u@example.com", "address": "192.0.2.1"}, Salt: "AAAAAAAAAAAAAAAAAAAAAA", Seq: 7,
	}
	e.Digest = digest(e)
	const wantDigest = "fe17ed481e4414df7b6dddf33e80fcbb77472f3dfb6d6b007b6c1978522ff0fe"
	if e.Digest != wantDigest {
		t.Errorf("digest %s", e.Digest)
	}
	h := leafHash(e)
	if got := hex.EncodeToString(h[:]); got != "851b0f7a70ea40c875f083c0cb7f6bb3bdd29e57a1019f8ddaedbb57d016f5e9" {
		t.Errorf("leaf %s", got)
	}
}

func TestFrontierIsTheTree(t *testing.T) {
	t.Parallel()
	var f frontier
	var stored hashes
	if empty, err := tlog.TreeHash(0, nil); err != nil || f.root() != empty {
		t.Errorf("the empty tree: %v", err)
	}
	for n := range int64(300) {
		leaf := tlog.RecordHash([]byte{byte(n), byte(n >> 8)})
		want, err := tlog.StoredHashesForRecordHash(n, leaf, stored)
		if err != nil {
			t.Fatal(err)
		}
		got := f.add(leaf, nil)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("leaf %d completes other hashes", n)
		}
		if stored = append(stored, got...); int64(len(stored)) != tlog.StoredHashCount(n+1) {
			t.Fatalf("%d hashes are stored after leaf %d", len(stored), n)
		}
		root, err := tlog.TreeHash(n+1, stored)
		if err != nil || f.root() != root {
			t.Fatalf("the root at size %d: %v", n+1, err)
		}
		if f, err = readFrontier(f.size, f.bytes()); err != nil || f.root() != root {
			t.Fatalf("written and read again at size %d: %v", n+1, err)
		}
	}
	for _, bad := range []struct {
		size  int64
		peaks int
	}{{1, 0}, {0, 1}, {3, 1}, {4, 2}, {-1, 64}} {
		if _, err := readFrontier(bad.size, make([]byte, bad.peaks*tlog.HashSize)); err == nil {
			t.Errorf("%d peaks for size %d are accepted", bad.peaks, bad.size)
		}
	}
	if _, err := readFrontier(1, make([]byte, 31)); err == nil {
		t.Error("31 bytes are accepted")
	}
}

// hashes is a tlog.HashReader over memory.
type hashes []tlog.Hash

func (h hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		out[i] = h[x]
	}
	return out, nil
}
