package condition

import (
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"

	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// Bounds of an expression. They keep compiling, and every step between two looks at the context,
// short.
const (
	maxExpression = 16 << 10 // bytes
	maxNested     = 64       // levels of an expression
	maxLoops      = 3        // loops in loops: all, exists, map, filter
)

// Source is a condition as it is written in a model.
type Source struct {
	Name       string
	Parameters []Parameter
	Expression string // in CEL; true or false
}

// Parameter is a named value that an expression may use. Each must be given when it is asked.
type Parameter struct {
	Name string
	Type Type
}

// Problem is a place in an expression and what is wrong there.
type Problem struct {
	Line, Column int // from 1; 0 if it is about the whole condition
	Text         string
}

// SourceError says what is wrong with one condition of a model. It is the cause of an errs.Error
// invalid_condition.
type SourceError struct {
	Condition string
	Problems  []Problem
}

// Error lists the problems, one a line.
func (e *SourceError) Error() string {
	var b strings.Builder
	for i, p := range e.Problems {
		if i > 0 {
			b.WriteByte('\n')
		}
		if p.Line > 0 {
			fmt.Fprintf(&b, "line %d, column %d: ", p.Line, p.Column)
		}
		b.WriteString(p.Text)
	}
	return b.String()
}

func (s Source) refuse(problems ...Problem) error {
	e := &SourceError{Condition: s.Name, Problems: problems}
	return errs.Wrap(errs.Invalid, e, "invalid_condition", "The condition %s is not sound: %s", s.Name, e.Error())
}

func (s Source) issues(i *cel.Issues) error {
	var problems []Problem
	for _, e := range i.Errors() {
		problems = append(problems, Problem{Line: e.Location.Line(), Column: e.Location.Column() + 1, Text: e.Message})
	}
	return s.refuse(problems...)
}

// compiled is a condition whose expression can be run.
type compiled struct {
	name       string
	parameters []Parameter
	program    cel.Program
}

// compiler holds what all conditions of a model have in common.
type compiler struct {
	base *cel.Env
	cost uint64
}

func newCompiler(cost uint64) (*compiler, error) {
	options := append(addressFunctions(),
		cel.EagerlyValidateDeclarations(true),
		cel.ParserRecursionLimit(maxNested),
		cel.ParserExpressionSizeLimit(maxExpression),
		cel.ASTValidators(cel.ValidateDurationLiterals(), cel.ValidateTimestampLiterals(), cel.ValidateRegexLiterals(),
			cel.ValidateComprehensionNestingLimit(maxLoops)))
	base, err := cel.NewEnv(options...)
	if err != nil {
		return nil, fmt.Errorf("preparing CEL: %w", err)
	}
	return &compiler{base: base, cost: cost}, nil
}

func (c *compiler) compile(s Source) (*compiled, error) {
	env, err := c.declare(s)
	if err != nil {
		return nil, err
	}
	checked, issues := env.Compile(s.Expression)
	if issues.Err() != nil {
		return nil, s.issues(issues)
	}
	if !checked.OutputType().IsExactType(cel.BoolType) {
		return nil, s.refuse(Problem{Line: 1, Column: 1, Text: "the expression must be true or false"})
	}
	program, err := env.Program(checked, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(c.cost), cel.InterruptCheckFrequency(100))
	if err != nil {
		return nil, s.refuse(Problem{Text: "the expression cannot be run: " + err.Error()})
	}
	return &compiled{name: s.Name, parameters: s.Parameters, program: program}, nil
}

// declare makes an environment that knows the parameters.
func (c *compiler) declare(s Source) (*cel.Env, error) {
	var options []cel.EnvOption
	seen := map[string]bool{}
	for _, p := range s.Parameters {
		switch {
		case !isIdentifier(p.Name):
			return nil, s.refuse(Problem{Text: "a parameter's name must be a letter or _ and then letters, digits and _"})
		case seen[p.Name]:
			return nil, s.refuse(Problem{Text: "the parameter " + p.Name + " is declared twice"})
		case p.Type.cel() == nil:
			return nil, s.refuse(Problem{Text: "the parameter " + p.Name + " has no type"})
		}
		seen[p.Name] = true
		options = append(options, cel.Variable(p.Name, p.Type.cel()))
	}
	env, err := c.base.Extend(options...)
	if err != nil {
		return nil, s.refuse(Problem{Text: "the parameters cannot be declared: " + err.Error()})
	}
	return env, nil
}

// isIdentifier is the IDENT of CEL, 1 to 254 bytes.
func isIdentifier(text string) bool {
	for i, r := range text {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return text != "" && len(text) <= 254
}

// free yields the names in an expression that it does not declare itself, in the order in which they
// stand there.
func free(e ast.Expr, bound []string, yield func(string)) {
	switch e.Kind() {
	case ast.IdentKind:
		for _, b := range bound {
			if b == e.AsIdent() {
				return
			}
		}
		yield(e.AsIdent())
	case ast.SelectKind:
		free(e.AsSelect().Operand(), bound, yield)
	case ast.CallKind:
		if call := e.AsCall(); call.IsMemberFunction() {
			free(call.Target(), bound, yield)
		}
		for _, a := range e.AsCall().Args() {
			free(a, bound, yield)
		}
	case ast.ListKind:
		for _, item := range e.AsList().Elements() {
			free(item, bound, yield)
		}
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			free(entry.AsMapEntry().Key(), bound, yield)
			free(entry.AsMapEntry().Value(), bound, yield)
		}
	case ast.ComprehensionKind:
		c := e.AsComprehension()
		free(c.IterRange(), bound, yield)
		free(c.AccuInit(), bound, yield)
		inner := append(bound[:len(bound):len(bound)], c.IterVar(), c.IterVar2(), c.AccuVar())
		for _, part := range []ast.Expr{c.LoopCondition(), c.LoopStep(), c.Result()} {
			free(part, inner, yield)
		}
	}
}
