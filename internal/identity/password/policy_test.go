package password_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cardea-auth/cardea/internal/identity/password"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/secret"
)

// broken is the code of the first broken rule and how many there are; "" and 0 for a good password.
func broken(p password.Policy, text string, about password.About) (string, int) {
	err := p.Check(secret.New(text), about)
	if err == nil {
		return "", 0
	}
	return errs.CodeOf(err), len(errs.From(err).Fields)
}

func TestPolicy(t *testing.T) {
	all := password.Policy{Require: password.Lower | password.Upper | password.Digit | password.Symbol}
	alice := password.About{Words: []string{"Alice.Smith@example.com", "Alice Smith-Jones"}}
	for _, c := range []struct {
		policy password.Policy
		text   string
		about  password.About
		want   string
		rules  int
	}{
		{text: "tr1p-x0w", want: "", rules: 0},
		{text: "tr1p-x0", want: "password_too_short", rules: 1},
		{text: "äöüßäöü", want: "password_too_short", rules: 1}, // code points, not bytes
		{text: "äxüßäöü8", want: "", rules: 0},
		{text: "tr1p-x0w", about: password.About{Alone: true}, want: "password_too_short", rules: 1},
		{text: "tr1p-x0w-klm-77", about: password.About{Alone: true}, want: "", rules: 0},
		{policy: password.Policy{Length: 12}, text: "tr1p-x0w-kl", want: "password_too_short", rules: 1},
		{policy: password.Policy{Length: 20}, text: "tr1p-x0w-klm-77", about: password.About{Alone: true}, want: "password_too_short", rules: 1},
		{policy: password.Policy{LengthAlone: 8}, text: "tr1p-x0w", about: password.About{Alone: true}, want: "", rules: 0},
		{text: "password1", want: "password_common", rules: 1},
		{text: "PassWord1", want: "password_common", rules: 1},
		{text: "ｐａｓｓｗｏｒｄ１", want: "password_common", rules: 1}, // wide letters
		{text: "Password123!", want: "password_common", rules: 1},
		{text: "Summer2026!", want: "password_common", rules: 1},
		{text: "password", about: password.About{Alone: true}, want: "password_too_short", rules: 2},
		{text: "password1x7", want: "", rules: 0}, // no false positives: the list is exact
		{text: "alice.smith@example.com", about: alice, want: "password_personal", rules: 1},
		{text: "ALICE.SMITH", about: alice, want: "password_personal", rules: 1},
		{text: "alicesmith1", about: alice, want: "password_personal", rules: 1},
		{text: "1999-Alice!", about: alice, want: "password_personal", rules: 1},
		{text: "smith-jones", about: alice, want: "password_personal", rules: 1},
		{text: "smithalice", about: alice, want: "password_personal", rules: 1},
		{text: "ＡＬＩＣＥsmith", about: alice, want: "password_personal", rules: 1},
		{text: "example1234", about: alice, want: "password_personal", rules: 1},
		{text: "alice in wonderland", about: alice, want: "", rules: 0},
		{text: "tr1p-com-com", about: alice, want: "", rules: 0}, // the top-level domain is nobody's
		{text: "tr1p-x0w", about: password.About{Words: []string{"", "@", "x", "tr"}}, want: "", rules: 0},
		{policy: all, text: "tr1p-x0w", want: "password_needs_upper", rules: 1},
		{policy: all, text: "trip xowk", want: "password_needs_upper", rules: 2},
		{policy: all, text: "12345678901", want: "password_needs_lower", rules: 4},
		{policy: all, text: "Tr1p-x0w", want: "", rules: 0},
		{policy: all, text: "Жд1 жджд", want: "", rules: 0}, // letters of any script
		{text: "tr1p\tx0w", want: "password_bad_character", rules: 1},
		{text: strings.Repeat("x7", 600), want: "password_too_long", rules: 1},
		{text: "", want: "password_too_short", rules: 1},
		{text: "        ", want: "", rules: 0}, // blanks are characters
	} {
		code, rules := broken(c.policy, c.text, c.about)
		if code != c.want || rules != c.rules {
			t.Errorf("%.40q, alone %v, %+v: %q with %d rules, want %q with %d", c.text, c.about.Alone, c.policy, code, rules, c.want, c.rules)
		}
	}
}

func TestPolicyExplains(t *testing.T) {
	err := password.Policy{Require: password.Digit}.Check(secret.New("hunters"), password.About{Words: []string{"hunters"}})
	want := []errs.Field{
		{Pointer: "/password", Rule: "password_too_short", Params: errs.Params{"min": 8}, Detail: "has fewer than 8 characters"},
		{Pointer: "/password", Rule: "password_needs_digit", Detail: "has no digit"},
		{Pointer: "/password", Rule: "password_common", Detail: "is one of the most used passwords"},
		{Pointer: "/password", Rule: "password_personal", Detail: "is made of the account's own name or address"},
	}
	if diff := cmp.Diff(want, errs.From(err).Fields); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(err.Error(), "hunters") {
		t.Errorf("the error repeats the password: %v", err)
	}
}

func TestPolicyValidate(t *testing.T) {
	for name, p := range map[string]password.Policy{
		"seven":           {Length: 7},
		"seven alone":     {LengthAlone: 7},
		"negative":        {Length: -1},
		"longer than any": {Length: 129},
		"unknown class":   {Require: 16},
	} {
		if err := p.Validate(); !errs.Is(err, errs.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, p := range []password.Policy{{}, {Length: 8, LengthAlone: 8}, {Length: 128, Require: 15}} {
		if err := p.Validate(); err != nil {
			t.Errorf("%+v: %v", p, err)
		}
	}
}

func TestStrength(t *testing.T) {
	for _, c := range []struct {
		text   string
		score  int
		reason password.Reason
	}{
		{"", 0, password.ReasonTooShort},
		{"a\x00b", 0, password.ReasonCharacter},
		{strings.Repeat("x", 1025), 0, password.ReasonTooLong},
		{"a", 0, password.ReasonSimple},
		{"gT5^", 1, password.ReasonSimple},
		{"password", 0, password.ReasonCommon},
		{"PASSWORD", 0, password.ReasonCommon},
		{"Summer2026!", 0, password.ReasonCommon},
		{"alice2024!", 0, password.ReasonPersonal},
		{"qwertyuiop[", 1, password.ReasonSequence},
		{"abcdefgh4321", 1, password.ReasonSequence},
		{"aaaaaaaaaaaaaaaa", 0, password.ReasonRepeat},
		{"tr1ptr1ptr1ptr1p", 1, password.ReasonRepeat},
		{"D0g.....................", 2, password.ReasonRepeat},
		{"dragonmonkey12", 1, password.ReasonCommon},
		{"P@ssw0rd1999", 2, password.ReasonCommon},
		{"2019k1987", 1, password.ReasonDate},
		{"qV3nR8tzWb", 3, ""},
		{"x7$Kq9!vLm2", 4, ""},
		{"correct horse battery staple", 4, ""},
		{"längerespasswörtchen", 4, ""},
		{strings.Repeat("x7$Kq9!vLm2,", 80), 4, ""},
	} {
		got := password.Strength(secret.New(c.text), "Alice.Smith@example.com")
		if want := (password.Estimate{Score: c.score, Reason: c.reason}); got != want {
			t.Errorf("%.40q: %+v, want %+v", c.text, got, want)
		}
	}
}

func FuzzStrength(f *testing.F) {
	for _, s := range []string{"", "password", "aaa", "abcabc", "P@ssw0rd1999", "ﬁﬁﬁ", "İİİİ", "1qaz2wsx"} {
		f.Add(s, "alice@example.com")
	}
	f.Fuzz(func(t *testing.T, text, own string) {
		e := password.Strength(secret.New(text), own)
		if e.Score < 0 || e.Score > 4 || (e.Score >= 3) != (e.Reason == "") {
			t.Errorf("%+v", e)
		}
		longer := password.Strength(secret.New(text+"x7$Kq9!vLm2"), own)
		if e.Reason != password.ReasonCharacter && len(text) < 50 && longer.Score < e.Score-1 {
			t.Errorf("%q scores %d, with a random ending %d", text, e.Score, longer.Score)
		}
		_ = password.Policy{}.Check(secret.New(text), password.About{Words: []string{own}})
	})
}

func BenchmarkPolicy(b *testing.B) {
	about := password.About{Words: []string{"alice.smith@example.com", "Alice Smith"}}
	for b.Loop() {
		if err := (password.Policy{}).Check(secret.New("correct horse battery"), about); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStrength(b *testing.B) {
	for b.Loop() {
		password.Strength(secret.New("correct horse battery staple"), "alice.smith@example.com")
	}
}

// The owner's words are typed by strangers: they must not make the check slow.
func TestPolicyHostileWords(t *testing.T) {
	var words []string
	for i := range 5000 {
		words = append(words, strings.Repeat(fmt.Sprint("ab", i, " "), 2000))
	}
	start := time.Now()
	password.Strength(secret.New(strings.Repeat("\ufdfa", 341)), words...)
	_ = password.Policy{}.Check(secret.New(strings.Repeat("\ufdfa", 341)), password.About{Words: words})
	if took := time.Since(start); took > 200*time.Millisecond {
		t.Errorf("took %v", took)
	}
}
