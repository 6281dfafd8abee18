package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Problem is one thing that is wrong, where, and what to do.
type Problem struct {
	Key   string // the setting: server.listen; empty if it is about none
	Where string // file and line, variable or flag; empty if the value is a default or follows from several
	Text  string // a sentence without its full stop
}

// String is a line for people.
func (p Problem) String() string {
	var parts []string
	for _, s := range []string{p.Where, p.Key, p.Text} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, ": ")
}

// Problems is everything that is wrong, as one error. It repeats no value.
type Problems []Problem

// Error is a line for each problem.
func (p Problems) Error() string {
	if len(p) == 1 {
		return "configuration: " + p[0].String()
	}
	lines := []string{fmt.Sprintf("the configuration has %d problems:", len(p))}
	for _, x := range p {
		lines = append(lines, "  "+x.String())
	}
	return strings.Join(lines, "\n")
}

// err is p as an error: nil if there is none.
func (p Problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}

func (p *Problems) add(key, where, format string, args ...any) {
	*p = append(*p, Problem{Key: key, Where: where, Text: fmt.Sprintf(format, args...)})
}

// merge adds those of others whose key has no problem yet: what follows from a value that could not
// be read would only confuse.
func (p *Problems) merge(others Problems) {
	known := slices.Clone(*p)
	for _, o := range others {
		if o.Key == "" || !slices.ContainsFunc(known, func(k Problem) bool { return k.Key == o.Key }) {
			*p = append(*p, o)
		}
	}
}

// meant is the name among known that a typing error could have turned into name, as the end of a
// sentence, or "".
func meant(name string, known []string) string {
	best, least := "", 3
	if len(name) > maxShown {
		return ""
	}
	for _, k := range known {
		if d := distance(name, k); d < least {
			best, least = k, d
		}
	}
	if best == "" || least >= len(name) {
		return ""
	}
	return "; did you mean " + best + "?"
}

// maxShown is how much of a name that is not ours is repeated, in bytes.
const maxShown = 80

// shown is a name that is not ours as it may stand in a problem: in one line, and not without end.
func shown(name string) string {
	if len(name) > maxShown {
		name = name[:maxShown] + "…"
	}
	if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(name)
	}
	return name
}

// distance is how many letters must be put in, left out or replaced to turn a into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := corner
			if a[i] != b[j] {
				cost = 1 + min(corner, row[j], row[j+1])
			}
			corner, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
