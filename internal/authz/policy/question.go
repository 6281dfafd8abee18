package policy

import (
	"net/netip"
	"strings"
	"time"

	"github.com/cedar-policy/cedar-go/types"

	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// Ref names an entity.
type Ref struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// Entity is the subject or the resource of a question, with what the question says of it.
type Entity struct {
	Ref
	Properties map[string]any
	Parents    []Parent
}

// Parent is an entity of which another one is a part, with those that it is a part of.
type Parent struct {
	Ref
	Parents []Parent `json:"parents,omitempty"`
}

// Question is what a set is asked.
type Question struct {
	Subject, Resource Entity
	Action            string
	ActionType        types.EntityType // in policies; empty: Action, which is in no namespace
	ActionProperties  map[string]any   // context.action
	Context           map[string]any
	Environment       Environment
	// Authentication says how the subject has proved who it is; nil if that is not known.
	Authentication *Authentication
	Facts          Facts // nil: nothing is known but what the question says
}

// Environment is what the server says about the moment: context.environment in policies. Without a time
// nothing is said.
type Environment struct {
	Time    time.Time  // .time, and in a stated zone .local["Europe/Berlin"].hour
	Address netip.Addr // .address; the attribute is missing if the address is not valid
}

// Authentication is context.authentication in policies.
type Authentication struct {
	Strength int    // .strength: 1 one factor, 2 two, 3 hard to phish
	ACR      string // .acr
	Age      time.Duration
}

// The members of a context that the server sets.
const (
	MemberEnvironment    = "environment"
	MemberAuthentication = "authentication"
	memberAction         = "action"
	memberLocal          = "local"
)

// context is the record that policies call context.
func (q Question) context(zones []*time.Location) (types.Record, error) {
	given, err := record(q.Context, "/context")
	if err != nil {
		return types.Record{}, err
	}
	all := given.Map()
	if all == nil {
		all = types.RecordMap{}
	}
	delete(all, MemberAuthentication)
	delete(all, MemberEnvironment)
	if !q.Environment.Time.IsZero() {
		all[MemberEnvironment] = q.Environment.record(zones)
	}
	if q.Authentication != nil {
		all[MemberAuthentication] = q.Authentication.record()
	}
	if q.ActionProperties != nil {
		if all[memberAction], err = record(q.ActionProperties, "/action/properties"); err != nil {
			return types.Record{}, err
		}
	}
	return types.NewRecord(all), nil
}

func (e Environment) record(zones []*time.Location) types.Record {
	out := types.RecordMap{"time": types.NewDatetime(e.Time)}
	if e.Address.IsValid() {
		out["address"] = address(e.Address.Unmap())
	}
	local := make(types.RecordMap, len(zones))
	for _, zone := range zones {
		local[types.String(zone.String())] = clock(e.Time.In(zone))
	}
	out[memberLocal] = types.NewRecord(local)
	return types.NewRecord(out)
}

// clock is a moment as a clock on a wall shows it. Monday is 1, Sunday 7 (ISO 8601).
func clock(t time.Time) types.Record {
	weekday := int(t.Weekday())
	if weekday == 0 {
		weekday = 7
	}
	return types.NewRecord(types.RecordMap{
		"year": types.Long(t.Year()), "month": types.Long(t.Month()), "day": types.Long(t.Day()), "weekday": types.Long(weekday),
		"hour": types.Long(t.Hour()), "minute": types.Long(t.Minute()), "second": types.Long(t.Second()),
	})
}

func (a Authentication) record() types.Record {
	out := types.RecordMap{"strength": types.Long(a.Strength), "age": types.Long(a.Age / time.Second)}
	if a.ACR != "" {
		out["acr"] = types.String(a.ACR)
	}
	return types.NewRecord(out)
}

// identified is q with the attribute id of subject and resource, which policies compare with texts.
func (q Question) identified() Question {
	q.Subject, q.Resource = q.Subject.identified(), q.Resource.identified()
	return q
}

func (e Entity) identified() Entity {
	all := make(map[string]any, len(e.Properties)+1)
	for name, v := range e.Properties {
		all[name] = v
	}
	all["id"] = e.ID
	e.Properties = all
	return e
}

// Bounds of the parents that are stated of an entity.
const (
	MaxParents     = 100 // with those of theirs
	MaxParentDepth = 16
)

// ParseParents reads what an entity is a part of, as JSON says it: a list of "type:id", or of objects
// with type, id and parents of their own. Types that refuse names are refused; nil refuses none.
func ParseParents(v any, refuse func(typeName string) bool) ([]Parent, error) {
	r := parentReader{left: MaxParents, refuse: refuse}
	return r.list(v, MaxParentDepth)
}

type parentReader struct {
	left   int
	refuse func(string) bool
}

func (r *parentReader) list(v any, depth int) ([]Parent, error) {
	all, ok := v.([]any)
	if !ok || depth == 0 || len(all) > r.left {
		return nil, badParents()
	}
	r.left -= len(all)
	out := make([]Parent, len(all))
	for i, one := range all {
		var err error
		if out[i], err = r.one(one, depth); err != nil {
			return nil, err
		}
		if p := out[i]; p.Type == "" || p.ID == "" || r.refuse != nil && r.refuse(p.Type) {
			return nil, badParents()
		}
	}
	return out, nil
}

func (r *parentReader) one(v any, depth int) (Parent, error) {
	switch v := v.(type) {
	case string:
		kind, name, _ := strings.Cut(v, ":")
		return Parent{Ref: Ref{Type: kind, ID: name}}, nil
	case map[string]any:
		kind, _ := v["type"].(string)
		name, _ := v["id"].(string)
		p := Parent{Ref: Ref{Type: kind, ID: name}}
		above, ok := v["parents"]
		if !ok {
			return p, nil
		}
		var err error
		p.Parents, err = r.list(above, depth-1)
		return p, err
	}
	return Parent{}, badParents()
}

func badParents() error {
	return errs.Bad("/parents", "must be a list of type:id or of objects with type, id and parents, at most %d and %d deep", MaxParents, MaxParentDepth)
}
