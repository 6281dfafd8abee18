package oidc_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/internal/httpapi/oidc"
	"github.com/cardea-auth/cardea/internal/oauth"
)

// FuzzParseBasic: what is accepted is the one spelling of what it says, and a refusal is invalid_client.
func FuzzParseBasic(f *testing.F) {
	for _, seed := range []string{"Basic YTpi", "basic YTo=", "Basic YQ==", "Basic", "Basic  YTpi", "Basic YTpi=", "Basic YTpj ", "Bearer YTpi", "Basic Og==", "Basic \rYTpi", "Basic YTpi\n", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		username, password, err := oidc.ParseBasic(header)
		if err != nil {
			if oauth.CodeOf(err) != oauth.InvalidClient || username+password != "" {
				t.Fatalf("%q: %q %q %v", header, username, password, err)
			}
			return
		}
		_, encoded, _ := strings.Cut(header, " ")
		if base64.StdEncoding.EncodeToString([]byte(username+":"+password)) != encoded || strings.Contains(username, ":") {
			t.Fatalf("%q is read as %q and %q", header, username, password)
		}
	})
}
