package storetest

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/mongo"
	"github.com/cardea-auth/cardea/internal/store/mongo/mongotest"
	"github.com/cardea-auth/cardea/internal/store/postgres"
	"github.com/cardea-auth/cardea/internal/store/postgres/pgtest"
	"github.com/cardea-auth/cardea/internal/store/sqlite"
)

// Variable names the engine under every test that uses NewDB: sqlite, which is the default, postgres or
// mongo.
const Variable = "CARDEA_TEST_ENGINE"

// SQLiteOnly skips a test that is about the engine by default, and says why.
func SQLiteOnly(t testing.TB, why string) {
	t.Helper()
	if name := os.Getenv(Variable); name != "" && name != "sqlite" {
		t.Skip(why)
	}
}

// engine is what NewDB needs of one.
type engine interface {
	store.Engine
	store.Keeper
}

func open(t testing.TB, s setup) engine {
	t.Helper()
	var e engine
	var err error
	switch name := os.Getenv(Variable); name {
	case "", "sqlite":
		if s.path == "" {
			s.path = filepath.Join(t.TempDir(), "test.db")
		}
		e, err = sqlite.Open(t.Context(), sqlite.Config{Path: s.path, Now: s.now, Durability: sqlite.Off})
	case "postgres":
		e, err = postgres.Open(t.Context(), postgres.Config{URL: secret.New(address(t, s.path)), Now: s.now, Connections: 4})
	case "mongo":
		e, err = mongo.Open(t.Context(), mongo.Config{URL: secret.New(mongoAddress(t, s.path)), Now: s.now, Within: mongoPatience})
	default:
		t.Fatalf("%s names no engine: %s", Variable, name)
	}
	if err != nil {
		t.Fatalf("opening the engine: %v", err)
	}
	return e
}

// address is a schema of its own, or the one that stands for a path.
func address(t testing.TB, path string) string {
	t.Helper()
	if path == "" {
		return pgtest.URL(t)
	}
	return pgtest.Named(t, named(path))
}

// mongoPatience is for a stand-in that reads everything each time, on a machine that does other things too.
const mongoPatience = time.Minute

// mongoAddress is a database of its own, or the one that stands for a path.
func mongoAddress(t testing.TB, path string) string {
	t.Helper()
	if path == "" {
		return mongotest.URL(t)
	}
	return mongotest.Named(t, "t_"+named(path))
}

func named(path string) string {
	sum := sha256.Sum256([]byte(path))
	return hex.EncodeToString(sum[:10])
}
