package clients_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"
)

// keyed writes tuples with an Idempotency-Key.
func (f fga) keyed(t *testing.T, key string, body any) answer {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.server.issuer+"/stores/"+f.id+"/write", bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+f.key)
	r.Header.Set("Idempotency-Key", key)
	return f.server.send(t, r)
}

// TestIdempotencyKey: a write that is sent again with its key is answered like the first and not written again; the
// key of another write is refused, and nothing is written.
func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	s := startServer(t, launch{})
	f := s.manager(t).fga(t, "model\n  schema 1.1\ntype user\ntype doc\n  relations\n    define viewer: [user]\n")
	key := tupleKey{"user:bob", "viewer", "doc:1"}
	writes := object{"writes": object{"tuple_keys": []tupleKey{key}}}
	first := f.keyed(t, "once", writes)
	f.must(t, "POST", "/stores/"+f.id+"/write", object{"deletes": object{"tuple_keys": []tupleKey{key}}}, nil)
	again := f.keyed(t, "once", writes)
	if first.status != http.StatusOK || again.status != http.StatusOK || first.header.Get("Cardea-Revision") == "" || again.header.Get("Cardea-Revision") == "" {
		t.Errorf("first %s, again %s", first, again)
	}
	if f.check(t, key) {
		t.Error("the repeated write was written again")
	}
	other := tupleKey{"user:eve", "viewer", "doc:1"}
	if a := f.keyed(t, "once", object{"writes": object{"tuple_keys": []tupleKey{other}}}); a.status != http.StatusConflict || f.check(t, other) {
		t.Errorf("the key of another write: %s", a)
	}
}

// TestStepUpAdvice: a deny that a stronger sign-in would turn says so in the words of RFC 9470, and only then; a
// subject cannot say of itself how it has signed in.
func TestStepUpAdvice(t *testing.T) {
	t.Parallel()
	s := startServer(t, launch{})
	m := s.manager(t)
	m.policies(t, "strong", "vault", `permit(principal, action == Action::"open", resource)
when { context has authentication && context.authentication.strength >= 2 };`)
	d := s.decisionPoint(t)
	who := s.addUser(t, "stepper@example.com").id
	var said struct {
		Decision bool
		Context  struct {
			ACR string `json:"acr_values"`
		}
	}
	for action, want := range map[string]string{"open": "urn:cardea:acr:two-factors", "burn": ""} {
		a := d.post(t, "/access/v1/evaluation", question("user:"+who, action, "vault:1", ""))
		if a.read(t, &said); a.status != http.StatusOK || said.Decision || said.Context.ACR != want {
			t.Errorf("%s: %s", action, a)
		}
		said.Context.ACR = ""
	}
	claimed := told("user:"+who, "open", "vault:1", nil, nil, object{"authentication": object{"strength": 2, "acr": "urn:cardea:acr:two-factors", "auth_time": 1_000_000_000}})
	if a := d.post(t, "/access/v1/evaluation", claimed); a.status != http.StatusForbidden {
		t.Errorf("whoever may only ask has said how the subject has signed in: %s", a)
	}
}
