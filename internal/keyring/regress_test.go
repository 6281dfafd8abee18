package keyring_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/internal/keyring"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

// refused checks that a token is refused as every kind, by the one error.
func refused(t *testing.T, h *house, what, token string) {
	t.Helper()
	for kind := keyring.AccessToken; kind <= keyring.ContextToken; kind++ {
		_, err := h.Verify(t.Context(), acme, kind, token)
		e, ok := errors.AsType[*errs.Error](err)
		if !ok || e.Kind != errs.Unauthenticated || e.Code != "token_invalid" || e.Err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// parts are the header and the payload of a good token, decoded.
func parts(t *testing.T, token string) (string, string) {
	t.Helper()
	p := strings.Split(token, ".")
	payload, err := base64.RawURLEncoding.DecodeString(p[1])
	if err != nil {
		t.Fatal(err)
	}
	return header(t, token), string(payload)
}

func TestRegress_043_AlgNone(t *testing.T) {
	t.Parallel()
	h := newHouse(t, options{})
	good := h.access(keyring.ES256)
	head, payload := parts(t, good)
	for _, alg := range []string{`"none"`, `"NoNe"`, `"NONE"`, `""`, `null`, `["ES256"]`, `"es256"`, `"HS256"`, `"ES384"`} {
		forged := strings.Replace(head, `"ES256"`, alg, 1)
		for _, signature := range [][]byte{nil, {0}, signatureOf(t, good)} {
			refused(t, h, "alg "+alg, forge(forged, payload, signature))
		}
	}
	refused(t, h, "no alg", forge(strings.Replace(head, `"alg":"ES256",`, "", 1), payload, signatureOf(t, good)))
	refused(t, h, "no signature", good[:strings.LastIndexByte(good, '.')+1])
	refused(t, h, "two parts", good[:strings.LastIndexByte(good, '.')])
}

func TestRegress_044_PublicKeyAsHMACSecret(t *testing.T) {
	t.Parallel()
	h := newHouse(t, options{})
	for _, alg := range keyring.Tokens.Algs() {
		good := h.access(alg)
		head, payload := parts(t, good)
		kid := h.in(keyring.Tokens, alg, keyring.Active)[0].ID
		jwk := h.keySet().Key(kid)[0]
		der, err := x509.MarshalPKIXPublicKey(jwk.Key)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(jwk)
		if err != nil {
			t.Fatal(err)
		}
		block := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
		for _, secret := range [][]byte{der, block, bytes.TrimSpace(block), text, {}} {
			for _, hmacAlg := range []string{"HS256", string(alg)} {
				forged := strings.Replace(head, string(alg), hmacAlg, 1)
				token := forge(forged, payload, nil)
				mac := hmac.New(sha256.New, secret)
				mac.Write([]byte(token[:len(token)-1]))
				refused(t, h, "HMAC under "+string(alg), forge(forged, payload, mac.Sum(nil)))
			}
		}
		for _, other := range keyring.Tokens.Algs() { // RS256 and PS256 share a type of key
			if other != alg {
				refused(t, h, string(other)+" for "+string(alg), forge(strings.Replace(head, string(alg), string(other), 1), payload, signatureOf(t, good)))
			}
		}
	}
}

func TestRegress_045_UnknownOrEmptyKey(t *testing.T) {
	t.Parallel()
	h := newHouse(t, options{})
	good := h.access(keyring.ES256)
	head, payload := parts(t, good)
	kid := h.in(keyring.Tokens, keyring.ES256, keyring.Active)[0].ID
	for _, other := range []string{`""`, `null`, `"unknown"`, `0`, `"` + strings.ToUpper(kid) + `"`, `"` + kid + ` "`} {
		refused(t, h, "kid "+other, forge(strings.Replace(head, `"`+kid+`"`, other, 1), payload, signatureOf(t, good)))
	}
	refused(t, h, "no kid", forge(`{"alg":"ES256","typ":"at+jwt"}`, payload, signatureOf(t, good)))
	// A tenant without keys verifies nothing.
	if _, err := h.Verify(t.Context(), "empty", keyring.AccessToken, good); !errs.Is(err, errs.Unauthenticated) {
		t.Errorf("in a tenant without keys: %v", err)
	}
}

func TestRegress_046_EmbeddedKeys(t *testing.T) {
	t.Parallel()
	h := newHouse(t, options{})
	good := h.access(keyring.ES256)
	head, payload := parts(t, good)
	jwk, err := json.Marshal(h.keySet().Keys[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, member := range []string{
		`"jwk":` + string(jwk), `"jku":"https://evil.example/jwks"`, `"x5u":"https://evil.example/cert"`, `"x5c":["MIIB"]`,
		`"crit":["exp"],"exp":1`, `"crit":[]`, `"b64":false`, `"zip":"DEF"`, `"cty":"JWT"`, `"alg":"ES256"`, `"kid":"x"`,
	} {
		for _, forged := range []string{head[:len(head)-1] + "," + member + "}", "{" + member + "," + head[1:]} {
			refused(t, h, member, forge(forged, payload, signatureOf(t, good)))
		}
	}
	refused(t, h, "white space", forge(strings.Replace(head, ":", ": ", 1), payload, signatureOf(t, good)))
	refused(t, h, "trailing text", forge(head+"{}", payload, signatureOf(t, good)))
	refused(t, h, "JSON serialisation", `{"payload":"`+strings.Split(good, ".")[1]+`","protected":"`+strings.Split(good, ".")[0]+`","signature":"`+strings.Split(good, ".")[2]+`"}`)
}

func TestRegress_047_KidInjection(t *testing.T) {
	t.Parallel()
	h := newHouse(t, options{})
	good := h.access(keyring.ES256)
	_, payload := parts(t, good)
	for _, kid := range []string{
		"../../dev/null", "/etc/passwd", "' OR 1=1 --", "%00", "\x00", "{{7*7}}", "*", strings.Repeat("k", 4_000), strings.Repeat("k", 1<<20),
	} {
		refused(t, h, fmt.Sprintf("kid %.20q", kid), forge(fmt.Sprintf(`{"alg":"ES256","kid":%q,"typ":"at+jwt"}`, kid), payload, signatureOf(t, good)))
	}
}

func TestRegress_049_OnlyCompact(t *testing.T) {
	t.Parallel()
	h := newHouse(t, options{})
	good := h.access(keyring.ES256)
	p := strings.Split(good, ".")
	for name, token := range map[string]string{
		"empty": "", "dots": "..", "five parts": good + ".x.y", "four parts": good + "." + p[2], "leading dot": "." + good,
		"trailing dot": good + ".", "no payload": p[0] + ".." + p[2], "no header": "." + p[1] + "." + p[2],
		"leading blank": " " + good, "trailing newline": good + "\n", "padding": good + "=", "Bearer": "Bearer " + good,
		"newline in signature": good[:len(good)-4] + "\n" + good[len(good)-4:], "newline in payload": p[0] + "." + p[1][:4] + "\n" + p[1][4:] + "." + p[2],
	} {
		refused(t, h, name, token)
	}
}

func TestRegress_052_ManyDots(t *testing.T) { // not parallel: it counts allocations
	h := newHouse(t, options{})
	h.access(keyring.ES256)
	dots, long := strings.Repeat(".", 1_000_000), "a."+strings.Repeat("a", 1_000_000)+".a"
	for _, token := range []string{dots, long, strings.Repeat(".", keyring.MaxToken)} {
		refused(t, h, "a long token", token)
		size := testing.AllocsPerRun(10, func() { _, _ = h.Verify(t.Context(), acme, keyring.AccessToken, token) })
		if size > 4 {
			t.Errorf("%.0f allocations for a token that is refused by its form", size)
		}
	}
}

// Row 57: CVE-2022-21449 and its family, over signatures of every shape.
func TestRegress_057_ECDSAZeroes(t *testing.T) {
	t.Parallel()
	h := newHouse(t, options{})
	good := h.access(keyring.ES256)
	head, payload := parts(t, good)
	n, ok := new(big.Int).SetString("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16)
	if !ok {
		t.Fatal("the order of P-256")
	}
	one := big.NewInt(1)
	odd := []*big.Int{
		new(big.Int), one, n, new(big.Int).Sub(n, one), new(big.Int).Add(n, one),
		new(big.Int).Sub(new(big.Int).Lsh(one, 256), one),
	}
	signature := signatureOf(t, good)
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	pairs := [][2]*big.Int{}
	for _, a := range odd {
		pairs = append(pairs, [2]*big.Int{a, s}, [2]*big.Int{r, a})
		for _, b := range odd {
			pairs = append(pairs, [2]*big.Int{a, b})
		}
	}
	if sum := new(big.Int).Add(r, n); sum.BitLen() <= 256 {
		pairs = append(pairs, [2]*big.Int{sum, s}) // the same r modulo n
	}
	for _, p := range pairs {
		forged := make([]byte, 64)
		p[0].FillBytes(forged[:32])
		p[1].FillBytes(forged[32:])
		refused(t, h, fmt.Sprintf("r=%x s=%x", p[0], p[1]), forge(head, payload, forged))
	}
	for name, forged := range map[string][]byte{
		"short": signature[:63], "long": append(bytes.Clone(signature), 0), "half": signature[:32], "leading zero": append([]byte{0}, signature...),
		"swapped": append(bytes.Clone(signature[32:]), signature[:32]...), "zeroes": make([]byte, 64), "DER": der(r, s),
	} {
		refused(t, h, name, forge(head, payload, forged))
	}
	if !h.verifies(good) {
		t.Error("the good one does not verify")
	}
}

// der is r and s as ASN.1, which X.509 uses and JWS does not.
func der(r, s *big.Int) []byte {
	var body []byte
	for _, x := range []*big.Int{r, s} {
		b := x.Bytes()
		if b[0]&0x80 != 0 {
			b = append([]byte{0}, b...)
		}
		body = append(append(body, 2, byte(len(b))), b...)
	}
	return append([]byte{0x30, byte(len(body))}, body...)
}

// Row 32, for signed tokens: no cut, lengthened, re-spelled or flipped token is good.
func TestRegress_032_MutilatedTokens(t *testing.T) {
	t.Parallel()
	h := newHouse(t, options{})
	good := h.access(keyring.EdDSA)
	for i := range good {
		refused(t, h, fmt.Sprintf("cut at %d", i), good[:i])
		refused(t, h, fmt.Sprintf("without the first %d", i+1), good[i+1:])
		c := good[i] ^ 1
		if good[i] == '.' || c == '.' {
			continue
		}
		refused(t, h, fmt.Sprintf("byte %d changed", i), good[:i]+string(c)+good[i+1:])
	}
	refused(t, h, "upper case", strings.ToUpper(good))
	// 64 bytes need 86 characters, the last of which has four bits to spare.
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, good[len(good)-1])
	for spare := 1; spare < 16; spare++ {
		refused(t, h, "stray bits", good[:len(good)-1]+string(alphabet[last|spare]))
	}
}

// Row 146: neither the database nor anything printed gives a private key away.
func TestRegress_146_NoKeyLeaves(t *testing.T) {
	t.Parallel()
	storetest.SQLiteOnly(t, "it opens the database file beside the engine")
	h := newHouse(t, options{})
	for _, alg := range keyring.Tokens.Algs() {
		h.access(alg)
	}
	// What a PKCS #8 key of each type begins with: version 0 and the algorithm.
	marks := [][]byte{
		{0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d}, // EC
		{0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70},             // Ed25519
		{0x02, 0x01, 0x00, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7}, // RSA
	}
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(h.path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if suffix == "-wal" && !bytes.Contains(data, []byte(`"purpose":"token"`)) {
			t.Fatal("the test does not look where the keys are")
		}
		for _, mark := range marks {
			if bytes.Contains(data, mark) || bytes.Contains(data, []byte(base64.StdEncoding.EncodeToString(mark[:len(mark)/3*3]))) {
				t.Errorf("test.db%s holds a private key", suffix)
			}
		}
	}
	list, err := json.Marshal(h.list())
	if err != nil || bytes.Contains(bytes.ToLower(list), []byte("private")) || bytes.Contains(bytes.ToLower(list), []byte("public")) {
		t.Errorf("the list of keys: %s, %v", list, err)
	}
}

func FuzzVerify(f *testing.F) {
	h := newHouse(f, options{})
	good := h.access(keyring.EdDSA)
	for _, seed := range []string{good, "", "..", "a.b.c", good[:40], good + "." + good, strings.Repeat(".", 100), "eyJhbGciOiJub25lIn0.e30."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		v, err := h.Verify(t.Context(), acme, keyring.AccessToken, token)
		if (err == nil) != (token == good) {
			t.Errorf("%q: %+v, %v", token, v, err)
		}
	})
}
