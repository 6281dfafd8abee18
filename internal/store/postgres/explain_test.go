package postgres

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/postgres/pgtest"
)

// TestQueriesUseTheirIndex asks PostgreSQL how it would answer every shape of a query over twenty
// thousand rows: by the declared index, in its order, without sorting or reading the table.
func TestQueriesUseTheirIndex(t *testing.T) {
	t.Parallel()
	e, err := Open(t.Context(), Config{URL: secret.New(pgtest.URL(t)), Now: time.Now, Connections: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	schema := store.Schema{
		Name: "thing",
		Columns: []store.Column{
			{Name: "group", Kind: store.TextKind}, {Name: "rank", Kind: store.IntKind}, {Name: "mail", Kind: store.TextKind},
		},
		Indexes: []store.Index{
			{Name: "by_group_rank", Columns: []string{"group", "rank"}}, {Name: "by_rank", Columns: []string{"rank"}},
			{Name: "by_mail", Columns: []string{"mail"}, Unique: true},
		},
	}
	if err := e.Ensure(t.Context(), []store.Schema{schema}); err != nil {
		t.Fatal(err)
	}
	fill(t, e)
	table, err := e.table("thing")
	if err != nil {
		t.Fatal(err)
	}
	shapes := 0
	for name, x := range table.Indexes {
		for eq := range x.Columns {
			q := store.Scan{Tenant: "t1", Collection: "thing", Index: name, Now: time.Now()}
			for _, k := range x.Kinds[:eq] {
				q.Eq = append(q.Eq, sample(k))
			}
			next := sample(x.Kinds[eq])
			for _, from := range []*store.Value{nil, &next} {
				for _, desc := range []bool{false, true} {
					q.From, q.Desc = from, desc
					segments, err := table.segments(q)
					if err != nil {
						t.Fatal(err)
					}
					for _, s := range segments {
						shapes++
						statement, args := s.limited("SELECT id, version, expires, body", s.order, 10)
						plan := explain(t, e, statement, args)
						wanted := indexName(x.Name)
						if x.Name == "" {
							wanted = primaryName("thing")
						}
						if sortsMany(plan) || strings.Contains(plan, "Seq Scan") || !strings.Contains(plan, wanted) {
							t.Errorf("not by %s: %s %v\n%s", wanted, statement, args, plan)
						}
					}
				}
			}
		}
	}
	if shapes < 30 {
		t.Errorf("only %d shapes", shapes)
	}
}

// sortsMany reports whether more rows are sorted than are asked for. A handful that an index has found
// may be, and what a unique index, which has no id, delivers is put in order as it comes.
func sortsMany(plan string) bool {
	for _, found := range regexp.MustCompile(`->  Sort  \(cost=\S+ rows=(\d+)`).FindAllStringSubmatch(plan, -1) {
		if n, err := strconv.Atoi(found[1]); err != nil || n > 10 {
			return true
		}
	}
	return false
}

func sample(k store.ValueKind) store.Value {
	if k == store.IntKind {
		return store.Int(5)
	}
	return store.Text("5")
}

func fill(t *testing.T, e *Engine) {
	t.Helper()
	for part := range 200 {
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
	err := e.once(t.Context(), func(ctx context.Context, c *pgx.Conn) error { _, err := c.Exec(ctx, "ANALYZE"); return err })
	if err != nil {
		t.Fatal(err)
	}
}

func explain(t *testing.T, e *Engine, statement string, args []any) string {
	t.Helper()
	var lines []string
	err := e.once(t.Context(), func(ctx context.Context, c *pgx.Conn) error {
		rows, err := c.Query(ctx, "EXPLAIN "+statement, args...)
		if err != nil {
			return err
		}
		lines, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(slices.Compact(lines), "\n")
}
