package postgres_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cardea-auth/cardea/internal/store/postgres"
)

// FuzzText keeps texts what they are and in their order, and holds no NUL.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "a", "\x00", "\x01", "\x00\x01\x00", "é\x01", "\x01\x01", "\x01\x02"} {
		for _, o := range []string{"", "\x00", "\x01", "\x02", "a"} {
			f.Add(s, o)
		}
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		x, y := postgres.ToText(a), postgres.ToText(b)
		if postgres.FromText(x) != a || strings.Contains(x, "\x00") {
			t.Errorf("%q became %q and %q", a, x, postgres.FromText(x))
		}
		if strings.Compare(a, b) != strings.Compare(x, y) {
			t.Errorf("%q and %q are in another order as %q and %q", a, b, x, y)
		}
		if strings.HasPrefix(a, b) != strings.HasPrefix(x, y) {
			t.Errorf("%q begins with %q, but not as %q and %q, or the other way round", a, b, x, y)
		}
	})
}

// TestWhoSaysThatNothingWasWritten tells the answers of a server that mean it from those that do not.
func TestWhoSaysThatNothingWasWritten(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"a unique index":            {&pgconn.PgError{Severity: "ERROR", Code: "23505"}, true},
		"a serialization failure":   {&pgconn.PgError{Severity: "ERROR", Code: "40001"}, true},
		"a statement that was long": {&pgconn.PgError{Severity: "ERROR", Code: "57014"}, true},
		"nobody knows":              {&pgconn.PgError{Severity: "ERROR", Code: "40003"}, false},
		"the server goes down":      {&pgconn.PgError{Severity: "FATAL", Code: "57P01"}, false},
		"translated":                {&pgconn.PgError{Severity: "SCHWERWIEGEND", SeverityUnlocalized: "FATAL", Code: "57P02"}, false},
		"the network":               {errors.New("unexpected EOF"), false},
	} {
		if got := postgres.Refused(c.err); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
