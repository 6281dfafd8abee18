// Package openfga_test compares Cardea's reading of models with OpenFGA's own packages. It is a
// module of its own because those bring a parser generator, gRPC and a server.
package openfga_test

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/openfga/language/pkg/go/transformer"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/cardea-auth/cardea/internal/authz/model"
)

// tally counts what was compared.
type tally struct {
	texts, accepted, refused int
	failed                   int
	explained                map[string]int
}

func (n *tally) log(t *testing.T) {
	t.Logf("%d texts, %d sound, %d refused by both", n.texts, n.accepted, n.refused)
	for _, name := range slices.Sorted(maps.Keys(n.explained)) {
		t.Logf("%6d %s", n.explained[name], name)
	}
}

// compare asks both about one text and reports what differs without an explanation.
func (n *tally) compare(t *testing.T, text string) {
	t.Helper()
	n.texts++
	a, b := ask(text), answer(text)
	if difference := n.difference(a, b); difference != "" {
		if name := explain(text, a, b); name != "" {
			n.explained[name]++
			return
		}
		n.failed++
		t.Errorf("%s\ntheirs: %v\nweighted: %v\nours: %v %v\n%s", difference, cmp.Or(a.syntax, a.write), a.weighted, cmp.Or(b.syntax, b.check), b.advice, text)
	}
}

func (n *tally) difference(a theirs, b ours) string {
	switch {
	case a.syntax != nil && b.syntax != nil:
		n.refused++
		return ""
	case a.syntax != nil || b.syntax != nil:
		return "one of us cannot read it"
	}
	if diff, ok := sameJSON(a.proto, b.model); !ok {
		return diff
	}
	refused := a.write != nil || a.weighted != nil
	switch {
	case refused && b.check != nil:
		n.refused++
	case a.write != nil:
		return "only they refuse it"
	case b.check != nil:
		return "only we refuse it"
	case a.weighted != nil && len(b.advice) == 0:
		return "their weighted graph refuses it, and we have no advice"
	default:
		n.accepted++
		return roundTrip(a, b)
	}
	return ""
}

// roundTrip has a sound model go through the other form, here and there.
func roundTrip(a theirs, b ours) string {
	raw, err := protojson.Marshal(a.proto)
	if err != nil {
		return err.Error()
	}
	if fromJSON, err := model.ParseJSON(raw); err != nil || !fromJSON.Equal(b.model) {
		return fmt.Sprintf("their JSON read here is another model: %v", err)
	}
	if a.proto.GetTypeDefinitions()[0].GetMetadata().GetModule() != "" {
		return "" // neither text of a model of modules names them
	}
	written, err := model.Format(b.model)
	if err != nil {
		return "cannot be written: " + err.Error()
	}
	there := ask(written)
	if there.syntax != nil {
		return fmt.Sprintf("they cannot read what we write: %v\n%s", there.syntax, written)
	}
	if diff, ok := sameJSON(there.proto, b.model); !ok && strings.TrimSpace(diff) != "" && !trimmed(b.model) {
		return "they read what we write as another model: " + diff
	}
	theirText, err := transformer.TransformJSONProtoToDSL(proto.CloneOf(a.proto))
	if err != nil {
		return "they cannot write it: " + err.Error()
	}
	if again, err := model.Parse(theirText); err != nil || !again.Equal(b.model) {
		return fmt.Sprintf("what they write is another model here: %v\n%s", err, theirText)
	}
	return ""
}

// trimmed reports whether an expression has white space around it, which Format leaves out.
func trimmed(m *model.Model) bool {
	return slices.ContainsFunc(m.Conditions, func(c model.Condition) bool { return strings.TrimSpace(c.Expression) != c.Expression })
}

// explanations are the differences that are meant: a name, and the text without what we read in
// another way. Such a text must be read alike.
var explanations = []struct {
	name string
	cure func(string) string
}{
	{"a line with a tab before its # is a comment", func(text string) string { return tabbed.ReplaceAllString(text, "") }},
}

var tabbed = regexp.MustCompile(`(?m)^[ \t]*\t[ \t]*#.*$`)

// identifiers is the name of a difference: OpenFGA lets conditions and parameters have names with a
// dash, which no expression could use, since there a dash subtracts.
const identifiers = "conditions and their parameters are identifiers of CEL, without a dash"

// dashed reports whether that is all that is wrong with a model.
func dashed(m *model.Model, err error) bool {
	for _, d := range model.Diagnostics(err) {
		c := m.Condition(strings.TrimPrefix(d.Path, "condition "))
		if d.Code != model.CodeExpression || c == nil {
			return false
		}
		if !strings.Contains(c.Name, "-") && !slices.ContainsFunc(c.Parameters, func(p model.Parameter) bool { return strings.Contains(p.Name, "-") }) {
			return false
		}
	}
	return err != nil
}

// explain names a difference that is meant, or returns "".
func explain(text string, a theirs, b ours) string {
	if b.syntax == nil && b.check == nil && forgotten(a.proto, a.write) {
		return forgetful
	}
	if a.syntax == nil && a.write == nil && b.syntax == nil && dashed(b.model, b.check) {
		return identifiers
	}
	if a.syntax == nil && a.write == nil && b.check != nil && !slices.ContainsFunc(model.Diagnostics(b.check), func(d model.Diagnostic) bool {
		return d.Code != model.CodeName || !strings.HasPrefix(d.Path, "condition ")
	}) {
		return "a condition that bears a word of the language could never be named, so it is refused"
	}
	for _, e := range explanations {
		cured := e.cure(text)
		if cured == text {
			continue
		}
		if n := (tally{}); n.difference(ask(cured), answer(cured)) == "" {
			return e.name
		}
	}
	return ""
}

// TestCorpus compares every model that OpenFGA's own packages and tests hold.
func TestCorpus(t *testing.T) {
	t.Parallel()
	n := tally{explained: map[string]int{}}
	for _, text := range corpus(t) {
		n.compare(t, text)
	}
	n.log(t)
	if n.texts < 900 || n.accepted < 600 {
		t.Fatalf("only %d texts, %d of them sound: the corpus is not where it was", n.texts, n.accepted)
	}
}

// TestExplained has one text for each difference that is meant, so that none of them is an excuse
// for what no longer happens.
func TestExplained(t *testing.T) {
	t.Parallel()
	const head = "model\n  schema 1.1\ntype user\n"
	for _, text := range []string{
		head + "\t# don't\ntype doc\n  relations\n    define a: [user]\n",
		head + "type doc\n  relations\n    define a: [user with a-b]\ncondition a-b(x: int) {\n  x > 1\n}\n",
		head + "type doc\n  relations\n    define a: [user with c]\ncondition c(x-y: int) {\n  1 > 1\n}\n",
		head + "type doc\n  relations\n    define a: [user]\ncondition type(x: int) {\n  x > 1\n}\n",
		head + "type bot\n  relations\n    define a: b from z or z\n    define b: (a from z and (a but not z))\n    define c: a and b and b from z\n    define z: [bot]\n",
	} {
		n := tally{explained: map[string]int{}}
		if n.compare(t, text); len(n.explained) != 1 {
			t.Errorf("this is no difference:\n%s", text)
		}
	}
}

// TestMutations compares texts of the corpus after a few small changes, most of which are mistakes.
func TestMutations(t *testing.T) {
	t.Parallel()
	texts := corpus(t)
	n := tally{explained: map[string]int{}}
	r := rand.New(rand.NewPCG(1, 2))
	for n.texts < rounds(t, 12_000) && n.failed < 20 {
		n.compare(t, mutate(r, texts))
	}
	n.log(t)
}

// TestRandom compares models that are made by chance, half of them with mistakes of meaning.
func TestRandom(t *testing.T) {
	t.Parallel()
	n := tally{explained: map[string]int{}}
	r := rand.New(rand.NewPCG(3, 4))
	for n.texts < rounds(t, 5_000) && n.failed < 20 {
		n.compare(t, random(r))
	}
	n.log(t)
}

// rounds is how often to try: more with CARDEA_ROUNDS, which multiplies.
func rounds(t *testing.T, n int) int {
	if factor, err := strconv.Atoi(os.Getenv("CARDEA_ROUNDS")); err == nil {
		return n * factor
	}
	return n
}
