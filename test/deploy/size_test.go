package deploy_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	_ "modernc.org/sqlite"

	"github.com/cardea-auth/cardea/internal/store/postgres/pgtest"
)

// TestSizes looks how large a user, a session and a relation tuple are on the disk, with all their indexes and
// what is written beside them: it makes some by the API and sees what has grown. With CARDEA_SIZES=N it makes N
// users and sessions and 25 times as many tuples, and logs what each is worth: see docs/scale.md.
func TestSizes(t *testing.T) {
	t.Parallel()
	n := 40
	if text := os.Getenv("CARDEA_SIZES"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	for name, engine := range map[string]func(t *testing.T) (env []string, sizes func(n *node) tables){"SQLite": sqliteSizes, "PostgreSQL": postgresSizes} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env, sizes := engine(t)
			m := &measured{t: t, base: "http://localhost:" + freePort(t)}
			m.node = serve(t, m.base, append(env, "CARDEA_PASSWORD_ARGON2_MEMORY=7MiB", "CARDEA_PASSWORD_ARGON2_PASSES=5", "CARDEA_LIMITS_SIGN_IN_ADDRESS=off",
				"CARDEA_LIMITS_CREDENTIAL_ADDRESS=off", "CARDEA_PASSWORD_WAIT=30s")...)
			m.key = m.admin()
			m.sizes = func() tables {
				_ = m.node.Stop() // what it has written is measured
				defer m.node.again(t)
				return sizes(m.node)
			}
			m.grown("user", n, 1, func(i int) {
				m.post("/api/users", fmt.Sprintf(`{"email":"person%d@example.com","name":"Person %d","password":%q,"email_verified":true}`, i, i, personal))
			})
			m.grown("session", n, 1, m.signIn)
			store := m.store()
			const batch = 100
			m.grown("tuple", n*25/batch, batch, func(i int) { m.post("/stores/"+store+"/write", writes(i, batch)) })
		})
	}
}

const personal = "wheelbarrow-umbrella-seven"

// tables is how large each table is with its indexes, in bytes.
type tables map[string]float64

// measured is a server whose disk is looked at.
type measured struct {
	t         *testing.T
	base, key string
	node      *node
	sizes     func() tables
}

// grown calls make n times, which makes so many things each time, and looks by how many bytes one of them has
// made the tables grow.
func (m *measured) grown(what string, n, each int, make func(i int)) {
	m.t.Helper()
	before := m.sizes()
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for i := worker; i < n && !m.t.Failed(); i += 4 {
				make(i)
			}
		})
	}
	all.Wait()
	after, sum, parts := m.sizes(), 0.0, []string{}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		bytes := (after[name] - before[name]) / float64(n*each)
		if sum += bytes; bytes >= 1 {
			parts = append(parts, fmt.Sprintf("%s %.0f", name, bytes))
		}
	}
	m.t.Logf("%d times %s: %.0f bytes each (%s)", n*each, what, sum, strings.Join(parts, ", "))
	if sum < 50 || sum > 50_000 {
		m.t.Errorf("a %s takes %.0f bytes, which cannot be", what, sum)
	}
}

// admin is an API key that may do everything.
func (m *measured) admin() string {
	var app struct {
		ID string `json:"client_id"`
	}
	var key struct{ Key string }
	m.ask(&app, "app", "create", "sizes", "--type", "service")
	m.node.cli(m.t, "", "role", "assign", "cardea:admin", "service:"+app.ID)
	m.ask(&key, "apikey", "create", "service:"+app.ID, "sizes", "--scope", "cardea:admin")
	return key.Key
}

func (m *measured) ask(out any, words ...string) {
	m.t.Helper()
	if err := json.Unmarshal([]byte(m.node.cli(m.t, "", append(words, "--json")...)), out); err != nil {
		m.t.Fatal(err)
	}
}

func (m *measured) post(path, body string) (answer map[string]any) {
	r, err := http.NewRequestWithContext(m.t.Context(), http.MethodPost, "http://"+m.node.listen+path, strings.NewReader(body))
	if err != nil {
		m.t.Error(err)
		return nil
	}
	r.Host = strings.TrimPrefix(m.base, "http://")
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+m.key)
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		m.t.Error(err)
		return nil
	}
	defer func() { _ = got.Body.Close() }()
	text, _ := io.ReadAll(got.Body)
	if got.StatusCode == http.StatusServiceUnavailable { // more passwords than the machine can hash
		return m.post(path, body)
	}
	if got.StatusCode >= 300 && got.StatusCode != http.StatusConflict {
		m.t.Errorf("%s: %d %s", path, got.StatusCode, text)
	}
	_ = json.Unmarshal(text, &answer)
	return answer
}

// signIn begins a session of the person with that number.
func (m *measured) signIn(i int) {
	p := newPerson(m.t, m.base)
	p.http.Transport = (&revoking{}).client(nil, m.node).Transport
	_, flow := p.send("POST", "/flows", "", map[string]string{"kind": "sign_in"})
	csrf, _ := flow["csrf_token"].(string)
	status, done := p.send("POST", "/flow/password", csrf, map[string]string{"email": fmt.Sprintf("person%d@example.com", i), "password": personal})
	switch status {
	case http.StatusOK:
	case http.StatusServiceUnavailable:
		m.signIn(i)
	default:
		m.t.Errorf("signing in: %d %v", status, done)
	}
}

// store makes a store with a model.
func (m *measured) store() string {
	id, _ := m.post("/stores", `{"name":"sizes"}`)["id"].(string)
	m.post("/stores/"+id+"/authorization-models", `{"schema_version":"1.1","type_definitions":[{"type":"user"},{"type":"doc",
		"relations":{"viewer":{"this":{}}},"metadata":{"relations":{"viewer":{"directly_related_user_types":[{"type":"user"}]}}}}]}`)
	return id
}

// writes are so many tuples with names as long as ids are.
func writes(i, n int) string {
	var b bytes.Buffer
	b.WriteString(`{"writes":{"tuple_keys":[`)
	for k := range n {
		if k > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"user":"user:%026d","relation":"viewer","object":"doc:%026d"}`, (i*7919+k*104729)%1_000_003, i*n+k)
	}
	b.WriteString(`]}}`)
	return b.String()
}

// sqliteSizes reads the pages of every table and index.
func sqliteSizes(t *testing.T) ([]string, func(*node) tables) {
	return nil, func(n *node) tables {
		db, err := sql.Open("sqlite", filepath.Join(n.dir, "data/cardea.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		rows, err := db.QueryContext(t.Context(), "SELECT m.tbl_name, sum(d.pgsize - d.unused) FROM dbstat AS d JOIN sqlite_schema AS m ON m.name = d.name WHERE m.tbl_name NOT LIKE 'sqlite_%' GROUP BY 1")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = rows.Close() }()
		out := tables{}
		for rows.Next() {
			var name string
			var size float64
			if err := rows.Scan(&name, &size); err != nil {
				t.Fatal(err)
			}
			out[name] = size
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		return out
	}
}

// postgresSizes reads the files of every table and its indexes, after what is dead in them was removed.
func postgresSizes(t *testing.T) ([]string, func(*node) tables) {
	uri := pgtest.URL(t)
	return []string{"CARDEA_DATABASE_URL=" + uri}, func(*node) tables {
		c, err := pgx.Connect(t.Context(), uri)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close(t.Context()) }()
		if _, err := c.Exec(t.Context(), "VACUUM"); err != nil {
			t.Fatal(err)
		}
		rows, err := c.Query(t.Context(), "SELECT relname, pg_total_relation_size(oid)::float8 FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace")
		if err != nil {
			t.Fatal(err)
		}
		out := tables{}
		var name string
		var size float64
		if _, err := pgx.ForEachRow(rows, []any{&name, &size}, func() error { out[name] = size; return nil }); err != nil {
			t.Fatal(err)
		}
		return out
	}
}
