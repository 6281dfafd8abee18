package openfga_test

import (
	"strings"
	"testing"
	"time"

	openfgav1 "github.com/openfga/api/proto/openfga/v1"
	"github.com/openfga/language/pkg/go/transformer"

	"github.com/cardea-auth/cardea/internal/authz/builtin"
)

// TestBuiltInModule: OpenFGA's own tools join the built-in module with one of an application, and its client writes
// what they make; then who joins a group of the server may what the group may, and whoever leaves no longer.
func TestBuiltInModule(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	c := newClient(s)
	m, err := transformer.TransformModuleFilesToModel([]transformer.ModuleFile{
		{Name: "core/cardea.fga", Contents: builtin.Module},
		{Name: "office.fga", Contents: "module office\n\nextend type org\n  relations\n    define billing: [user]\n\ntype doc\n  relations\n    define viewer: [user, group#member, org#billing]\n"},
	}, "1.2")
	if err != nil {
		t.Fatal(err)
	}
	made, err := c.CreateStore(t.Context(), &openfgav1.CreateStoreRequest{Name: "office"})
	if err != nil {
		t.Fatal(err)
	}
	write := &openfgav1.WriteAuthorizationModelRequest{StoreId: made.GetId(), SchemaVersion: "1.2", TypeDefinitions: m.GetTypeDefinitions()}
	if _, err := c.WriteAuthorizationModel(t.Context(), write); err == nil || !strings.Contains(err.Error(), "cardea:admin") {
		t.Fatalf("the key of an application shows who is in the groups of the tenant: %v", err)
	}
	must := func(out any, words ...string) {
		t.Helper()
		if code, text := s.cli(out, words...); code != 0 {
			t.Fatal(text)
		}
	}
	var app struct {
		ID string `json:"client_id"`
	}
	var key struct{ Key string }
	must(&app, "app", "create", "Models", "--type", "service")
	must(nil, "role", "assign", "cardea:admin", "service:"+app.ID)
	must(&key, "apikey", "create", "service:"+app.ID, "models", "--scope", "cardea:admin")
	application := s.key
	s.key = key.Key
	if _, err := c.WriteAuthorizationModel(t.Context(), write); err != nil {
		t.Fatal(err)
	}
	changed := write.GetTypeDefinitions()
	for _, d := range changed {
		if d.GetType() == "group" {
			related := d.GetMetadata().GetRelations()["member"]
			related.DirectlyRelatedUserTypes = related.GetDirectlyRelatedUserTypes()[:1]
		}
	}
	if _, err := c.WriteAuthorizationModel(t.Context(), write); err == nil || !strings.Contains(err.Error(), "not as in the built-in module") {
		t.Errorf("a module of that name which is another: %v", err)
	}
	s.key = application

	tuple := func(user, relation, object string) *openfgav1.TupleKey {
		return &openfgav1.TupleKey{User: user, Relation: relation, Object: object}
	}
	put := func(k *openfgav1.TupleKey) error {
		_, err := c.Write(t.Context(), &openfgav1.WriteRequest{StoreId: made.GetId(), Writes: &openfgav1.WriteRequestWrites{TupleKeys: []*openfgav1.TupleKey{k}}})
		return err
	}
	if err := put(tuple("group:eng#member", "viewer", "doc:1")); err != nil {
		t.Fatal(err)
	}
	if err := put(tuple("user:bob", "member", "group:eng")); err == nil || !strings.Contains(err.Error(), "cardea group add") {
		t.Errorf("a member written into the store: %v", err)
	}
	check := func(want bool) {
		t.Helper()
		got, err := c.Check(t.Context(), &openfgav1.CheckRequest{
			StoreId: made.GetId(), TupleKey: &openfgav1.CheckRequestTupleKey{User: "user:bob", Relation: "viewer", Object: "doc:1"},
		})
		if err != nil || got.GetAllowed() != want {
			t.Errorf("%v, %v, want %t", got, err, want)
		}
		list, err := c.ListObjects(t.Context(), &openfgav1.ListObjectsRequest{StoreId: made.GetId(), Type: "doc", Relation: "viewer", User: "user:bob"})
		if err != nil || (len(list.GetObjects()) == 1) != want {
			t.Errorf("%v, %v, want %t", list, err, want)
		}
	}
	check(false)
	s.cli(nil, "authz", "log", "set", "1", "--days", "1")
	for range 5 {
		must(nil, "group", "add", "eng", "user:bob")
		check(true)
		must(nil, "group", "remove", "eng", "user:bob")
		check(false)
	}
	replayed(t, s)
}

// replayed makes the decisions of the log again: each is what it was, whoever has left the group since.
func replayed(t *testing.T, s *server) {
	t.Helper()
	type one struct {
		ID string `json:"id"`
	}
	var list []one
	for end := time.Now().Add(30 * time.Second); len(list) < 10 && time.Now().Before(end); {
		if code, text := s.cli(&list, "authz", "log", "list"); code != 0 {
			t.Fatal(text)
		}
	}
	if len(list) != 10 {
		t.Fatalf("%d decisions were kept", len(list))
	}
	for _, e := range list {
		var again struct {
			Same  bool `json:"same"`
			Exact bool `json:"exact"`
		}
		if code, text := s.cli(&again, "authz", "replay", e.ID); code != 0 || !again.Same || !again.Exact {
			t.Errorf("%+v: status %d, %s", again, code, text)
		}
	}
	var supposed struct {
		Looked  int                    `json:"looked"`
		Changed []struct{ After bool } `json:"changed"`
	}
	if code, text := s.cli(&supposed, "authz", "simulate", "--write", "user:bob member group:eng"); code != 0 || len(supposed.Changed) != 10 || !supposed.Changed[0].After {
		t.Errorf("%+v: status %d, %s", supposed, code, text)
	}
	if code, text := s.cli(&supposed, "authz", "simulate", "--store-write", "user:bob member group:eng"); code == 0 && len(supposed.Changed) > 0 {
		t.Errorf("a member supposed in the store counts: %+v, %s", supposed, text)
	}
}
