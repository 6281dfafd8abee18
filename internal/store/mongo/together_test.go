package mongo_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store/mongo"
	"github.com/cardea-auth/cardea/internal/store/mongo/mongotest"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

// TestNodes has several nodes on one database. How soon they hear is no promise where a stand-in reads
// everything each time.
func TestNodes(t *testing.T) {
	t.Parallel()
	soon := 20 * time.Second
	if mongotest.Real() {
		soon = 1500 * time.Millisecond
	}
	storetest.RunNodes(t, soon, func(t *testing.T) storetest.Database {
		uri := mongotest.URL(t)
		return func(t *testing.T, now func() time.Time) storetest.SharedEngine {
			t.Helper()
			e, err := mongo.Open(t.Context(), mongo.Config{URL: secret.New(uri), Now: now, Within: patience})
			if err != nil {
				t.Error(err)
				return nil
			}
			t.Cleanup(func() { _ = e.Close() })
			return e
		}
	})
}

// TestServerKilled kills the stand-in in the middle of writes and starts it again: what the engine makes of a
// server that was killed, not what MongoDB does when it is.
func TestServerKilled(t *testing.T) {
	t.Parallel()
	server := mongotest.Private(t)
	e, err := mongo.Open(t.Context(), mongo.Config{URL: secret.New(server.URL()), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	storetest.RunKilled(t, server, e)
}

// TestOpenRefuses says in one line what is wrong, and never what the password is.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	const password = "hunter2secret"
	cases := map[string]struct{ uri, says string }{
		"no URL at all":      {"nonsense " + password, "must be like mongodb://"},
		"another scheme":     {"mysql://root:" + password + "@localhost/x", "must be like mongodb://"},
		"no database":        {"mongodb://u:" + password + "@localhost:27017/?replicaSet=x", "must be like mongodb://"},
		"no host":            {"mongodb://u:" + password + "@/x", "must be like mongodb://"},
		"a bad port":         {"mongodb://u:" + password + "@localhost:notaport/x", "must be like mongodb://"},
		"a bad database":     {"mongodb://u:" + password + "@localhost/a.b", "must be like mongodb://"},
		"a bad parameter":    {"mongodb://u:" + password + "@localhost/x?tls=perhaps", "must be like mongodb://"},
		"a password with @":  {"mongodb://u:a@" + password + "@localhost/x", "must be like mongodb://"},
		"nobody listens":     {"mongodb://u:" + password + "@127.0.0.1:1/x?serverSelectionTimeoutMS=300", "does not answer: dial tcp 127.0.0.1:1"},
		"no such host":       {"mongodb://u:" + password + "@nowhere.invalid/x?tls=false&serverSelectionTimeoutMS=300", "does not answer"},
		"no such name (SRV)": {"mongodb+srv://u:" + password + "@nowhere.invalid/x", "must be like mongodb://"},
	}
	if !mongotest.Real() {
		cases["a bad password"] = struct{ uri, says string }{strings.Replace(mongotest.URL(t), "://", "://u:"+password+"@", 1), "refuses the user or password"}
		cases["a server alone"] = struct{ uri, says string }{mongotest.Private(t).Bare(), "stands alone"}
	}
	for name, c := range cases {
		e, err := mongo.Open(t.Context(), mongo.Config{URL: secret.New(c.uri), Now: time.Now})
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
