package email_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/mail"
	"strings"
	"testing"
	"unicode"

	"github.com/cardea-auth/cardea/internal/identity/email"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

func TestParse(t *testing.T) {
	for _, c := range []struct{ in, want, key string }{
		{"alice@example.com", "alice@example.com", "alice@example.com"},
		{"Alice.B@Example.COM", "Alice.B@example.com", "alice.b@example.com"},
		{"a+b!#$%&'*-/=?^_`{|}~@example.com", "a+b!#$%&'*-/=?^_`{|}~@example.com", "a+b!#$%&'*-/=?^_`{|}~@example.com"},
		{"ａｌｉｃｅ@example.com", "alice@example.com", "alice@example.com"}, // full width
		{"alice@BÜCHER.example", "alice@xn--bcher-kva.example", "alice@xn--bcher-kva.example"},
		{"alice@xn--bcher-kva.example", "alice@xn--bcher-kva.example", "alice@xn--bcher-kva.example"},
		{"alice@例え。テスト", "alice@xn--r8jz45g.xn--zckzah", "alice@xn--r8jz45g.xn--zckzah"}, // ideographic full stop
		{"Jürgen@example.com", "Jürgen@example.com", "jürgen@example.com"},
		{"Ju\u0308rgen@example.com", "Jürgen@example.com", "jürgen@example.com"}, // NFD
		{"ПЁТР@example.com", "ПЁТР@example.com", "пётр@example.com"},
		{"山田taro@example.com", "山田taro@example.com", "山田taro@example.com"},
		{strings.Repeat("a", 64) + "@example.com", strings.Repeat("a", 64) + "@example.com", strings.Repeat("a", 64) + "@example.com"},
	} {
		a, err := email.Parse(c.in)
		if err != nil {
			t.Errorf("%q: %v", c.in, err)
			continue
		}
		if a.String() != c.want || string(a.Canonical()) != c.key || a.Local()+"@"+a.Domain() != c.want {
			t.Errorf("%q: %q, key %q; want %q, %q", c.in, a, a.Canonical(), c.want, c.key)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	long := strings.Repeat("d", 60)
	for name, in := range map[string]string{
		"empty":             "",
		"no at":             "alice.example.com",
		"no local part":     "@example.com",
		"no domain":         "alice@",
		"leading dot":       ".alice@example.com",
		"trailing dot":      "alice.@example.com",
		"double dot":        "al..ice@example.com",
		"space":             "al ice@example.com",
		"space around":      " alice@example.com",
		"newline":           "alice@example.com\n",
		"header":            "alice@example.com\r\nBcc: eve@example.com",
		"NUL":               "alice\x00@example.com",
		"comment":           "alice(x)@example.com",
		"angle":             "<alice@example.com>",
		"comma":             "a,b@example.com",
		"invalid UTF-8":     "al\xffice@example.com",
		"literal":           "alice@[192.0.2.1]",
		"IPv4":              "alice@192.0.2.1",
		"numeric TLD":       "alice@example.123",
		"single label":      "alice@localhost",
		"domain dot":        "alice@example.com.",
		"domain dots":       "alice@example..com",
		"underscore domain": "alice@ex_ample.com",
		"hyphen domain":     "alice@-example.com",
		"bad punycode":      "alice@xn--a.example",
		"local too long":    strings.Repeat("a", 65) + "@example.com",
		"label too long":    "a@" + strings.Repeat("d", 64) + ".com",
		"whole too long":    strings.Repeat("a", 64) + "@" + long + "." + long + "." + long + ".example",
		"key too long":      strings.Repeat("Ⱥ", 32) + "@example.com", // its lower case takes three bytes, not two
		"huge":              strings.Repeat("a", 1<<20),
		"emoji":             "😀@example.com",
		"no-break space":    "al\u00a0ice@example.com",
	} {
		if a, err := email.Parse(in); err == nil {
			t.Errorf("%s: accepted as %q", name, a)
		} else if !errs.Is(err, errs.Invalid) || errs.CodeOf(err) != "invalid_email" {
			t.Errorf("%s: %v", name, err)
		} else if strings.Contains(err.Error(), "example") {
			t.Errorf("%s: the error repeats the address: %v", name, err)
		}
	}
}

// CVE-2026-73420: an '@' that appears only after normalising sends the mail elsewhere.
func TestRegress_116_DisguisedAt(t *testing.T) {
	for _, in := range []string{
		"alice@attacker.example\uff20victim.example", "alice\uff20victim.example", "alice\ufe6bvictim.example",
		"alice\ufe6battacker.example@victim.example", "alice@victim.example\uff20",
	} {
		if a, err := email.Parse(in); err == nil {
			t.Errorf("%q: accepted as %q", in, a)
		}
	}
}

func TestRegress_117_QuotedLocalPart(t *testing.T) {
	for _, in := range []string{
		`"e@attacker.example"@victim.example`, `"alice"@victim.example`, `"alice bob"@victim.example`,
		`al"i"ce@victim.example`, `alice\@attacker.example@victim.example`, `＂alice＂@victim.example`,
	} {
		if a, err := email.Parse(in); err == nil {
			t.Errorf("%q: accepted as %q", in, a)
		}
	}
}

func TestRegress_118_SeveralAts(t *testing.T) {
	for _, in := range []string{"alice@attacker.example@victim.example", "alice@@victim.example", "@@", "a@b.example@", "@a@b.example"} {
		if a, err := email.Parse(in); err == nil {
			t.Errorf("%q: accepted with domain %q", in, a.Domain())
		}
	}
}

func TestRegress_126_UnicodeTricks(t *testing.T) {
	for name, in := range map[string]string{
		"right-to-left override": "alice\u202egnp@example.com",
		"left-to-right mark":     "alice\u200e@example.com",
		"isolate":                "\u2066alice@example.com",
		"zero-width space":       "ali\u200bce@example.com",
		"zero-width joiner":      "ali\u200dce@example.com",
		"soft hyphen":            "ali\u00adce@example.com",
		"byte order mark":        "\ufeffalice@example.com",
		"variation selector":     "alice\ufe0f@example.com",
		"tag character":          "alice\U000e0041@example.com",
		"control":                "ali\u0085ce@example.com",
		"private use":            "ali\ue000ce@example.com",
		"Cyrillic a in Latin":    "\u0430lice@example.com",
		"Greek o in Latin":       "b\u03bfb@example.com",
		"mixed directions":       "alice\u05d0\u05d1@example.com",
		"Hebrew after digit":     "1\u05d0@example.com",
		"bidi in the domain":     "alice@\u202eexample.com",
	} {
		if a, err := email.Parse(in); err == nil {
			t.Errorf("%s: accepted as %q", name, a)
		}
	}
}

// Spellings of one mailbox share the key that uniqueness and lockout count by (row 100), and only
// those: dots and tags are part of the name.
func TestCanonical(t *testing.T) {
	key := func(s string) email.Key {
		t.Helper()
		a, err := email.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return a.Canonical()
	}
	for _, same := range []string{"ALICE@EXAMPLE.COM", "alice@Example.com", "ａLICE@example.com", "alice@ＥXAMPLE．com"} {
		if key(same) != key("alice@example.com") {
			t.Errorf("%q has the key %q", same, key(same))
		}
	}
	for _, other := range []string{"a.lice@example.com", "alice+x@example.com", "alicé@example.com", "alice@example.org"} {
		if key(other) == key("alice@example.com") {
			t.Errorf("%q has the key of alice", other)
		}
	}
	if key("STRASSE@example.com") == key("straße@example.com") {
		t.Error("ß and ss are different letters")
	}
}

func TestZero(t *testing.T) {
	var a email.Address
	if !a.IsZero() || a.String() != "" || a.Canonical() != "" {
		t.Errorf("the zero address says something: %q %q", a.String(), a.Canonical())
	}
}

func TestText(t *testing.T) {
	type doc struct {
		Email email.Address `json:"email,omitzero"`
	}
	var d doc
	if err := json.Unmarshal([]byte(`{"email":"Alice@Example.com"}`), &d); err != nil || d.Email.String() != "Alice@example.com" {
		t.Fatalf("%q, %v", d.Email, err)
	}
	if b, err := json.Marshal(d); err != nil || string(b) != `{"email":"Alice@example.com"}` {
		t.Errorf("%s, %v", b, err)
	}
	if b, err := json.Marshal(doc{}); err != nil || string(b) != `{}` {
		t.Errorf("%s, %v", b, err)
	}
	if err := json.Unmarshal([]byte(`{"email":""}`), &d); err == nil {
		t.Error("an empty address was taken for none")
	}
	var log bytes.Buffer
	a, _ := email.Parse("alice@example.com")
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "address", a)
	if strings.Contains(log.String(), "alice") {
		t.Errorf("the log has the address: %s", &log)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"alice@example.com", "Jürgen@bücher.example", "a\uff20b@c.example", `"a@b"@c.example`, "İ@example.com", "ſ@example.com",
		"a@例え。テスト", "Ⱥ@example.com", "\u1e9e@example.com", "a@b.xn--zckzah", "ά\u0345@example.com", "ᾼ@example.com", "a/c@x.ﬁ",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		a, err := email.Parse(in)
		if err != nil {
			if !a.IsZero() {
				t.Fatal("an error came with an address")
			}
			return
		}
		text := a.String()
		if strings.Count(text, "@") != 1 || len(text) > email.MaxLength || len(a.Local()) > email.MaxLocal {
			t.Fatalf("bad form %q", text)
		}
		if b, err := email.Parse(text); err != nil || a != b {
			t.Fatalf("%q reads again as %q, %v", text, b, err)
		}
		std, err := mail.ParseAddress(text)
		if err != nil || std.Address != text || std.Name != "" {
			t.Fatalf("net/mail reads %q as %v, %v", text, std, err)
		}
		key, err := email.Parse(string(a.Canonical()))
		if err != nil || key.Canonical() != a.Canonical() || key.String() != string(a.Canonical()) {
			t.Fatalf("the key %q is not stable: %q, %v", a.Canonical(), key.Canonical(), err)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	for _, s := range []string{"alice@example.com", "Jürgen@bücher.example"} {
		b.Run(s, func(b *testing.B) {
			for b.Loop() {
				if _, err := email.Parse(s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Every character that may stand in a local part, alone and after another, keeps what the fuzz test
// asks of all: the fuzzer rarely meets the few letters whose lower case is not one letter.
func TestEveryLetter(t *testing.T) {
	t.Parallel()
	accepted := 0
	for r := rune(0x80); r <= unicode.MaxRune; r++ {
		if !unicode.In(r, unicode.L, unicode.M, unicode.N) || unicode.In(r, unicode.Han, unicode.Hangul) {
			continue
		}
		for _, local := range []string{string(r), "a" + string(r)} {
			a, err := email.Parse(local + "@example.com")
			if err != nil {
				continue
			}
			accepted++
			key, err := email.Parse(string(a.Canonical()))
			if err != nil || key.Canonical() != a.Canonical() {
				t.Errorf("%U: the key %q of %q is not stable: %v", r, a.Canonical(), a, err)
			}
			if again, err := email.Parse(a.String()); err != nil || again != a {
				t.Errorf("%U: %q reads again as %q, %v", r, a, again, err)
			}
		}
	}
	if accepted < 20_000 {
		t.Errorf("only %d accepted", accepted)
	}
}
