package cluster_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/cluster"
	"github.com/cardea-auth/cardea/internal/store/postgres"
	"github.com/cardea-auth/cardea/internal/store/postgres/pgtest"
	"github.com/cardea-auth/cardea/internal/store/sqlite"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

// Three versions of a program. The first knows a person's name; the second has split it, and the third
// counts its letters, in a column. The fourth has forgotten how the first wrote.
var releases = [][]cluster.Format{
	1: {{Number: 1, Release: "0.1.0"}},
	2: {{Number: 1, Release: "0.1.0"}, {Number: 2, Release: "0.2.0"}},
	3: {{Number: 1, Release: "0.1.0"}, {Number: 2, Release: "0.2.0"}, {Number: 3, Release: "0.3.0"}},
	4: {{Number: 3, Release: "0.3.0"}, {Number: 4, Release: "0.4.0"}},
}

// person is as all versions read it: each has the members that it knows.
type person struct {
	store.Meta
	Name  string `json:"name,omitzero"`
	First string `json:"first,omitzero"`
	Last  string `json:"last,omitzero"`
}

const byLetters = "by_letters"

func personKind(version int) store.Kind[person] {
	k := store.Kind[person]{Name: "person", Noun: "person", Meta: func(p *person) *store.Meta { return &p.Meta }}
	if version >= 2 {
		k.Forms = append(k.Forms, store.Form{Format: 2, Up: split, Down: join})
	}
	if version >= 3 {
		k.Forms = append(k.Forms, store.Form{Format: 3})
		k.Columns = []store.ColumnOf[person]{{Name: "letters", Kind: store.IntKind, Of: func(p *person) store.Value { return store.Int(int64(len(p.First + p.Last))) }}}
		k.Indexes = []store.Index{{Name: byLetters, Columns: []string{"letters"}, Since: 3}}
	}
	return k
}

func split(m store.Members) error {
	var name string
	if err := json.Unmarshal(m["name"], &name); err != nil {
		return err
	}
	first, last, _ := strings.Cut(name, " ")
	delete(m, "name")
	m["first"], m["last"] = jsontext.Value(`"`+first+`"`), jsontext.Value(`"`+last+`"`)
	return nil
}

func join(m store.Members) error {
	var first, last string
	for name, to := range map[string]*string{"first": &first, "last": &last} {
		if err := json.Unmarshal(m[name], to); err != nil {
			return err
		}
		delete(m, name)
	}
	m["name"] = jsontext.Value(`"` + first + " " + last + `"`)
	return nil
}

// lease is how long a node of these tests counts as alive.
const lease = 30 * time.Second

// program is a version of the program at work on a database.
type program struct {
	testing.TB
	version int
	engine  cluster.Engine
	db      *store.DB
	cluster *cluster.Cluster
	people  store.Scope[person]
}

// site is where a database is.
type site struct {
	url, path string
	now       func() time.Time
	lease     time.Duration // 0: lease
}

func (s site) open(ctx context.Context) (cluster.Engine, error) {
	if s.url != "" {
		return postgres.Open(ctx, postgres.Config{URL: secret.New(s.url), Now: s.now, Connections: 4})
	}
	return sqlite.Open(ctx, sqlite.Config{Path: s.path, Now: s.now, Durability: sqlite.Off})
}

// start is a version that has come as far as the database lets it.
func start(ctx context.Context, s site, version int) (*program, error) {
	e, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	p := &program{version: version, engine: e, db: store.New(store.Config{Engine: e, Sealer: storetest.NewSealer(), Now: s.now})}
	p.people = store.NewCollection(p.db, personKind(version)).In(id.Default)
	formats := releases[version]
	p.cluster = cluster.New(cluster.Config{
		Engine: e, DB: p.db, Formats: formats, Release: formats[len(formats)-1].Release, Name: fmt.Sprint("node", version), Now: s.now, Lease: cmp.Or(s.lease, lease),
	})
	return p, nil
}

// join is start, and Join.
func (s site) join(t testing.TB, version int) *program {
	t.Helper()
	p := s.start(t, version)
	p.must(p.enter())
	return p
}

func (p *program) enter() error {
	if err := p.cluster.Admit(p.Context()); err != nil {
		return err
	}
	if err := p.db.Ensure(p.Context()); err != nil {
		return err
	}
	return p.cluster.Join(p.Context())
}

func (s site) start(t testing.TB, version int) *program {
	t.Helper()
	p, err := start(t.Context(), s, version)
	if err != nil {
		t.Fatal(err)
	}
	p.TB = t
	t.Cleanup(func() { _ = p.engine.Close() })
	return p
}

// stop ends the node in order.
func (p *program) stop() {
	p.Helper()
	p.must(p.cluster.Leave(p.Context()))
	p.must(p.engine.Close())
}

func (p *program) must(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}

// full is the name of a person, whoever reads it.
func (p *person) full() string {
	if p.Name != "" {
		return p.Name
	}
	return p.First + " " + p.Last
}

func (p *program) named(docID, name string) *person {
	doc := &person{Meta: store.Meta{ID: docID}, Name: name}
	if p.version >= 2 {
		doc.Name = ""
		doc.First, doc.Last, _ = strings.Cut(name, " ")
	}
	return doc
}

func (p *program) commit(ctx context.Context, ops ...store.DocOp) error {
	_, err := p.db.Commit(ctx, store.Batch{Permit: storetest.Permit(id.Default, "person.test"), Docs: ops, Events: []store.Event{{Kind: "person.tested"}}})
	return err
}

// write gives a person a name, new or again.
func (p *program) write(docID, name string) error {
	ctx, doc := p.Context(), p.named(docID, name)
	was, err := p.people.Get(ctx, docID)
	if err != nil {
		return p.commit(ctx, p.people.Insert(ctx, doc))
	}
	was.Name, was.First, was.Last = doc.Name, doc.First, doc.Last
	return p.commit(ctx, p.people.Replace(ctx, was))
}

func (p *program) read(docID string) string {
	p.Helper()
	doc, err := p.people.Get(p.Context(), docID)
	p.must(err)
	return doc.full()
}

// stored are the bodies of all people, by id.
func (p *program) stored() map[string]string {
	p.Helper()
	out := map[string]string{}
	p.must(p.engine.Export(p.Context(), "person", func(r store.Record) error { out[r.ID] = string(r.Body); return nil }))
	return out
}

// checksum is over all people as they are stored.
func (p *program) checksum() string {
	p.Helper()
	sum := sha256.New()
	p.must(p.engine.Export(p.Context(), "person", func(r store.Record) error {
		_, err := fmt.Fprintf(sum, "%s %q\n", r.ID, r.Body)
		return err
	}))
	return hex.EncodeToString(sum.Sum(nil))
}

func (p *program) finalise() error { return p.cluster.Finalise(p.Context(), quiet) }

func quiet(string, int64, int64) {}

// everywhere runs a test on each engine.
func everywhere(t *testing.T, test func(t *testing.T, s site)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, site{path: filepath.Join(t.TempDir(), "test.db"), now: time.Now})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, site{url: pgtest.URL(t), now: time.Now})
	})
}

func shared(t *testing.T, now func() time.Time) site {
	t.Helper()
	return site{url: pgtest.URL(t), now: now}
}

func TestMain(m *testing.M) {
	if os.Getenv(roleVariable) != "" {
		upgradeChild()
		return
	}
	os.Exit(m.Run())
}
