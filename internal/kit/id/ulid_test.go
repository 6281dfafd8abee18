package id_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/id"
)

// TestULID: the times of the specification's example, order under a clock that stands still, and one
// spelling only.
func TestULID(t *testing.T) {
	if s := id.NewULID(time.UnixMilli(1469918176385), ""); s[:10] != "01ARYZ6S41" || !id.ValidULID(s) {
		t.Errorf("%s", s)
	}
	now, last := time.UnixMilli(1469918176385), ""
	for range 1000 {
		s := id.NewULID(now, last)
		if s <= last || !id.ValidULID(s) {
			t.Fatalf("%s after %s", s, last)
		}
		last = s
	}
	if s := id.NewULID(now, "01ARYZ6S41ZZZZZZZZZZZZZZZZ"); s != "01ARYZ6S420000000000000000" {
		t.Errorf("after the last of a millisecond: %s", s)
	}
	good := id.NewULID(now, "")
	for _, odd := range []string{"", good[:25], good + "0", strings.ToLower(good), "8" + good[1:], "01ARZ3NDEKTSV4RRFFQ69G5FAU"[:25] + "I"} {
		if id.ValidULID(odd) {
			t.Errorf("%q is no ULID", odd)
		}
	}
}
