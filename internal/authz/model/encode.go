package model

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/go-json-experiment/json"
)

// MarshalJSON writes the JSON form of the OpenFGA API, without an id. Equal order gives equal bytes,
// in this and every later version.
func (m *Model) MarshalJSON() ([]byte, error) {
	return json.Marshal(m.wire(), json.Deterministic(true))
}

// MarshalFull is MarshalJSON with the lists and objects that are empty, which servers of OpenFGA write
// and programs that were made for them go through.
func (m *Model) MarshalFull() ([]byte, error) {
	out := m.wire()
	for i := range out.Types {
		out.Types[i].fill()
	}
	for _, c := range out.Conditions {
		for i := range c.value.Parameters {
			if p := &c.value.Parameters[i].value; p.Generic == nil {
				p.Generic = []wireParameter{}
			}
		}
	}
	return json.Marshal(out, json.Deterministic(true))
}

// Digest is a name for what the model says: hexadecimal SHA-256 of the JSON form in a fixed order.
// Models that are Equal have the same digest.
func (m *Model) Digest() (string, error) {
	text, err := m.sorted().MarshalJSON()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

func (m *Model) wire() wireModel {
	out := wireModel{Schema: string(m.Schema), Types: make([]wireType, 0, len(m.Types))}
	for _, t := range m.Types {
		out.Types = append(out.Types, t.wire())
	}
	for _, c := range m.Conditions {
		out.Conditions = append(out.Conditions, member[wireCondition]{c.Name, c.wire()})
	}
	return out
}

func (t Type) wire() wireType {
	out := wireType{Type: t.Name}
	meta := wireMetadata{Module: t.Origin.Module, Source: t.Origin.source()}
	for _, r := range t.Relations {
		out.Relations = append(out.Relations, member[wireRewrite]{r.Name, r.Rewrite.wire()})
		about := wireRelation{Module: r.Origin.Module, Source: r.Origin.source()}
		for _, s := range r.Subjects {
			about.Subjects = append(about.Subjects, s.wire())
		}
		meta.Relations = append(meta.Relations, member[wireRelation]{r.Name, about})
	}
	if len(meta.Relations) > 0 || t.Origin != (Origin{}) {
		out.Metadata = &meta
	}
	return out
}

func (t *wireType) fill() {
	if t.Relations == nil {
		t.Relations = members[wireRewrite]{}
	}
	if t.Metadata == nil {
		return
	}
	if t.Metadata.Relations == nil {
		t.Metadata.Relations = members[wireRelation]{}
	}
	for i := range t.Metadata.Relations {
		if r := &t.Metadata.Relations[i].value; r.Subjects == nil {
			r.Subjects = []wireSubject{}
		}
	}
}

func (o Origin) source() *wireSource {
	if o.File == "" {
		return nil
	}
	return &wireSource{File: o.File}
}

func (s Subject) wire() wireSubject {
	out := wireSubject{Type: s.Type, Condition: s.Condition}
	if s.Wildcard {
		out.Wildcard = &struct{}{}
	}
	if s.Relation != "" {
		out.Relation = &s.Relation
	}
	return out
}

func (r Rewrite) wire() wireRewrite {
	var parts []wireRewrite
	for _, p := range r.Parts {
		parts = append(parts, p.wire())
	}
	switch r.Operator {
	case Direct:
		return wireRewrite{This: &struct{}{}}
	case Computed:
		return wireRewrite{Computed: &wireReference{r.Relation}}
	case From:
		return wireRewrite{From: &wireFrom{Tupleset: wireReference{r.Tupleset}, Computed: wireReference{r.Relation}}}
	case Union:
		return wireRewrite{Union: &wireParts{parts}}
	case Intersection:
		return wireRewrite{Intersection: &wireParts{parts}}
	case Exclusion:
		if len(parts) == 2 {
			return wireRewrite{Difference: &wireExclusion{&parts[0], &parts[1]}}
		}
	}
	return wireRewrite{}
}

func (c Condition) wire() wireCondition {
	out := wireCondition{Name: c.Name, Expression: c.Expression}
	for _, p := range c.Parameters {
		out.Parameters = append(out.Parameters, member[wireParameter]{p.Name, p.Type.wire()})
	}
	if c.Origin != (Origin{}) {
		out.Metadata = &wireOrigin{Module: c.Origin.Module, Source: c.Origin.source()}
	}
	return out
}

func (t ParameterType) wire() wireParameter {
	out := wireParameter{Type: typeNamePrefix + upper(t.Name)}
	if t.Element != nil {
		out.Generic = []wireParameter{t.Element.wire()}
	}
	return out
}
