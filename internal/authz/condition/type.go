package condition

import (
	"strings"

	"cel.dev/cel-go/cel"

	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// Type is the type of a parameter. ParseType makes one; the zero value is none.
type Type struct {
	name string
	of   *Type // the elements of a list, the values of a map
}

// maxTypeNesting bounds list<list<...>>.
const maxTypeNesting = 8

// scalars are the types without parts, and what they are in CEL.
func scalars(name string) *cel.Type {
	switch name {
	case "bool":
		return cel.BoolType
	case "string":
		return cel.StringType
	case "int":
		return cel.IntType
	case "uint":
		return cel.UintType
	case "double":
		return cel.DoubleType
	case "duration":
		return cel.DurationType
	case "timestamp":
		return cel.TimestampType
	case "ipaddress":
		return addressType
	case "any":
		return cel.DynType
	}
	return nil
}

// ParseType reads bool, string, int, uint, double, duration, timestamp, ipaddress, any, and list<T>
// and map<T> (from strings to T) of any of them.
func ParseType(text string) (Type, error) { return parseType(text, 0) }

func parseType(text string, depth int) (Type, error) {
	outer, inner, generic := strings.Cut(text, "<")
	switch {
	case depth > maxTypeNesting:
		return Type{}, errType("is nested too deeply")
	case !generic && (outer == "list" || outer == "map"):
		return Type{}, errType("must say of what it is, as in list<string>")
	case !generic && scalars(outer) != nil:
		return Type{name: outer}, nil
	case generic && (outer == "list" || outer == "map") && strings.HasSuffix(inner, ">"):
		of, err := parseType(strings.TrimSuffix(inner, ">"), depth+1)
		return Type{name: outer, of: &of}, err
	}
	return Type{}, errType("must be one of bool, string, int, uint, double, duration, timestamp, ipaddress, any, list<...> and map<...>")
}

func errType(detail string) error {
	return errs.New(errs.Invalid, "invalid_condition", "The type of a parameter %s.", detail)
}

// String is what ParseType reads.
func (t Type) String() string {
	if t.of != nil {
		return t.name + "<" + t.of.String() + ">"
	}
	return t.name
}

// cel is the type as CEL knows it, nil for the zero value.
func (t Type) cel() *cel.Type {
	switch {
	case t.of == nil:
		return scalars(t.name)
	case t.name == "list":
		return cel.ListType(t.of.cel())
	}
	return cel.MapType(cel.StringType, t.of.cel())
}
