package openfga_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	openfgav1 "github.com/openfga/api/proto/openfga/v1"
	"github.com/openfga/language/pkg/go/transformer"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/cardea-auth/cardea/internal/authz/model"
)

// meant are the findings for which we refuse a JSON form that OpenFGA's server stores. The language
// cannot write any of it.
var meant = map[model.Code]string{
	model.CodeName:    "names are those that the language can write, and the words of the language are none",
	model.CodeDirect:  "a relation has its direct subjects in one place",
	model.CodeRewrite: "a union or intersection has two parts wherever it stands",
	model.CodeLimit:   "rules are nested 25 deep",
}

// TestJSON compares JSON forms of the corpus after small changes.
func TestJSON(t *testing.T) {
	t.Parallel()
	var forms []any
	for _, text := range corpus(t) {
		if a := ask(text); a.syntax == nil && len(text) < 3000 {
			raw, err := protojson.Marshal(a.proto)
			if err != nil {
				t.Fatal(err)
			}
			var form any
			if err := json.Unmarshal(raw, &form); err != nil {
				t.Fatal(err)
			}
			forms = append(forms, form)
		}
	}
	n := tally{explained: map[string]int{}}
	r := rand.New(rand.NewPCG(5, 6))
	for n.texts < rounds(t, 8_000) && n.failed < 20 {
		raw, err := json.Marshal(forms[r.IntN(len(forms))])
		if err != nil {
			t.Fatal(err)
		}
		c := changer{r: r}
		if err := json.Unmarshal(raw, &c.root); err != nil {
			t.Fatal(err)
		}
		c.collect(c.root)
		for range 1 + r.IntN(2) {
			c.change()
		}
		if raw, err = json.Marshal(c.root); err != nil {
			t.Fatal(err)
		}
		n.compareJSON(t, raw)
	}
	n.log(t)
}

func (n *tally) compareJSON(t *testing.T, raw []byte) {
	n.texts++
	m, err := transformer.LoadJSONStringToProto(string(raw))
	if err == nil {
		if m.SchemaVersion == "" {
			m.SchemaVersion = "1.1"
		}
		err = func() (err error) {
			defer func() {
				if r := recover(); r != nil {
					err = fmt.Errorf("panic: %v", r)
				}
			}()
			write, weighted := judge(m)
			return cmp.Or(write, weighted)
		}()
	}
	our, ourErr := model.ParseJSON(raw)
	advised := false
	if ourErr == nil {
		if ourErr = our.Check(); ourErr == nil {
			advised = len(our.Advice()) > 0
		}
	}
	switch {
	case err != nil && ourErr != nil:
		n.refused++
	case err == nil && ourErr == nil, advised:
		n.accepted++
		if again, err := our.MarshalJSON(); err != nil {
			t.Error(err)
		} else if back, err := model.ParseJSON(again); err != nil || !back.Equal(our) {
			t.Errorf("%v: our JSON of it is another model\n%s\n%s", err, raw, again)
		}
	default:
		if name := explainJSON(m, our, err, ourErr); name != "" {
			n.explained[name]++
			return
		}
		n.failed++
		t.Errorf("theirs %v\nours %v\n%s", err, ourErr, raw)
	}
}

// TestExplainedJSON has one document for each difference that is meant.
func TestExplainedJSON(t *testing.T) {
	t.Parallel()
	deep := `{"computedUserset":{"relation":"b"}}`
	for range 26 {
		deep = `{"union":{"child":[` + deep + `,{"computedUserset":{"relation":"b"}}]}}`
	}
	const some = `{"directly_related_user_types":[{"type":"user"}]}`
	for _, c := range []struct{ name, relations, metadata string }{
		{meant[model.CodeLimit], `"a":` + deep, `"b":` + some},
		{meant[model.CodeDirect], `"a":{"union":{"child":[{"this":{}},{"intersection":{"child":[{"this":{}},{"computedUserset":{"relation":"b"}}]}}]}}`, `"a":` + some + `,"b":` + some},
		{meant[model.CodeRewrite], `"a":{"union":{"child":[{"computedUserset":{"relation":"b"}},{"union":{"child":[{"computedUserset":{"relation":"b"}}]}}]}}`, `"b":` + some},
		{meant[model.CodeName], `"in":{"this":{}}`, `"in":` + some + `,"b":` + some},
		{strays, `"a":{"computedUserset":{"relation":"b"}}`, `"b":` + some + `,"c":{"module":"a b"}`},
	} {
		n := tally{explained: map[string]int{}}
		n.compareJSON(t, []byte(`{"schema_version":"1.1","type_definitions":[{"type":"user"},{"type":"doc","relations":{"b":{"this":{}},`+c.relations+`},"metadata":{"relations":{`+c.metadata+`}}}]}`))
		if n.explained[c.name] != 1 {
			t.Errorf("this is no difference any more: %s", c.name)
		}
	}
}

// strays is the name of a difference.
const strays = "what the metadata says of relations that the type does not have is not read"

// explainJSON names a difference that is meant, or returns "".
func explainJSON(m *openfgav1.AuthorizationModel, our *model.Model, err, ourErr error) string {
	if err == nil && our != nil && dashed(our, ourErr) {
		return identifiers
	}
	if ourErr == nil && forgotten(m, err) {
		return forgetful
	}
	if ourErr == nil && m != nil && stray(m) {
		if write, weighted := judge(m); cmp.Or(write, weighted) == nil {
			return strays
		}
	}
	name := ""
	for _, d := range model.Diagnostics(ourErr) {
		if name = meant[d.Code]; name == "" {
			return ""
		}
	}
	return name
}

// stray removes such metadata, and reports whether there was any.
func stray(m *openfgav1.AuthorizationModel) bool {
	found := false
	for _, t := range m.GetTypeDefinitions() {
		for name := range t.GetMetadata().GetRelations() {
			if t.GetRelations()[name] == nil {
				delete(t.GetMetadata().GetRelations(), name)
				found = true
			}
		}
	}
	return found
}

// changer changes parts of a JSON document.
type changer struct {
	r       *rand.Rand
	root    any
	objects []map[string]any
	lists   []map[string]any // objects that hold a list
	names   []string
	rules   []any
}

var extras = []string{"", "self", "this", "user", "no-such", "in", "from", "a b", "a:b", "*", "é", "TYPE_NAME_ANY", "TYPE_NAME_LIST", "TYPE_NAME_STRING", "$expression", "1.2", "1.0", "x > 1", "true"}

func (c *changer) collect(v any) {
	switch v := v.(type) {
	case map[string]any:
		c.objects = append(c.objects, v)
		for _, k := range slices.Sorted(maps.Keys(v)) {
			c.names = append(c.names, k)
			switch k {
			case "this", "computedUserset", "tupleToUserset", "union", "intersection", "difference":
				c.rules = append(c.rules, v)
			}
			if _, ok := v[k].([]any); ok {
				c.lists = append(c.lists, v)
			}
			c.collect(v[k])
		}
	case []any:
		for _, e := range v {
			c.collect(e)
		}
	case string:
		c.names = append(c.names, v)
	}
}

func (c *changer) name() string {
	if c.r.IntN(4) == 0 {
		return extras[c.r.IntN(len(extras))]
	}
	return c.names[c.r.IntN(len(c.names))]
}

// change changes one member of one object.
func (c *changer) change() {
	o := c.objects[c.r.IntN(len(c.objects))]
	if len(c.lists) > 0 && c.r.IntN(3) == 0 {
		o = c.lists[c.r.IntN(len(c.lists))]
	}
	if len(o) == 0 {
		return
	}
	keys := slices.Sorted(maps.Keys(o))
	k := keys[c.r.IntN(len(keys))]
	switch v := o[k].(type) {
	case string:
		o[k] = c.name()
		return
	case []any:
		if len(v) > 0 {
			i := c.r.IntN(len(v))
			switch c.r.IntN(3) {
			case 0:
				o[k] = slices.Delete(slices.Clone(v), i, i+1)
			case 1:
				o[k] = append(slices.Clone(v), v[i])
			case 2:
				w := slices.Clone(v)
				slices.Reverse(w)
				o[k] = w
			}
			return
		}
	}
	switch c.r.IntN(5) {
	case 0:
		delete(o, k)
	case 1: // renamed
		v := o[k]
		delete(o, k)
		o[c.name()] = v
	case 2:
		o[c.name()] = clone(o[k])
	case 3:
		o[k] = map[string]any{}
	case 4: // another rule
		if len(c.rules) > 0 {
			o[k] = clone(c.rules[c.r.IntN(len(c.rules))])
		}
	}
}

func clone(v any) any {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	var out any
	if err := json.Unmarshal(raw, &out); err != nil {
		panic(err)
	}
	return out
}
