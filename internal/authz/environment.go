package authz

import (
	"context"
	"maps"
	"math"
	"net/netip"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz/policy"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// Environment is what policies are told of the moment: by the server, or by an enforcement point that
// is trusted to.
type Environment struct {
	Time           time.Time  // zero: now
	Address        netip.Addr // of the subject; not valid: unknown
	Authentication *Authentication
}

// Authentication says how and when the subject has proved who it is.
type Authentication struct {
	Strength access.Strength
	At       time.Time
}

// environmentAction is the permission to say what the server would otherwise say of the moment.
const environmentAction access.Action = "decision.environment"

// around fills in the environment of a question. A subject that asks about itself is known with address
// and proof. Whoever asks about others may state them, with the time, if it has the permission for it:
// then they stand in the context, under names that are refused from everybody else.
func (e *Engine) around(ctx context.Context, c access.Caller, r *Request) error {
	if r.Subject.Type == c.Subject().Type && r.Subject.ID == c.Subject().ID && c.Home() == c.Tenant() {
		r.Options.Environment.Address = c.Origin().Address
		if p := c.Proof(); p.Strength > access.NoProof && !p.At.IsZero() {
			r.Options.Environment.Authentication = &Authentication{p.Strength, p.At}
		}
	}
	_, environment := r.Context[policy.MemberEnvironment]
	_, authentication := r.Context[policy.MemberAuthentication]
	if !environment && !authentication {
		return nil
	}
	if _, err := e.guard.Allow(ctx, c, environmentAction, access.Object{Type: "cardea:decision"}); err != nil {
		return err
	}
	return e.state(r)
}

// state takes what a trusted enforcement point says out of the context.
func (e *Engine) state(r *Request) error {
	r.Context = maps.Clone(r.Context)
	if v, ok := r.Context[policy.MemberEnvironment]; ok {
		delete(r.Context, policy.MemberEnvironment)
		if err := r.Options.Environment.read(v); err != nil {
			return err
		}
	}
	v, ok := r.Context[policy.MemberAuthentication]
	if !ok {
		return nil
	}
	delete(r.Context, policy.MemberAuthentication)
	a, err := e.readAuthentication(v)
	r.Options.Environment.Authentication = a
	return err
}

func (env *Environment) read(v any) error {
	const at = "/context/environment"
	members, ok := v.(map[string]any)
	if !ok {
		return errs.Bad(at, "must be an object with time, address or both")
	}
	for name, v := range members {
		text, _ := v.(string)
		var err error
		switch name {
		case "time":
			env.Time, err = time.Parse(time.RFC3339Nano, text)
		case "address":
			env.Address, err = netip.ParseAddr(text)
		default:
			return errs.Bad(at, "may hold time and address only")
		}
		if err != nil {
			return errs.Bad(at+"/"+name, "must be a time with its zone (RFC 3339), or an IP address")
		}
	}
	return nil
}

// readAuthentication reads acr and auth_time as they stand in a token.
func (e *Engine) readAuthentication(v any) (*Authentication, error) {
	const at = "/context/authentication"
	members, ok := v.(map[string]any)
	seconds, isNumber := members["auth_time"].(float64)
	acr, isText := members["acr"].(string)
	if !ok || len(members) != 2 || !isNumber || !isText || seconds < 0 || seconds > math.MaxInt32*100 {
		return nil, errs.Bad(at, "must be an object with acr and auth_time, as in a token")
	}
	a := &Authentication{At: time.Unix(int64(seconds), 0).UTC()}
	for i, known := range e.acrs {
		if acr == known {
			a.Strength = access.Strength(i + 1)
		}
	}
	if a.Strength == access.NoProof {
		return nil, errs.Bad(at+"/acr", "must be one of those that the discovery document lists")
	}
	return a, nil
}

// Trusted is r with what its context says of the environment believed: for a caller that the guard has
// let through already, such as the operator of the machine.
func (e *Engine) Trusted(r Request) (Request, error) {
	err := e.state(&r)
	return r, err
}

// acr is the value for a strength; empty if there is none.
func (e *Engine) acr(s access.Strength) string {
	if s == access.NoProof || int(s) > len(e.acrs) {
		return ""
	}
	return e.acrs[s-1]
}

// moment is the time that policies are told.
func (e *Engine) moment(r Request) time.Time {
	if t := r.Options.Environment.Time; !t.IsZero() {
		return t
	}
	return e.clock(r)
}

// clock is the time at which tuples expire. No enforcement point can turn it back.
func (e *Engine) clock(r Request) time.Time {
	if s := r.Options.Suppose; s != nil && !s.Time.IsZero() {
		return s.Time
	}
	return e.db.Now()
}

// parentsProperty is how a question says which entities a resource is a part of.
const parentsProperty = "parents"

// entity is the subject in the words of policies. Of what it is a part is known here and cannot be
// stated.
func (s Subject) entity() (policy.Entity, error) {
	if s.Properties[parentsProperty] != nil {
		return policy.Entity{}, errs.Bad("/subject/properties/parents", "cannot be stated: groups and roles are those that Cardea knows")
	}
	return policy.Entity{Ref: policy.Ref{Type: s.Type, ID: s.ID}, Properties: s.Properties}, nil
}

// entity is the resource in the words of policies. Its parents are what the question says: a list of
// "type:id", or of objects with type, id and parents of their own.
func (r Resource) entity() (policy.Entity, error) {
	out := policy.Entity{Ref: policy.Ref{Type: r.Type, ID: r.ID}, Properties: r.Properties}
	stated := r.Properties[parentsProperty]
	if stated == nil {
		return out, nil
	}
	if isOwnType(r.Type) {
		return out, badParents()
	}
	out.Properties = maps.Clone(r.Properties)
	delete(out.Properties, parentsProperty)
	var err error
	// Who is in which group or role is known here. A question cannot say so of anybody.
	if out.Parents, err = policy.ParseParents(stated, isOwnType); err != nil {
		err = badParents()
	}
	return out, err
}

func badParents() error {
	return errs.Bad("/resource/properties/parents", "must be a list of type:id or of objects with type, id and parents, at most %d and %d deep, and none of the types that Cardea itself knows", policy.MaxParents, policy.MaxParentDepth)
}
