package manage_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/cardea-auth/cardea/internal/access"
)

const drive = `model
  schema 1.1

type user

type team
  relations
    define member: [user]

type folder
  relations
    define parent: [folder]
    define viewer: [user, team#member, user with in_hours] or viewer from parent

condition in_hours(hour: int, until: int) {
  hour < until
}
`

// withStore makes a store with the model of a drive, and returns its address.
func (w *world) withStore() string {
	w.t.Helper()
	at := "/api/stores/" + w.ok("root", "POST", "/api/stores", `{"name":"Drive"}`).get("id")
	w.ok("root", "POST", at+"/models", body(map[string]any{"text": drive}))
	return at
}

func body(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

// TestStores: a store as an administrator works with it, from the first model to its end.
func TestStores(t *testing.T) {
	w := newWorld(t)
	at := w.withStore()
	if a := w.ok("root", "GET", "/api/stores?name=Drive", ""); a.get("items.0.name") != "Drive" || a.get("items.0.model") == "" {
		t.Errorf("the store is not listed: %s", a.body)
	}
	if a := w.ok("root", "PATCH", at, `{"name":"Files"}`); a.get("name") != "Files" {
		t.Errorf("renamed: %s", a.body)
	}
	first := w.ok("root", "GET", at, "").get("model")
	shown := w.ok("root", "GET", at+"/models/"+first, "")
	if shown.get("text") != drive || shown.get("author.id") != "root" || !strings.Contains(shown.body, `{"name":"until","type":"int"}`) {
		t.Errorf("the version: %s", shown.body)
	}
	next := strings.Replace(drive, "[user, team#member, user with in_hours]", "[user, user with in_hours]", 1)
	second := w.ok("root", "POST", at+"/models", body(map[string]any{"text": next})).get("id")
	diff := w.ok("root", "GET", at+"/models/"+second+"/diff?from="+first, "")
	if !strings.Contains(diff.body, `"orphans":[{"type":"folder","relation":"viewer","subject":"team#member"}]`) {
		t.Errorf("the difference: %s", diff.body)
	}
	if a := w.ok("root", "PUT", at+"/pinned", `{"model":"`+first+`"}`); a.get("model") != first || a.get("latest") != second {
		t.Errorf("pinned: %s", a.body)
	}
	if a := w.ok("root", "PUT", at+"/pinned", `{}`); a.get("model") != second {
		t.Errorf("the newest again: %s", a.body)
	}
	w.ok("root", "DELETE", at, "")
	if a := w.do("root", "GET", at+"/models", ""); a.status != 404 || a.get("code") != "store_not_found" {
		t.Errorf("after the end: %d %s", a.status, a.body)
	}
	var kinds []string
	for _, e := range w.items(w.ok("root", "GET", "/api/audit/events?limit=100", "")).Items {
		if kind, _ := e["kind"].(string); strings.HasPrefix(kind, "authz_") {
			kinds = append(kinds, kind)
		}
	}
	slices.Sort(kinds) // of one moment, as the clock of the test has it
	const want = "authz_model.written authz_model.written authz_store.created authz_store.deleted authz_store.pinned authz_store.pinned authz_store.renamed"
	if got := strings.Join(kinds, " "); got != want {
		t.Errorf("events:\n got %s\nwant %s", got, want)
	}
}

// TestModelJudgement: findings stand at their places, and a sound model says what it would change.
func TestModelJudgement(t *testing.T) {
	w := newWorld(t)
	at := w.withStore()
	for _, c := range []struct{ text, want string }{
		{"model\n  schema 1.1\ntype user\ntype doc\n  relations\n    define viewer: [usr]\n", `{"sound":false,"wrong":[{"line":6,"column":21,"path":"doc#viewer","finding":"undefined_type",`},
		{"model\n  schema 1.1\ntyp user\n", `{"sound":false,"wrong":[{"line":3,"column":1,`},
		{"", `"status":400`},
		{drive, `{"sound":true,"wrong":[],"advice":[],"changes":[]}`},
		{strings.Replace(drive, "or viewer from parent", "", 1), `"changes":[{"kind":"changed","type":"folder","relation":"viewer","before":"[user, team#member, user with in_hours] or viewer from parent"`},
		{drive + "\ncondition unused(x: int) {\n  x > 0\n}\n", `"finding":"unused"`},
	} {
		if a := w.do("root", "POST", at+"/models/check", body(map[string]any{"text": c.text})); !strings.Contains(a.body, c.want) {
			t.Errorf("%q:\n got %s\nwant %s", c.text, a.body, c.want)
		}
	}
	if a := w.do("root", "POST", at+"/models", `{"text":"model\n  schema 1.1\ntype doc\n  relations\n    define viewer: [usr]\n"}`); a.status != 400 || a.get("code") != "invalid_model" {
		t.Errorf("a wrong model was written: %d %s", a.status, a.body)
	}
}

// TestTuples: written under the model, listed by what is known of them, and refused where they do not fit.
func TestTuples(t *testing.T) {
	w := newWorld(t)
	at := w.withStore()
	w.ok("root", "POST", at+"/tuples", `{"tuples":[
		{"user":"team:eng#member","relation":"viewer","object":"folder:plans"},
		{"user":"user:anne","relation":"member","object":"team:eng"},
		{"user":"user:bob","relation":"viewer","object":"folder:plans","condition":{"name":"in_hours","context":{"until":9007199254740993}},"expires":"2099-01-01T00:00:00Z"}]}`)
	all := w.ok("root", "GET", at+"/tuples?limit=2", "")
	rest := w.ok("root", "GET", at+"/tuples?limit=2&cursor="+all.get("next"), "")
	if len(w.items(all).Items) != 2 || len(w.items(rest).Items) != 1 || rest.get("next") != "" {
		t.Errorf("pages: %s %s", all.body, rest.body)
	}
	for filter, want := range map[string]int{
		"": 3, "?object=folder:": 2, "?object=folder": 2, "?object=team:eng": 1, "?user=user:anne": 1, "?relation=viewer": 2, "?user=user:bob&relation=viewer&object=folder:plans": 1, "?user=user:eve": 0,
	} {
		if got := len(w.items(w.ok("root", "GET", at+"/tuples"+filter, "")).Items); got != want {
			t.Errorf("%s finds %d, want %d", filter, got, want)
		}
	}
	bob := w.ok("root", "GET", at+"/tuples?user=user:bob", "").body
	if !strings.Contains(bob, `{"until":9007199254740993}`) || !strings.Contains(bob, `"expires":"2099-01-01T00:00:00Z"`) {
		t.Errorf("what it carries: %s", bob)
	}
	for tuple, want := range map[string]string{
		`{"user":"user:anne","relation":"owner","object":"folder:plans"}`:                                             "unknown_relation",
		`{"user":"anne","relation":"viewer","object":"folder:plans"}`:                                                 `"pointer":"/tuples/0/user"`,
		`{"user":"user:anne","relation":"viewer","object":"folder"}`:                                                  `"pointer":"/tuples/0/object"`,
		`{"user":"user:bob","relation":"viewer","object":"folder:plans"}`:                                             "tuple_exists",
		`{"user":"user:anne","relation":"viewer","object":"folder:x","condition":{"name":"in_hours","context":[]}}`:   `"status":400`,
		`{"user":"user:anne","relation":"viewer","object":"folder:x","condition":{"name":"on_mondays","context":{}}}`: `"status":400`,
	} {
		if a := w.do("root", "POST", at+"/tuples", `{"tuples":[`+tuple+`]}`); a.status < 400 || a.status >= 500 || !strings.Contains(a.body, want) {
			t.Errorf("%s: %d %s", tuple, a.status, a.body)
		}
	}
	w.ok("root", "DELETE", at+"/tuples?user=user:bob&relation=viewer&object=folder:plans", "")
	if a := w.do("root", "DELETE", at+"/tuples?user=user:bob&relation=viewer&object=folder:plans", ""); a.status != 409 {
		t.Errorf("deleted twice: %d %s", a.status, a.body)
	}
}

// TestStoreQuestions: the answer, its reason, and what it would be if something were otherwise.
func TestStoreQuestions(t *testing.T) {
	w := newWorld(t)
	at := w.withStore()
	w.ok("root", "POST", at+"/tuples", `{"tuples":[
		{"user":"team:eng#member","relation":"viewer","object":"folder:plans"},
		{"user":"user:anne","relation":"member","object":"team:eng"},
		{"user":"folder:plans","relation":"parent","object":"folder:q3"},
		{"user":"user:bob","relation":"viewer","object":"folder:plans","condition":{"name":"in_hours","context":{"until":17}}}]}`)
	const anne, bob = `{"user":"user:anne","relation":"viewer","object":"folder:q3"`, `{"user":"user:bob","relation":"viewer","object":"folder:q3"`
	closed := body(strings.Replace(drive, " or viewer from parent", "", 1))
	for _, c := range []struct{ path, question, want string }{
		{"check", anne + `}`, `{"allowed":true,`},
		{"explain", anne + `}`, `"path":[{"user":"folder:plans","relation":"parent","object":"folder:q3"},{"user":"team:eng#member","relation":"viewer","object":"folder:plans"},{"user":"user:anne","relation":"member","object":"team:eng"}]`},
		{"check", bob + `}`, `{"allowed":false,"missing":["hour"],`},
		{"check", bob + `,"context":{"hour":9}}`, `{"allowed":true,`},
		{"check", bob + `,"context":{"hour":18}}`, `{"allowed":false,"model"`},
		{"explain", `{"user":"user:carl","relation":"viewer","object":"folder:q3"}`, `"remedies":[{"write":[{"user":"user:carl","relation":`},
		{"check", `{"user":"user:carl","relation":"viewer","object":"folder:q3","contextual":[{"user":"user:carl","relation":"member","object":"team:eng"}]}`, `{"allowed":true,`},
		{"check", anne + `,"suppose":{"delete":[{"user":"user:anne","relation":"member","object":"team:eng"}]}}`, `{"allowed":false,`},
		{"check", anne + `,"draft":` + closed + `}`, `{"allowed":false,"revision":`},
		{"objects", `{"user":"user:anne","relation":"viewer","type":"folder","limit":1}`, `{"items":["folder:plans"],"next":`},
		{"users", `{"object":"folder:q3","relation":"viewer","type":"user","context":{"hour":9}}`, `{"items":["user:anne","user:bob"],`},
		{"users", `{"object":"folder:q3","relation":"viewer","type":"user"}`, `{"items":["user:anne"],"missing":["hour"],`},
		{"users", `{"object":"folder:q3","relation":"viewer","type":"team#member"}`, `{"items":["team:eng#member"],`},
	} {
		if a := w.ok("root", "POST", at+"/"+c.path, c.question); !strings.Contains(a.body, c.want) {
			t.Errorf("%s %s:\n got %s\nwant %s", c.path, c.question, a.body, c.want)
		}
	}
	for question, want := range map[string]string{
		`{"user":"anne","relation":"viewer","object":"folder:q3"}`:                              `"pointer":"/user"`,
		anne + `,"context":[1]}`:                                                                `"status":400`,
		anne + `,"draft":"model"}`:                                                              "invalid_model",
		anne + `,"model":"01ARZ3NDEKTSV4RRFFQ69G5FAV"}`:                                         "model_not_found",
		anne + `,"contextual":[{"user":"user:anne","relation":"member","object":"folder:q3"}]}`: "invalid_contextual_tuple",
	} {
		if a := w.do("root", "POST", at+"/check", question); a.status < 400 || a.status >= 500 || !strings.Contains(a.body, want) {
			t.Errorf("%s: %d %s", question, a.status, a.body)
		}
	}
}

// TestDraftNeedsTuples: a model can be made that tells of any tuple, so a draft may be asked only by
// who may read them.
func TestDraftNeedsTuples(t *testing.T) {
	w := newWorld(t)
	at := w.withStore()
	w.allow = func(r access.Request) bool { return r.Action != "authz.tuple.read" }
	const q = `{"user":"user:anne","relation":"viewer","object":"folder:q3"`
	w.ok("root", "POST", at+"/check", q+`}`)
	if a := w.do("root", "POST", at+"/check", q+`,"draft":`+body(drive)+`}`); a.status != 403 || a.get("missing") != "authz.tuple.read" {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// TestStoreFiles: a store file is asked by its own model, by a draft or by the version that is used, and
// one that cannot be asked says where.
func TestStoreFiles(t *testing.T) {
	w := newWorld(t)
	at := w.withStore()
	const tests = "tuples:\n  - {user: user:anne, relation: viewer, object: folder:a}\n  - {user: folder:a, relation: parent, object: folder:b}\n" +
		"tests:\n  - name: shared\n    check:\n      - user: user:anne\n        object: folder:b\n        assertions: {viewer: true}\n"
	closed := strings.Replace(drive, " or viewer from parent", "", 1)
	indented := "model: |\n  " + strings.ReplaceAll(strings.TrimSpace(closed), "\n", "\n  ") + "\n"
	for _, c := range []struct {
		name, want string
		sent       map[string]any
	}{
		{"the version that is used", `{"test":"shared","question":"user:anne viewer folder:b","want":"true","got":"true","passed":true}`, map[string]any{"file": tests}},
		{"a draft", `"got":"false","passed":false`, map[string]any{"file": tests, "draft": closed}},
		{"its own model", `"got":"false","passed":false`, map[string]any{"file": indented + tests}},
		{"another file", "file_not_at_hand", map[string]any{"file": "model_file: /etc/passwd\n" + tests}},
		{"a member that is not known", "line 1", map[string]any{"file": "test: []\n"}},
		{"a type that is not known", `"status":400`, map[string]any{"file": strings.ReplaceAll(tests, "folder:a", "file:a")}},
		{"too much", "too_many_questions", map[string]any{"file": tests + "      - users: [" + strings.Repeat("user:a,", 2000) + "user:b]\n        object: folder:b\n        assertions: {viewer: false}\n"}},
	} {
		if a := w.do("root", "POST", at+"/test", body(c.sent)); !strings.Contains(a.body, c.want) || a.status >= 500 {
			t.Errorf("%s: %d %s", c.name, a.status, a.body)
		}
	}
}
