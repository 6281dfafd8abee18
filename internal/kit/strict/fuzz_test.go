package strict_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/strict"
)

// FuzzUnmarshal: what is accepted is JSON to everybody else too, and a refusal never repeats the input.
func FuzzUnmarshal(f *testing.F) {
	for _, seed := range []string{
		`{"name":"x","list":[1,2],"inner":{"name":"y"}}`, `{"name":"x","name":"y"}`, `{"Name":"x"}`, `{"other":1}`, `{"name":"x"} {}`, "\ufeff{}",
		`{"name":"\ud800"}`, strings.Repeat("[", 100), `{"list":[1e999]}`, `null`, ``, `{"name":secretsecret}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		type doc struct {
			Name  string         `json:"name"`
			List  []int          `json:"list"`
			Inner map[string]any `json:"inner"`
		}
		for _, read := range []func([]byte, any) error{strict.Unmarshal, strict.UnmarshalOpen} {
			var got doc
			err := read(data, &got)
			if err == nil && !json.Valid(data) {
				t.Fatalf("accepted %q", data)
			}
			if err != nil && !errs.Is(err, errs.Invalid) {
				t.Fatalf("%q: %v", data, err)
			}
			if err != nil && strings.Contains(string(data), "secretsecret") && strings.Contains(err.Error(), "secretsecret") {
				t.Fatalf("the refusal repeats the input: %v", err)
			}
		}
	})
}

// FuzzBase64: each value has one spelling.
func FuzzBase64(f *testing.F) {
	for _, seed := range []string{"", "AA", "AA==", "AB", "A\nA", "AA\r\n", "-_", "+/", "A A", "=", "QUJD"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if b, err := strict.Base64URL(text); err == nil && base64.RawURLEncoding.EncodeToString(b) != text {
			t.Fatalf("%q is read as %x", text, b)
		}
		if b, err := strict.Base64(text); err == nil && base64.StdEncoding.EncodeToString(b) != text {
			t.Fatalf("%q is read as %x", text, b)
		}
	})
}
