// Package proof is for tests of faults, which are short whenever tests run and long when something is to
// be shown: how often they repeat, and what they have counted. tools/proof runs the long form of all of
// them and prints what they have counted as a table.
package proof

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Variable is the number of rounds of the long form.
const Variable = "CARDEA_PROOF"

// Long reports whether the long form is wanted: then what takes too long is an error, too.
func Long() bool { return os.Getenv(Variable) != "" }

// Rounds is how often something is repeated: so often, or as often as the variable says.
func Rounds(t testing.TB, usual int) int {
	t.Helper()
	if !Long() {
		return usual
	}
	n, err := strconv.Atoi(os.Getenv(Variable))
	if err != nil || n < 1 {
		t.Fatalf("%s must be a number of rounds, not %q", Variable, os.Getenv(Variable))
	}
	return n
}

// Figures writes down what a test has counted: names, and the value after each.
func Figures(t testing.TB, pairs ...any) {
	t.Helper()
	var all []string
	for p := range slices.Chunk(pairs, 2) {
		if d, ok := p[1].(time.Duration); ok {
			p[1] = d.Round(100 * time.Microsecond)
		}
		t.Attr(strings.ReplaceAll(fmt.Sprint(p[0]), " ", "_"), fmt.Sprint(p[1]))
		all = append(all, fmt.Sprintf("%v %v", p[0], p[1]))
	}
	t.Log(strings.Join(all, ", "))
}

// Quantile is the value that q of all are at most (nearest rank); 0 of none. It sorts them.
func Quantile(all []time.Duration, q float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[max(0, min(len(all), int(q*float64(len(all))+0.999999))-1)]
}
