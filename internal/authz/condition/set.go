package condition

import (
	"maps"
	"slices"

	"cel.dev/cel-go/common/types/ref"

	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// DefaultCost is the cost limit of one evaluation if none is configured: ten times that of OpenFGA.
// A unit is about one operation on one value, some 10 to 100 ns.
const DefaultCost = 1000

// MaxContext bounds the context of a tuple in bytes, as in OpenFGA.
const MaxContext = 32 << 10

// Inline is the name of the condition whose expression the tuple itself brings: its context holds
// "expression", and "parameters" with a type for each name that is not a string.
const Inline = "$expression"

// Config says how conditions are compiled.
type Config struct {
	Cost   uint64 // beyond it an evaluation fails; DefaultCost if zero
	Inline bool   // whether tuples may bring expressions of their own
}

// Set are the conditions of one model. It is immutable and may be used by any number of goroutines.
type Set struct {
	compiler   *compiler
	inline     bool
	conditions map[string]*compiled
}

var _ graph.Conditions = (*Set)(nil)

// Compile checks the types of every expression and prepares it. An unsound one is refused with every
// place that is wrong in it: errs.Invalid, invalid_condition, with a SourceError as the cause.
func Compile(c Config, sources ...Source) (*Set, error) {
	if c.Cost == 0 {
		c.Cost = DefaultCost
	}
	compiler, err := newCompiler(c.Cost)
	if err != nil {
		return nil, err
	}
	s := &Set{compiler: compiler, inline: c.Inline, conditions: map[string]*compiled{}}
	for _, source := range sources {
		switch {
		case !isIdentifier(source.Name):
			return nil, refuse("The name of a condition must be a letter or _ and then letters, digits and _.")
		case s.conditions[source.Name] != nil:
			return nil, refuse("The condition %s is declared twice.", source.Name)
		}
		if s.conditions[source.Name], err = compiler.compile(source); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func refuse(format string, args ...any) error {
	return errs.New(errs.Invalid, "invalid_condition", format, args...)
}

// Has implements graph.Conditions.
func (s *Set) Has(name string) bool {
	return s.conditions[name] != nil || s.inline && name == Inline
}

// Names are the names of the conditions, sorted.
func (s *Set) Names() []string { return slices.Sorted(maps.Keys(s.conditions)) }

// Bind implements graph.Conditions. The context may name declared parameters only, with values of
// their types.
func (s *Set) Bind(name, context string) (graph.Bound, error) {
	if len(context) > MaxContext {
		return nil, errs.New(errs.Invalid, "condition_context_too_large", "The context of a tuple may have %d bytes.", MaxContext)
	}
	values := map[string]any{}
	if context != "" {
		var err error
		if values, err = ParseContext([]byte(context)); err != nil {
			return nil, err
		}
	}
	c := s.conditions[name]
	if s.inline && name == Inline {
		var err error
		if c, err = s.compileInline(values); err != nil {
			return nil, err
		}
		values = nil
	}
	if c == nil {
		return nil, errs.New(errs.Invalid, "unknown_condition", "The model has no such condition.")
	}
	return c.bind(values)
}

// compileInline compiles the expression that a tuple brings.
func (s *Set) compileInline(values map[string]any) (*compiled, error) {
	source := Source{Name: Inline}
	source.Expression, _ = values["expression"].(string)
	declared, isObject := values["parameters"].(map[string]any)
	known := 1
	if _, ok := values["parameters"]; ok {
		known++
		if !isObject {
			return nil, refuse("The parameters of %s must be an object of names and types.", Inline)
		}
	}
	if source.Expression == "" || len(values) != known {
		return nil, refuse("The context of %s holds expression, a text, perhaps parameters, and nothing else.", Inline)
	}
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		text, _ := declared[name].(string)
		t, err := ParseType(text)
		if err != nil {
			return nil, err
		}
		source.Parameters = append(source.Parameters, Parameter{name, t})
	}
	if err := s.inferInline(&source, declared); err != nil {
		return nil, err
	}
	return s.compiler.compile(source)
}

// inferInline declares the names that nobody declared as strings.
func (s *Set) inferInline(source *Source, declared map[string]any) error {
	parsed, issues := s.compiler.base.Parse(source.Expression)
	if issues.Err() != nil {
		return source.issues(issues)
	}
	seen := map[string]bool{}
	free(parsed.NativeRep().Expr(), nil, func(name string) {
		_, typed := declared[name]
		_, known := s.compiler.base.CELTypeProvider().FindIdent(name)
		if !typed && !known && !seen[name] && !isTypeName(name) {
			seen[name] = true
			source.Parameters = append(source.Parameters, Parameter{name, Type{name: "string"}})
		}
	})
	return nil
}

// isTypeName reports whether CEL itself gives the name a meaning.
func isTypeName(name string) bool {
	return slices.Contains([]string{"bool", "bytes", "double", "duration", "dyn", "google", "int", "list", "map", "null_type", "string", "timestamp", "type", "uint"}, name)
}

// bound is a condition with the values that a tuple brings.
type bound struct {
	*compiled
	values []ref.Val // by parameter, nil where the tuple brings none; nil if it brings nothing at all
}

func (c *compiled) bind(values map[string]any) (graph.Bound, error) {
	b := &bound{compiled: c}
	if len(values) == 0 {
		return b, nil
	}
	b.values = make([]ref.Val, len(c.parameters))
	used := 0
	for i, p := range c.parameters {
		v, ok := values[p.Name]
		if !ok {
			continue
		}
		used++
		converted, wrong := p.Type.convert(v, 0)
		if wrong != "" {
			return nil, errs.New(errs.Invalid, "invalid_condition_context", "The parameter %s of the condition %s %s.", p.Name, c.name, wrong)
		}
		b.values[i] = converted
	}
	if used < len(values) {
		return nil, errs.New(errs.Invalid, "invalid_condition_context", "The condition %s does not have all the parameters that the context names.", c.name)
	}
	return b, nil
}
