package model

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// Position is a place in a text. Line and column count from 1, columns in characters. It is zero
// for a model that did not come from a text.
type Position struct {
	File         string // of a module, else empty
	Line, Column int
}

// String is "line:column", with the file in front if there are several.
func (p Position) String() string {
	text := fmt.Sprintf("%d:%d", p.Line, p.Column)
	if p.File != "" {
		return p.File + ":" + text
	}
	return text
}

// Code is the stable name of a kind of finding, for programs.
type Code string

// The codes.
const (
	CodeSyntax      Code = "syntax"              // the text does not have the form of the language
	CodeLimit       Code = "limit"               // too many, too long or too deep
	CodeName        Code = "invalid_name"        // a name that the language cannot write, or reserved
	CodeSchema      Code = "invalid_schema"      // a version of the language that there is not
	CodeDuplicate   Code = "duplicate"           // declared twice
	CodeType        Code = "undefined_type"      // a type that the model does not declare
	CodeRelation    Code = "undefined_relation"  // a relation that the type does not have
	CodeCondition   Code = "undefined_condition" // a condition that the model does not declare
	CodeTupleset    Code = "invalid_tupleset"    // "from" along something other than plain objects
	CodeDirect      Code = "invalid_direct"      // subjects without [..] in the rule, or the reverse
	CodeRewrite     Code = "invalid_rewrite"     // a rule that means nothing
	CodeExpression  Code = "invalid_expression"  // a condition that does not compile
	CodeParameter   Code = "invalid_parameter"   // a type of parameter that there is not
	CodeImpossible  Code = "impossible"          // a relation that nobody can ever have
	CodeRecursion   Code = "recursion"           // a relation that depends on itself in a way without meaning
	CodeModule      Code = "invalid_module"      // modules that do not fit together
	CodeManifest    Code = "invalid_manifest"    // an fga.mod that cannot be used
	CodePartial     Code = "partial"             // advice: "from" a type that lacks the relation
	CodeUnused      Code = "unused"              // advice: a condition that no relation uses
	CodeRepeated    Code = "repeated"            // advice: the same subject twice in one list
	CodeDeadBranch  Code = "dead_branch"         // advice: an "and" that no type of subject can fulfil
	CodeConstrained Code = "constrained_cycle"   // advice: recursion under "and" or "but not"
)

// Diagnostic is one finding in a model.
type Diagnostic struct {
	At   Position
	Path string // "document#viewer" or "condition in_region"; empty for the text as a whole
	Code Code
	Text string // what is wrong, a sentence
	Hint string // what to do about it, a sentence; may be empty
}

// String is position, sentence and hint in one line.
func (d Diagnostic) String() string {
	text := d.Text
	if d.Hint != "" {
		text += " " + d.Hint
	}
	switch {
	case d.At.Line > 0:
		return d.At.String() + ": " + text
	case d.Path != "":
		return d.Path + ": " + text
	}
	return text
}

// where is what a program may point at: the position or, without one, the path.
func (d Diagnostic) where() string {
	if d.At.Line > 0 || d.Path == "" {
		return d.At.String()
	}
	return d.Path
}

// Error refuses a model and says everything that was found, in the order of the text. Its cause is
// an errs.Error of kind Invalid and code invalid_model with a field for each finding. Texts repeat
// names that have the form of names, and nothing else of what was given.
type Error struct {
	Diagnostics []Diagnostic
}

// Error is one line for each finding.
func (e *Error) Error() string {
	lines := make([]string, len(e.Diagnostics))
	for i, d := range e.Diagnostics {
		lines[i] = d.String()
	}
	return strings.Join(lines, "\n")
}

// Unwrap is the same refusal as the doors show it.
func (e *Error) Unwrap() error {
	first := e.Diagnostics[0]
	out := errs.New(errs.Invalid, "invalid_model", "The model is not valid: %s", first)
	for _, d := range e.Diagnostics {
		out.Fields = append(out.Fields, errs.Field{Pointer: d.where(), Rule: errs.Unnamed, Detail: strings.TrimSpace(d.Text + " " + d.Hint)})
	}
	return out
}

// Diagnostics returns what a refusal of this package found, or nothing.
func Diagnostics(err error) []Diagnostic {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Diagnostics
	}
	return nil
}

// maxDiagnostics bounds how much is said about one model. Who has more will read the first.
const maxDiagnostics = 50

// findings collects diagnostics.
type findings struct {
	list []Diagnostic
}

func (f *findings) add(d Diagnostic) {
	if len(f.list) < maxDiagnostics {
		f.list = append(f.list, d)
	}
}

// sort brings what was found into the order of the text.
func (f *findings) sort() []Diagnostic {
	slices.SortStableFunc(f.list, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(a.At.File, b.At.File), cmp.Compare(a.At.Line, b.At.Line), cmp.Compare(a.At.Column, b.At.Column))
	})
	return f.list
}

// err is nil if nothing was found.
func (f *findings) err() error {
	if len(f.list) == 0 {
		return nil
	}
	return &Error{Diagnostics: f.sort()}
}

// nearest returns the candidate that a typing error away from name, or "".
func nearest(name string, candidates []string) string {
	best, bestDistance := "", max(1, len(name)/3)+1
	for _, c := range candidates {
		if c != name && len(c) <= 2*len(name)+2 {
			if d := distance(name, c); d < bestDistance {
				best, bestDistance = c, d
			}
		}
	}
	return best
}

// perhaps is a hint with the nearest candidate, or nothing.
func perhaps(name string, candidates []string) string {
	if n := nearest(name, candidates); n != "" {
		return "Perhaps " + n + " is meant."
	}
	return ""
}

// distance is the number of characters to insert, delete or replace (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
