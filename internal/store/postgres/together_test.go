package postgres_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store/postgres"
	"github.com/cardea-auth/cardea/internal/store/postgres/pgtest"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

// TestNodes has several nodes on one schema, with and without notifications.
func TestNodes(t *testing.T) {
	t.Parallel()
	for name, pooled := range map[string]string{"notified": "false", "by the tail alone": "true"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.RunNodes(t, 1500*time.Millisecond, func(t *testing.T) storetest.Database {
				uri := pgtest.With(t, pgtest.URL(t), "pgbouncer", pooled)
				return func(t *testing.T, now func() time.Time) storetest.SharedEngine {
					t.Helper()
					e, err := postgres.Open(t.Context(), postgres.Config{URL: secret.New(uri), Now: now, Connections: 6})
					if err != nil {
						t.Error(err)
						return nil
					}
					t.Cleanup(func() { _ = e.Close() })
					return e
				}
			})
		})
	}
}

// TestOpenRefuses says in one line what is wrong, and never what the password is.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	const password = "hunter2secret"
	server := pgtest.URL(t)
	for name, c := range map[string]struct{ uri, says string }{
		"no URL at all":     {"nonsense " + password, "must be like postgres://"},
		"another scheme":    {"mysql://root:" + password + "@localhost/x", "must be like postgres://"},
		"a bad port":        {"postgres://u:" + password + "@localhost:notaport/x", "must be like postgres://"},
		"a bad parameter":   {"postgres://u:" + password + "@localhost/x?sslmode=perhaps", "must be like postgres://"},
		"pgbouncer=perhaps": {"postgres://u:" + password + "@localhost/x?pgbouncer=perhaps", "must be true or false"},
		"nobody listens":    {"postgres://u:" + password + "@127.0.0.1:1/x", "does not answer"},
		"no such host":      {"postgres://u:" + password + "@nowhere.invalid/x?sslmode=disable", "does not answer"},
		"no such database":  {strings.Replace(server, "/postgres?", "/moon?", 1), "no such database"},
		"no such schema":    {pgtest.With(t, server, "search_path", "moon"), "no schema"},
	} {
		e, err := postgres.Open(t.Context(), postgres.Config{URL: secret.New(c.uri), Now: time.Now})
		if err == nil {
			t.Errorf("%s: accepted", name)
			_ = e.Close()
			continue
		}
		if text := err.Error(); !strings.Contains(text, c.says) || strings.Contains(text, password) || strings.Contains(text, "\n") {
			t.Errorf("%s: %s", name, text)
		}
	}
}
