package policy

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // what a policy says of a zone must not depend on the machine

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/cedar-policy/cedar-go/x/exp/schema"
	"github.com/cedar-policy/cedar-go/x/exp/schema/validate"

	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// Bounds of a set.
const (
	MaxText     = 256 << 10 // bytes of policies
	MaxSchema   = 64 << 10  // bytes of a schema
	MaxPolicies = 1000
	maxNesting  = 64 // brackets in brackets
	maxZones    = 8
	maxFindings = 20
)

// Finding is something that is wrong with a text, and where.
type Finding struct {
	In     string `json:"in"` // policies | schema
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	Policy string `json:"policy,omitempty"`
	Text   string `json:"text"`
}

// The texts in which something can be found.
const (
	inPolicies = "policies"
	inSchema   = "schema"
)

// String is line:column: text, as editors read it.
func (f Finding) String() string {
	text := f.Text
	if f.Policy != "" {
		text = f.Policy + ": " + text
	}
	if f.In == inSchema {
		text = "schema: " + text
	}
	if f.Line == 0 {
		return text
	}
	return strconv.Itoa(f.Line) + ":" + strconv.Itoa(f.Column) + ": " + text
}

type findings []Finding

func (f findings) Error() string { return "policy: " + f[0].String() }

// Findings are what is wrong with a text, if err is about one.
func Findings(err error) []Finding {
	f, _ := errors.AsType[findings](err)
	return f
}

func unsound(all ...Finding) error {
	all = all[:min(len(all), maxFindings)]
	e := errs.Wrap(errs.Invalid, findings(all), "policy_invalid", "The policies are not sound: %s", all[0])
	for _, f := range all {
		e.Fields = append(e.Fields, errs.Field{Pointer: "/" + f.In, Detail: f.String()})
	}
	return e
}

// Policies are policies that are ready to decide. They do not change.
type Policies struct {
	list  []compiled
	zones []*time.Location
	asks  bool // about context.authentication
}

// compiled is a policy with what is told of it.
type compiled struct {
	id       types.PolicyID
	policy   *cedar.Policy
	position types.Position
	scope    *cedar.Policy // the same without conditions: does the policy speak of the question at all
	reads    []ast.IsNode  // attributes that its conditions read
}

// Parse reads policies, in Cedar's own form. A policy is called by its annotation @id, or else by its
// place: policy0 is the first. Errors are Invalid with code policy_invalid; see Findings.
func Parse(text string) (*Policies, error) {
	if len(text) > MaxText {
		return nil, unsound(Finding{In: inPolicies, Text: fmt.Sprintf("must not be longer than %d bytes", MaxText)})
	}
	if line, deep := nesting(text); deep {
		return nil, unsound(Finding{In: inPolicies, Line: line, Column: 1, Text: fmt.Sprintf("is nested more than %d levels deep", maxNesting)})
	}
	list, err := cedar.NewPolicyListFromBytes("", []byte(text))
	if err != nil {
		return nil, unsound(misread(inPolicies, err))
	}
	if len(list) > MaxPolicies {
		return nil, unsound(Finding{In: inPolicies, Text: fmt.Sprintf("must not be more than %d", MaxPolicies)})
	}
	return compile(list)
}

// compile names policies and finds out what they read.
func compile(list cedar.PolicyList) (*Policies, error) {
	out := &Policies{list: make([]compiled, len(list))}
	ids := map[types.PolicyID]bool{}
	zones := map[string]bool{}
	for i, p := range list {
		c := compiled{id: types.PolicyID("policy" + strconv.Itoa(i)), policy: p, position: p.Position()}
		if named, ok := p.Annotations()["id"]; ok {
			c.id = types.PolicyID(named)
		}
		if ids[c.id] || c.id == "" || len(c.id) > 100 {
			return nil, unsound(c.finding("the @id of a policy must be its own and have 1 to 100 bytes"))
		}
		ids[c.id] = true
		bare := *p.AST()
		bare.Conditions = nil
		c.scope = cedar.NewPolicyFromAST(&bare)
		for _, condition := range p.AST().Conditions {
			r := reader{zones: zones}
			ast.Inspect(ast.NewNode(condition.Body), r.look)
			c.reads = append(c.reads, r.reads...)
			out.asks = out.asks || r.asks
		}
		out.list[i] = c
	}
	for name := range zones {
		zone, err := time.LoadLocation(name)
		if err != nil || name == "Local" || name == "" {
			return nil, unsound(Finding{In: inPolicies, Text: "context.environment.local names a time zone that is not known; one is Europe/Berlin"})
		}
		out.zones = append(out.zones, zone)
	}
	if len(out.zones) > maxZones {
		return nil, unsound(Finding{In: inPolicies, Text: fmt.Sprintf("names more than %d time zones", maxZones)})
	}
	slices.SortFunc(out.zones, func(a, b *time.Location) int { return strings.Compare(a.String(), b.String()) })
	return out, nil
}

func (c compiled) finding(format string, args ...any) Finding {
	return Finding{In: inPolicies, Line: c.position.Line, Column: c.position.Column, Policy: string(c.id), Text: fmt.Sprintf(format, args...)}
}

// reader finds out what a condition reads.
type reader struct {
	zones map[string]bool
	reads []ast.IsNode
	asks  bool
}

// look notes an attribute, and does not look at what it is an attribute of.
func (r *reader) look(n ast.IsNode) bool {
	var of ast.IsNode
	var name string
	switch n := n.(type) {
	case ast.NodeTypeAccess:
		of, name = n.Arg, string(n.Value)
	case ast.NodeTypeHas:
		of, name = n.Arg, string(n.Value)
	default:
		return true
	}
	path := append(pathOf(of), name)
	if path[0] != "" && len(r.reads) < 50 {
		if _, ok := n.(ast.NodeTypeAccess); ok {
			r.reads = append(r.reads, n)
		}
	}
	r.asks = r.asks || len(path) > 1 && path[0] == "context" && path[1] == MemberAuthentication
	if len(path) > 3 && path[0] == "context" && path[1] == MemberEnvironment && path[2] == memberLocal {
		r.zones[path[3]] = true
	}
	return path[0] == ""
}

// pathOf is the variable and the attributes that lead to a node. It begins with an empty name where no
// variable stands at the beginning.
func pathOf(n ast.IsNode) []string {
	switch n := n.(type) {
	case ast.NodeTypeVariable:
		return []string{string(n.Name)}
	case ast.NodeTypeAccess:
		return append(pathOf(n.Arg), string(n.Value))
	}
	return []string{""}
}

// Validate checks policies against a schema, strictly, as Cedar does.
func (p *Policies) Validate(text string) error {
	if text == "" {
		return nil
	}
	if len(text) > MaxSchema {
		return unsound(Finding{In: inSchema, Text: fmt.Sprintf("must not be longer than %d bytes", MaxSchema)})
	}
	if line, deep := nesting(text); deep {
		return unsound(Finding{In: inSchema, Line: line, Column: 1, Text: fmt.Sprintf("is nested more than %d levels deep", maxNesting)})
	}
	var s schema.Schema
	read := s.UnmarshalCedar
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		read = s.UnmarshalJSON
	}
	if err := read([]byte(text)); err != nil {
		return unsound(misread(inSchema, err))
	}
	resolved, err := s.Resolve()
	if err != nil {
		return unsound(misread(inSchema, err))
	}
	v := validate.New(resolved)
	var all []Finding
	for _, c := range p.list {
		if err := v.Policy(string(c.id), (*ast.Policy)(c.policy.AST())); err != nil {
			all = append(all, c.finding("%s", oneLine(err)))
		}
	}
	if len(all) > 0 {
		return unsound(all...)
	}
	return nil
}

// misread is an error of a parser with its place, which the parsers tell in their text only. Their texts
// quote what they have read, which an answer must not repeat: what is expected is told.
func misread(in string, err error) Finding {
	text := oneLine(err)
	f := Finding{In: in, Text: text}
	if m := regexp.MustCompile(`(?:<input>|^[^:" ]*):(\d+):(\d+):?\s*(.*)$`).FindStringSubmatch(text); m != nil {
		f.Line, _ = strconv.Atoi(m[1])
		f.Column, _ = strconv.Atoi(m[2])
		f.Text = m[3]
	}
	f.Text = ownWords(f.Text)
	return f
}

func ownWords(text string) string {
	switch {
	case strings.Contains(text, "unexpected effect"):
		return "a policy begins with permit or forbid"
	case strings.Contains(text, "duplicate"):
		return "something is said twice here"
	}
	if _, want, ok := strings.Cut(text, " want "); ok && len(want) < 20 {
		return "expected " + want
	}
	text, _, _ = strings.Cut(text, ", got ")
	text = regexp.MustCompile("\"(?:\\\\.|[^\"])*\"|`[^`]*`").ReplaceAllString(text, "")
	text = strings.TrimLeft(strings.Join(strings.Fields(text), " "), ": ")
	if text == "" || strings.ContainsRune(text, '"') {
		return "is not well formed"
	}
	return text
}

// oneLine is the text of an error of the library, cut to what fits on a line.
func oneLine(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "…"
	}
	return text
}

// nesting reports whether brackets lie deeper in each other than any parser here should have to
// follow, and on which line.
func nesting(text string) (line int, deep bool) {
	depth, line := 0, 1
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\n':
			line++
		case c == '/' && strings.HasPrefix(text[i:], "//"):
			if end := strings.IndexByte(text[i:], '\n'); end >= 0 {
				i += end - 1
			} else {
				return 0, false
			}
		case c == '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case strings.IndexByte("([{", c) >= 0:
			if depth++; depth > maxNesting {
				return line, true
			}
		case strings.IndexByte(")]}", c) >= 0:
			depth--
		}
	}
	return 0, false
}
