package audit_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/audit"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

func TestEraseKeepsTheProof(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.happen(50)
	h.settle()
	pinned := h.mustVerify("").Checkpoint
	n, err := h.Erase(t.Context(), h.admin, "p3")
	if err != nil || n != 5 {
		t.Fatalf("erased %d events, %v", n, err)
	}
	if r := h.mustVerify(pinned); r.Erased != 5 || r.Unsealed != 1 { // explained by an event that is not sealed yet
		t.Errorf("before sealing: %+v", r)
	}
	h.settle()
	if r := h.mustVerify(pinned); r.Erased != 5 || r.Unsealed != 0 {
		t.Errorf("after sealing: %+v", r)
	}
	list, err := h.List(t.Context(), h.admin, audit.Filter{Person: "p3"}, page.Request{})
	if err != nil || len(list.Items) != 5 {
		t.Fatal(len(list.Items), err)
	}
	for _, e := range list.Items {
		if len(e.Personal) > 0 || e.ObjectID == "" || e.Digest == "" {
			t.Errorf("%+v", e)
		}
	}
	var left int
	if err := h.sql().QueryRow(`SELECT count(*) FROM c_event WHERE body LIKE '%p3@example.com%' OR (x_person = 'p3' AND json_extract(body, '$.salt') <> '')`).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d events still hold something, %v", left, err)
	}
	if again, err := h.Erase(t.Context(), h.admin, "p3"); err != nil || again != 0 {
		t.Errorf("again: %d, %v", again, err)
	}
	h.happen(20) // new events about the person are whole again
	h.settle()
	h.mustVerify(pinned)
}

// What happened is never left half-explained, whatever call to the store fails.
func TestEraseSurvivesFaults(t *testing.T) {
	t.Parallel()
	for _, how := range []storetest.Fault{storetest.Refused, storetest.Lost} {
		for k := 1; ; k++ {
			f := storetest.NewFaults()
			h := build(t, options{faults: f})
			h.happen(30)
			f.Fail(k, how)
			_, _ = h.Erase(t.Context(), h.admin, "p3")
			hit := f.Hits() > 0
			f.Heal()
			h.mustVerify("")
			if _, err := h.Erase(t.Context(), h.admin, "p3"); err != nil {
				t.Fatal(err)
			}
			h.settle()
			if r := h.mustVerify(""); r.Erased != 3 {
				t.Fatalf("call %d fails: %+v", k, r)
			}
			if !hit {
				break
			}
		}
	}
}

func TestEraseManyInBatches(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	fill(t, h, 300)
	n, err := h.Erase(t.Context(), h.admin, "p")
	if err != nil || n != 300 {
		t.Fatalf("erased %d events, %v", n, err)
	}
	h.settle()
	if r := h.mustVerify(""); r.Erased != 300 {
		t.Errorf("%+v", r)
	}
}

// What happens to the person while the erasure is under way comes after it, and is kept.
func TestEraseKeepsWhatComesLater(t *testing.T) {
	t.Parallel()
	k := &hook{collection: "event", index: store.EventsByPerson}
	h := build(t, options{hook: k})
	h.happen(10)
	h.settle()
	k.before = func() { h.happen(10); h.seal() }
	n, err := h.Erase(t.Context(), h.admin, "p3")
	if err != nil || n != 1 {
		t.Fatalf("erased %d events, %v", n, err)
	}
	h.settle()
	if r := h.mustVerify(""); r.Erased != 1 {
		t.Errorf("%+v", r)
	}
}

// Somebody who seals at the same moment is no reason to refuse.
func TestEraseBesideTheSealer(t *testing.T) {
	t.Parallel()
	k := &hook{collection: "audit_head"}
	h := build(t, options{hook: k})
	h.happen(10)
	k.before = h.seal
	if n, err := h.Erase(t.Context(), h.admin, "p3"); err != nil || n != 1 || k.before != nil {
		t.Fatalf("erased %d events, %v", n, err)
	}
	h.settle()
	if r := h.mustVerify(""); r.Erased != 1 {
		t.Errorf("%+v", r)
	}
}

// Somebody is erased, and that is sealed, while a verification reads: nobody has tampered with anything.
func TestEraseWhileItIsVerified(t *testing.T) {
	t.Parallel()
	for name, sealed := range map[string]bool{"sealed": true, "not sealed yet": false} {
		k := &hook{collection: "event", index: store.EventsBySeq}
		h := build(t, options{hook: k})
		h.happen(10)
		h.settle()
		k.before = func() {
			if n, err := h.Erase(t.Context(), h.admin, "p3"); err != nil || n != 1 {
				t.Errorf("erased %d events, %v", n, err)
			}
			h.happen(1200) // the explanation is not on the first page of what waits
			if sealed {
				h.settle()
			}
		}
		if r := h.mustVerify(""); r.Erased != 1 || r.Sealed != 11 || k.before != nil {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestEraseNeedsPermission(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.happen(10)
	if _, err := h.Erase(t.Context(), access.Anonymous(acme, access.Origin{}), "p3"); !errs.Is(err, errs.Unauthenticated) {
		t.Errorf("by nobody: %v", err)
	}
	if r := h.mustVerify(""); r.Erased != 0 || r.Unsealed != 10 {
		t.Errorf("%+v", r)
	}
}

// The database file gives nothing of an erased person away.
func TestErasedTextIsGoneFromTheFile(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.happen(10)
	if _, err := h.Erase(t.Context(), h.admin, "p3"); err != nil {
		t.Fatal(err)
	}
	db := h.sql()
	for _, statement := range []string{`PRAGMA wal_checkpoint(TRUNCATE)`, `VACUUM`, `PRAGMA wal_checkpoint(TRUNCATE)`} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(h.path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(data, []byte("p4@example.com")) || strings.Contains(string(data), "p3@example.com") {
		t.Error("the file holds what was erased, or the test looks in the wrong place")
	}
}
