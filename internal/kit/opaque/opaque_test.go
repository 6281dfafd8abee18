package opaque_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/internal/kit/opaque"
)

// FuzzPayload: what is read as a token of a kind is exactly what With writes for its payload.
func FuzzPayload(f *testing.F) {
	for _, kind := range []opaque.Kind{opaque.Session, opaque.RefreshToken, opaque.APIKey} {
		token := opaque.With(kind, []byte("0123456789abcdef"))
		for _, seed := range []string{token, token[:len(token)-1], token + "A", strings.ToUpper(token), string(kind) + "_", ""} {
			f.Add(string(kind), seed)
		}
	}
	f.Fuzz(func(t *testing.T, kind, text string) {
		k := opaque.Kind(kind)
		payload, ok := opaque.Payload(k, text)
		if ok && opaque.With(k, payload) != text {
			t.Fatalf("%q is read as %x, which is written as %q", text, payload, opaque.With(k, payload))
		}
		if ok != opaque.Valid(k, text) {
			t.Fatalf("%q: Valid and Payload disagree", text)
		}
		if again, ok := opaque.Payload(k, opaque.With(k, []byte(text))); len(text) > 0 && len(text) < 2000 && (!ok || !bytes.Equal(again, []byte(text))) {
			t.Fatalf("%q is not read again", text)
		}
	})
}
