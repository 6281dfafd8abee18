package sqlite

import (
	"context"
	"database/sql/driver"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/relational"
)

func explainSchema() store.Schema {
	return store.Schema{
		Name: "thing",
		Columns: []store.Column{
			{Name: "a", Kind: store.TextKind}, {Name: "b", Kind: store.IntKind}, {Name: "c", Kind: store.TextKind},
		},
		Indexes: []store.Index{
			{Name: "by_a", Columns: []string{"a"}},
			{Name: "by_abc", Columns: []string{"a", "b", "c"}},
			{Name: "by_ba", Columns: []string{"b", "a"}},
			{Name: "uniquely", Columns: []string{"c"}, Unique: true},
			{Name: "uniquely_ac", Columns: []string{"a", "c"}, Unique: true},
		},
	}
}

// TestPlans has SQLite explain every shape of query over every index, on an empty table and on a
// full one, whose statistics are gone. Each must be a search in the declared index that uses every condition on
// its columns, and nothing may be sorted.
func TestPlans(t *testing.T) {
	t.Parallel()
	e, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "test.db"), Now: time.Now, Durability: Off})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	for _, fill := range []bool{false, true} {
		if fill {
			fillThings(t, e)
		}
		if err := e.Ensure(t.Context(), []store.Schema{explainSchema()}); err != nil {
			t.Fatal(err)
		}
		checkNoStatistics(t, e)
		table, err := e.table("thing")
		if err != nil {
			t.Fatal(err)
		}
		shapes := 0
		for name, x := range table.Indexes {
			for _, q := range everyShape(name, x) {
				segments, err := table.segments(q)
				if err != nil {
					t.Fatalf("%+v: %v", q, err)
				}
				for _, s := range segments {
					shapes++
					checkPlan(t, e, table, x, s)
				}
			}
		}
		if shapes < 100 {
			t.Errorf("only %d shapes", shapes)
		}
	}
}

// checkNoStatistics: with them SQLite would compile each query again whenever it runs.
func checkNoStatistics(t *testing.T, e *Engine) {
	t.Helper()
	err := e.readers.with(t.Context(), func(c *conn) error {
		n, err := c.number(t.Context(), "SELECT count(*) FROM sqlite_schema WHERE name GLOB 'sqlite_stat*'")
		if n != 0 {
			t.Errorf("%d tables of statistics", n)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func fillThings(t *testing.T, e *Engine) {
	t.Helper()
	for part := range 20 {
		var w store.Write
		for i := range store.MaxDocs {
			n := part*store.MaxDocs + i
			w.Docs = append(w.Docs, store.Op{
				Kind: store.InsertOp, Key: store.Key{Tenant: id.Tenant(fmt.Sprint("t", n%3)), Collection: "thing", ID: fmt.Sprint(n)}, Body: []byte("{}"),
				Expires: time.Now().Add(time.Duration(n%2+1) * time.Hour),
				Columns: []store.Value{store.Text(fmt.Sprint(n % 7)), store.Int(int64(n % 50)), store.Text(fmt.Sprint(n))},
			})
		}
		if _, err := e.Commit(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.do(t.Context(), func(ctx context.Context, c *conn) error { _, err := c.exec(ctx, "ANALYZE"); return err }); err != nil {
		t.Fatal(err)
	}
}

// everyShape is every number of equal columns, with and without bounds, in both directions, from the
// start and from positions with and without absent values.
func everyShape(name string, x relational.Index) []store.Scan {
	sample := func(k store.ValueKind) store.Value {
		if k == store.IntKind {
			return store.Int(5)
		}
		return store.Text("5")
	}
	var out []store.Scan
	for eq := range x.Columns {
		next := sample(x.Kinds[eq])
		bounds := []store.Scan{{}, {From: &next}, {Until: &next}, {From: &next, Until: &next}}
		if next.Kind == store.TextKind {
			bounds = append(bounds, store.Scan{Prefix: "5"}, store.Scan{Prefix: "5", From: &next})
		}
		for _, q := range bounds {
			q.Tenant, q.Collection, q.Index, q.Limit, q.Now = "t1", "thing", name, 10, time.Now()
			for _, k := range x.Kinds[:eq] {
				q.Eq = append(q.Eq, sample(k))
			}
			full, empty := store.Position{ID: "5"}, store.Position{ID: "5"}
			for _, k := range x.Kinds[eq : len(x.Kinds)-1] {
				full.Values, empty.Values = append(full.Values, sample(k)), append(empty.Values, store.Value{})
			}
			for _, after := range []*store.Position{nil, &full, &empty} {
				for _, desc := range []bool{false, true} {
					q.After, q.Desc = after, desc
					out = append(out, q)
				}
			}
		}
	}
	return out
}

func checkPlan(t *testing.T, e *Engine, table *table, x relational.Index, s segment) {
	t.Helper()
	for _, statement := range []string{
		"SELECT id, version, expires, body" + s.text + s.order + upTo,
		"SELECT count(*) FROM (SELECT 1" + s.text + upTo + ")",
	} {
		plan := e.explain(t, statement, append(slices.Clone(s.args), int64(10))...)
		search := ""
		for _, line := range plan {
			if strings.Contains(line, table.Schema.Name) {
				search = line
			}
			if strings.Contains(line, "TEMP B-TREE") {
				t.Errorf("sorts: %s\n%q", statement, plan)
			}
		}
		wanted := "USING PRIMARY KEY ("
		if x.Name != "" {
			wanted = "INDEX " + strings.Trim(x.Name, `"`) + " ("
		}
		if !strings.HasPrefix(search, "SEARCH ") || !strings.Contains(search, wanted) {
			t.Errorf("does not search its index: %s\n%q", statement, plan)
			continue
		}
		_, where, _ := strings.Cut(s.text, "WHERE ")
		conditions := strings.Count(where, " AND ") - strings.Count(live, " AND ")
		if used := 1 + strings.Count(search, " AND "); used != conditions {
			t.Errorf("uses %d of %d conditions: %s\n%q", used, conditions, statement, plan)
		}
	}
}

func (e *Engine) explain(t *testing.T, statement string, args ...driver.Value) []string {
	t.Helper()
	var plan []string
	err := e.readers.with(t.Context(), func(c *conn) error {
		return c.query(context.WithoutCancel(t.Context()), func(v []driver.Value) error {
			plan = append(plan, text(v[3]))
			return nil
		}, "EXPLAIN QUERY PLAN "+statement, args...)
	})
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return plan
}

// TestPlansOfFixedStatements looks at the statements that are the same for every collection, and at
// those about tuples.
func TestPlansOfFixedStatements(t *testing.T) {
	t.Parallel()
	e, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "test.db"), Now: time.Now, Durability: Off})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	if err := e.Ensure(t.Context(), []store.Schema{explainSchema()}); err != nil {
		t.Fatal(err)
	}
	table, err := e.table("thing")
	if err != nil {
		t.Fatal(err)
	}
	key := "USING PRIMARY KEY (tenant=? AND id=?)"
	list := func(f store.TupleFilter, after bool) string {
		var last *store.Tuple
		if after {
			last = &store.Tuple{}
		}
		statement, _ := tupleList(store.TupleStore{}, f, last)
		return "SELECT 1" + statement
	}
	object, subject := store.ObjectRef{Type: "doc", ID: "1"}, store.SubjectRef{Type: "user", ID: "1"}
	for statement, want := range map[string]string{
		table.get: key, table.check: key, table.state: key, table.replace: key, table.remove: key,
		lastTuple:   "USING PRIMARY KEY (tenant=? AND store=?)",
		deleteTuple: "(tenant=? AND store=? AND object_type=? AND object_id=? AND relation=? AND subject_type=? AND subject_id=? AND subject_relation=?)",
		list(store.TupleFilter{Object: object}, true):                                         "object_id=? AND (relation,subject_type,subject_id,subject_relation)>(?,?,?,?))",
		list(store.TupleFilter{Object: object, Relation: "r"}, true):                          "relation=? AND (subject_type,subject_id,subject_relation)>(?,?,?))",
		list(store.TupleFilter{Object: object, Relation: "r", Subject: subject}, true):        "subject_relation=?)",
		list(store.TupleFilter{Subject: subject}, true):                                       "subject_relation=? AND (object_type,object_id,relation)>(?,?,?))",
		list(store.TupleFilter{Object: store.ObjectRef{Type: "doc"}, Subject: subject}, true): "subject_relation=? AND object_type=? AND (object_id,relation)>(?,?))",
		list(store.TupleFilter{Object: store.ObjectRef{Type: "doc"}, Relation: "r"}, true):    "object_type=? AND (object_id,relation,subject_type,subject_id,subject_relation)>(?,?,?,?,?))",
		list(store.TupleFilter{}, true):                                                       "store=? AND (object_type,object_id,relation,subject_type,subject_id,subject_relation)>(?,?,?,?,?,?))",
		list(store.TupleFilter{}, false):                                                      "USING PRIMARY KEY (tenant=? AND store=?)",
		sweepStatement("c_thing", quote("thing:expires"), "tenant, id"):                       "INDEX thing:expires (expires<?)",
		sweepStatement("tuple", "tuple_expires", "tenant, store, "+tupleColumns):              "INDEX tuple_expires (expires<?)",
	} {
		args := make([]driver.Value, strings.Count(statement, "?"))
		plan := strings.Join(e.explain(t, statement, args...), "\n")
		if !strings.Contains(plan, want) || strings.Contains(plan, "SCAN thing") || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s\n%s", statement, plan)
		}
	}
}
