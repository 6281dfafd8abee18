package policy

import (
	"context"
	"maps"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
)

// Known is what somebody knows of an entity.
type Known struct {
	Attributes map[string]any
	Parents    []Ref
	Tags       map[string]any
}

// Facts tell what is known of entities besides what a question says: who belongs to which group. What
// they say of an attribute stands against what a question says.
type Facts interface {
	// Known returns false for an entity that nobody here knows.
	Known(ctx context.Context, r Ref) (Known, bool, error)
}

// entities serves entities to an evaluation when it asks for them, each once. Cedar's interface has no
// place for an error, so the first one is kept and makes the whole evaluation fail.
type entities struct {
	ctx   context.Context
	facts Facts
	said  map[types.EntityUID]*said
	seen  map[types.EntityUID]fetched
	err   error
}

// said is what the question says of an entity.
type said struct {
	at         string
	ref        Ref
	properties map[string]any
	parents    []Ref
}

type fetched struct {
	entity cedar.Entity
	found  bool
}

func newEntities(ctx context.Context, q Question) *entities {
	e := &entities{ctx: ctx, facts: q.Facts, said: map[types.EntityUID]*said{}, seen: map[types.EntityUID]fetched{}}
	// What is said of the subject stands against what is said of the resource, if they are one.
	e.say(q.Resource, "/resource/properties")
	e.say(q.Subject, "/subject/properties")
	return e
}

func (e *entities) say(one Entity, at string) {
	uid := entityUID(one.Ref)
	s := e.said[uid]
	if s == nil {
		s = &said{ref: one.Ref, properties: map[string]any{}}
		e.said[uid] = s
	}
	s.at = at
	maps.Copy(s.properties, one.Properties)
	e.sayParents(s, one.Parents)
}

func (e *entities) sayParents(s *said, parents []Parent) {
	for _, p := range parents {
		s.parents = append(s.parents, p.Ref)
		if len(p.Parents) == 0 {
			continue
		}
		uid := entityUID(p.Ref)
		above := e.said[uid]
		if above == nil {
			above = &said{ref: p.Ref}
			e.said[uid] = above
		}
		e.sayParents(above, p.Parents)
	}
}

// Get implements types.EntityGetter.
func (e *entities) Get(uid types.EntityUID) (types.Entity, bool) {
	if f, ok := e.seen[uid]; ok {
		return f.entity, f.found
	}
	f, err := e.fetch(uid)
	if err != nil {
		if e.err == nil {
			e.err = err
		}
		f = fetched{}
	}
	e.seen[uid] = f
	return f.entity, f.found
}

func (e *entities) fetch(uid types.EntityUID) (fetched, error) {
	s := e.said[uid]
	ref := Ref{Type: OurType(uid.Type), ID: string(uid.ID)}
	var known Known
	found := false
	if e.facts != nil {
		var err error
		if known, found, err = e.facts.Known(e.ctx, ref); err != nil {
			return fetched{}, err
		}
	}
	if s == nil && !found {
		return fetched{}, nil
	}
	at, attributes, parents := "/resource/properties", known.Attributes, known.Parents
	if s != nil {
		attributes = make(map[string]any, len(s.properties)+len(known.Attributes))
		maps.Copy(attributes, s.properties)
		maps.Copy(attributes, known.Attributes)
		parents = append(append([]Ref{}, s.parents...), known.Parents...)
		if s.at != "" {
			at = s.at
		}
	}
	out := cedar.Entity{UID: uid}
	var err error
	if out.Attributes, err = record(attributes, at); err != nil {
		return fetched{}, err
	}
	if out.Tags, err = record(known.Tags, at); err != nil {
		return fetched{}, err
	}
	uids := make([]types.EntityUID, len(parents))
	for i, p := range parents {
		uids[i] = entityUID(p)
	}
	out.Parents = types.NewEntityUIDSet(uids...)
	return fetched{out, true}, nil
}
