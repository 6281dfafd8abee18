package cardea_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/cardea-auth/cardea"
	"github.com/cardea-auth/cardea/cardeatest"
)

// The form of a token and what is in it; the keys are in regress_test.go.

func TestRegress_049_OnlyCompactSerialisation(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	auth := srv.NewClient(t)
	token := srv.Token(cardeatest.Claims{})
	h, p, s := parts(token)
	for _, bad := range []string{
		fmt.Sprintf(`{"payload":%q,"protected":%q,"signature":%q}`, p, h, s),
		fmt.Sprintf(`{"payload":%q,"signatures":[{"protected":%q,"signature":%q},{"protected":%q,"signature":"AA"}]}`, p, h, s, h),
		h + "." + p, h + "." + p + ".", "." + p + "." + s, h + ".." + s, h + "." + p + "." + s + ".", "." + token, h + "." + p + "." + s + "." + s,
		h + "." + p + "." + s + "\n", "\n" + token, h + "." + p + "." + s + "=", h + "=." + p + "." + s, token[:20] + "\r\n" + token[20:], " " + token,
		h + "." + p + "." + s[:43] + "\n" + s[43:], strings.ReplaceAll(token, "-", "+") + "+", "%" + token, token + "\x00", h + "。" + p + "。" + s,
	} {
		verify(t, auth, bad, cardea.CodeTokenInvalid)
	}
	// The same bytes in another spelling: stray bits at the end of a part (RFC 4648 section 3.5).
	last := strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", s[len(s)-1])
	stray := s[:len(s)-1] + string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[last+1])
	if raw, err := base64.RawURLEncoding.DecodeString(stray); err != nil || len(raw) != 64 {
		t.Fatal("the test is wrong")
	}
	verify(t, auth, h+"."+p+"."+stray, cardea.CodeTokenInvalid)
	verify(t, auth, token, "")
}

func TestRegress_050_Zip(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	auth := srv.NewClient(t)
	for _, zip := range []any{"DEF", "", 1} {
		verify(t, auth, srv.Token(cardeatest.Claims{Header: map[string]any{"zip": zip}}), cardea.CodeTokenInvalid)
	}
}

// encrypted is a real JWE, as its maker may have been told to send.
func encrypted(t *testing.T, alg jose.KeyAlgorithm, key any, payload []byte) string {
	t.Helper()
	options := (&jose.EncrypterOptions{Compression: jose.DEFLATE}).WithType("at+jwt")
	enc, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: alg, Key: key, KeyID: "k", PBES2Count: 1000, PBES2Salt: []byte("saltsaltsalt")}, options)
	if err != nil {
		t.Fatal(err)
	}
	out, err := enc.Encrypt(payload)
	if err != nil {
		t.Fatal(err)
	}
	compact, err := out.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

func TestRegress_051_PBES2(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	auth := srv.NewClient(t)
	verify(t, auth, encrypted(t, jose.PBES2_HS256_A128KW, []byte("password"), []byte("{}")), cardea.CodeTokenInvalid)
	start := time.Now()
	head := `{"typ":"at+jwt","alg":"PBES2-HS512+A256KW","enc":"A256GCM","p2s":"AA","p2c":2147483647,"kid":"k"}`
	for _, tail := range []string{".AA.AA.AA.AA", ".AA.AA"} {
		verify(t, auth, b64(head)+tail, cardea.CodeTokenInvalid)
	}
	for _, alg := range []string{"RSA1_5", "dir", "A128KW", "PBES2-HS256+A128KW"} {
		verify(t, auth, srv.Token(cardeatest.Claims{Header: map[string]any{"alg": alg}}), cardea.CodeTokenInvalid)
	}
	if d := time.Since(start); d > time.Second {
		t.Errorf("%v for headers that ask for work", d)
	}
}

// Tokens of a million dots, and whatever else swells when it is taken apart, cost next to nothing.
func TestRegress_052_OversizedTokens(t *testing.T) {
	srv := cardeatest.NewServer(t)
	auth := srv.NewClient(t, cardea.Offline()) // nothing else allocates meanwhile
	guarded := auth.RequireSignIn(greet)
	for name, token := range map[string]string{
		"dots": strings.Repeat(".", 1e6), "dots at the cap": strings.Repeat(".", cardea.MaxToken), "letters": strings.Repeat("a", 1e7),
		"letters at the cap": strings.Repeat("a", cardea.MaxToken-2) + ".b", "a long header": b64(`{"typ":"` + strings.Repeat("x", 6000) + `"}`),
		"brackets": b64(strings.Repeat("[", 6000)) + ".e30.AA", "members": b64("{"+strings.Repeat(`"a":{`, 1200)) + ".e30.AA",
		"a good one, too long": srv.Token(cardeatest.Claims{Extra: map[string]any{"x": strings.Repeat("x", cardea.MaxToken)}}),
	} {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.Header.Set("Authorization", "Bearer "+token)
		bytes := allocated(func() { _, _ = auth.Verify(t.Context(), token) })
		through := allocated(func() { guarded.ServeHTTP(httptest.NewRecorder(), r) })
		if bytes > 64<<10 || through > 64<<10 {
			t.Errorf("%s: %d bytes allocated to refuse %d, %d through the middleware", name, bytes, len(token), through)
		}
		verify(t, auth, token, cardea.CodeTokenInvalid)
	}
	fits := srv.Token(cardeatest.Claims{Extra: map[string]any{"x": strings.Repeat("x", 5000)}})
	verify(t, auth, fits, "")
}

// allocated is how many bytes f allocates, the least of several runs because others may allocate too.
func allocated(f func()) uint64 {
	least := ^uint64(0)
	for range 5 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}

func TestRegress_053_MalformedTokensDoNotPanic(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	auth := srv.NewClient(t)
	token := srv.Token(cardeatest.Claims{})
	for i := range len(token) { // every cut, every lost byte
		verify(t, auth, token[:i], map[bool]cardea.Code{true: cardea.CodeTokenMissing, false: cardea.CodeTokenInvalid}[i == 0])
		verify(t, auth, token[:i]+token[i+1:], cardea.CodeTokenInvalid)
	}
	for _, head := range []string{``, `null`, `1`, `"x"`, `[]`, `{}`, `{"`, `{"alg"}`, `{"alg":}`, `{"typ":"at+jwt","alg":"ES256","kid":"` + srv.KeyID() + `"`} {
		for _, payload := range []string{``, `null`, `[]`, `{}`} {
			verify(t, auth, srv.Sign([]byte(head), []byte(payload)), cardea.CodeTokenInvalid)
		}
	}
	good := fmt.Sprintf(`{"typ":"at+jwt","alg":"ES256","kid":%q}`, srv.KeyID())
	for _, payload := range []string{``, `null`, `1`, `"x"`, `[]`, `{}`, `{"`, `{} {}`} { // with a good signature
		verify(t, auth, srv.Sign([]byte(good), []byte(payload)), cardea.CodeTokenInvalid)
	}
}

// A token with a bad signature is a bad token, whatever else is wrong with it; and aud has two types.
func TestRegress_054_ErrorsAndAudiences(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	auth := srv.NewClient(t)
	h, p, s := parts(srv.Token(cardeatest.Claims{Life: -time.Hour}))
	verify(t, auth, h+"."+p+"."+s, cardea.CodeTokenExpired)
	verify(t, auth, h+"."+p+"."+strings.Repeat("A", len(s)), cardea.CodeTokenInvalid)
	srv.RevokeUser("alice")
	for _, c := range []struct {
		aud  string
		code cardea.Code
	}{
		{`"https://api.test"`, ""}, {`["https://api.test"]`, ""}, {`["a","https://api.test"]`, ""}, {`null`, cardea.CodeTokenInvalid}, {`[]`, cardea.CodeTokenInvalid},
		{`""`, cardea.CodeTokenInvalid}, {`[""]`, cardea.CodeTokenInvalid}, {`1`, cardea.CodeTokenInvalid}, {`true`, cardea.CodeTokenInvalid},
		{`{"https://api.test":1}`, cardea.CodeTokenInvalid}, {`["https://api.test",1]`, cardea.CodeTokenInvalid}, {`["https://api.test",null]`, cardea.CodeTokenInvalid},
		{`[["https://api.test"]]`, cardea.CodeTokenInvalid}, {`"https://api.test https://b"`, cardea.CodeTokenInvalid}, {`"https://API.test"`, cardea.CodeTokenInvalid},
		{`"https://api.test\u0000"`, cardea.CodeTokenInvalid}, {`["https://api.tes","t"]`, cardea.CodeTokenInvalid},
	} {
		verify(t, auth, srv.Token(cardeatest.Claims{Subject: "bob", Extra: map[string]any{"aud": json.RawMessage(c.aud)}}), c.code)
	}
	verify(t, auth, srv.Token(cardeatest.Claims{Extra: map[string]any{"aud": nil}}), cardea.CodeTokenInvalid)
}

func TestRegress_055_EncryptedWhereSignedIsExpected(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	auth := srv.NewClient(t)
	raw, err := json.Marshal(srv.PublishedKeys()[0])
	if err != nil {
		t.Fatal(err)
	}
	var key jose.JSONWebKey
	if err := json.Unmarshal(raw, &key); err != nil {
		t.Fatal(err)
	}
	_, payload, _ := parts(srv.Token(cardeatest.Claims{}))
	claims, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		t.Fatal(err)
	}
	// Anybody can encrypt to a public key; that proves nothing.
	token := encrypted(t, jose.ECDH_ES, key.Key, claims)
	verify(t, auth, token, cardea.CodeTokenInvalid)
	cut := strings.Split(token, ".")
	verify(t, auth, strings.Join(cut[:3], "."), cardea.CodeTokenInvalid)
	for _, name := range []string{"enc", "epk", "crit", "b64", "p2c", "p2s"} {
		for _, value := range []any{"x", true, []string{"exp"}, json.RawMessage("null")} {
			verify(t, auth, srv.Token(cardeatest.Claims{Header: map[string]any{name: value}}), cardea.CodeTokenInvalid)
		}
	}
}

// Whoever cannot sign learns nothing about why.
func TestRegress_056_OneErrorText(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	auth := srv.NewClient(t)
	h, p, s := parts(srv.Token(cardeatest.Claims{Life: -time.Hour}))
	texts := make(map[string]bool)
	for _, token := range []string{
		"x", "x.y.z", h + "." + p + ".AA", h + "." + p + "." + strings.Repeat("A", len(s)), h + ".e30." + s, b64(`{}`) + "." + p + "." + s,
		strings.Repeat("a", 9000), srv.Token(cardeatest.Claims{Header: map[string]any{"kid": "x"}}), srv.Token(cardeatest.Claims{Header: map[string]any{"alg": "HS256"}}),
	} {
		_, err := auth.Verify(t.Context(), token)
		e, ok := errors.AsType[*cardea.Error](err)
		if !ok {
			t.Fatal(err)
		}
		texts[e.Error()] = true
	}
	if len(texts) != 1 {
		t.Errorf("answers differ: %v", texts)
	}
}

// TestRegress_057_ECDSAEdges: the psychic signatures of CVE-2022-21449 and their relatives. Wycheproof's
// whole set runs in test/conformance/jose.
func TestRegress_057_ECDSAEdges(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	input := []byte("header.payload")
	digest := sha256.Sum256(input)
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	good := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	if !cardea.VerifySignature("ES256", &key.PublicKey, input, good) {
		t.Fatal("a good signature is refused")
	}
	n := elliptic.P256().Params().N
	p := elliptic.P256().Params().P
	one, top := big.NewInt(1), new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1))
	edges := []*big.Int{big.NewInt(0), one, n, new(big.Int).Sub(n, one), new(big.Int).Add(n, one), p, new(big.Int).Sub(p, n), top, new(big.Int).Rsh(n, 1)}
	for _, a := range append(edges, r) {
		for _, b := range append(edges, s) {
			if a == r && b == s {
				continue
			}
			sig := append(a.FillBytes(make([]byte, 32)), b.FillBytes(make([]byte, 32))...)
			if cardea.VerifySignature("ES256", &key.PublicKey, input, sig) {
				t.Errorf("r=%x s=%x is accepted", a, b)
			}
		}
	}
	der, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	for name, sig := range map[string][]byte{
		"none": nil, "ASN.1": der, "63": good[:63], "65": append(good[:64:64], 0), "0 in front": append([]byte{0}, good...), "twice": append(good[:64:64], good...),
		"48 each": append(append(make([]byte, 16), good[:32]...), append(make([]byte, 16), good[32:]...)...), "swapped": append(good[32:64:64], good[:32]...), "32": good[:32],
	} {
		if cardea.VerifySignature("ES256", &key.PublicKey, input, sig) {
			t.Errorf("%s is accepted", name)
		}
	}
}

// go-jose, which is not ours, agrees about good signatures of fixed width and about damaged ones.
func TestRegress_057_AgreesWithGoJose(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	auth := srv.NewClient(t)
	raw, err := json.Marshal(srv.PublishedKeys()[0])
	if err != nil {
		t.Fatal(err)
	}
	var key jose.JSONWebKey
	if err := json.Unmarshal(raw, &key); err != nil {
		t.Fatal(err)
	}
	oracle := func(token string) bool {
		signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
		if err != nil {
			return false
		}
		_, err = signed.Verify(key)
		return err == nil
	}
	for i := range 1000 {
		token := srv.Token(cardeatest.Claims{})
		if i%2 == 1 { // flip a bit of the signature
			h, p, s := parts(token)
			sig, err := base64.RawURLEncoding.DecodeString(s)
			if err != nil {
				t.Fatal(err)
			}
			sig[i%64] ^= 1 << (i % 8)
			token = h + "." + p + "." + base64.RawURLEncoding.EncodeToString(sig)
		}
		_, err := auth.Verify(t.Context(), token)
		if (err == nil) != oracle(token) || (err == nil) != (i%2 == 0) {
			t.Fatalf("%d: we say %v, go-jose says %v", i, err, oracle(token))
		}
	}
}

// An attacker runs an issuer too: its tokens are nothing here, whoever they say they are from.
func TestRegress_059_AnotherIssuer(t *testing.T) {
	t.Parallel()
	srv, evil := cardeatest.NewServer(t), cardeatest.NewServer(t)
	auth := srv.NewClient(t)
	for _, extra := range []map[string]any{nil, {"iss": srv.URL}} {
		for _, kid := range []string{evil.KeyID(), srv.KeyID()} {
			verify(t, auth, evil.Token(cardeatest.Claims{Header: map[string]any{"kid": kid}, Extra: extra}), cardea.CodeTokenInvalid)
		}
	}
	verify(t, auth, srv.Token(cardeatest.Claims{Extra: map[string]any{"iss": evil.URL}}), cardea.CodeTokenInvalid)
}

// What encoding/json would repair or choose between is refused, in the header and in the claims.
func TestRegress_060_AmbiguousJSON(t *testing.T) {
	t.Parallel()
	srv := cardeatest.NewServer(t)
	auth := srv.NewClient(t)
	good := fmt.Sprintf(`{"typ":"at+jwt","alg":"ES256","kid":%q}`, srv.KeyID())
	_, p, _ := parts(srv.Token(cardeatest.Claims{}))
	claims, err := base64.RawURLEncoding.DecodeString(p)
	if err != nil {
		t.Fatal(err)
	}
	verify(t, auth, srv.Sign([]byte(good), claims), "")
	deep := strings.Repeat("[", 20) + strings.Repeat("]", 20)
	for name, change := range map[string]func(string) string{
		"a name twice":            func(s string) string { return strings.Replace(s, "{", `{"x":1,"x":1,`, 1) },
		"a name twice, escaped":   func(s string) string { return strings.Replace(s, "{", `{"x":1,"\u0078":1,`, 1) },
		"a name twice, deeper":    func(s string) string { return strings.Replace(s, "{", `{"x":{"y":1,"y":2},`, 1) },
		"a name twice, in a list": func(s string) string { return strings.Replace(s, "{", `{"x":[{"y":1,"y":2}],`, 1) },
		"a byte order mark":       func(s string) string { return "\ufeff" + s },
		"invalid UTF-8":           func(s string) string { return strings.Replace(s, "{", "{\"x\":\"\xff\",", 1) },
		"overlong UTF-8":          func(s string) string { return strings.Replace(s, "{", "{\"x\":\"\xc0\xaf\",", 1) },
		"a lone high surrogate":   func(s string) string { return strings.Replace(s, "{", `{"x":"\ud800",`, 1) },
		"a lone low surrogate":    func(s string) string { return strings.Replace(s, "{", `{"x":"\udc00",`, 1) },
		"surrogates, wrong way":   func(s string) string { return strings.Replace(s, "{", `{"x":"\udc00\ud800",`, 1) },
		"surrogate and letter":    func(s string) string { return strings.Replace(s, "{", `{"x":"\ud800abcdefg",`, 1) },
		"nested too deep":         func(s string) string { return strings.Replace(s, "{", `{"x":`+deep+`,`, 1) },
		"trailing text":           func(s string) string { return s + "x" },
		"a second object":         func(s string) string { return s + s },
		"a trailing comma":        func(s string) string { return strings.TrimSuffix(s, "}") + ",}" },
		"a comment":               func(s string) string { return s + "//" },
		"UTF-16":                  func(s string) string { return "\x00" + strings.Join(strings.Split(s, ""), "\x00") },
		"an infinite number":      func(s string) string { return strings.Replace(s, "{", `{"x":Infinity,`, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			verify(t, auth, srv.Sign([]byte(change(good)), claims), cardea.CodeTokenInvalid)
			verify(t, auth, srv.Sign([]byte(good), []byte(change(string(claims)))), cardea.CodeTokenInvalid)
		})
	}
	for depth, code := range map[int]cardea.Code{15: "", 16: cardea.CodeTokenInvalid} { // besides the object itself
		nested := strings.Replace(string(claims), "{", `{"x":`+strings.Repeat("[", depth)+strings.Repeat("]", depth)+`,`, 1)
		verify(t, auth, srv.Sign([]byte(good), []byte(nested)), code)
	}
	// Names are exact: a second member in another case is another member.
	late := strings.Replace(string(claims), "{", `{"EXP":1,"Aud":"x","ISS":"x","Sub":"root",`, 1)
	if who := verify(t, auth, srv.Sign([]byte(good), []byte(late)), ""); who.Subject != "alice" {
		t.Errorf("subject %q", who.Subject)
	}
	fine := strings.Replace(string(claims), "{", `{"x":"\ud83d\ude00 \\ud800 \"","y":[{"z":1},{"z":2}],`, 1)
	verify(t, auth, srv.Sign([]byte(good), []byte(fine)), "")
}
