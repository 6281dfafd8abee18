// Command shape prints the size and depth of the house as a table: how long files and functions
// are, how wide the widest interface is, how deep imports go. The figures keep rot visible; they do
// not make anything good. It looks at the files of this module that are not generated, and counts
// lines of tests apart.
//
//	go run ./tools/shape        from the root of the repository
package main

import (
	"fmt"
	"os"
	"text/tabwriter"
)

func main() {
	h, err := measure(".")
	if err != nil {
		fmt.Fprintln(os.Stderr, "shape:", err)
		os.Exit(1)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, line := range h.table() {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", line.what, line.is, line.aim, line.where)
	}
	if err := w.Flush(); err != nil {
		fmt.Fprintln(os.Stderr, "shape:", err)
		os.Exit(1)
	}
}

// line is a measure, its value, the value beyond which to think again, and where it was found.
type line struct{ what, is, aim, where string }

func (h *house) table() []line {
	files, funcs, packages := spread(h.files), spread(h.funcs), spread(h.packageLines())
	return []line{
		{"measure", "is", "think again", "where"},
		{"lines of code", fmt.Sprint(sum(h.files)), "", ""},
		{"packages", fmt.Sprint(len(h.packages)), "above 80", ""},
		{"file, p50 / p95 / max lines", fmt.Sprintf("%d / %d / %d", files.p50, files.p95, files.max), "above 500", h.longestFile},
		{"function, p50 / p90 / p99 / max lines", fmt.Sprintf("%d / %d / %d / %d", funcs.p50, funcs.p90, funcs.p99, funcs.max), "above 60", h.longestFunc},
		{"package, p50 / p95 / max lines", fmt.Sprintf("%d / %d / %d", packages.p50, packages.p95, packages.max), "above 2500", h.largestPackage()},
		{"methods of the largest interface", fmt.Sprint(h.widest), "above 5", h.widestName},
		{"functions with more than 5 parameters", fmt.Sprint(h.wideFuncs), "above 0", h.wideFunc},
		{"packages with a comment", percent(h.packageDocs(), len(h.packages)), "below 100 %", ""},
		{"exported names with a comment", percent(h.documented, h.exported), "below 90 %", ""},
		{"import depth", fmt.Sprint(h.depth), "above 13", h.deepest},
		{"direct Go dependencies / with tests", fmt.Sprintf("%d / %d", len(h.deps), len(h.testDeps)), "above 30", ""},
		{"test lines to code lines", fmt.Sprintf("%.2f", float64(h.testLines)/float64(max(1, sum(h.files)))), "below 0.8", ""},
		{"comment lines", percent(h.comments, sum(h.files)), "below 15 %", ""},
	}
}

func percent(n, of int) string {
	if of == 0 {
		return "-"
	}
	return fmt.Sprintf("%d %%", 100*n/of)
}
