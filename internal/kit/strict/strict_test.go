package strict_test

import (
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/strict"
)

// TestIgnoredMembersAreStillJSON: an unknown member is ignored, what is wrong inside it is not.
func TestIgnoredMembersAreStillJSON(t *testing.T) {
	t.Parallel()
	deep := func(n int) string { return `{"other":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + `}` }
	wide := `{"other":[` + strings.Repeat("[],", 100) + `[]]}`
	for text, good := range map[string]bool{
		`{"other":{"a":[1],"b":2}}`:    true,
		deep(strict.MaxDepth):          true,
		wide:                           true,
		deep(strict.MaxDepth + 1):      false,
		`{"other":{"a":1,"a":2}}`:      false,
		`{"other":[}`:                  false,
		`{"other":"\ud800"}`:           false,
		`{"other":1} {}`:               false,
		`{"name":"x","other":{"a":1e}`: false,
	} {
		var out struct {
			Name string `json:"name"`
		}
		err := strict.UnmarshalOpen([]byte(text), &out)
		if (err == nil) != good || err != nil && !errs.Is(err, errs.Invalid) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
