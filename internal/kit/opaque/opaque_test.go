package opaque_test

import (
	"bytes"
	"encoding/base64"
	"hash/crc32"
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

// TestRegress_032_LineBreaksAreNotSkipped: a token with a line break in it is another text, so it is none,
// though its checksum is right and encoding/base64 would not mind.
func TestRegress_032_LineBreaksAreNotSkipped(t *testing.T) {
	token := opaque.New(opaque.Session)
	head := token[:len(token)-6]
	for _, broken := range []string{head + "\n", head[:10] + "\r" + head[10:], head[:4] + "\r\n" + head[4:], head + "="} {
		sum := crc32.ChecksumIEEE([]byte(broken))
		text := broken + base64.RawURLEncoding.EncodeToString([]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)})
		if opaque.Valid(opaque.Session, text) {
			t.Errorf("%q is taken for %q", text, token)
		}
	}
}
