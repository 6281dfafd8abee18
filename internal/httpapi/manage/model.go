package manage

import (
	"context"
	"net/http"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz/builtin"
	"github.com/cardea-auth/cardea/internal/authz/model"
	"github.com/cardea-auth/cardea/internal/authz/stores"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
	"github.com/cardea-auth/cardea/internal/kit/page"
)

// maxModelBody bounds a body that holds models: as JSON, a text may be twice as long.
const maxModelBody = 4*model.MaxBytes + 4<<10

// StoreModel is a version of the model of a store. It never changes.
type StoreModel struct {
	ID      string       `json:"id"`
	Print   string       `json:"fingerprint" doc:"SHA-256 of the model: equal for versions that say the same"`
	Created time.Time    `json:"created"`
	Author  *ModelAuthor `json:"author,omitzero" doc:"who has written it; left out: that was not kept yet"`
	BuiltIn bool         `json:"built_in" doc:"whether it uses the built-in module, and so the groups, organisations and roles of the tenant"`
	Text    string       `json:"text,omitzero" doc:"in the modelling language; left out of lists"`
	Outline *Outline     `json:"outline,omitzero" doc:"its parts, for programs that help to write tuples and questions; left out of lists"`
}

// ModelAuthor is who has written a version.
type ModelAuthor struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// Outline are the names that tuples and questions can use.
type Outline struct {
	Types      []OutlineType      `json:"types"`
	Conditions []OutlineCondition `json:"conditions"`
}

// OutlineType is a type of object.
type OutlineType struct {
	Name      string            `json:"name"`
	Relations []OutlineRelation `json:"relations"`
}

// OutlineRelation is a relation with the subjects that tuples may give it to.
type OutlineRelation struct {
	Name     string           `json:"name"`
	Subjects []OutlineSubject `json:"subjects" doc:"empty: it follows from other relations only"`
}

// OutlineSubject is a kind of subject.
type OutlineSubject struct {
	Type      string `json:"type"`
	Relation  string `json:"relation,omitzero" doc:"whoever has this relation to it"`
	Wildcard  bool   `json:"wildcard,omitzero" doc:"everybody of the type"`
	Condition string `json:"condition,omitzero" doc:"that the tuple must carry"`
}

// OutlineCondition is a condition.
type OutlineCondition struct {
	Name       string             `json:"name"`
	Parameters []OutlineParameter `json:"parameters"`
}

// OutlineParameter is a parameter of a condition.
type OutlineParameter struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

func outline(m *model.Model) *Outline {
	out := &Outline{Types: make([]OutlineType, len(m.Types)), Conditions: make([]OutlineCondition, len(m.Conditions))}
	for i, t := range m.Types {
		one := OutlineType{Name: t.Name, Relations: make([]OutlineRelation, len(t.Relations))}
		for j, r := range t.Relations {
			one.Relations[j] = OutlineRelation{Name: r.Name, Subjects: make([]OutlineSubject, len(r.Subjects))}
			for k, s := range r.Subjects {
				one.Relations[j].Subjects[k] = OutlineSubject{Type: s.Type, Relation: s.Relation, Wildcard: s.Wildcard, Condition: s.Condition}
			}
		}
		out.Types[i] = one
	}
	for i, c := range m.Conditions {
		one := OutlineCondition{Name: c.Name, Parameters: make([]OutlineParameter, len(c.Parameters))}
		for j, p := range c.Parameters {
			one.Parameters[j] = OutlineParameter{Name: p.Name, Type: p.Type.String()}
		}
		out.Conditions[i] = one
	}
	return out
}

func listStoreModel(v *stores.Version) StoreModel {
	out := StoreModel{ID: v.ID, Print: v.Digest, Created: v.Created, BuiltIn: v.BuiltIn}
	if v.Author.Type != "" {
		out.Author = &ModelAuthor{v.Author.Type, v.Author.ID}
	}
	return out
}

// ModelText is a model in the modelling language.
type ModelText struct {
	Text string `json:"text" max:"262144" format:"text" doc:"in the modelling language, schema 1.1 or 1.2; one module gets what it uses of the built-in one"`
}

// ModuleText is a module in the modelling language.
type ModuleText struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// ModelJudgement is what there is to say of a model that is still being written.
type ModelJudgement struct {
	Sound   bool           `json:"sound"`
	Wrong   []ModelFinding `json:"wrong" doc:"why it would be refused"`
	Advice  []ModelFinding `json:"advice" doc:"what is worth a second look"`
	Changes []ModelChange  `json:"changes" doc:"in the version that is used"`
}

// ModelFinding is a finding at its place in the text.
type ModelFinding struct {
	Line    int    `json:"line" doc:"from 1"`
	Column  int    `json:"column" doc:"from 1, in characters"`
	Path    string `json:"path,omitzero" doc:"document#viewer, or condition in_region"`
	Finding string `json:"finding" doc:"stable name of the kind of finding"`
	Text    string `json:"text"`
	Hint    string `json:"hint,omitzero"`
}

// ModelChange is a difference between two models.
type ModelChange struct {
	Kind      string      `json:"kind" enum:"added,removed,changed"`
	Type      string      `json:"type,omitzero"`
	Relation  string      `json:"relation,omitzero"`
	Condition string      `json:"condition,omitzero"`
	Before    string      `json:"before,omitzero"`
	After     string      `json:"after,omitzero"`
	Orphans   []TupleKind `json:"orphans,omitzero" doc:"kinds of stored tuples that no longer fit, and would count for nothing"`
}

// TupleKind is a kind of tuples.
type TupleKind struct {
	Type     string `json:"type"`
	Relation string `json:"relation,omitzero" doc:"left out: every relation"`
	Subject  string `json:"subject,omitzero" doc:"left out: every subject"`
}

func findings(all []model.Diagnostic) []ModelFinding {
	out := make([]ModelFinding, len(all))
	for i, d := range all {
		out[i] = ModelFinding{Line: max(1, d.At.Line), Column: max(1, d.At.Column), Path: d.Path, Finding: string(d.Code), Text: d.Text, Hint: d.Hint}
	}
	return out
}

func showChange(c model.Change) ModelChange {
	out := ModelChange{Kind: string(c.Kind), Type: c.Type, Relation: c.Relation, Condition: c.Condition, Before: c.Before, After: c.After}
	for _, o := range c.Orphans {
		out.Orphans = append(out.Orphans, TupleKind(o))
	}
	return out
}

// parseDraft reads a model that is stored nowhere; nil if there is none.
func parseDraft(text string) (*model.Model, error) {
	if text == "" {
		return nil, nil
	}
	return builtin.Parse(text)
}

type ofStoreModel struct {
	ofTupleStore
	Model string `path:"model" max:"26"`
}

func (a *API) storeModels() []rest.Operation {
	const group = groupStores
	written := status(administers("POST /api/stores/{store}/models", "model.write", "authz.model.write", group, "Write a version of the model, which is used from then on unless another is pinned"), http.StatusCreated)
	written.MaxBody = maxModelBody
	return []rest.Operation{
		endpoint(a, written, func(ctx context.Context, c access.Caller, in struct {
			ofTupleStore
			Body ModelText `body:"json"`
		}) (StoreModel, error) {
			m, err := builtin.Parse(in.Body.Text)
			if err != nil {
				return StoreModel{}, err
			}
			v, err := a.Stores.WriteModel(ctx, c, in.Store, m)
			return one(v, err, listStoreModel)
		}),
		endpoint(a, administers("GET /api/stores/{store}/models", "model.list", "authz.model.read", group, "List versions of the model, the newest first"),
			func(ctx context.Context, c access.Caller, in struct {
				ofTupleStore
				paging
			}) (page.Page[StoreModel], error) {
				p, err := a.Stores.ListModels(ctx, c, in.Store, in.request())
				return turned(p, err, listStoreModel)
			}),
		endpoint(a, administers("GET /api/stores/{store}/models/{model}", "model.get", "authz.model.read", group, "Read a version of the model"),
			func(ctx context.Context, c access.Caller, in ofStoreModel) (StoreModel, error) {
				v, err := a.Stores.GetModel(ctx, c, in.Store, in.Model)
				if err != nil {
					return StoreModel{}, err
				}
				out := listStoreModel(v)
				out.Outline = outline(v.Model)
				out.Text, err = v.Text()
				return out, err
			}),
		endpoint(a, administers("GET /api/stores/{store}/models/{model}/diff", "model.diff", "authz.model.read", group, "Say what a version changes, and which tuples no longer fit"),
			func(ctx context.Context, c access.Caller, in struct {
				ofStoreModel
				From string `query:"from" max:"26" doc:"the version before; left out: the one that is used"`
			}) (many[ModelChange], error) {
				d, err := a.Stores.DiffModels(ctx, c, in.Store, in.From, in.Model)
				return collect(d, err, showChange)
			}),
		a.modelCheck(),
		endpoint(a, administers("GET /api/built-in-module", "model.built_in", "authz.model.read", group, "Read the built-in module, for models of several modules that use it"),
			func(ctx context.Context, c access.Caller, in within) (ModuleText, error) {
				text, err := a.Stores.Module(ctx, c)
				return ModuleText{Name: builtin.Name, Text: text}, err
			}),
	}
}

func (a *API) modelCheck() rest.Operation {
	checked := administers("POST /api/stores/{store}/models/check", "model.check", "authz.model.read", groupStores, "Say what is wrong with a model, what is worth a second look, and what it would change")
	checked.MaxBody = maxModelBody
	return endpoint(a, checked, func(ctx context.Context, c access.Caller, in struct {
		ofTupleStore
		Body ModelText `body:"json"`
	}) (ModelJudgement, error) {
		j, err := a.Stores.JudgeModel(ctx, c, in.Store, in.Body.Text)
		if err != nil {
			return ModelJudgement{}, err
		}
		changes, err := collect(j.Changes, nil, showChange)
		return ModelJudgement{Sound: len(j.Wrong) == 0, Wrong: findings(j.Wrong), Advice: findings(j.Advice), Changes: changes.Items}, err
	})
}
