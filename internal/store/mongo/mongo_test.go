package mongo_test

import (
	"context"
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
	o := storetest.Opened{Engine: e, Keeper: e, Clock: clock, Freeze: freeze(e)}
	if !mongotest.Real() {
		o.StandsStill = "the stand-in ends a transaction when another one writes"
	}
	return o
}

func freeze(e *mongo.Engine) func(context.Context, func(context.Context, storetest.Frozen) error) error {
	return func(ctx context.Context, f func(context.Context, storetest.Frozen) error) error {
		return e.Freeze(ctx, func(ctx context.Context, frozen mongo.Frozen) error { return f(ctx, frozen) })
	}
}
