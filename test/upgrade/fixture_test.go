package upgrade_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// makeVariable names a program of the version whose database is to be made, for whoever has another one to
// keep:
//
//	git worktree add /tmp/old v0.1.0 && (cd /tmp/old && go build -o /tmp/cardea-old ./cmd/cardea)
//	CARDEA_MAKE_FIXTURE=/tmp/cardea-old go test ./test/upgrade -run TestMakeFixture
//
// It writes testdata/<version>.db.gz, its master key, and what is known of it. Secrets in it are of this
// test and open nothing else.
const makeVariable = "CARDEA_MAKE_FIXTURE"

// fixture is what is known of a database besides the file. Parts are the counts and checksums of what it
// held, as an export has them.
type fixture struct {
	Version string          `json:"version"`
	At      time.Time       `json:"at"` // when it was made; tokens have not long to live
	Parts   json.RawMessage `json:"parts"`

	Session        string `json:"session"` // cookies
	RevokedSession string `json:"revoked_session"`
	Refresh        string `json:"refresh_token"`
	Key            string `json:"api_key"`
	RevokedKey     string `json:"revoked_api_key"`
	Org            string `json:"org"`
	Store          string `json:"store"`
}

const fixtureVersion = "v0.1.0"

const model = `model
  schema 1.1
type user
type folder
  relations
    define viewer: [user]
type doc
  relations
    define parent: [folder]
    define viewer: [user] or viewer from parent
`

// TestMakeFixture makes the database of the version that is named.
func TestMakeFixture(t *testing.T) {
	binary := os.Getenv(makeVariable)
	if binary == "" {
		t.Skip("the database is made once for each version; see " + makeVariable)
	}
	dir := dataDir(t)
	old := newProgram(t, binary, dir)
	s := old.serve()
	f := fixture{Version: fixtureVersion, At: time.Now().UTC()}
	old.furnish(&f)
	for !strings.Contains(old.must("", "audit", "verify", "--json"), `"unsealed": 0,`) {
		time.Sleep(50 * time.Millisecond)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	// What is there is counted by the program of today, from the file that the old one has exported.
	exported := filepath.Join(t.TempDir(), "all.ndjson")
	old.must("", "export", exported)
	e := dataDir(t)
	copyFile(t, filepath.Join(dir, "master.key"), filepath.Join(e, "master.key"))
	f.Parts = parts(t, today(t, e).must("", "import", exported, "--json"))

	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	db, err := os.ReadFile(filepath.Join(dir, "cardea.db"))
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	w, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	_, writeErr := w.Write(db)
	err = errors.Join(writeErr, w.Close(), os.WriteFile("testdata/"+fixtureVersion+".db.gz", packed.Bytes(), 0o644),
		os.WriteFile("testdata/"+fixtureVersion+".json", append(text, '\n'), 0o644))
	if err != nil {
		t.Fatal(err)
	}
	copyFile(t, filepath.Join(dir, "master.key"), "testdata/"+fixtureVersion+".key")
}

// furnish puts something of everything into a database.
func (p *program) furnish(f *fixture) {
	p.Helper()
	for _, name := range []string{"alice", "bob"} {
		p.must(thePassword, "user", "add", name+"@example.com", "--verified", "--password-stdin")
	}
	p.must("", "role", "create", "editor", "--permission", "doc:edit")
	p.must("", "role", "assign", "editor", "alice@example.com")
	p.must("", "group", "add", "staff", "alice@example.com")
	f.Org = field(p.T, p.must("", "org", "add", "Acme", "--json"), "id")
	p.must("", "org", "member", "add", f.Org, "alice@example.com")
	p.must("", "app", "create", "Shop", "--id", "shop", "--type", "spa", "--redirect", theRedirect, "--first-party",
		"--scope", "openid", "--scope", "offline_access")
	f.RevokedKey = keyIn(p.T, p.must("", "apikey", "create", "alice@example.com", "leaked"))
	p.must("", "apikey", "revoke", field(p.T, p.must("", "apikey", "list", "alice@example.com", "--json"), "id"))
	f.Key = keyIn(p.T, p.must("", "apikey", "create", "alice@example.com", "kept"))
	f.Store = field(p.T, p.must("", "authz", "store", "create", "documents", "--json"), "id")
	path := filepath.Join(p.TempDir(), "model.fga")
	if err := os.WriteFile(path, []byte(model), 0o600); err != nil {
		p.Fatal(err)
	}
	p.must("", "authz", "model", "write", path)
	p.must("", "authz", "tuple", "write", "user:anne", "viewer", "folder:plans")
	p.must("", "authz", "tuple", "write", "folder:plans", "parent", "doc:roof")

	f.RevokedSession = p.signIn("bob@example.com")
	p.must("", "session", "revoke", "--all", "bob@example.com")
	f.Session = p.signIn("alice@example.com")
	f.Refresh = p.granted(f.Session).text("refresh_token")
}

// granted is what the application of the fixture gets by the session of a cookie.
func (p *program) granted(cookie string) answer {
	p.Helper()
	q := url.Values{
		"response_type": {"code"}, "client_id": {"shop"}, "redirect_uri": {theRedirect}, "scope": {"openid offline_access"}, "state": {"s"},
		"nonce": {"n"}, "code_challenge": {theChallenge}, "code_challenge_method": {"S256"},
	}
	a := p.ask("GET", "/oauth/authorize?"+q.Encode(), nil, "Cookie", cookie, "Sec-Fetch-Site", "none")
	back, err := url.Parse(a.location)
	if err != nil || back.Query().Get("code") == "" {
		p.Fatalf("no code: %d %s %v", a.status, a.location, a.body)
	}
	got := p.token(url.Values{
		"grant_type": {"authorization_code"}, "code": {back.Query().Get("code")}, "redirect_uri": {theRedirect}, "code_verifier": {theVerifier},
	})
	if got.text("refresh_token") == "" {
		p.Fatalf("no refresh token: %d %v", got.status, got.body)
	}
	return got
}

// keyIn is the API key in what was printed.
func keyIn(t *testing.T, text string) string {
	t.Helper()
	for word := range strings.FieldsSeq(text) {
		if strings.HasPrefix(word, "cdk_") {
			return word
		}
	}
	t.Fatalf("no key in %s", text)
	return ""
}

// parts are the counts and checksums in what export or import has printed.
func parts(t *testing.T, printed string) json.RawMessage {
	t.Helper()
	var out struct {
		Parts json.RawMessage `json:"parts"`
	}
	if err := json.Unmarshal([]byte(printed), &out); err != nil || out.Parts == nil {
		t.Fatalf("%v in %s", err, printed)
	}
	var flat bytes.Buffer
	if err := json.Compact(&flat, out.Parts); err != nil {
		t.Fatal(err)
	}
	return flat.Bytes()
}

// unpack puts the database of an earlier version into a data directory.
func unpack(t *testing.T) (dir string, f fixture) {
	t.Helper()
	dir = dataDir(t)
	text, err := os.ReadFile("testdata/" + fixtureVersion + ".json")
	if err == nil {
		err = json.Unmarshal(text, &f)
	}
	if err != nil {
		t.Fatal(err)
	}
	packed, err := os.Open("testdata/" + fixtureVersion + ".db.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = packed.Close() }()
	r, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	db, err := io.ReadAll(r)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "cardea.db"), db, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	copyFile(t, "testdata/"+fixtureVersion+".key", filepath.Join(dir, "master.key"))
	return dir, f
}

// then is the variable that sets a clock back to a minute after the fixture was made.
func (f fixture) then() string { return f.after(time.Minute) }

// after is the variable that sets a clock to that long after the fixture was made.
func (f fixture) after(d time.Duration) string {
	return fmt.Sprintf("%s=%d", behindVariable, int((time.Since(f.At) - d).Seconds()))
}

// held are the parts of the database of p that the fixture had too.
func held(t *testing.T, p *program, f fixture) (now, then []namedPart) {
	t.Helper()
	exported := filepath.Join(t.TempDir(), "all.ndjson")
	now, then = list(t, parts(t, p.must("", "export", exported, "--json"))), list(t, f.Parts)
	had := map[string]bool{}
	for _, x := range then {
		had[x.Name] = true
	}
	kept := now[:0]
	for _, x := range now {
		if had[x.Name] {
			kept = append(kept, x)
		}
	}
	return kept, then
}

type namedPart struct {
	Name   string
	Count  int
	SHA256 string
}

func list(t *testing.T, parts json.RawMessage) (out []namedPart) {
	t.Helper()
	if err := json.Unmarshal(parts, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestOldDatabase: the program of today brings the database of an earlier version to where it needs it, and nothing
// in it is another; everything that people held then still works, and what was revoked does not.
func TestOldDatabase(t *testing.T) {
	t.Parallel()
	dir, f := unpack(t)
	p := today(t, dir, f.then())

	if plan := p.must("", "migrate", "plan"); !strings.Contains(plan, "data format 1 is written") {
		t.Errorf("plan:\n%s", plan)
	}
	p.must("", "migrate", "up")
	now, then := held(t, p, f)
	if diff := cmp.Diff(then, now); diff != "" {
		t.Errorf("the upgrade has changed what is stored:\n%s", diff)
	}

	s := p.serve()
	if !p.authenticated(f.Session) || p.authenticated(f.RevokedSession) {
		t.Error("the session does not live on, or a revoked one does")
	}
	p.signIn("bob@example.com")
	got := p.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {f.Refresh}})
	if got.status != http.StatusOK || got.text("refresh_token") == "" || got.text("id_token") == "" {
		t.Errorf("refreshing: %d %v", got.status, got.body)
	}
	// The key that was kept is known, and has no scope for this; the other is nobody's.
	for key, status := range map[string]int{f.Key: http.StatusForbidden, f.RevokedKey: http.StatusUnauthorized} {
		if a := p.ask("GET", "/account/apikeys", nil, "Authorization", "Bearer "+key); a.status != status {
			t.Errorf("an API key: %d, want %d: %v", a.status, status, a.body)
		}
	}
	p.must("", "check", "user:alice@example.com", "doc:edit", "doc:1")
	p.must("", "authz", "check", "user:anne", "viewer", "doc:roof")
	if out, ok := p.run("", "authz", "check", "user:carl", "viewer", "doc:roof"); ok {
		t.Errorf("a stranger may: %s", out)
	}
	if out := p.must("", "org", "show", f.Org); !strings.Contains(out, "member ") {
		t.Errorf("the organisation:\n%s", out)
	}
	if out := p.must("", "audit", "verify"); !strings.HasPrefix(out, "ok: ") {
		t.Errorf("the audit log: %s", out)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

// TestSnapshot: before anything is touched that cannot be taken back, there is a copy, and it is the database from before.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	dir, f := unpack(t)
	one, two := today(t, dir, f.then()), today(t, dir, f.then(), formatVariable+"=2")
	if plan := two.must("", "migrate", "plan"); !strings.Contains(plan, "finalise: data format 2, which Cardea 0.2.0 has brought") {
		t.Errorf("plan:\n%s", plan)
	}
	kept := field(t, two.must("", "migrate", "up", "--json"), "snapshot")
	one.must("", "user", "list") // the older one still works
	two.must("", "migrate", "finalise", "--no-snapshot")
	if out, ok := one.run("", "user", "list"); ok || strings.Count(out, "\n") != 1 || !strings.Contains(out, "start the newer version, or restore a backup from before") {
		t.Errorf("the older version on a finalised database: %s", out)
	}
	if out := two.must("", "migrate", "finalise"); !strings.Contains(out, "written already") {
		t.Errorf("finalised twice: %s", out)
	}
	if out := two.must("", "audit", "list", "--tenant", "system"); !strings.Contains(out, "cluster.finalised") {
		t.Errorf("the audit log does not say it:\n%s", out)
	}

	// As it is, the copy is the old database; taken by restore it lets nothing live again.
	dir = dataDir(t)
	copyFile(t, kept, filepath.Join(dir, "cardea.db"))
	copyFile(t, "testdata/"+fixtureVersion+".key", filepath.Join(dir, "master.key"))
	now, then := held(t, today(t, dir, f.then()), f)
	if diff := cmp.Diff(then, now); diff != "" {
		t.Errorf("the snapshot is another database:\n%s", diff)
	}
	one.must("", "restore", kept)
	one.serve()
	if one.authenticated(f.Session) || one.authenticated(f.RevokedSession) {
		t.Error("a session lives again after a restore")
	}
	if got := one.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {f.Refresh}}); got.status == http.StatusOK {
		t.Error("a token lives again after a restore")
	}
	one.signIn("alice@example.com")
}

// TestByItself: whoever has one server and one file replaces the program. For a week the old one can be put back;
// then the new one writes its own format, after a snapshot, and nobody was asked.
func TestByItself(t *testing.T) {
	t.Parallel()
	dir, f := unpack(t)
	later := func(version string, days int) *program {
		return today(t, dir, f.after(time.Duration(days)*24*time.Hour), formatVariable+"="+version)
	}
	status := func(p *program) string { return field(t, p.must("", "migrate", "status", "--json")+`"`, "version") }
	for _, days := range []int{0, 6} {
		p := later("2", days)
		s := p.serve()
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
		if got := status(p); !strings.HasPrefix(got, "1,") {
			t.Errorf("after %d days: format %s", days, got)
		}
	}
	later("1", 6).must("", "user", "list") // the old program
	later("2", 30).must("", "user", "list")
	p := later("2", 36) // it has begun anew to count
	if err := p.serve().Stop(); err != nil {
		t.Error(err)
	}
	if got := status(p); !strings.HasPrefix(got, "1,") {
		t.Errorf("the week did not begin anew: format %s", got)
	}
	p = later("2", 38)
	s := p.serve()
	for deadline := time.Now().Add(time.Minute); !strings.HasPrefix(status(p), "2,"); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a week has passed and the older format is still written")
		}
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	if kept, _ := filepath.Glob(filepath.Join(dir, "before-format-2-*.backup")); len(kept) != 1 {
		t.Errorf("snapshots: %v", kept)
	}
	if !strings.Contains(s.Log.String(), "older versions cannot use it any more") {
		t.Errorf("it did not say so:\n%s", s.Log.String())
	}
	if out, ok := later("1", 38).run("", "user", "list"); ok || !strings.Contains(out, "start the newer version") {
		t.Errorf("the old program: %s", out)
	}
}
