package openfga_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	openfgav1 "github.com/openfga/api/proto/openfga/v1"
	"github.com/openfga/language/pkg/go/graph"
	"github.com/openfga/language/pkg/go/transformer"
	"github.com/openfga/openfga/pkg/typesystem"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/cardea-auth/cardea/internal/authz/model"
)

// theirs is what the packages of OpenFGA say about a text.
type theirs struct {
	proto    *openfgav1.AuthorizationModel
	syntax   error // of the parser
	write    error // of the API and the typesystem: the server does not store the model
	weighted error // of the weighted graph: the server stores the model, and answers without the graph
}

const store = "01ARZ3NDEKTSV4RRFFQ69G5FAV"

// ask has a text read and checked by OpenFGA. A panic there is a refusal.
func ask(text string) (out theirs) {
	defer func() {
		if r := recover(); r != nil {
			out.syntax = fmt.Errorf("panic: %v", r)
		}
	}()
	if isModule(text) {
		out.proto, out.syntax = transformer.TransformModuleFilesToModel([]transformer.ModuleFile{{Name: "a.fga", Contents: text}}, "1.2")
	} else {
		out.proto, out.syntax = transformer.TransformDSLToProto(text)
	}
	if out.syntax == nil {
		out.write, out.weighted = judge(out.proto)
	}
	return out
}

// judge is what the server does before it stores a model.
func judge(m *openfgav1.AuthorizationModel) (write, weighted error) {
	r := &openfgav1.WriteAuthorizationModelRequest{
		StoreId: store, SchemaVersion: m.GetSchemaVersion(), TypeDefinitions: m.GetTypeDefinitions(), Conditions: m.GetConditions(),
	}
	switch {
	case r.ValidateAll() != nil:
		return r.ValidateAll(), nil
	case proto.Size(m) > model.MaxBytes:
		return fmt.Errorf("too large"), nil
	}
	if _, err := typesystem.NewAndValidate(context.Background(), m); err != nil {
		return err, nil
	}
	_, weighted = graph.NewWeightedAuthorizationModelGraphBuilder().Build(m)
	return nil, weighted
}

// forgetful is the name of a difference: the typesystem remembers that it has been at a relation,
// but not always what it found there, so that a second way to the same relation finds nothing. The
// result depends on the order of names.
const forgetful = "the typesystem forgets an entrypoint that it has found by another way"

// forgotten reports whether that is why the typesystem refuses a model: by a fixpoint, every
// relation has an entrypoint.
func forgotten(m *openfgav1.AuthorizationModel, err error) bool {
	if !errors.Is(err, typesystem.ErrNoEntrypoints) && !errors.Is(err, typesystem.ErrNoEntryPointsLoop) {
		return false
	}
	known, all := map[string]bool{}, 0
	for before := -1; before < len(known); {
		before, all = len(known), 0
		for _, t := range m.GetTypeDefinitions() {
			for name, rule := range t.GetRelations() {
				if all++; enters(t, name, rule, known) {
					known[t.GetType()+"#"+name] = true
				}
			}
		}
	}
	return len(known) == all
}

// enters reports whether a rule has an entrypoint, by what is known of others.
func enters(t *openfgav1.TypeDefinition, name string, rule *openfgav1.Userset, known map[string]bool) bool {
	subjects := func(relation string) []*openfgav1.RelationReference {
		return t.GetMetadata().GetRelations()[relation].GetDirectlyRelatedUserTypes()
	}
	part := func(p *openfgav1.Userset) bool { return enters(t, name, p, known) }
	not := func(p *openfgav1.Userset) bool { return !part(p) }
	switch r := rule.GetUserset().(type) {
	case *openfgav1.Userset_This:
		return slices.ContainsFunc(subjects(name), func(s *openfgav1.RelationReference) bool {
			return s.GetRelation() == "" || known[s.GetType()+"#"+s.GetRelation()]
		})
	case *openfgav1.Userset_ComputedUserset:
		return known[t.GetType()+"#"+r.ComputedUserset.GetRelation()]
	case *openfgav1.Userset_TupleToUserset:
		return slices.ContainsFunc(subjects(r.TupleToUserset.GetTupleset().GetRelation()), func(s *openfgav1.RelationReference) bool {
			return known[s.GetType()+"#"+r.TupleToUserset.GetComputedUserset().GetRelation()]
		})
	case *openfgav1.Userset_Union:
		return slices.ContainsFunc(r.Union.GetChild(), part)
	case *openfgav1.Userset_Intersection:
		return !slices.ContainsFunc(r.Intersection.GetChild(), not)
	case *openfgav1.Userset_Difference:
		return part(r.Difference.GetBase()) && part(r.Difference.GetSubtract())
	}
	return false
}

// isModule reports whether the first word of a text is module.
func isModule(text string) bool {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line != "" && line[0] != '#' {
			return strings.HasPrefix(line, "module ")
		}
	}
	return false
}

// ours is what this repository says about the same text.
type ours struct {
	model  *model.Model
	syntax error
	check  error
	advice []model.Diagnostic
}

func answer(text string) (out ours) {
	if isModule(text) {
		out.model, out.syntax = model.Join(model.Schema12, []model.File{{Name: "a.fga", Text: text}})
	} else {
		out.model, out.syntax = model.Parse(text)
	}
	if out.syntax != nil {
		return out
	}
	if out.check = out.model.Check(); out.check == nil {
		out.advice = out.model.Advice()
	}
	return out
}

// sameJSON compares their JSON with ours, as values.
func sameJSON(m *openfgav1.AuthorizationModel, our *model.Model) (string, bool) {
	a, err := protojson.Marshal(m)
	if err != nil {
		return err.Error(), false
	}
	b, err := our.MarshalJSON()
	if err != nil {
		return err.Error(), false
	}
	var left, right any
	if err := json.Unmarshal(a, &left); err != nil {
		return err.Error(), false
	}
	if err := json.Unmarshal(b, &right); err != nil {
		return err.Error(), false
	}
	if !reflect.DeepEqual(left, right) {
		return fmt.Sprintf("theirs %s\nours   %s", a, b), false
	}
	return "", true
}
