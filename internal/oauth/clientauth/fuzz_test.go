package clientauth_test

import (
	"testing"

	"github.com/cardea-auth/cardea/internal/oauth/clientauth"
)

// FuzzParseKeys: a key set that is accepted holds public keys only.
func FuzzParseKeys(f *testing.F) {
	for _, seed := range []string{
		`{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","kid":"1"}]}`,
		`{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}`, `{"keys":[]}`, `{}`, `{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}`, `[]`, ``,
		`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		set, err := clientauth.ParseKeys(data)
		if err != nil {
			return
		}
		if len(set.Keys) == 0 {
			t.Fatalf("%q is a set without a key", data)
		}
		for _, k := range set.Keys {
			if !k.IsPublic() || !k.Valid() {
				t.Fatalf("%q holds a key that is not public", data)
			}
		}
	})
}

// FuzzDecodeBasic: what is decoded has one reading (RFC 6749, section 2.3.1).
func FuzzDecodeBasic(f *testing.F) {
	f.Add("app_1", "secret")
	f.Add("a%3Ab", "c%20d+e")
	f.Add("%", "%zz")
	f.Add("", "\x00\xff")
	f.Fuzz(func(t *testing.T, username, password string) {
		got, err := clientauth.DecodeBasic(username, password)
		if (err == nil) == (got == nil) {
			t.Fatalf("%q %q: %v, %v", username, password, got, err)
		}
	})
}
