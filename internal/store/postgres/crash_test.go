package postgres_test

import (
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store/postgres"
	"github.com/cardea-auth/cardea/internal/store/postgres/pgtest"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

// TestServerKilled kills the server in the middle of writes (SIGKILL, all its processes) and starts it
// again. It is done three times, or as often as CARDEA_PROOF says.
func TestServerKilled(t *testing.T) {
	t.Parallel()
	server := pgtest.Private(t)
	e, err := postgres.Open(t.Context(), postgres.Config{URL: secret.New(server.URL()), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	storetest.RunKilled(t, server, e)
}
