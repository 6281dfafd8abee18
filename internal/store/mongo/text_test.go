package mongo_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/internal/store/mongo"
)

// FuzzKey keeps parts what they are and in their order.
func FuzzKey(f *testing.F) {
	for _, s := range []string{"", "a", "\x00", "\x01", "\x00\x01\x00", "é\x01", "\x01\x01", "\x01\x02"} {
		for _, o := range []string{"", "\x00", "\x01", "\x02", "a"} {
			f.Add(s, o, o, s)
		}
	}
	f.Fuzz(func(t *testing.T, a, b, c, d string) {
		x, y := mongo.Join(a, b), mongo.Join(c, d)
		if !slices.Equal(mongo.Split(x), []string{a, b}) {
			t.Errorf("%q and %q became %q", a, b, x)
		}
		if strings.Compare(x, y) != slices.Compare([]string{a, b}, []string{c, d}) {
			t.Errorf("%q, %q and %q, %q are in another order as %q and %q", a, b, c, d, x, y)
		}
	})
}

// FuzzURL reads URLs, and never repeats them.
func FuzzURL(f *testing.F) {
	for _, s := range []string{
		"mongodb://u:p@localhost:27017/x", "mongodb+srv://u:p@cluster.example.org/x?appName=y", "mongodb://a,b:1,[::1]:2/x?replicaSet=r&tls=true",
		"mongodb://", "mongodb://@/x", "mongodb:///x", "mongodb://h/x?%zz", "mongodb://u:%zz@h/x", "mongodb://%2ftmp%2fa.sock/x",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if err := mongo.Check(text); err != nil && len(text) > 30 && strings.Contains(err.Error(), text) {
			t.Errorf("%q is repeated: %v", text, err)
		}
		mongo.HasPassword(text)
	})
}
