package discovery_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/keyring"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/discovery"
)

func TestOnlyWhatExistsIsSaid(t *testing.T) {
	d := discovery.Describe("https://id.example.com/t/acme", discovery.Paths{Authorize: "/authorize", Token: "/token", JWKS: "/jwks"}, []oauth.Alg{keyring.ES256}, access.OneFactor)
	body, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	if got["issuer"] != "https://id.example.com/t/acme" || got["token_endpoint"] != "https://id.example.com/t/acme/token" {
		t.Errorf("%s", body)
	}
	for name := range got {
		for _, absent := range []string{"userinfo_endpoint", "introspection", "revocation", "end_session", "registration", "device", "pushed"} {
			if strings.HasPrefix(name, absent) {
				t.Errorf("%s is said and does not exist", name)
			}
		}
	}
	if got["authorization_response_iss_parameter_supported"] != true || got["request_uri_parameter_supported"] != false {
		t.Errorf("%s", body)
	}
	if diff := cmp.Diff([]any{oauth.ACROneFactor}, got["acr_values_supported"]); diff != "" {
		t.Errorf("acr values: %s", diff)
	}
	for _, word := range []string{"implicit", "plain", "fragment", "password"} {
		if strings.Contains(string(body), `"`+word+`"`) {
			t.Errorf("%s is offered", word)
		}
	}
}
