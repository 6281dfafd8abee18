package model

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The JSON form is the AuthorizationModel of the OpenFGA API
// (https://openfga.dev/api/service, Authorization Models), with the members that its tools write.

type wireModel struct {
	Schema     string                 `json:"schema_version"`
	Types      []wireType             `json:"type_definitions,omitempty"`
	Conditions members[wireCondition] `json:"conditions,omitzero"`
}

type wireType struct {
	Type      string               `json:"type"`
	Relations members[wireRewrite] `json:"relations,omitzero"`
	Metadata  *wireMetadata        `json:"metadata,omitzero"`
}

type wireMetadata struct {
	Relations members[wireRelation] `json:"relations,omitzero"`
	Module    string                `json:"module,omitzero"`
	Source    *wireSource           `json:"source_info,omitzero"`
}

type wireRelation struct {
	Subjects []wireSubject `json:"directly_related_user_types,omitzero"`
	Module   string        `json:"module,omitzero"`
	Source   *wireSource   `json:"source_info,omitzero"`
}

type wireSource struct {
	File string `json:"file,omitzero"`
}

type wireSubject struct {
	Type      string    `json:"type"`
	Relation  *string   `json:"relation,omitzero"`
	Wildcard  *struct{} `json:"wildcard,omitzero"`
	Condition string    `json:"condition,omitzero"`
}

// wireRewrite has exactly one member.
type wireRewrite struct {
	This         *struct{}      `json:"this,omitzero"`
	Computed     *wireReference `json:"computedUserset,omitzero"`
	From         *wireFrom      `json:"tupleToUserset,omitzero"`
	Union        *wireParts     `json:"union,omitzero"`
	Intersection *wireParts     `json:"intersection,omitzero"`
	Difference   *wireExclusion `json:"difference,omitzero"`
}

// wireReference has a member object besides, which has no meaning in these versions of the schema.
type wireReference struct {
	Relation string `json:"relation"`
}

type wireFrom struct {
	Tupleset wireReference `json:"tupleset"`
	Computed wireReference `json:"computedUserset"`
}

type wireParts struct {
	Child []wireRewrite `json:"child"`
}

type wireExclusion struct {
	Base     *wireRewrite `json:"base"`
	Subtract *wireRewrite `json:"subtract"`
}

type wireCondition struct {
	Name       string                 `json:"name"`
	Expression string                 `json:"expression,omitzero"`
	Parameters members[wireParameter] `json:"parameters,omitzero"`
	Metadata   *wireOrigin            `json:"metadata,omitzero"`
}

type wireOrigin struct {
	Module string      `json:"module,omitzero"`
	Source *wireSource `json:"source_info,omitzero"`
}

type wireParameter struct {
	Type    string          `json:"type_name"`
	Generic []wireParameter `json:"generic_types,omitzero"`
}

// members is a JSON object that keeps its order.
type members[T any] []member[T]

type member[T any] struct {
	name  string
	value T
}

// MarshalJSONTo implements json.MarshalerTo.
func (m members[T]) MarshalJSONTo(out *jsontext.Encoder) error {
	if err := out.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	for _, one := range m {
		if err := out.WriteToken(jsontext.String(one.name)); err != nil {
			return err
		}
		if err := json.MarshalEncode(out, one.value); err != nil {
			return err
		}
	}
	return out.WriteToken(jsontext.EndObject)
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom. Null is no members.
func (m *members[T]) UnmarshalJSONFrom(in *jsontext.Decoder) error {
	*m = nil
	if in.PeekKind() == 'n' {
		_, err := in.ReadToken()
		return err
	}
	if kind := in.PeekKind(); kind != '{' {
		if kind == 0 {
			_, err := in.ReadToken()
			return err
		}
		return &json.SemanticError{JSONKind: kind, JSONPointer: in.StackPointer(), ByteOffset: in.InputOffset()}
	}
	if _, err := in.ReadToken(); err != nil {
		return err
	}
	for in.PeekKind() == '"' {
		name, err := in.ReadToken()
		if err != nil {
			return err
		}
		one := member[T]{name: name.String()}
		if err := json.UnmarshalDecode(in, &one.value); err != nil {
			return err
		}
		*m = append(*m, one)
	}
	_, err := in.ReadToken()
	return err
}
