// Package jose_test runs the signature vectors of project Wycheproof through the SDK's own verifier. It
// is a module of its own because the vectors are 100 MB that no user of the SDK should download; the
// test that reads them is TestWycheproof in the root package, which can reach the verifier's inside.
package jose_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/c2sp/wycheproof"
)

func TestWycheproof(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{
		"ecdsa_secp256r1_sha256_p1363_test.json", "ed25519_test.json", "rsa_signature_2048_sha256_test.json", "rsa_pss_2048_sha256_mgf1_32_test.json",
	} {
		raw, err := fs.ReadFile(wycheproof.TestVectors, name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-v", "-run=^TestWycheproof$", ".")
	cmd.Dir = filepath.Join("..", "..", "..")
	cmd.Env = append(os.Environ(), "CARDEA_WYCHEPROOF="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestWycheproof") || strings.Contains(string(out), "--- SKIP") {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
