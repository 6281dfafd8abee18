package point_test

import (
	"testing"

	"github.com/cardea-auth/cardea/internal/authz/point"
)

// FuzzAnswer reads whatever a point may send: an answer for each question, or an error.
func FuzzAnswer(f *testing.F) {
	for _, text := range []string{
		`{"decision":true}`, `{"decision":false,"context":{"reason":"no"}}`, `{"evaluations":[{"decision":true},{"decision":false}]}`,
		`{"decision":1}`, `{}`, `[]`, `null`, `{"evaluations":null}`, `{"evaluations":[null,{"decision":true}]}`, "",
	} {
		f.Add([]byte(text), 1)
		f.Add([]byte(text), 2)
	}
	f.Fuzz(func(t *testing.T, body []byte, n int) {
		if n < 1 || n > 100 {
			return
		}
		got, err := point.Decode(body, n)
		if err == nil && len(got) != n {
			t.Errorf("%d answers for %d questions", len(got), n)
		}
		for _, a := range got {
			if err == nil && a.Failed != "" && a.Permit {
				t.Error("a failure permits")
			}
		}
	})
}

// FuzzAskedBy reads whatever somebody may send.
func FuzzAskedBy(f *testing.F) {
	for _, text := range []string{"", ",", "https://a.example", "a, b ,c", ",,,,,,,,"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got := point.ParseAskedBy(text); len(got) > 5 || len(got) == 0 && text != "" {
			t.Errorf("%d", len(got))
		}
	})
}
