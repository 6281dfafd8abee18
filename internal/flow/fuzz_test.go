package flow_test

import (
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/flow"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/opaque"
)

// FuzzHandle: no handle but the one that was given opens the flow, and none is a fault of ours.
func FuzzHandle(f *testing.F) {
	w := newWorld(f)
	c := access.Anonymous(id.Default, access.Origin{})
	start, err := w.machine.Start(f.Context(), c, flow.Opening{Kind: flow.SignIn})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{start.Handle[:len(start.Handle)-1], strings.ToLower(start.Handle), opaque.New(opaque.Flow), opaque.New(opaque.Session), opaque.With(opaque.Flow, nil), ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, handle string) {
		_, err := w.machine.Show(t.Context(), c, handle)
		if (err == nil) != (handle == start.Handle) {
			t.Fatalf("%q: %v", handle, err)
		}
		if k := errs.KindOf(err); err != nil && k != errs.NotFound && k != errs.Invalid && k != errs.Precondition && k != errs.Unauthenticated {
			t.Fatalf("%q: %v", handle, err)
		}
	})
}
