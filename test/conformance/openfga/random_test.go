package openfga_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// pieces are what mutations put into a text: everything that has a meaning somewhere, and a few
// things that have none.
var pieces = []string{
	" ", "\n", "\t", "\r\n", "  ", "#", " # note", "// note", "(", ")", "[", "]", "{", "}", "<", ">", ":", ",", "*", ".", "-", "/", "%", "!", "?",
	"\"", "'", `"a}b"`, `r"\d"`, `b'x'`, "'''a\nb'''", "$", "&", "&&", "||", "==", "=", "~", "1.1", "1.2", "2.0", "1", "0x1f", "1u", "1.5e3", ".5",
	"and", "or", "but not", "but", "from", "with", "in", "true", "false", "null", "module", "model", "schema", "extend", "type", "relation",
	"relations", "define", "condition", "map", "list", "list<string>", "map<int>", "string", "int", "bool", "self", "this", "user", "viewer", "parent",
	"$expression", "a-b", "a--b", "a.b", "a/b", "_x", "é", "\x00", " or ", " and ", " but not ", " from ", " with ", "user:*", "group#member",
	"\n    define x: [user]", "\ntype thing", "\nextend type user", "\n    define y: x or viewer", "\ncondition c(x: int) { x < 1 }", "\n",
	" with cond", "(viewer or editor)", "([user] or viewer)",
}

// mutate changes a text of the corpus in one to three places.
func mutate(r *rand.Rand, texts []string) string {
	text := texts[r.IntN(len(texts))]
	for len(text) > 3000 {
		text = texts[r.IntN(len(texts))]
	}
	for range 1 + r.IntN(2) {
		text = change(r, text)
	}
	return text
}

func change(r *rand.Rand, text string) string {
	if text == "" {
		return pieces[r.IntN(len(pieces))]
	}
	i := r.IntN(len(text))
	switch r.IntN(8) {
	case 0: // a piece is put in
		return text[:i] + pieces[r.IntN(len(pieces))] + text[i:]
	case 1: // a character is gone
		return text[:i] + text[min(i+1, len(text)):]
	case 2: // a character is another
		return text[:i] + pieces[r.IntN(len(pieces))] + text[min(i+1, len(text)):]
	case 3: // a line is gone
		lines := strings.SplitAfter(text, "\n")
		k := r.IntN(len(lines))
		return strings.Join(lines[:k], "") + strings.Join(lines[k+1:], "")
	case 4: // a line comes twice
		lines := strings.SplitAfter(text, "\n")
		k := r.IntN(len(lines))
		return strings.Join(lines[:k+1], "") + strings.Join(lines[k:], "")
	case 5: // two lines change places
		lines := strings.SplitAfter(text, "\n")
		a, b := r.IntN(len(lines)), r.IntN(len(lines))
		lines[a], lines[b] = lines[b], lines[a]
		return strings.Join(lines, "")
	}
	// a word is another word of the text, or a piece
	words := strings.FieldsFunc(text, func(c rune) bool { return strings.ContainsRune(" \n\t[](),:#*{}", c) })
	if len(words) == 0 {
		return text
	}
	from, to := words[r.IntN(len(words))], words[r.IntN(len(words))]
	if r.IntN(4) == 0 {
		to = pieces[r.IntN(len(pieces))]
	}
	at := strings.Index(text[i:], from)
	if at < 0 {
		return strings.Replace(text, from, to, 1)
	}
	return text[:i+at] + to + text[i+at+len(from):]
}

// random makes a model of a few types. Names are so few that most references hit, by intent or not.
func random(r *rand.Rand) string {
	g := generator{r: r, types: []string{"user", "bot", "group", "folder", "doc"}[:2+r.IntN(4)], relations: []string{"a", "b", "c", "d", "e"}[:2+r.IntN(2)]}
	g.b.WriteString("model\n  schema 1.1\n")
	for i, t := range g.types {
		g.b.WriteString("type " + t + "\n")
		if i > 0 {
			g.b.WriteString("  relations\n")
			g.roads = nil
			for _, name := range g.relations {
				if r.IntN(12) > 0 {
					fmt.Fprintf(&g.b, "    define %s: %s\n", name, g.rule(name))
				}
			}
			fmt.Fprintf(&g.b, "    define z: %s\n", g.brackets(r.IntN(8) == 0))
		}
	}
	for _, c := range []string{"small", "large"} {
		if r.IntN(20) > 0 {
			fmt.Fprintf(&g.b, "condition %s(x: int) {\n  x < %d\n}\n", c, r.IntN(100))
		}
	}
	return g.b.String()
}

type generator struct {
	r                *rand.Rand
	types, relations []string
	roads            []string
	b                strings.Builder
}

func (g *generator) pick(from []string) string { return from[g.r.IntN(len(from))] }

// rule makes the rule of a relation. Relations that are only brackets become roads for "from".
func (g *generator) rule(name string) string {
	switch g.r.IntN(5) {
	case 0, 1:
		if g.r.IntN(2) == 0 {
			g.roads = append(g.roads, name)
			return g.brackets(false)
		}
		return g.brackets(true)
	case 2:
		return g.joined(g.brackets(true))
	}
	return g.joined(g.operand(2))
}

func (g *generator) joined(first string) string {
	switch g.r.IntN(4) {
	case 0:
		return first
	case 1:
		return first + " but not " + g.operand(2)
	}
	operator := g.pick([]string{" or ", " or ", " and "})
	for range 1 + g.r.IntN(2) {
		first += operator + g.operand(2)
	}
	return first
}

func (g *generator) operand(depth int) string {
	switch {
	case g.r.IntN(6) == 0 && depth > 0:
		return "(" + g.operand(depth-1) + g.pick([]string{" or ", " and ", " but not "}) + g.operand(depth-1) + ")"
	case g.r.IntN(4) == 0:
		return g.pick(g.relations) + " from " + g.pick(append([]string{"z"}, g.roads...))
	}
	return g.pick(append([]string{"z"}, g.relations...))
}

// brackets makes [..], of plain types only or of everything.
func (g *generator) brackets(everything bool) string {
	var out []string
	for range 1 + g.r.IntN(3) {
		s := g.pick(g.types)
		if everything {
			switch g.r.IntN(5) {
			case 0:
				s += ":*"
			case 1:
				if s != "user" {
					s += "#" + g.pick(append([]string{"z"}, g.relations...))
				}
			case 2:
				s = "user"
			}
		}
		if g.r.IntN(6) == 0 {
			s += " with " + g.pick([]string{"small", "large"})
		}
		out = append(out, s)
	}
	return "[" + strings.Join(out, ", ") + "]"
}
