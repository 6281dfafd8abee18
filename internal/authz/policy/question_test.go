package policy_test

import (
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/cardea-auth/cardea/internal/authz/policy"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// FuzzQuestion: whatever JSON says of a resource, its parents and the context, is read or refused.
func FuzzQuestion(f *testing.F) {
	for _, s := range []string{
		`{"a":1,"b":[{"__entity":{"type":"User","id":"x"}}],"parents":["folder:a",{"type":"folder","id":"b","parents":["folder:c"]}]}`,
		`{"v":0.12345}`, `{"v":{"__extn":{"fn":"ip","arg":"::1"}}}`, `{"parents":[null]}`, `{"environment":{"time":1}}`, `{"a":[[],{}]}`,
	} {
		f.Add(s)
	}
	p, err := policy.Parse(`permit(principal, action, resource in Folder::"c") when { resource.a == context.a || context.b.contains(principal) };
		forbid(principal, action, resource) when { context has v && context.v == resource.v };`)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var v map[string]any
		if json.Unmarshal([]byte(s), &v) != nil {
			return
		}
		q := policy.Question{
			Subject: policy.Entity{Ref: policy.Ref{Type: "user", ID: "x"}}, Action: "read", Context: v,
			Resource: policy.Entity{Ref: policy.Ref{Type: "doc", ID: "1"}, Properties: v},
		}
		if stated := v["parents"]; stated != nil {
			if q.Resource.Parents, err = policy.ParseParents(stated, nil); err != nil && !errs.Is(err, errs.Invalid) {
				t.Fatal(err)
			}
		}
		if got, err := p.Judge(t.Context(), q, true); err != nil && (!errs.Is(err, errs.Invalid) || got.Effect != "") {
			t.Errorf("%+v %v", got, err)
		}
	})
}
