package envelope_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store/envelope"
)

const tenants = 4

// filled is a database with a sealed text in each of some tenants.
func filled(t *testing.T, path string, o options) map[id.Tenant][]byte {
	t.Helper()
	n := open(t, path, o)
	boxes := map[id.Tenant][]byte{}
	for i := range tenants {
		name := id.Tenant(fmt.Sprint("tenant-", i))
		boxes[name] = n.mustSeal(t, name, "text")
	}
	return boxes
}

// opens reports whether a server that starts with m works, as a whole; it fails the test if a part does.
func opens(t *testing.T, path string, m envelope.Master, boxes map[id.Tenant][]byte) bool {
	t.Helper()
	n := start(t, path, options{master: m})
	if err := n.Unlock(t.Context()); err != nil {
		if _, ok := errors.AsType[*envelope.WrongKeyError](err); !ok {
			t.Fatal(err)
		}
		return false
	}
	for name, box := range boxes {
		n.mustOpen(t, name, box, "text")
		n.mustSeal(t, name, "more")
	}
	return true
}

func TestRewrap(t *testing.T) {
	t.Parallel()
	path, old, next := file(t), envelope.NewMaster(), envelope.NewMaster()
	boxes := filled(t, path, options{master: old})
	n := open(t, path, options{master: old})
	if err := n.Rewrap(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	if !opens(t, path, old, boxes) || !opens(t, path, next, boxes) {
		t.Error("between Rewrap and Finish either key must open everything")
	}
	boxes["fresh"] = n.mustSeal(t, "fresh", "text") // a new data key, made during the change
	if !opens(t, path, old, boxes) || !opens(t, path, next, boxes) {
		t.Error("a data key that was made during the change must open by either key")
	}
	if err := n.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if opens(t, path, old, boxes) {
		t.Error("the old key still opens after Finish")
	}
	if !opens(t, path, next, boxes) {
		t.Error("the new key does not open after Finish")
	}
	for name, box := range boxes {
		n.mustOpen(t, name, box, "text")
	}
	boxes["later"] = n.mustSeal(t, "later", "text")
	if err := n.Rewrap(t.Context(), envelope.NewMaster()); err != nil { // and once more
		t.Error(err)
	}
}

// Killed before or after any commit of the change, a restart with the old or the new key works as a
// whole, and the change can be brought to its end.
func TestRewrapSurvivesTheEndOfTheProcess(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		for k := int64(1); ; k++ {
			if done := killRewrapAt(t, k, after); done {
				if k < tenants+4 {
					t.Errorf("only %d commits were interrupted", k-1)
				}
				break
			}
		}
	}
}

// killRewrapAt reports whether the change had come to its end before the k-th commit.
func killRewrapAt(t *testing.T, k int64, after bool) bool {
	t.Helper()
	path, old, next := file(t), envelope.NewMaster(), envelope.NewMaster()
	boxes := filled(t, path, options{master: old})
	m := &mortal{after: after}
	n := open(t, path, options{master: old, wrap: m.wrap})
	m.dies(k)
	err := n.Rewrap(t.Context(), next)
	if err == nil {
		err = n.Finish(t.Context())
	}
	byOld, byNext := opens(t, path, old, boxes), opens(t, path, next, boxes)
	if !byOld && !byNext {
		t.Fatalf("killed at commit %d (after: %v): neither key opens", k, after)
	}
	if err == nil {
		return true
	}
	if byOld {
		again := open(t, path, options{master: old})
		if err := again.Rewrap(t.Context(), next); err != nil {
			t.Fatalf("killed at commit %d (after: %v), again: %v", k, after, err)
		}
	}
	if err := open(t, path, options{master: next}).Finish(t.Context()); err != nil {
		t.Fatalf("killed at commit %d (after: %v), finishing: %v", k, after, err)
	}
	if opens(t, path, old, boxes) || !opens(t, path, next, boxes) {
		t.Fatalf("killed at commit %d (after: %v): the change did not come to its end", k, after)
	}
	return false
}

func TestRewrapWithOtherNodes(t *testing.T) {
	t.Parallel()
	path, old, next := file(t), envelope.NewMaster(), envelope.NewMaster()
	boxes := filled(t, path, options{master: old})
	a, b := open(t, path, options{master: old}), open(t, path, options{master: old})
	if err := a.Rewrap(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	for name, box := range boxes { // none of which b has met before
		b.mustOpen(t, name, box, "text")
		b.mustSeal(t, name, "text")
	}
	// A data key that b made now would be lost for those who hold the new master key only.
	if _, err := b.Seal(t.Context(), "fresh", nil, nil); !errs.Is(err, errs.Unavailable) {
		t.Errorf("a node with the old key makes a data key: %v", err)
	}
	if err := b.Finish(t.Context()); err == nil {
		t.Error("a node without the new key finishes the change")
	}
	if err := a.Rewrap(t.Context(), envelope.NewMaster()); err == nil {
		t.Error("a second change begins before the first has ended")
	}
	if err := a.Rewrap(t.Context(), old); err == nil {
		t.Error("the leaving key comes back")
	}
	if err := a.Rewrap(t.Context(), next); err != nil {
		t.Errorf("repeating the change: %v", err)
	}
}

func TestFinishNeedsAChange(t *testing.T) {
	t.Parallel()
	n := solo(t)
	n.mustSeal(t, "acme", "x")
	if err := n.Finish(t.Context()); err != nil {
		t.Errorf("finishing nothing: %v", err)
	}
	n.mustSeal(t, "other", "x")
	if err := n.Rewrap(t.Context(), envelope.Master{}); err == nil {
		t.Error("the zero key is accepted")
	}
}

// A change of the master key begins between a node's look at the canary and its commit of a new
// data key: that commit must fail, or the new key would be wrapped by the old master key alone.
func TestDataKeyRacesWithRewrap(t *testing.T) {
	t.Parallel()
	path, old, next := file(t), envelope.NewMaster(), envelope.NewMaster()
	a := open(t, path, options{master: old})
	h := &hooked{}
	b := open(t, path, options{master: old, wrap: h.wrap})
	h.before = func() {
		if err := a.Rewrap(t.Context(), next); err != nil {
			t.Error(err)
		}
	}
	if _, err := b.Seal(t.Context(), "fresh", nil, nil); !errs.Is(err, errs.Unavailable) {
		t.Errorf("the data key was made all the same: %v", err)
	}
	if !opens(t, path, next, map[id.Tenant][]byte{"fresh": a.mustSeal(t, "fresh", "text")}) {
		t.Error("the new key does not open")
	}
}
