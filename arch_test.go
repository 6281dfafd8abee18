package cardea_test

// This file states how the house is built. Do not edit it to make a build pass: change the design,
// or write down in docs/adr why the order was wrong.

import (
	"bufio"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/cardea-auth/cardea"

// rooms is the import order. A line names a room, the rooms it may import besides those that its
// imports may import themselves, and why. Rooms that are not listed may not exist.
//
//	room < what it may import : reason
const rooms = `
kit                       <                                   : words without product rules
access                    < kit                               : who asks is ground for everybody
store                     < access                            : the contract of memory
store/envelope            < store                             : seals what the contract asks to be sealed
store/relational          < store                             : what the engines make of a declaration
store/sqlite              < store/relational                  : an engine knows collections, not nouns
store/postgres            < store/relational                  : an engine knows collections, not nouns
store/mongo               < store/relational                  : an engine knows collections, not nouns
store/storetest           < store/sqlite store/postgres store/mongo : a kit for tests needs engines
store/cluster             < store                             : which format all nodes write knows collections, not nouns
store/portable            < store                             : moving data knows collections, not nouns
cache/memory              < store                             : a cache knows keys, not nouns
mail                      < store                             : an engine that sends what the outbox holds
limit                     < kit                               : counts, and forgets
cache/redis               < store limit                       : what nodes share besides the database, and no noun
tenant                    < store                             : the walls of the house
authz/graph               < kit                               : so that it can be embedded, tested and measured alone
authz/condition           < authz/graph                       : decides what a tuple demands, and weighs 6 MB
authz/model               < authz/condition                   : the language, and nothing stored
authz/builtin             < authz/model                       : the module of every tenant, as a text
authz/index               < store authz/graph                 : keeps tuple stores in memory, knows no models
authz/tuplekey            < authz/condition                   : tuples as texts, in the words of OpenFGA
authz/stores              < authz/index authz/builtin authz/tuplekey : stores of applications, besides the roles of Cardea
authz/scenario            < authz/tuplekey authz/builtin      : tests of a model, without a store
authz/policy              < store                             : decides by policies, knows no graph
authz/point               < store                             : asks decision points of others, knows no plan
authz                     < tenant authz/index authz/builtin authz/policy authz/point : decides for all, asks nobody
flow                      < store                             : knows Step, not steps
keyring                   < tenant                            : keeps keys, knows no token
audit                     < tenant keyring                    : reads events of all, is imported by none but wiring and doors
identity/email            < kit                               : a parser
identity/password         < kit                               : hashes, knows no account
identity                  < tenant flow identity/email identity/password : proves who somebody is
identity/apikey           < store                             : keys of users and services
session                   < identity                          : a proved identity over time
federation                < session                           : identity proved elsewhere
oauth                     < session keyring identity/apikey   : turns sessions and grants into tokens
governance                < authz audit oauth                 : rules over everything that is given
authz/journal             < authz                             : remembers decisions and asks them again
httpapi                   < authz authz/journal authz/stores authz/tuplekey audit oauth session limit   : a door imports domains, never engines
gateway                   < authz oauth session limit         : a door imports domains, never engines
config                    < kit                               : one struct tree
app                       < *                                 : wiring introduces the rooms to each other
cli                       < *                                 : the command line is wiring with words
`

// room is the longest listed prefix of an import path inside internal/.
func room(order map[string][]string, internal string) string {
	for p := internal; p != "."; p = path.Dir(p) {
		if _, ok := order[p]; ok {
			return p
		}
	}
	return ""
}

// parseRooms reads the order and closes it under "may import what my imports may import".
func parseRooms(t *testing.T) map[string][]string {
	order := map[string][]string{}
	s := bufio.NewScanner(strings.NewReader(rooms))
	for s.Scan() {
		line, _, _ := strings.Cut(s.Text(), ":")
		name, allowed, ok := strings.Cut(line, "<")
		if !ok {
			continue
		}
		all := strings.Fields(allowed)
		for _, a := range strings.Fields(allowed) {
			if a != "*" {
				further, known := order[a]
				if !known {
					t.Fatalf("room %s may import %s, which is not listed above it", strings.TrimSpace(name), a)
				}
				all = append(all, further...)
			}
		}
		order[strings.TrimSpace(name)] = all
	}
	return order
}

type source struct {
	dir, file string
	imports   []string
	doc       bool
	test      bool
}

// sources parses all Go files of this module.
func sources(t *testing.T) []source {
	var out []source
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			if p != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules" || d.Name() == "testdata" || nested(p)) {
				return filepath.SkipDir
			}
			return nil
		case !strings.HasSuffix(p, ".go"):
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		s := source{dir: filepath.ToSlash(filepath.Dir(p)), file: p, doc: f.Doc != nil, test: strings.HasSuffix(p, "_test.go")}
		for _, i := range f.Imports {
			s.imports = append(s.imports, strings.Trim(i.Path.Value, `"`))
		}
		out = append(out, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// nested reports whether a folder is a module of its own.
func nested(dir string) bool {
	found, _ := filepath.Glob(filepath.Join(dir, "go.mod"))
	return len(found) > 0
}

func TestArchitectureImportOrder(t *testing.T) {
	order := parseRooms(t)
	for _, s := range sources(t) {
		if s.test || strings.HasSuffix(s.dir, "test") { // a kit for tests is a kind of test
			continue
		}
		from, inside := strings.CutPrefix(s.dir, "internal/")
		for _, i := range s.imports {
			to, ours := strings.CutPrefix(i, module+"/internal/")
			if !ours {
				continue
			}
			if !inside {
				if !strings.HasPrefix(s.dir, "cmd/") && !strings.HasPrefix(s.dir, "tools/") && !strings.HasPrefix(s.dir, "test/") {
					t.Errorf("%s imports internal/%s: the public SDK must not depend on the server", s.file, to)
				}
				continue
			}
			a, b := room(order, from), room(order, to)
			switch {
			case a == "" || b == "":
				t.Errorf("%s: internal/%s or internal/%s is in no room of arch_test.go", s.file, from, to)
			case a != b && !slices.Contains(order[a], b) && !slices.Contains(order[a], "*"):
				t.Errorf("%s: room %s must not import room %s; see the reasons in arch_test.go", s.file, a, b)
			}
		}
	}
}

// TestArchitectureForeignImports keeps knowledge where it belongs.
func TestArchitectureForeignImports(t *testing.T) {
	rules := []struct{ what, only, why string }{
		{"net/http", "internal/httpapi internal/gateway internal/kit/egress internal/app internal/cli internal/mail cardeatest cmd tools test .", "domains must not know HTTP"},
		{"database/sql", "internal/store/sqlite internal/store/portable", "only an engine knows SQL"},
		{"modernc.org/sqlite", "internal/store/sqlite internal/store/portable", "only the SQLite engine knows SQLite"},
		{"github.com/jackc/pgx/v5", "internal/store/postgres", "only the PostgreSQL engine knows PostgreSQL"},
		{"go.mongodb.org/mongo-driver/v2/mongo", "internal/store/mongo", "only the MongoDB engine knows MongoDB"},
		{"go.mongodb.org/mongo-driver/v2/bson", "internal/store/mongo", "only the MongoDB engine knows MongoDB"},
		{"github.com/redis/go-redis/v9", "internal/cache/redis", "only one room knows Redis"},
		{"github.com/jackc/pgx/v5/pgxpool", "internal/store/postgres", "only the PostgreSQL engine knows PostgreSQL"},
	}
	for _, s := range sources(t) {
		if s.test || strings.Contains(s.dir, "test") {
			continue
		}
		for _, r := range rules {
			if !slices.Contains(s.imports, r.what) {
				continue
			}
			if !slices.ContainsFunc(strings.Fields(r.only), func(p string) bool { return s.dir == p || strings.HasPrefix(s.dir, p+"/") }) {
				t.Errorf("%s imports %s: %s", s.file, r.what, r.why)
			}
		}
	}
}

// TestArchitectureLinker: who calls a method by a name that only the run knows has the linker keep every
// exported method of the whole program, six megabytes of ours. text/template does, and so do most libraries
// that read a command line from a struct. Libraries may import it as long as nothing reaches what they do with it:
// tools/bench prints the size.
func TestArchitectureLinker(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || strings.HasPrefix(s.dir, "tools/") || strings.HasPrefix(s.dir, "test/") {
			continue
		}
		for _, i := range s.imports {
			if i == "text/template" || i == "html/template" || strings.HasPrefix(i, "github.com/alecthomas/kong") {
				t.Errorf("%s imports %s: internal/kit/markup makes HTML, internal/cli/grammar.go the command line", s.file, i)
			}
		}
		text, err := os.ReadFile(s.file)
		if err != nil {
			t.Fatal(err)
		}
		if found := regexp.MustCompile(`\.(MethodByName|Method)\(`).Find(text); found != nil && slices.Contains(s.imports, "reflect") {
			t.Errorf("%s calls %s...): the linker would keep every exported method of the program", s.file, found)
		}
	}
}

// TestArchitectureDomainsDoNotLog: they return errors and events. A redacting LogValue is no logging.
func TestArchitectureDomainsDoNotLog(t *testing.T) {
	logs := regexp.MustCompile(`slog\.(Info|Warn|Error|Debug|Log|Default|Logger|New|With)`)
	for _, s := range sources(t) {
		door := regexp.MustCompile(`^(internal/(httpapi|gateway|app|cli|config)|cmd|test|tools|examples)(/|$)`)
		if s.test || door.MatchString(s.dir) {
			continue
		}
		text, err := os.ReadFile(s.file)
		if err != nil {
			t.Fatal(err)
		}
		if found := logs.Find(text); found != nil {
			t.Errorf("%s uses %s: domains return errors and events; they do not log", s.file, found)
		}
	}
}

// TestArchitectureSDK: the public packages cost their users nothing but go-jose.
func TestArchitectureSDK(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || s.dir != "." && s.dir != "cardeatest" {
			continue
		}
		for _, i := range s.imports {
			first, _, _ := strings.Cut(i, "/")
			if strings.Contains(first, ".") && i != module && !strings.HasPrefix(i, "github.com/go-jose/go-jose/v4") {
				t.Errorf("%s imports %s: the SDK imports the standard library and go-jose only", s.file, i)
			}
		}
	}
}

func TestArchitecturePackageComments(t *testing.T) {
	docs := map[string]int{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		docs[s.dir] += 0
		if s.doc {
			docs[s.dir]++
		}
	}
	for dir, n := range docs {
		if n != 1 {
			t.Errorf("package in %s has %d package comments, want exactly one", dir, n)
		}
	}
}
