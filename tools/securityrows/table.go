package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// table says what a document must hold.
type table struct {
	path   string
	prefix string // of the rows' ids, e.g. E
	rows   int    // they are numbered from 1
	// numbered finds the rows that a test belongs to by its name.
	numbered func(test string) []string
}

func tables() []table {
	regress := regexp.MustCompile(`^(?:Test|Fuzz)Regress((?:_\d{3})+)(?:_|$)`)
	example := regexp.MustCompile(`^TestE(\d+)[A-Z_]`)
	return []table{
		{path: "docs/security-rows.md", rows: 165, numbered: func(test string) (ids []string) {
			m := regress.FindStringSubmatch(test)
			if m == nil {
				return nil
			}
			for _, digits := range strings.Split(m[1][1:], "_") {
				n, err := strconv.Atoi(digits)
				if err == nil {
					ids = append(ids, strconv.Itoa(n))
				}
			}
			return ids
		}},
		{path: "docs/acceptance.md", prefix: "E", rows: 21, numbered: func(test string) []string {
			m := example.FindStringSubmatch(test)
			if m == nil {
				return nil
			}
			return []string{"E" + m[1]}
		}},
	}
}

// status says how far a row is.
type status string

// The states of a row.
const (
	tested  status = "tested"  // tests cover it
	partly  status = "partly"  // tests cover a part; the reason says what does not exist, or with gapMark what is not covered
	later   status = "later"   // what could fail does not exist yet; the reason says what
	missing status = "missing" // it could fail, and no test covers it
)

// row is one line of a table: id, any cells of words, status, tests, reason.
type row struct {
	id     string
	words  []string
	status status
	tests  []string // names of tests, or paths of files
	why    string
}

// document is a table in its text. Lines that are no rows are kept as they are.
type document struct {
	table
	lines []string
	at    map[int]*row // by line
	rows  []*row
}

func (t table) read(root string) (*document, error) {
	text, err := os.ReadFile(filepath.Join(root, t.path))
	if err != nil {
		return nil, err
	}
	d := &document{table: t, lines: strings.Split(string(text), "\n"), at: map[int]*row{}}
	start := regexp.MustCompile(`^\| ` + t.prefix + `\d+ \|`)
	for n, line := range d.lines {
		if !start.MatchString(line) {
			continue
		}
		r, err := parseRow(line)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", t.path, n+1, err)
		}
		d.at[n] = r
		d.rows = append(d.rows, r)
	}
	return d, nil
}

func parseRow(line string) (*row, error) {
	cells := strings.Split(strings.Trim(line, "|"), "|")
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	n := len(cells)
	if n < 5 {
		return nil, fmt.Errorf("a row has %d cells, want id, words, status, tests, reason", n)
	}
	r := &row{id: cells[0], words: cells[1 : n-3], status: status(cells[n-3]), why: cells[n-1]}
	for name := range strings.SplitSeq(cells[n-2], ",") {
		name = strings.TrimSpace(name)
		if name == "" {
			continue
		}
		bare := strings.Trim(name, "`")
		if "`"+bare+"`" != name {
			return nil, fmt.Errorf("row %s: %q is not a name in backticks", r.id, name)
		}
		r.tests = append(r.tests, bare)
	}
	return r, nil
}

func (r *row) String() string {
	quoted := make([]string, len(r.tests))
	for i, name := range r.tests {
		quoted[i] = "`" + name + "`"
	}
	var b strings.Builder
	for _, cell := range append(append([]string{r.id}, r.words...), string(r.status), strings.Join(quoted, ", "), r.why) {
		b.WriteString("| ")
		b.WriteString(cell)
		if cell != "" {
			b.WriteByte(' ')
		}
	}
	return b.String() + "|"
}

// amend brings the tables in line with the tests, as far as a program can.
func (d *document) amend(known tests) {
	for _, r := range d.rows {
		r.tests = slices.DeleteFunc(r.tests, func(name string) bool { return !isFile(name) && !known[name] })
		for _, name := range known.of(d.table, r.id) {
			if !slices.Contains(r.tests, name) {
				r.tests = append(r.tests, name)
			}
		}
		switch {
		case len(r.tests) > 0 && (r.status == later || r.status == missing):
			r.status = partly
		case len(r.tests) == 0 && (r.status == tested || r.status == partly):
			r.status = missing
		}
	}
}

func (d *document) save(root string) error {
	for n, r := range d.at {
		d.lines[n] = r.String()
	}
	for n, line := range d.lines {
		if strings.HasPrefix(line, countMark) {
			d.lines[n] = d.count()
		}
	}
	return os.WriteFile(filepath.Join(root, d.path), []byte(strings.Join(d.lines, "\n")), 0o644)
}

// countMark begins the line that counts the rows.
const countMark = "Count: "

// gapMark begins the reason of a row that is covered in part, although all of it exists.
const gapMark = "Missing: "

// count is the line that counts the rows and names those that no test covers.
func (d *document) count() string {
	by := map[status][]string{}
	var gaps []string
	for _, r := range d.rows {
		by[r.status] = append(by[r.status], r.id)
		if r.status == partly && strings.HasPrefix(r.why, gapMark) {
			gaps = append(gaps, r.id)
		}
	}
	return fmt.Sprintf("%s%d tested, %d partly%s, %d later, %d missing%s.", countMark, len(by[tested]),
		len(by[partly]), list(", with a gap in", gaps), len(by[later]), len(by[missing]), list(":", by[missing]))
}

// list is a part of a sentence with ids; nothing without any.
func list(words string, ids []string) string {
	if len(ids) == 0 {
		return ""
	}
	return words + " " + strings.Join(ids, " ")
}
