package authz_test

import (
	"encoding/base64"
	"testing"

	"github.com/cardea-auth/cardea/internal/authz"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// FuzzCursor: a cursor that nobody made is refused as one.
func FuzzCursor(f *testing.F) {
	for _, seed := range []string{`["user","x",""]`, `["user"]`, `{}`, `[1,2,3]`, `["a","b","c","d"]`} {
		f.Add(base64.RawURLEncoding.EncodeToString([]byte(seed)))
	}
	f.Add("")
	f.Add("%")
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := authz.Cursor(text); err != nil && (!errs.Is(err, errs.Invalid) || errs.CodeOf(err) != "invalid_cursor") {
			t.Fatalf("%q: %v, %v", text, got, err)
		}
	})
}
