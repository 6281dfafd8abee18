package cardea_test

import (
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/cardea-auth/cardea"
)

// vectors is the part of a Wycheproof file that says which signatures are good.
type vectors struct {
	Groups []struct {
		Key   string `json:"publicKeyDer"`
		Tests []struct {
			ID           int    `json:"tcId"`
			Comment      string `json:"comment"`
			Message      string `json:"msg"`
			Signature    string `json:"sig"`
			Verification string `json:"result"`
		} `json:"tests"`
	} `json:"testGroups"`
}

// TestWycheproof runs the signature vectors of project Wycheproof. They are not ours to copy and too
// large to depend on: test/conformance/jose fetches them and runs this test with CARDEA_WYCHEPROOF set
// to their directory. (Row 57 of the catalogue; TestRegress_057 covers the edges without them.)
func TestWycheproof(t *testing.T) {
	dir := os.Getenv("CARDEA_WYCHEPROOF")
	if dir == "" {
		t.Skip("the vectors are fetched by: cd test/conformance/jose && go test ./...")
	}
	for _, set := range []struct {
		file, alg string
		cases     int
	}{
		{"ecdsa_secp256r1_sha256_p1363_test.json", "ES256", 262}, {"ed25519_test.json", "EdDSA", 150},
		{"rsa_signature_2048_sha256_test.json", "RS256", 240}, {"rsa_pss_2048_sha256_mgf1_32_test.json", "PS256", 100},
	} {
		t.Run(set.alg, func(t *testing.T) {
			raw, err := os.ReadFile(filepath.Join(dir, set.file))
			if err != nil {
				t.Fatal(err)
			}
			var v vectors
			if err := json.Unmarshal(raw, &v); err != nil {
				t.Fatal(err)
			}
			good, bad := runVectors(t, v, set.alg)
			t.Logf("%d good and %d bad signatures", good, bad)
			if good+bad < set.cases || good == 0 {
				t.Errorf("only %d vectors", good+bad)
			}
		})
	}
}

// runVectors checks every signature. The few that are "acceptable" may go either way.
func runVectors(t *testing.T, v vectors, alg string) (good, bad int) {
	t.Helper()
	for _, g := range v.Groups {
		key, err := x509.ParsePKIXPublicKey(unhex(t, g.Key))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range g.Tests {
			got := cardea.VerifySignature(alg, key, unhex(t, c.Message), unhex(t, c.Signature))
			switch c.Verification {
			case "valid":
				good++
			case "invalid":
				bad++
			default:
				continue
			}
			if got != (c.Verification == "valid") {
				t.Errorf("case %d (%s) is %s; we say %v", c.ID, c.Comment, c.Verification, got)
			}
		}
	}
	return good, bad
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
