package scenario_test

import (
	"context"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/authz/scenario"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// FuzzRunText: whatever somebody sends as a store file is asked or refused, in bounded time, and never
// a fault of ours.
func FuzzRunText(f *testing.F) {
	const head = "model: |\n  model\n    schema 1.1\n  type user\n  type doc\n    relations\n      define viewer: [user]\n"
	f.Add(head + "tuples: [{user: user:a, relation: viewer, object: doc:1}]\ntests:\n  - name: t\n    check: [{user: user:a, object: doc:1, assertions: {viewer: true}}]\n")
	f.Add(head + "tests:\n  - list_objects: [{user: user:a, type: doc, assertions: {viewer: []}}]\n    list_users: [{object: doc:1, user_filter: [{type: user}], assertions: {viewer: {users: []}}}]\n")
	f.Add("model_file: ../x\n")
	f.Add("tests: &a [*a]\n")
	f.Add("a: &a [1,1]\nb: &b [*a,*a]\nc: [*b,*b]\n")
	f.Add("\xff")
	f.Fuzz(func(t *testing.T, text string) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		out, err := scenario.Options{Most: 50}.RunText(ctx, text)
		if len(out) > 50 {
			t.Errorf("%d outcomes", len(out))
		}
		if err != nil && errs.From(err).Kind == errs.Internal {
			t.Errorf("a fault of ours: %v", err)
		}
	})
}
