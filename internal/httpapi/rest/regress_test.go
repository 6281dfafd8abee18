package rest_test

import (
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// TestRegress_151_LargeAndDeepJSON: size and depth are refused before anything is built from them, so
// that no body costs more memory than a few times its own size.
func TestRegress_151_LargeAndDeepJSON(t *testing.T) {
	r := newRecorder(t)
	bodies := map[string]struct {
		body   string
		status int
	}{
		"too large":         {`{"name":"` + strings.Repeat("a", 64<<10) + `"}`, 413},
		"deep arrays":       {strings.Repeat("[", 30_000) + strings.Repeat("]", 30_000), 400},
		"deep objects":      {strings.Repeat(`{"a":`, 12_000) + "1" + strings.Repeat("}", 3_000), 400},
		"many members":      {"{" + strings.Repeat(`"a":1,`, 10_000) + `"b":1}`, 400},
		"many elements":     {with("tags", "["+strings.Repeat(`"a",`, 15_000)+`"a"]`), 400},
		"many map entries":  {with("labels", "{"+numbered(4_000)+"}"), 400},
		"a long number":     {with("age", strings.Repeat("9", 60_000)), 400},
		"many escapes":      {with("biography", `"`+strings.Repeat(`\u0041`, 10_000)+`"`), 400},
		"unfinished string": {`{"name":"` + strings.Repeat("a", 60_000), 400},
	}
	var before, after runtime.MemStats
	for name, tt := range bodies {
		runtime.ReadMemStats(&before)
		status, _, _ := r.do("POST", "/groups/g1/people", tt.body)
		runtime.ReadMemStats(&after)
		if status != tt.status {
			t.Errorf("%s: %d, want %d", name, status, tt.status)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20 {
			t.Errorf("%s: %d bytes were allocated for %d", name, used, len(tt.body))
		}
	}
	if r.calls != 0 {
		t.Errorf("%d reached the handler", r.calls)
	}
}

// numbered are n members of an object with different names.
func numbered(n int) string {
	members := make([]string, n)
	for i := range members {
		members[i] = `"k` + strconv.Itoa(i) + `":"v"`
	}
	return strings.Join(members, ",")
}
