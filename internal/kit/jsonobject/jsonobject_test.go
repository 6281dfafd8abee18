package jsonobject_test

import (
	"encoding/json"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/cardea-auth/cardea/internal/kit/jsonobject"
)

// FuzzWriter: what is written is what encoding/json writes of the same members, or refused because a text
// is not UTF-8.
func FuzzWriter(f *testing.F) {
	f.Add("", "", int64(0), int64(0), false)
	f.Add("Ada", "a \"quoted\" \\ text\n\u2028<&>", int64(-7), int64(1700000000_123456789), true)
	f.Add("\xff", "😀", int64(1), int64(1), true)
	f.Fuzz(func(t *testing.T, one, two string, number, nanos int64, flag bool) {
		at := time.Unix(0, nanos).UTC()
		w := jsonobject.Open([]byte("before"))
		w.Text("one", one)
		w.AlwaysText("always", one)
		w.Begin("inner")
		w.Texts("texts", nil)
		w.Texts("list", []string{one, two})
		w.End()
		w.Number("number", number)
		w.Flag("flag", flag)
		w.Time("at", at)
		got, err := w.Close()
		if string(got[:6]) != "before" {
			t.Fatalf("%q was to be appended to", got)
		}
		if want := any(map[string]any{}); err == nil {
			members := map[string]any{"always": one, "inner": map[string]any{"list": []string{one, two}}, "flag": flag, "at": at}
			if one != "" {
				members["one"] = one
			}
			if number != 0 {
				members["number"] = number
			}
			whole, _ := json.Marshal(members)
			_ = json.Unmarshal(whole, &want)
			var have any
			if err := json.Unmarshal(got[6:], &have); err != nil {
				t.Fatalf("%q: %v", got, err)
			}
			if diff := cmp.Diff(want, have); diff != "" {
				t.Error(diff)
			}
		}
		if valid := utf8.ValidString(one) && utf8.ValidString(two); valid != (err == nil) {
			t.Errorf("%q, %q: %v", one, two, err)
		}
	})
}

// TestNotUTF8: a text that is not UTF-8 is an error, and not silently another text.
func TestNotUTF8(t *testing.T) {
	w := jsonobject.Open(nil)
	w.Texts("list", []string{"good", "bad \xff"})
	w.Text("later", "good")
	if _, err := w.Close(); err == nil {
		t.Error("no error")
	}
}
