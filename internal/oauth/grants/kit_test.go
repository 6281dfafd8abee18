package grants_test

import (
	"encoding/base64"
	"testing"
)

func decode(t *testing.T, part string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		t.Fatalf("decoding: %v", err)
	}
	return b
}
