package mongo_test

import (
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store/mongo"
	"github.com/cardea-auth/cardea/internal/store/mongo/mongotest"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) storetest.Opened { return openAt(t, mongotest.URL(t)) })
}

// patience is for a stand-in that reads everything each time, on a machine that does other things too.
const patience = time.Minute

func openAt(t *testing.T, uri string) storetest.Opened {
	t.Helper()
	clock := storetest.NewClock()
	e, err := mongo.Open(t.Context(), mongo.Config{URL: secret.New(uri), Now: clock.Now, Within: patience})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return storetest.Opened{Engine: e, Keeper: e, Clock: clock}
}
