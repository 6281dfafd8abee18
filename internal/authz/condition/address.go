package condition

import (
	"fmt"
	"net/netip"
	"reflect"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// addressType is ipaddress. It knows ==, != and a.in_cidr("192.168.0.0/16").
var addressType = cel.ObjectType("IPAddress")

// address is a value of addressType. An IPv4 address mapped into IPv6 is the IPv4 address.
type address struct{ netip.Addr }

var _ ref.Val = address{}

// parseAddress refuses zones: "fe80::1%eth0" names an interface of one machine.
func parseAddress(text string) (address, error) {
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return address{}, fmt.Errorf("must be an IP address without a zone")
	}
	return address{a.Unmap()}, nil
}

// parseRange reads a CIDR (RFC 4632, RFC 4291 section 2.3) and brings it to IPv4 where it lies there.
func parseRange(text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("must be a range of addresses, as in 192.168.0.0/16")
	}
	if a := p.Addr(); a.Is4In6() && p.Bits() >= 96 {
		return netip.PrefixFrom(a.Unmap(), p.Bits()-96), nil
	}
	return p, nil
}

// ConvertToNative implements ref.Val.
func (a address) ConvertToNative(to reflect.Type) (any, error) {
	switch {
	case reflect.TypeFor[netip.Addr]().AssignableTo(to):
		return a.Addr, nil
	case reflect.TypeFor[string]().AssignableTo(to):
		return a.String(), nil
	}
	return nil, fmt.Errorf("an ipaddress is no %s", to)
}

// ConvertToType implements ref.Val.
func (a address) ConvertToType(to ref.Type) ref.Val {
	switch to {
	case types.StringType:
		return types.String(a.String())
	case types.TypeType:
		return addressType
	case addressType:
		return a
	}
	return types.NewErr("an ipaddress cannot be made a %s", to.TypeName())
}

// Equal implements ref.Val.
func (a address) Equal(other ref.Val) ref.Val {
	b, ok := other.(address)
	return types.Bool(ok && a.Addr == b.Addr)
}

// Type implements ref.Val.
func (a address) Type() ref.Type { return addressType }

// Value implements ref.Val.
func (a address) Value() any { return a.Addr }

// addressFunctions declares what can be done with an ipaddress.
func addressFunctions() []cel.EnvOption {
	return []cel.EnvOption{
		cel.Function("ipaddress", cel.Overload("string_to_ipaddress", []*cel.Type{cel.StringType}, addressType,
			cel.UnaryBinding(func(text ref.Val) ref.Val {
				s, ok := text.(types.String)
				if !ok {
					return types.MaybeNoSuchOverloadErr(text)
				}
				a, err := parseAddress(string(s))
				if err != nil {
					return types.NewErr("ipaddress: %v", err)
				}
				return a
			}))),
		cel.Function("in_cidr", cel.MemberOverload("ipaddress_in_cidr", []*cel.Type{addressType, cel.StringType}, cel.BoolType,
			cel.BinaryBinding(inRange))),
		cel.ASTValidators(literal{"in_cidr", func(s string) error { _, err := parseRange(s); return err }},
			literal{"ipaddress", func(s string) error { _, err := parseAddress(s); return err }}),
	}
}

func inRange(left, right ref.Val) ref.Val {
	a, isAddress := left.(address)
	text, isText := right.(types.String)
	if !isAddress || !isText {
		return types.MaybeNoSuchOverloadErr(left)
	}
	p, err := parseRange(string(text))
	if err != nil {
		return types.NewErr("in_cidr: %v", err)
	}
	return types.Bool(p.Contains(a.Addr))
}

// literal finds a malformed text in the expression when it is compiled, not when it is asked.
type literal struct {
	function string
	check    func(string) error
}

// Name implements cel.ASTValidator.
func (l literal) Name() string { return "cardea." + l.function }

// Validate implements cel.ASTValidator.
func (l literal) Validate(_ *cel.Env, _ cel.ValidatorConfig, a *ast.AST, issues *cel.Issues) {
	for _, call := range ast.MatchDescendants(ast.NavigateAST(a), ast.FunctionMatcher(l.function)) {
		args := call.AsCall().Args()
		if len(args) != 1 || args[0].Kind() != ast.LiteralKind {
			continue
		}
		if text, ok := args[0].AsLiteral().(types.String); ok {
			if err := l.check(string(text)); err != nil {
				issues.ReportErrorAtID(args[0].ID(), "the argument of %s %v", l.function, err)
			}
		}
	}
}
