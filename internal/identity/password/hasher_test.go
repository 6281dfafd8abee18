package password_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/identity/password"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/secret"
)

func hasher(t testing.TB, c password.Config) *password.Hasher {
	t.Helper()
	h, err := password.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func hash(t testing.TB, h *password.Hasher, text string) password.Hash {
	t.Helper()
	made, err := h.Hash(t.Context(), secret.New(text))
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// verdict is what Verify says, in one word.
func verdict(t testing.TB, h *password.Hasher, stored password.Hash, text string) string {
	t.Helper()
	ok, rehash, err := h.Verify(t.Context(), stored, secret.New(text))
	switch {
	case err != nil:
		return errs.CodeOf(err)
	case rehash && !ok:
		return "rehash of a wrong password"
	case rehash:
		return "rehash"
	case ok:
		return "ok"
	}
	return "wrong"
}

func pepper(id password.PepperID) password.Pepper {
	return password.Pepper{ID: id, Key: secret.New(strings.Repeat(string(id), 32))}
}

func TestHash(t *testing.T) {
	h := hasher(t, password.Config{})
	made := hash(t, h, "correct horse battery")
	if !strings.HasPrefix(string(made), "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("made %q", made)
	}
	if again := hash(t, h, "correct horse battery"); again == made {
		t.Error("two hashes of one password are equal: no fresh salt")
	}
	for text, want := range map[string]string{
		"correct horse battery": "ok", "correct horse batterY": "wrong", "correct horse battery ": "wrong", "": "wrong",
		"correct\u00a0horse\u2003battery": "ok", // other spaces are spaces (RFC 8265)
	} {
		if got := verdict(t, h, made, text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "hash", made)
	if strings.Contains(log.String(), "argon2id") {
		t.Errorf("the log has the hash: %s", &log)
	}
}

// What is stored must change as soon as it is not what would be made today, and not before.
func TestRehash(t *testing.T) {
	t.Parallel()
	strong := password.Params{Memory: 24 << 10, Passes: 3, Threads: 2}
	weak := hash(t, hasher(t, password.Config{}), "correct horse")
	heavy := hash(t, hasher(t, password.Config{Params: strong}), "correct horse")
	if got := verdict(t, hasher(t, password.Config{Params: strong}), weak, "correct horse"); got != "rehash" {
		t.Errorf("weaker than configured: %s", got)
	}
	if got := verdict(t, hasher(t, password.Config{}), heavy, "correct horse"); got != "ok" {
		t.Errorf("stronger than configured: %s", got)
	}
	fewer := password.Params{Memory: 64 << 10, Passes: 1, Threads: 1}
	if got := verdict(t, hasher(t, password.Config{}), hash(t, hasher(t, password.Config{Params: fewer}), "correct horse"), "correct horse"); got != "rehash" {
		t.Errorf("fewer passes than configured: %s", got)
	}
}

func TestPepper(t *testing.T) {
	t.Parallel()
	plain := hasher(t, password.Config{})
	old := hasher(t, password.Config{Pepper: "k1", Peppers: []password.Pepper{pepper("k1")}})
	rotated := hasher(t, password.Config{Pepper: "k2", Peppers: []password.Pepper{pepper("k1"), pepper("k2")}})
	given := hasher(t, password.Config{Peppers: []password.Pepper{pepper("k1"), pepper("k2")}})
	lost := hasher(t, password.Config{Pepper: "k2", Peppers: []password.Pepper{pepper("k2")}})
	swapped := hasher(t, password.Config{Pepper: "k1", Peppers: []password.Pepper{{ID: "k1", Key: secret.New(strings.Repeat("z", 32))}}})

	bare, peppered := hash(t, plain, "correct horse"), hash(t, old, "correct horse")
	if !strings.HasPrefix(string(peppered), "$cardea-pepper$k1$argon2id$v=19$") {
		t.Fatalf("made %q", peppered)
	}
	for _, c := range []struct {
		name   string
		hasher *password.Hasher
		stored password.Hash
		want   string
	}{
		{"same pepper", old, peppered, "ok"},
		{"older pepper", rotated, peppered, "rehash"},
		{"pepper newly introduced", old, bare, "rehash"},
		{"pepper given up", given, peppered, "rehash"},
		{"pepper lost", lost, peppered, "pepper_missing"},
		{"no peppers at all", plain, peppered, "pepper_missing"},
		{"another key under the id", swapped, peppered, "wrong"},
		{"pepper cut off", old, password.Hash(strings.TrimPrefix(string(peppered), "$cardea-pepper$k1")), "wrong"},
		{"pepper put on", old, "$cardea-pepper$k1" + bare, "wrong"},
	} {
		if got := verdict(t, c.hasher, c.stored, "correct horse"); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	_, _, err := lost.Verify(t.Context(), peppered, secret.New("correct horse"))
	if !errs.Is(err, errs.Unavailable) {
		t.Errorf("a lost pepper is %v", err)
	}
	if _, err := lost.Inspect(peppered); !errs.Is(err, errs.Unavailable) {
		t.Errorf("a lost pepper is %v to Inspect", err)
	}
}

func TestRegress_126_PasswordText(t *testing.T) {
	h := hasher(t, password.Config{})
	long := strings.Repeat("0123456789abcdef", password.MaxBytes/16)
	for name, c := range map[string]struct{ set, try, want string }{
		"NFD is NFC":                        {"pässwörter", "pa\u0308sswo\u0308rter", "ok"},
		"case is kept":                      {"Passphrase of mine", "passphrase of mine", "wrong"},
		"wide letters are not narrow":       {"ｐassphrase", "passphrase", "wrong"},
		"1,024 bytes":                       {long, long, "ok"},
		"the last of 1,024 bytes":           {long, long[:1023] + "x", "wrong"},
		"the 73rd byte":                     {long[:73], long[:72] + "x", "wrong"},
		"one byte too many":                 {long, long + "x", "wrong"},
		"other scripts":                     {"пароль 密码 סיסמה", "пароль 密码 סיסמה", "ok"},
		"a control character does not help": {"correct horse", "correct horse\x00", "wrong"},
	} {
		if got := verdict(t, h, hash(t, h, c.set), c.try); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	for name, c := range map[string]struct{ text, code string }{
		"empty":           {"", "password_too_short"},
		"1,025 bytes":     {long + "x", "password_too_long"},
		"NUL":             {"correct\x00horse", "password_bad_character"},
		"newline":         {"correct\nhorse", "password_bad_character"},
		"tab":             {"correct\thorse", "password_bad_character"},
		"delete":          {"correct\x7fhorse", "password_bad_character"},
		"C1 control":      {"correct\u0085horse", "password_bad_character"},
		"direction mark":  {"correct\u202ehorse", "password_bad_character"},
		"private use":     {"correct\ue000horse", "password_bad_character"},
		"unassigned":      {"correct\u0378horse", "password_bad_character"},
		"zero-width":      {"correct\u200bhorse", "password_bad_character"},
		"invalid UTF-8":   {"correct\xffhorse", "password_bad_character"},
		"only in length":  {strings.Repeat("\u0958", 300), "password_too_long"}, // three bytes as typed, six in NFC
		"lone surrogates": {"\xed\xa0\x80correct", "password_bad_character"},
	} {
		_, err := h.Hash(t.Context(), secret.New(c.text))
		if errs.CodeOf(err) != c.code || !errs.Is(err, errs.Invalid) {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		} else if strings.Contains(err.Error(), "horse") {
			t.Errorf("%s: the error repeats the password", name)
		}
	}
}

// bcrypt ignores what follows 72 bytes, and the published vector says so in its password.
func TestRegress_126_BcryptTruncates(t *testing.T) {
	const stored = "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"
	const first72 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	h := hasher(t, password.Config{})
	for text, want := range map[string]string{
		first72: "rehash", first72 + "chars after 72 are ignored": "wrong", first72 + "x": "wrong", first72 + "\x00": "wrong",
	} {
		if got := verdict(t, h, stored, text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	const abc = "$2b$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i"
	if got := verdict(t, h, abc, "abc\x00abc"); got != "wrong" { // the key schedule cannot tell these apart
		t.Errorf("NUL: %s", got)
	}
	const empty = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy"
	if got := verdict(t, h, empty, ""); got != "wrong" {
		t.Errorf("the imported hash of an empty password: %s", got)
	}
}

func TestNewRefuses(t *testing.T) {
	one := []password.Pepper{pepper("k1")}
	for name, c := range map[string]password.Config{
		"one pass of 19 MiB":  {Params: password.Params{Memory: 19456, Passes: 1, Threads: 1}},
		"two passes of 7 MiB": {Params: password.Params{Memory: 7168, Passes: 2, Threads: 1}},
		"no passes":           {Params: password.Params{Memory: 65536, Threads: 1}},
		"no threads":          {Params: password.Params{Memory: 19456, Passes: 2}},
		"lots of passes":      {Params: password.Params{Memory: 19456, Passes: 1 << 30, Threads: 1}},
		"lots of memory":      {Params: password.Params{Memory: 1 << 31, Passes: 2, Threads: 1}},
		"lots of threads":     {Params: password.Params{Memory: 19456, Passes: 2, Threads: 255}},
		"negative slots":      {Slots: -1},
		"negative queue":      {Queue: -1},
		"negative wait":       {Wait: -1},
		"negative spare":      {Spare: -1},
		"unknown pepper":      {Pepper: "k2", Peppers: one},
		"short pepper":        {Pepper: "k1", Peppers: []password.Pepper{{ID: "k1", Key: secret.New("short")}}},
		"double pepper":       {Pepper: "k1", Peppers: append(one, one...)},
		"nameless pepper":     {Peppers: []password.Pepper{{Key: pepper("k1").Key}}},
		"dollar in the name":  {Peppers: []password.Pepper{{ID: "a$b", Key: pepper("k1").Key}}},
	} {
		if _, err := password.New(c); !errs.Is(err, errs.Invalid) {
			t.Errorf("%s: %v, want Invalid", name, err)
		}
	}
	for _, p := range []password.Params{{7168, 5, 1}, {9216, 4, 1}, {12288, 3, 1}, {47104, 1, 1}, {64 << 10, 3, 4}, {1 << 20, 4, 8}} {
		if _, err := password.New(password.Config{Params: p}); err != nil {
			t.Errorf("%v: %v", p, err)
		}
	}
}

// A hostile import must not burn hours or gigabytes, and is told apart from a broken one.
func TestInspect(t *testing.T) {
	h := hasher(t, password.Config{})
	const salt, tag = "c29tZXNhbHRzb21lc2FsdA", "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	for _, c := range []struct{ stored, want string }{
		{"$argon2id$v=19$m=65536,t=3,p=4$" + salt + "$" + tag, "argon2id"},
		{"$argon2id$v=19$m=102400,t=2,p=8$" + salt + "$" + tag, "argon2id"},
		{"$argon2id$v=19$m=131072,t=16,p=1$" + salt + "$" + tag, "argon2id"},
		{"$argon2id$v=19$m=131073,t=1,p=1$" + salt + "$" + tag, "hash_too_costly"},
		{"$argon2id$v=19$m=131072,t=17,p=1$" + salt + "$" + tag, "hash_too_costly"},
		{"$argon2id$v=19$m=4294967295,t=1,p=1$" + salt + "$" + tag, "hash_too_costly"},
		{"$argon2id$v=19$m=19456,t=4294967295,p=1$" + salt + "$" + tag, "hash_too_costly"},
		{"$argon2id$v=19$m=19456,t=2,p=255$" + salt + "$" + tag, "hash_too_costly"},
		{"$argon2id$v=19$m=19456,t=2,p=256$" + salt + "$" + tag, "hash_malformed"},
		{"$argon2id$v=19$m=7,t=2,p=1$" + salt + "$" + tag, "hash_malformed"},
		{"$argon2id$v=19$m=19456,t=0,p=1$" + salt + "$" + tag, "hash_malformed"},
		{"$argon2id$v=19$m=19456,t=2,p=0$" + salt + "$" + tag, "hash_malformed"},
		{"$argon2id$v=19$m=019456,t=2,p=1$" + salt + "$" + tag, "hash_malformed"},
		{"$argon2id$v=19$m=+19456,t=2,p=1$" + salt + "$" + tag, "hash_malformed"},
		{"$argon2id$v=19$t=2,m=19456,p=1$" + salt + "$" + tag, "hash_malformed"},
		{"$argon2id$v=19$m=19456,t=2,p=1,keyid=abc$" + salt + "$" + tag, "hash_malformed"},
		{"$argon2id$v=16$m=19456,t=2,p=1$" + salt + "$" + tag, "hash_malformed"},
		{"$argon2id$m=19456,t=2,p=1$" + salt + "$" + tag, "hash_malformed"},
		{"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + tag + "$", "hash_malformed"},
		{"$argon2id$v=19$m=19456,t=2,p=1$$" + tag, "hash_malformed"},
		{"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$", "hash_malformed"},
		{"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$AAAA", "hash_malformed"}, // a tag that chance meets
		{"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + tag + "=", "hash_malformed"},
		{"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + tag[:42] + "5", "hash_malformed"}, // spare bits set
		{"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + tag[:20] + "\n" + tag[20:], "hash_malformed"},
		{"$argon2d$v=19$m=19456,t=2,p=1$" + salt + "$" + tag, "hash_unsupported"},
		{"$2b$15$" + strings.Repeat("a", 53), "bcrypt"},
		{"$2b$16$" + strings.Repeat("a", 53), "hash_too_costly"},
		{"$2b$31$" + strings.Repeat("a", 53), "hash_too_costly"},
		{"$2b$03$" + strings.Repeat("a", 53), "hash_malformed"},
		{"$2b$+5$" + strings.Repeat("a", 53), "hash_malformed"},
		{"$2b$10$" + strings.Repeat("a", 52), "hash_malformed"},
		{"$2b$10$" + strings.Repeat("a", 54), "hash_malformed"},
		{"$2b$10$" + strings.Repeat("a", 52) + "$", "hash_malformed"},
		{"$2x$10$" + strings.Repeat("a", 53), "hash_unsupported"},
		{"$2$10$" + strings.Repeat("a", 53), "hash_unsupported"},
		{"$scrypt$ln=17,r=8,p=1$" + salt + "$" + tag, "hash_too_costly"}, // 128 MiB and the blocks
		{"$scrypt$ln=16,r=8,p=4$" + salt + "$" + tag, "scrypt"},
		{"$scrypt$ln=16,r=8,p=5$" + salt + "$" + tag, "hash_too_costly"},
		{"$scrypt$ln=20,r=8,p=1$" + salt + "$" + tag, "hash_too_costly"}, // RFC 7914's largest: 1 GiB
		{"$scrypt$ln=63,r=1,p=1$" + salt + "$" + tag, "hash_too_costly"},
		{"$scrypt$ln=4294967295,r=4294967295,p=4294967295$" + salt + "$" + tag, "hash_too_costly"},
		{"$scrypt$ln=0,r=8,p=1$" + salt + "$" + tag, "hash_malformed"},
		{"$scrypt$ln=14,r=0,p=1$" + salt + "$" + tag, "hash_malformed"},
		{"$scrypt$n=16384,r=8,p=1$" + salt + "$" + tag, "hash_malformed"},
		{"$pbkdf2-sha256$4000000$" + salt + "$" + tag, "pbkdf2"},
		{"$pbkdf2-sha256$4000001$" + salt + "$" + tag, "hash_too_costly"},
		{"$pbkdf2$4000000$" + salt + "$" + tag, "hash_too_costly"}, // two blocks of SHA-1
		{"$pbkdf2-sha256$4294967296$" + salt + "$" + tag, "hash_malformed"},
		{"$pbkdf2-sha256$0$" + salt + "$" + tag, "hash_malformed"},
		{"$pbkdf2-sha256$-1$" + salt + "$" + tag, "hash_malformed"},
		{"$pbkdf2-sha256$01212$" + salt + "$" + tag, "hash_malformed"},
		{"$pbkdf2-sha256$i=1212,l=31$" + salt + "$" + tag, "hash_malformed"},
		{"$pbkdf2-sha256$i=1212,l=$" + salt + "$" + tag, "hash_malformed"},
		{"$pbkdf2-sha256$1212,l=32$" + salt + "$" + tag, "hash_malformed"},
		{"$pbkdf2-sha256$1212$" + salt + "$" + strings.Replace(tag, "/", "+", 1), "hash_malformed"}, // passlib writes '.'
		{"$pbkdf2-md5$1212$" + salt + "$" + tag, "hash_unsupported"},
		{"pbkdf2_sha256$1500000$salt$" + tag + "=", "pbkdf2"},
		{"pbkdf2_sha256$1500000$salt$" + tag, "hash_malformed"},
		{"pbkdf2_sha256$1500000$$" + tag + "=", "hash_malformed"},
		{"pbkdf2_sha256$99999999$salt$" + tag + "=", "hash_too_costly"},
		{"$cardea-pepper$k1$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + tag, "pepper_missing"},
		{"$cardea-pepper$k1$2b$10$" + strings.Repeat("a", 53), "hash_malformed"},
		{"$cardea-pepper$$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + tag, "hash_malformed"},
		{"$cardea-pepper$k1$cardea-pepper$k1$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + tag, "hash_malformed"},
		{"argon2$argon2$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + tag, "hash_unsupported"},
		{"", "hash_unsupported"},
		{"$", "hash_unsupported"},
		{"plain text", "hash_malformed"},
		{"5f4dcc3b5aa765d61d8327deb882cf99", "hash_unsupported"},
		{strings.Repeat("$", 513), "hash_malformed"},
	} {
		start := time.Now()
		algorithm, err := h.Inspect(password.Hash(c.stored))
		got := string(algorithm)
		if err != nil {
			got = errs.CodeOf(err)
		}
		if got != c.want {
			t.Errorf("%q: %s, want %s", c.stored, got, c.want)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("%q: inspecting took %v", c.stored, took)
		}
		if err != nil && c.want != "pepper_missing" {
			if got := verdict(t, h, password.Hash(c.stored), "password"); got != "hash_unreadable" {
				t.Errorf("%q: Verify says %s", c.stored, got)
			}
		}
	}
}

// Whoever once raised the costs and lowers them again keeps the old hashes by MaxMemory.
func TestMaxMemory(t *testing.T) {
	h := hasher(t, password.Config{MaxMemory: 1 << 20})
	const stored = "$argon2id$v=19$m=1048576,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	if _, err := h.Inspect(stored); err != nil {
		t.Error(err)
	}
}

func TestCancelledBefore(t *testing.T) {
	h := hasher(t, password.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	stored := password.Hash("$2b$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i")
	_, _, verify := h.Verify(ctx, stored, secret.New("abc"))
	_, made := h.Hash(ctx, secret.New("correct horse"))
	for name, err := range map[string]error{"Verify": verify, "Hash": made, "Decoy": h.Decoy(ctx, secret.New("abc"))} {
		if !errors.Is(err, context.Canceled) || !errs.Is(err, errs.Unavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if s := h.Stats(); s.Done != 0 || s.Refused != 3 || s.Running != 0 {
		t.Errorf("%+v", s)
	}
}

// TestRegress_115_Decoy: a decoy is a hash like any other. With CARDEA_TEST_TIMES the least of several
// times is compared, which noise can only raise, for a machine that does nothing else.
func TestRegress_115_Decoy(t *testing.T) {
	h := hasher(t, password.Config{Pepper: "k1", Peppers: []password.Pepper{pepper("k1")}})
	stored := hash(t, h, "correct horse")
	known, unknown := time.Hour, time.Hour
	for i := range 8 {
		wrong := secret.New(fmt.Sprint("wrong horse ", i))
		start := time.Now()
		if ok, _, err := h.Verify(t.Context(), stored, wrong); ok || err != nil {
			t.Fatal(ok, err)
		}
		middle := time.Now()
		if err := h.Decoy(t.Context(), wrong); err != nil {
			t.Fatal(err)
		}
		known, unknown = min(known, middle.Sub(start)), min(unknown, time.Since(middle))
	}
	if ratio := float64(known) / float64(unknown); os.Getenv("CARDEA_TEST_TIMES") != "" && (ratio < 0.7 || ratio > 1.4) {
		t.Errorf("known %v, unknown %v", known, unknown)
	}
	if s := h.Stats(); s.Done != 17 || s.Running != 0 || s.Waiting != 0 {
		t.Errorf("%+v: a decoy must take a turn like any other", s)
	}
}

// A text that no new password may be costs a known account and an unknown one the same.
func TestRegress_115_RefusedText(t *testing.T) {
	h := hasher(t, password.Config{})
	stored := hash(t, h, "correct horse")
	for text, work := range map[string]uint64{"": 0, "correct\x00horse": 1, "\xff": 1, strings.Repeat("x", 1025): 0} {
		before := h.Stats().Done
		if got := verdict(t, h, stored, text); got != "wrong" {
			t.Errorf("%.20q: %s", text, got)
		}
		between := h.Stats().Done
		if err := h.Decoy(t.Context(), secret.New(text)); err != nil {
			t.Error(err)
		}
		if a, b := between-before, h.Stats().Done-between; a != work || b != work {
			t.Errorf("%.20q: known %d hashes, unknown %d, want %d", text, a, b, work)
		}
	}
}
