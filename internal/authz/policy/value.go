package policy

import (
	"math"
	"net/netip"
	"strconv"
	"strings"

	"github.com/cedar-policy/cedar-go/types"

	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// record turns a JSON object into a record. A null is an attribute that is not there. Cedar has no
// fractions but decimals of four places: a number that would have to be rounded is refused, because a
// policy that forbids must not overlook it.
func record(members map[string]any, at string) (types.Record, error) {
	out := make(types.RecordMap, len(members))
	for name, member := range members {
		if member == nil {
			continue
		}
		v, err := value(member, at)
		if err != nil {
			return types.Record{}, err
		}
		out[types.String(name)] = v
	}
	return types.NewRecord(out), nil
}

// value turns what was read from JSON into a value. Objects with the one member __entity or __extn are
// entities and extension values, as in
// Cedar's JSON form, and name types as Cedar does. The pointer at tells in which part of the
// question it stands; names inside come from the caller and are not repeated.
func value(v any, at string) (types.Value, error) {
	switch v := v.(type) {
	case types.Value:
		return v, nil
	case bool:
		return types.Boolean(v), nil
	case string:
		return types.String(v), nil
	case int64:
		return types.Long(v), nil
	case int:
		return types.Long(v), nil
	case float64:
		return number(v, at)
	case []any:
		all := make([]types.Value, len(v))
		for i, one := range v {
			var err error
			if all[i], err = value(one, at); err != nil {
				return nil, err
			}
		}
		return types.NewSet(all...), nil
	case map[string]any:
		if special, ok := escaped(v); ok {
			return special.value(at)
		}
		return record(v, at)
	}
	return nil, errs.Bad(at, "holds a value that policies do not know")
}

// exact is the greatest integer up to which a JSON number is read without rounding.
const exact = 1 << 53

func number(v float64, at string) (types.Value, error) {
	if v == math.Trunc(v) && math.Abs(v) <= exact {
		return types.Long(int64(v)), nil
	}
	text := strconv.FormatFloat(v, 'f', -1, 64)
	if _, fraction, ok := strings.Cut(text, "."); ok && len(fraction) <= 4 {
		if d, err := types.ParseDecimal(text); err == nil {
			return d, nil
		}
	}
	return nil, errs.Bad(at, "holds a number that policies would have to round; send it as a text, or with at most four decimal places")
}

// special is an object that means an entity or an extension value.
type special struct {
	kind    string
	members map[string]any
}

func escaped(v map[string]any) (special, bool) {
	for _, kind := range []string{"__entity", "__extn"} {
		if members, ok := v[kind].(map[string]any); ok && len(v) == 1 {
			return special{kind, members}, true
		}
	}
	return special{}, false
}

func (s special) value(at string) (types.Value, error) {
	text := func(name string) string { out, _ := s.members[name].(string); return out }
	if s.kind == "__entity" {
		if text("type") == "" || len(s.members) != 2 {
			return nil, errs.Bad(at, "holds an __entity without type and id")
		}
		return types.NewEntityUID(types.EntityType(text("type")), types.String(text("id"))), nil
	}
	v, err := extension(text("fn"), text("arg"))
	if err != nil {
		return nil, errs.Bad(at, "holds an __extn that is not a decimal, ip, datetime or duration")
	}
	return v, nil
}

func extension(fn, arg string) (types.Value, error) {
	switch fn {
	case "decimal":
		return types.ParseDecimal(arg)
	case "ip", "ipaddr":
		return types.ParseIPAddr(arg)
	case "datetime":
		return types.ParseDatetime(arg)
	case "duration":
		return types.ParseDuration(arg)
	}
	return nil, errs.Bad("fn", "is not known")
}

func address(a netip.Addr) types.IPAddr { return types.IPAddr(netip.PrefixFrom(a, a.BitLen())) }

// entityUID is how policies name an entity.
func entityUID(r Ref) types.EntityUID {
	return types.NewEntityUID(CedarType(r.Type), types.String(r.ID))
}
