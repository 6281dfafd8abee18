package clients_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// fgaModel is a model with everything that the command treats in its own way.
const fgaModel = `model
  schema 1.1

type user

type team
  relations
    define member: [user, team#member]

type folder
  relations
    define viewer: [user, user:*, team#member]

type doc
  relations
    define blocked: [user]
    define owner: [user]
    define parent: [folder]
    define reader: viewer but not blocked
    define viewer: [user, user with in_time] or owner or viewer from parent

condition in_time(now: timestamp, until: timestamp) {
  now < until
}
`

// fgaFiles are tuples in each form that the command reads.
var fgaFiles = map[string]string{
	"t.csv": `user_type,user_id,user_relation,relation,object_type,object_id,condition_name,condition_context
user,anne,,owner,doc,1,,
user,bob,,member,team,eng,,
team,eng,member,viewer,folder,f,,
folder,f,,parent,doc,1,,
user,carl,,viewer,doc,2,in_time,"{""until"":""2030-01-01T00:00:00Z""}"
`,
	"t.json":  `[{"user":"user:dora","relation":"blocked","object":"doc:1"},{"user":"user:dora","relation":"owner","object":"doc:1"}]`,
	"t.jsonl": "{\"user\":\"user:l1\",\"relation\":\"owner\",\"object\":\"doc:l\"}\n{\"user\":\"user:l2\",\"relation\":\"owner\",\"object\":\"doc:l\"}\n",
	"t.yaml":  "- user: user:*\n  relation: viewer\n  object: folder:open\n- user: folder:open\n  relation: parent\n  object: doc:3\n",
	"bad.json": `[{"user":"user:ok","relation":"owner","object":"doc:b"},{"user":"usr:x","relation":"owner","object":"doc:b"},
{"user":"team:eng","relation":"viewer","object":"doc:b"}]`,
	"store.fga.yaml": `name: A store
model: |
  model
    schema 1.1
  type user
  type doc
    relations
      define viewer: [user]
tuples:
  - user: user:anne
    relation: viewer
    object: doc:1
tests:
  - name: who may
    check:
      - user: user:anne
        object: doc:1
        assertions:
          viewer: true
      - user: user:bob
        object: doc:1
        assertions:
          viewer: false
    list_objects:
      - user: user:anne
        type: doc
        assertions:
          viewer:
            - doc:1
`,
}

// fgaCLI is OpenFGA's command, seen from one folder.
type fgaCLI struct {
	server *server
	dir    string
	with   []string // its credentials
}

// fgaCommand is the command at CARDEA_TEST_FGA. Its module cannot be built as a dependency.
func (s *server) fgaCommand(t *testing.T, with ...string) fgaCLI {
	t.Helper()
	if os.Getenv("CARDEA_TEST_FGA") == "" {
		t.Skip("set CARDEA_TEST_FGA to OpenFGA's command: clone github.com/openfga/cli and go build -o fga ./cmd/fga")
	}
	f := fgaCLI{s, t.TempDir(), with}
	for name, text := range fgaFiles {
		f.file(t, name, text)
	}
	f.file(t, "model.fga", fgaModel)
	return f
}

func (f fgaCLI) file(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(f.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// run runs the command. It repeats refused credentials for minutes, so it gets less.
func (f fgaCLI) run(t *testing.T, words ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	c := exec.CommandContext(ctx, os.Getenv("CARDEA_TEST_FGA"), append(append(words, "--api-url", f.server.issuer), f.with...)...)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr, c.Dir, c.Env = &stdout, &stderr, f.dir, append(cleanEnv(), "HOME="+f.dir)
	if err := c.Run(); err != nil && c.ProcessState == nil {
		t.Fatal(err)
	}
	return result{stdout.String(), stderr.String(), c.ProcessState.ExitCode()}
}

// says reads what a command prints as JSON; it must succeed.
func (f fgaCLI) says(t *testing.T, words ...string) map[string]any {
	t.Helper()
	r := f.run(t, words...)
	var out map[string]any
	if err := json.Unmarshal([]byte(r.stdout), &out); r.code != 0 || err != nil {
		t.Fatalf("fga %s: %v, %s", strings.Join(words, " "), err, r)
	}
	return out
}

// refuses is a command that must fail with a code of OpenFGA.
func (f fgaCLI) refuses(t *testing.T, code string, words ...string) {
	t.Helper()
	if r := f.run(t, words...); r.code == 0 || !strings.Contains(r.stderr, `"code":"`+code+`"`) {
		t.Errorf("fga %s: not %s: %s", strings.Join(words, " "), code, r)
	}
}

// at follows names through JSON.
func at(v any, names ...string) any {
	for _, name := range names {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}

func text(v any, names ...string) string {
	s, _ := at(v, names...).(string)
	return s
}

func size(v any, names ...string) int {
	l, _ := at(v, names...).([]any)
	return len(l)
}

// TestFGA: OpenFGA's command works unchanged.
func TestFGA(t *testing.T) {
	t.Parallel()
	s := startServer(t, launch{})
	app := s.addApp(t, "service", "--scope", "cardea:authz")
	s.cli(t, "role", "assign", "cardea:admin", "service:"+app.id)
	f := s.fgaCommand(t, "--api-token", s.key(t, app, "cardea:authz"))
	t.Run("credentials", func(t *testing.T) {
		f := f
		f.with = []string{"--client-id", app.id, "--client-secret", app.secret, "--api-token-issuer", s.issuer + "/oauth/token", "--api-scopes", "cardea:authz"}
		f.says(t, "store", "list")
		f.with = []string{"--client-id", app.id, "--client-secret", app.secret, "--api-token-issuer", s.issuer}
		f.says(t, "store", "list")
		f.with = nil
		f.refuses(t, "bearer_token_missing", "store", "list")
		f.with = []string{"--api-token", "cdk_wrong"}
		f.refuses(t, "auth_failed_invalid_bearer_token", "store", "list")
	})
	t.Run("stores and models", func(t *testing.T) { fgaModels(t, f) })
	t.Run("tuples and questions", func(t *testing.T) {
		made := f.says(t, "store", "create", "--name", "tuples", "--model", "model.fga")
		of := []string{"--store-id", text(made, "store", "id")}
		fgaTuples(t, f, of)
		fgaQueries(t, f, of)
	})
	t.Run("store files", func(t *testing.T) {
		made := f.says(t, "store", "import", "--file", "store.fga.yaml")
		of := []string{"--store-id", text(made, "store", "id")}
		if r := f.run(t, append(of, "model", "test", "--tests", "store.fga.yaml")...); r.code != 0 || !strings.Contains(r.stderr, "Tests 1/1 passing") {
			t.Errorf("a store file, asked of the server: %s", r)
		}
		r := f.run(t, append(of, "store", "export")...)
		for _, want := range []string{"name: A store", "define viewer: [user]", "user: user:anne", "viewer: true", "viewer: false"} {
			if r.code != 0 || !strings.Contains(r.stdout, want) {
				t.Errorf("the export lacks %q: %s", want, r)
			}
		}
		f.file(t, "export.fga.yaml", r.stdout)
		if r := f.run(t, "model", "test", "--tests", "export.fga.yaml"); r.code != 0 {
			t.Errorf("the export is no store file: %s", r)
		}
	})
}

func fgaModels(t *testing.T, f fgaCLI) {
	id := text(f.says(t, "store", "create", "--name", "FGA Demo Store"), "store", "id")
	of := []string{"--store-id", id}
	if got := f.says(t, append(of, "store", "get")...); text(got, "store", "name") != "FGA Demo Store" && text(got, "name") != "FGA Demo Store" {
		t.Errorf("store get: %v", got)
	}
	if got := f.says(t, "store", "list"); size(got, "stores") == 0 {
		t.Errorf("store list: %v", got)
	}
	f.refuses(t, "latest_authorization_model_not_found", append(of, "query", "check", "user:a", "viewer", "doc:1")...)
	first := text(f.says(t, append(of, "model", "write", "--file", "model.fga")...), "authorization_model_id")
	f.says(t, append(of, "model", "write", "--format", "json", `{"schema_version":"1.1","type_definitions":[{"type":"user"}]}`)...)
	f.refuses(t, "invalid_authorization_model", append(of, "model", "write", "--format", "fga", "model\n  schema 1.1\ntype doc\n  relations\n    define v: [usr]\n")...)
	if got := f.says(t, append(of, "model", "list")...); size(got, "authorization_models") != 2 {
		t.Errorf("model list: %v", got)
	}
	// The command writes what it reads in an order of its own, which the model above has.
	if r := f.run(t, append(of, "model", "get", "--model-id", first)...); r.code != 0 || strings.TrimSpace(r.stdout) != strings.TrimSpace(fgaModel) {
		t.Errorf("model get: %s", r)
	}
	got := f.says(t, append(of, "model", "get", "--model-id", first, "--format", "json")...)
	types, _ := at(got, "type_definitions").([]any)
	if len(types) != 4 || at(types[0], "relations") == nil || at(types[3], "metadata", "relations", "reader", "directly_related_user_types") == nil {
		t.Errorf("a model as JSON has what is empty, too: %v", got)
	}
	f.refuses(t, "authorization_model_not_found", append(of, "model", "get", "--model-id", "01H0H015178Y2V4CX10C2KGHF4")...)
	if got := f.says(t, "model", "validate", "--file", "model.fga"); at(got, "is_valid") != true {
		t.Errorf("model validate: %v", got)
	}
	if got := f.says(t, "model", "transform", "--file", "model.fga"); size(got, "type_definitions") != 4 {
		t.Errorf("model transform: %v", got)
	}
	for range 2 { // deleting again is no mistake there
		if r := f.run(t, append(of, "store", "delete", "--force")...); r.code != 0 {
			t.Errorf("store delete: %s", r)
		}
	}
	f.refuses(t, "store_id_not_found", append(of, "store", "get")...)
}

func fgaTuples(t *testing.T, f fgaCLI, of []string) {
	counts := func(done, failed int, words ...string) {
		t.Helper()
		got := f.says(t, append(append([]string{}, of...), words...)...)
		if at(got, "successful_count") != float64(done) || at(got, "failed_count") != float64(failed) {
			t.Errorf("fga %s: %v", strings.Join(words, " "), got)
		}
	}
	counts(5, 0, "tuple", "write", "--file", "t.csv")
	counts(5, 0, "tuple", "write", "--file", "t.csv", "--max-tuples-per-write", "5", "--max-parallel-requests", "2")
	counts(0, 5, "tuple", "write", "--file", "t.csv", "--max-tuples-per-write", "5", "--on-duplicate", "error")
	counts(2, 0, "tuple", "write", "--file", "t.json")
	counts(2, 0, "tuple", "write", "--file", "t.jsonl", "--hide-imported-tuples")
	counts(2, 0, "tuple", "write", "--file", "t.yaml")
	counts(1, 2, "tuple", "write", "--file", "bad.json")
	counts(2, 0, "tuple", "delete", "--file", "t.jsonl")
	counts(2, 0, "tuple", "delete", "--file", "t.jsonl")
	counts(0, 2, "tuple", "delete", "--file", "t.jsonl", "--on-missing", "error")

	one := append([]string{}, of...)
	f.says(t, append(one, "tuple", "write", "user:c", "viewer", "doc:c", "--condition-name", "in_time", "--condition-context", `{"until":"2030-01-01T00:00:00Z"}`)...)
	f.refuses(t, "write_failed_due_to_invalid_input", append(one, "tuple", "write", "user:anne", "owner", "doc:1")...)
	f.says(t, append(one, "tuple", "write", "user:anne", "owner", "doc:1", "--on-duplicate", "ignore")...)
	f.refuses(t, "validation_error", append(one, "tuple", "write", "user:x", "reader", "doc:1")...)
	f.says(t, append(one, "tuple", "delete", "user:c", "viewer", "doc:c")...)
	f.refuses(t, "write_failed_due_to_invalid_input", append(one, "tuple", "delete", "user:c", "viewer", "doc:c")...)

	if got := f.says(t, append(one, "tuple", "read", "--object", "doc:1", "--consistency", "HIGHER_CONSISTENCY")...); size(got, "tuples") != 4 {
		t.Errorf("tuple read: %v", got)
	}
	if got := f.says(t, append(one, "tuple", "read", "--max-pages", "0", "--page-size", "3")...); size(got, "tuples") != 10 {
		t.Errorf("tuple read in pages: %d %v", size(got, "tuples"), got)
	}
	if r := f.run(t, append(one, "tuple", "read", "--object", "doc:2", "--output-format", "csv")...); !strings.Contains(r.stdout, "user,carl,,viewer,doc,2,in_time,") {
		t.Errorf("tuple read as CSV: %s", r)
	}
	// 12 written from files and 1 alone; 3 deleted.
	got := f.says(t, append(one, "tuple", "changes")...)
	if size(got, "changes") != 16 {
		t.Errorf("%d changes: %v", size(got, "changes"), got)
	}
	if next := f.says(t, append(one, "tuple", "changes", "--continuation-token", text(got, "continuation_token"))...); size(next, "changes") != 0 {
		t.Errorf("changes after all: %v", next)
	}
	f.refuses(t, "query_string_type_continuation_token_mismatch", append(one, "tuple", "changes", "--type", "doc", "--continuation-token", text(got, "continuation_token"))...)
}

func fgaQueries(t *testing.T, f fgaCLI, of []string) {
	ask := func(words ...string) any {
		t.Helper()
		return any(f.says(t, append(append(append([]string{}, of...), "query"), words...)...))
	}
	soon := []string{"--context", `{"now":"2029-01-01T00:00:00Z"}`}
	for _, q := range []struct {
		want  bool
		words []string
	}{
		{true, []string{"user:bob", "viewer", "doc:1", "--consistency", "HIGHER_CONSISTENCY"}},
		{true, []string{"team:eng#member", "viewer", "doc:1", "--consistency", "MINIMIZE_LATENCY"}},
		{false, []string{"user:zed", "viewer", "doc:1"}},
		{false, []string{"user:dora", "reader", "doc:1"}},
		{true, []string{"user:zed", "viewer", "doc:3"}},
		{true, []string{"user:zed", "viewer", "doc:1", "--contextual-tuple", "user:zed member team:eng"}},
		{true, append([]string{"user:carl", "viewer", "doc:2"}, soon...)},
		{false, []string{"user:carl", "viewer", "doc:2", "--context", `{"now":"2031-01-01T00:00:00Z"}`}},
	} {
		if got := ask(append([]string{"check"}, q.words...)...); at(got, "allowed") != q.want {
			t.Errorf("check %v: %v", q.words, got)
		}
	}
	for _, q := range []struct {
		member string
		want   any
		words  []string
	}{
		{"objects", []any{"doc:1", "doc:3"}, []string{"list-objects", "user:bob", "viewer", "doc"}},
		{"objects", []any{"doc:2", "doc:3"}, append([]string{"list-objects", "user:carl", "viewer", "doc"}, soon...)},
		{"users", []any{"user:anne", "user:bob"}, []string{"list-users", "--object", "doc:1", "--relation", "reader", "--user-filter", "user"}},
		{"users", []any{"team:eng#member"}, []string{"list-users", "--object", "doc:1", "--relation", "viewer", "--user-filter", "team#member"}},
		{"relations", []any{"owner", "reader", "viewer"}, []string{"list-relations", "user:anne", "doc:1"}},
	} {
		got := ask(q.words...)
		if q.member == "users" {
			got = map[string]any{"users": fgaUsers(at(got, "users"))}
		}
		list, _ := at(got, q.member).([]any)
		slices.SortFunc(list, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
		if !reflect.DeepEqual(at(got, q.member), q.want) {
			t.Errorf("%v: %v", q.words, got)
		}
	}
	if got := ask("expand", "reader", "doc:1"); at(got, "tree", "root", "difference", "subtract") == nil {
		t.Errorf("expand: %v", got)
	}
	f.refuses(t, "validation_error", append(of, "query", "check", "user:carl", "viewer", "doc:2")...) // it lacks the time
	f.refuses(t, "relation_not_found", append(of, "query", "list-objects", "user:bob", "nope", "doc")...)
	f.refuses(t, "type_not_found", append(of, "query", "list-users", "--object", "doc:1", "--relation", "viewer", "--user-filter", "usr")...)
}

// fgaUsers are the users of list-users as texts.
func fgaUsers(v any) (out []any) {
	all, _ := v.([]any)
	for _, u := range all {
		switch {
		case at(u, "object") != nil:
			out = append(out, text(u, "object", "type")+":"+text(u, "object", "id"))
		case at(u, "userset") != nil:
			out = append(out, text(u, "userset", "type")+":"+text(u, "userset", "id")+"#"+text(u, "userset", "relation"))
		}
	}
	return out
}

// TestStoreFiles: every store file below the folders of CARDEA_TEST_STORE_FILES, which are separated as in
// PATH, passes by our command and, with OpenFGA's command at hand, imported by it and asked of the server.
func TestStoreFiles(t *testing.T) {
	t.Parallel()
	folders := filepath.SplitList(os.Getenv("CARDEA_TEST_STORE_FILES"))
	if len(folders) == 0 {
		t.Skip("set CARDEA_TEST_STORE_FILES to folders with .fga.yaml files: a clone of github.com/openfga/sample-stores")
	}
	s := startServer(t, launch{})
	files := storeFiles(t, folders)
	for _, file := range files {
		if r, err := s.command(t.Context(), "", "authz", "test", file); err != nil || r.code != 0 {
			t.Errorf("%s: %v %s", file, err, r)
		}
	}
	t.Logf("%d store files", len(files))
	app := s.addApp(t, "service")
	s.cli(t, "role", "assign", "cardea:admin", "service:"+app.id)
	f := s.fgaCommand(t, "--api-token", s.key(t, app, "cardea:authz"))
	for _, file := range files {
		made := f.says(t, "store", "import", "--file", file, "--allow-external-files")
		r := f.run(t, "model", "test", "--tests", file, "--allow-external-files", "--store-id", text(made, "store", "id"))
		if r.code != 0 {
			t.Errorf("%s, asked of the server: %s", file, r)
		}
	}
}

// storeFiles are the files, at least one, as absolute paths. Those that OpenFGA keeps in a folder called
// traversal are there to be refused.
func storeFiles(t *testing.T, folders []string) (out []string) {
	t.Helper()
	for _, dir := range folders {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(path, ".fga.yaml") && filepath.Base(filepath.Dir(path)) != "traversal" {
				path, err = filepath.Abs(path)
				out = append(out, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(out) == 0 {
		t.Fatalf("no store files in %v", folders)
	}
	return out
}
