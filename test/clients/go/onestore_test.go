package clients_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestRolesOnAStore: a service with a role on one store does there what the role permits, by key and by token,
// and nothing elsewhere; without the role it does nothing any more.
func TestRolesOnAStore(t *testing.T) {
	t.Parallel()
	s := startServer(t, launch{})
	admin := s.manager(t)
	const model = "model\n  schema 1.1\ntype user\ntype doc\n  relations\n    define viewer: [user]\n"
	mine, other := admin.fga(t, model), admin.fga(t, model)
	s.cli(t, "role", "create", "writer", "--permission", "cardea:authz.check", "--permission", "cardea:authz.tuple.write")
	app := s.addApp(t, "service", "--scope", "cardea:authz")
	if said := s.cli(t, "role", "assign", "writer", "service:"+app.id, "--store", mine.id); !strings.Contains(said, "on store "+mine.id) {
		t.Errorf("said %q", said)
	}
	key := manager{s, s.key(t, app, "cardea:authz")}
	token := manager{s, s.serviceToken(t, app, "scope", "cardea:authz")}
	write := object{"writes": object{"tuple_keys": []tupleKey{{"user:bob", "viewer", "doc:1"}}, "on_duplicate": "ignore"}}
	check := object{"tuple_key": tupleKey{"user:bob", "viewer", "doc:1"}}
	for _, by := range []manager{key, token} {
		status := func(want int, f fga, method, path string, body any) {
			t.Helper()
			if a := by.send(t, method, "/stores/"+f.id+path, body, nil); a.status != want {
				t.Errorf("%s %s: %s, want %d", method, path, a, want)
			}
		}
		status(http.StatusOK, mine, "POST", "/write", write)
		status(http.StatusOK, mine, "POST", "/check", check)
		status(http.StatusForbidden, mine, "POST", "/read", object{})
		status(http.StatusForbidden, mine, "DELETE", "", nil)
		status(http.StatusForbidden, other, "POST", "/write", write)
		status(http.StatusForbidden, other, "POST", "/check", check)
		if a := by.send(t, "GET", "/stores", nil, nil); a.status != http.StatusForbidden {
			t.Errorf("the list of all stores: %s", a)
		}
	}

	var holders struct {
		Items []struct {
			Store   string
			Subject struct{ ID string }
		}
	}
	admin.must(t, "GET", "/api/roles/writer/assignments?store="+mine.id, nil, &holders)
	if len(holders.Items) != 1 || holders.Items[0].Store != mine.id || holders.Items[0].Subject.ID != app.id {
		t.Errorf("holders there: %+v", holders)
	}
	admin.must(t, "GET", "/api/roles/writer/assignments", nil, &holders)
	if len(holders.Items) != 0 {
		t.Errorf("holders everywhere: %+v", holders)
	}
	if said := s.cli(t, "role", "show", "writer", "--store", mine.id); !strings.Contains(said, "service:"+app.id) {
		t.Errorf("shown %q", said)
	}
	s.cli(t, "role", "unassign", "writer", "service:"+app.id, "--store", mine.id)
	if a := key.send(t, "POST", "/stores/"+mine.id+"/check", check, nil); a.status != http.StatusForbidden {
		t.Errorf("without the role: %s", a)
	}
}

// TestAdministratorOfAStore: Cardea's own role on one store is for everything in it, by either door, and for no
// other store.
func TestAdministratorOfAStore(t *testing.T) {
	t.Parallel()
	s := startServer(t, launch{})
	admin := s.manager(t)
	const model = "model\n  schema 1.1\ntype user\ntype doc\n  relations\n    define viewer: [user]\n"
	mine, other := admin.fga(t, model), admin.fga(t, model)
	app := s.addApp(t, "service")
	assigned := object{"subject": object{"type": "service", "id": app.id}, "store": mine.id}
	admin.must(t, "POST", "/api/roles/cardea:admin/assignments", assigned, nil)
	by := manager{s, s.key(t, app, "cardea:admin")}
	key := tupleKey{"user:bob", "viewer", "doc:1"}
	for _, call := range []struct {
		method, path string
		body         any
	}{
		{"GET", "/stores/ID", nil},
		{"PUT", "/stores/ID", object{"name": "renamed"}},
		{"GET", "/stores/ID/authorization-models", nil},
		{"POST", "/stores/ID/write", object{"writes": object{"tuple_keys": []tupleKey{key}}}},
		{"POST", "/stores/ID/read", object{}},
		{"GET", "/stores/ID/changes", nil},
		{"POST", "/stores/ID/check", object{"tuple_key": key}},
		{"POST", "/stores/ID/batch-check", object{"checks": []object{{"tuple_key": key, "correlation_id": "1"}}}},
		{"POST", "/stores/ID/expand", object{"tuple_key": object{"relation": "viewer", "object": "doc:1"}}},
		{"POST", "/stores/ID/list-objects", object{"user": "user:bob", "relation": "viewer", "type": "doc"}},
		{"POST", "/stores/ID/list-users", object{"object": object{"type": "doc", "id": "1"}, "relation": "viewer", "user_filters": []object{{"type": "user"}}}},
		{"GET", "/api/stores/ID", nil},
		{"GET", "/api/stores/ID/models", nil},
		{"DELETE", "/stores/ID", nil},
	} {
		if a := by.send(t, call.method, strings.Replace(call.path, "ID", other.id, 1), call.body, nil); a.status != http.StatusForbidden {
			t.Errorf("another store, %s %s: %s", call.method, call.path, a)
		}
		if a := by.send(t, call.method, strings.Replace(call.path, "ID", mine.id, 1), call.body, nil); a.status >= 300 {
			t.Errorf("its store, %s %s: %s", call.method, call.path, a)
		}
	}
	for _, call := range [][2]string{{"POST", "/stores"}, {"GET", "/api/users"}, {"GET", "/api/roles"}} {
		var body any
		if call[0] == "POST" {
			body = object{"name": "more"}
		}
		if a := by.send(t, call[0], call[1], body, nil); a.status != http.StatusForbidden {
			t.Errorf("%s %s: %s", call[0], call[1], a)
		}
	}
	for _, bad := range []object{
		{"subject": assigned["subject"], "store": "documents"},
		{"subject": assigned["subject"], "store": mine.id, "org": "acme"},
	} {
		if a := admin.send(t, "POST", "/api/roles/cardea:admin/assignments", bad, nil); a.status != http.StatusUnprocessableEntity && a.status != http.StatusBadRequest {
			t.Errorf("%v: %s", bad, a)
		}
	}
}
