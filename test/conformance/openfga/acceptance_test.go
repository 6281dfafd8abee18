package openfga_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// house is a store with a model, asked by request and by command.
type house struct {
	t *testing.T
	*client
	store string
}

func newHouse(t *testing.T, name, model string) *house {
	t.Helper()
	c := newClient(startServer(t))
	h := &house{t, c, c.created(t, "/stores", `{"name":"`+name+`"}`, "id")}
	file := filepath.Join(t.TempDir(), "model.fga")
	if err := os.WriteFile(file, []byte(model), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, text := c.cli(nil, "authz", "model", "write", file); code != 0 {
		t.Fatal(text)
	}
	return h
}

// key is a tuple in JSON.
func key(user, relation, object string) string {
	return fmt.Sprintf(`{"user":%q,"relation":%q,"object":%q}`, user, relation, object)
}

func (h *house) write(list, user, relation, object string) error {
	_, _, err := h.post("/stores/"+h.store+"/write", `{"`+list+`":{"tuple_keys":[`+key(user, relation, object)+`]}}`, "")
	return err
}

// may asks by request and by command, which must agree, and returns the reason.
func (h *house) may(want bool, user, relation, object string) string {
	h.t.Helper()
	answer, _, err := h.post("/stores/"+h.store+"/explain", `{"tuple_key":`+key(user, relation, object)+`}`, "")
	if err != nil {
		h.t.Fatal(err)
	}
	checked, _, err := h.post("/stores/"+h.store+"/check", `{"tuple_key":`+key(user, relation, object)+`}`, "")
	if err != nil {
		h.t.Fatal(err)
	}
	code, text := h.cli(nil, "authz", "check", user, relation, object)
	if checked["allowed"] != want || answer["allowed"] != want || (code == 0) != want || code > 1 {
		h.t.Errorf("%s %s %s: by request %v, by command %d %s, want %v", user, relation, object, checked, code, text, want)
	}
	return answer["reason"].(string)
}

// folders is the list of folders that a user may view, by request and by command.
func (h *house) folders(user string) []any {
	h.t.Helper()
	answer, _, err := h.post("/stores/"+h.store+"/list-objects", `{"user":"`+user+`","relation":"viewer","type":"folder"}`, "")
	if err != nil {
		h.t.Fatal(err)
	}
	var list struct{ Items []any }
	if code, text := h.cli(&list, "authz", "list", "objects", user, "viewer", "folder"); code != 0 {
		h.t.Fatal(text)
	}
	if fmt.Sprint(list.Items) != fmt.Sprint(answer["objects"]) {
		h.t.Errorf("by command %v, by request %v", list.Items, answer)
	}
	return list.Items
}

// TestE6_TeamsAndFolders: a team may view a folder; a member leaves and may not; lists agree.
func TestE6_TeamsAndFolders(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "e6", `model
  schema 1.1
type user
type team
  relations
    define member: [user]
type folder
  relations
    define viewer: [user, team#member]
type doc
  relations
    define owner: [user]
    define editor: [user] or owner
`)
	for _, k := range [][3]string{
		{"user:alice", "owner", "doc:report.pdf"}, {"user:bob", "member", "team:engineering"},
		{"team:engineering#member", "viewer", "folder:designs"}, {"user:charlie", "editor", "doc:budget.xlsx"},
	} {
		if err := h.write("writes", k[0], k[1], k[2]); err != nil {
			t.Fatal(err)
		}
	}
	if reason := h.may(true, "user:bob", "viewer", "folder:designs"); !strings.Contains(reason, "user:bob is member of team:engineering") {
		t.Errorf("the reason does not show the way: %s", reason)
	}
	h.may(false, "user:charlie", "viewer", "folder:designs")
	if got := h.folders("user:bob"); !slices.Equal(got, []any{"folder:designs"}) {
		t.Errorf("bob views %v", got)
	}
	if err := h.write("writes", "team:engineering", "viewer", "folder:designs"); err == nil || !strings.Contains(err.Error(), "#member") {
		t.Errorf("a team without #member: %v", err)
	}
	if err := h.write("deletes", "user:bob", "member", "team:engineering"); err != nil {
		t.Fatal(err)
	}
	h.may(false, "user:bob", "viewer", "folder:designs")
	if got := h.folders("user:bob"); len(got) != 0 {
		t.Errorf("bob has left and views %v", got)
	}
}

// TestE7_ListOfADocument: a document with its own list of who may do what, which can be read and edited.
func TestE7_ListOfADocument(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "e7", `model
  schema 1.1
type user
type team
  relations
    define member: [user]
type doc
  relations
    define read: [user, team#member]
    define write: [user, team#member]
    define delete: [user, team#member]
    define share: [user, team#member]
`)
	entries := [][2]string{
		{"user:alice", "read"}, {"user:alice", "write"}, {"user:alice", "delete"}, {"user:alice", "share"},
		{"user:bob", "read"}, {"user:bob", "write"}, {"user:charlie", "read"}, {"team:finance#member", "read"},
	}
	for _, e := range entries {
		if err := h.write("writes", e[0], e[1], "doc:doc-123"); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.write("writes", "user:fay", "member", "team:finance"); err != nil {
		t.Fatal(err)
	}
	h.may(true, "user:alice", "share", "doc:doc-123")
	h.may(true, "user:bob", "write", "doc:doc-123")
	h.may(false, "user:bob", "delete", "doc:doc-123")
	h.may(false, "user:charlie", "write", "doc:doc-123")
	h.may(true, "user:fay", "read", "doc:doc-123")
	h.may(false, "user:fay", "write", "doc:doc-123")

	list := func() int {
		t.Helper()
		answer, _, err := h.post("/stores/"+h.store+"/read", `{"tuple_key":{"object":"doc:doc-123"}}`, "")
		if err != nil {
			t.Fatal(err)
		}
		var byCommand []any
		if code, text := h.cli(&byCommand, "authz", "tuple", "read", "--object", "doc:doc-123"); code != 0 || len(byCommand) != len(answer["tuples"].([]any)) {
			t.Errorf("by command %v %s, by request %v", byCommand, text, answer)
		}
		return len(byCommand)
	}
	if n := list(); n != len(entries) {
		t.Errorf("%d entries, want %d", n, len(entries))
	}
	if code, text := h.cli(nil, "authz", "tuple", "delete", "user:charlie", "read", "doc:doc-123"); code != 0 {
		t.Fatal(text)
	}
	if code, text := h.cli(nil, "authz", "tuple", "write", "user:charlie", "write", "doc:doc-123"); code != 0 {
		t.Fatal(text)
	}
	h.may(false, "user:charlie", "read", "doc:doc-123")
	h.may(true, "user:charlie", "write", "doc:doc-123")
	if n := list(); n != len(entries) {
		t.Errorf("%d entries after editing", n)
	}
}
