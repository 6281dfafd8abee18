package postgres_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// lacking is what CockroachDB or YugabyteDB do not have, do otherwise or do for show, and what an
// engine must not lean on (docs/adr/0001-one-write.md).
var lacking = map[string]string{
	`(?i)\b(small|big)?serial\b|\bnextval\b|\bcreate\s+sequence\b|\bidentity\b`:          "order of commits is not order of sequences; ids are made in Go",
	`(?i)\btrigger\b|\bcreate\s+(or\s+replace\s+)?(function|rule|procedure)\b|\bdo\s+\$`: "code in the database is not the same code everywhere",
	`(?i)advisory`:                         "advisory locks do nothing in CockroachDB and end with the session behind a pooler",
	`(?i)\breferences\b|\bforeign\s+key\b`: "foreign keys cost a reading of another shard",
	`(?i)\block\s+table\b|\bnowait\b`:      "not in CockroachDB",
	`(?i)\bctid\b|\bxmin\b|\bxmax\b|txid_|pg_current_xact_id|pg_snapshot`: "rows and transactions have other names elsewhere",
	`(?i)\bjsonb?\b|->>|@>`:                                         "bodies are text",
	`(?i)\busing\s+(gin|gist|brin|hash|spgist)\b`:                   "indexes are ordered",
	`(?i)\bmerge\s+into\b|\btablesample\b|\bgrouping\s+sets\b`:      "not in CockroachDB",
	`(?i)\b(temp|temporary|unlogged)\s+table\b`:                     "not durable, or not there",
	`(?i)\bregclass\b|\bpg_class\b|\binformation_schema\b`:          "what of ours is there stands in the registry",
	`(?i)\bdeferrable\b|\bexclude\s+using\b|nulls\s+not\s+distinct`: "not in CockroachDB",
	`(?i)\b(listen|pg_notify)\b`:                                    "a notification is a hint and nothing else",
	`(?i)\bdeclare\b.*\bcursor\b`:                                   "lists are read page by page",
	`(?i)\blike\b|\bilike\b|\bsimilar\b|~\*`:                        "prefixes are ranges",
}

// exempt are the places that may: what they do is not needed.
var exempt = map[string]string{"wake.go": `(?i)\b(listen|pg_notify)\b`}

// TestSQLIsPortable reads the texts of the package's own sources.
func TestSQLIsPortable(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	statements := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, text := range texts(t, name) {
			if !regexp.MustCompile(`^\s*(WITH|SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|DROP|SET|LISTEN|BEGIN|COMMIT|ROLLBACK|SAVEPOINT| AND | FROM | WHERE )`).MatchString(text) {
				continue
			}
			statements++
			if why := portable(text, exempt[name]); why != "" {
				t.Errorf("%s: %s\n%s", name, why, text)
			}
		}
	}
	if statements < 40 {
		t.Errorf("only %d texts of SQL were found", statements)
	}
}

func portable(text, except string) string {
	for pattern, why := range lacking {
		if pattern != except && regexp.MustCompile(pattern).MatchString(text) {
			return why
		}
	}
	for _, named := range regexp.MustCompile(`(?i)collate\s+(\S+)`).FindAllStringSubmatch(text, -1) {
		if !strings.HasPrefix(named[1], `"C"`) {
			return "texts are ordered by their bytes"
		}
	}
	return ""
}

// TestSQLLint shows that the linter can say no.
func TestSQLLint(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		"CREATE TABLE x (id BIGSERIAL)", "SELECT pg_advisory_lock(1)", "SELECT body->>'a' FROM x", "SELECT ctid FROM x",
		`SELECT a COLLATE "de_DE" FROM x`, "SELECT pg_notify('a', '')", "SELECT a FROM x WHERE a LIKE 'b%'", "CREATE TABLE x (a text REFERENCES y)",
	} {
		if portable(bad, "") == "" {
			t.Errorf("%s passes", bad)
		}
	}
}

func texts(t *testing.T, name string) []string {
	t.Helper()
	source, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, source, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	ast.Inspect(file, func(n ast.Node) bool {
		if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
			text, err := strconv.Unquote(l.Value)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, text)
		}
		return true
	})
	return out
}
