package stores

import (
	"context"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz/builtin"
	"github.com/cardea-auth/cardea/internal/authz/model"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// Judgement is what there is to say of a model that is still being written.
type Judgement struct {
	Wrong  []model.Diagnostic // why it would be refused
	Advice []model.Diagnostic // what is worth a second look, of one that would not
	// Changes is what it would change in the version that is used, and nothing while it is wrong.
	Changes model.Diff
}

// JudgeModel says of a text in the modelling language what WriteModel would, and stores nothing. A text
// that is wrong is an answer and no error.
func (s *Stores) JudgeModel(ctx context.Context, c access.Caller, storeID, text string) (Judgement, error) {
	if _, err := s.guard.Allow(ctx, c, "authz.model.read", objectOf(storeID)); err != nil {
		return Judgement{}, err
	}
	doc, err := s.stores.In(c.Tenant()).View(ctx, storeID)
	if err != nil {
		return Judgement{}, missing(err, noStore())
	}
	m, err := builtin.Parse(text)
	if err == nil {
		_, err = s.compile(m, builtin.Extends(m))
	}
	if wrong := model.Diagnostics(err); len(wrong) > 0 {
		return Judgement{Wrong: wrong}, nil
	}
	if err != nil {
		return Judgement{}, err
	}
	out := Judgement{Advice: m.Advice()}
	if doc.Model() == "" {
		return out, nil
	}
	used, err := s.version(ctx, c.Tenant(), storeID, doc.Model())
	if err != nil {
		return Judgement{}, err
	}
	out.Changes = builtin.Compare(used.Model, m)
	return out, nil
}

// Module is the text of the built-in module.
func (s *Stores) Module(ctx context.Context, c access.Caller) (string, error) {
	_, err := s.guard.Allow(ctx, c, "authz.model.read", objectOf(""))
	return builtin.Module, err
}

// DiffModels says what changes from one version to another; an empty id is the one that is used.
func (s *Stores) DiffModels(ctx context.Context, c access.Caller, storeID, before, after string) (model.Diff, error) {
	first, err := s.GetModel(ctx, c, storeID, before)
	if err != nil {
		return nil, err
	}
	second, err := s.GetModel(ctx, c, storeID, after)
	if err != nil {
		return nil, err
	}
	return builtin.Compare(first.Model, second.Model), nil
}

// Outcome is what one assertion of a store file came to.
type Outcome struct {
	Test     string
	Question string
	Want     string
	Got      string
	Passed   bool
}

// Trial is a store file that is to be asked.
type Trial struct {
	File string // the text of a .fga.yaml, which names no other files
	// Model is the version that is used where the file has no model of its own: empty for the one that is
	// used anyway. Draft takes its place.
	Model string
	Draft *model.Model
}

// trialTime bounds how long a store file may be asked.
const trialTime = 10 * time.Second

// Try asks what a store file asks, of its own tuples and of none that are stored.
func (s *Stores) Try(ctx context.Context, c access.Caller, storeID string, t Trial) ([]Outcome, error) {
	if _, err := s.guard.Allow(ctx, c, "authz.model.read", objectOf(storeID)); err != nil {
		return nil, err
	}
	doc, err := s.stores.In(c.Tenant()).View(ctx, storeID)
	if err != nil {
		return nil, missing(err, noStore())
	}
	m := t.Draft
	if id := t.Model; m == nil && (id != "" || doc.Model() != "") {
		if id == "" {
			id = doc.Model()
		}
		v, err := s.version(ctx, c.Tenant(), storeID, id)
		if err != nil {
			return nil, err
		}
		m = v.Model
	}
	within, cancel := context.WithTimeout(ctx, trialTime)
	defer cancel()
	out, err := s.scenario(within, t.File, m, s.db.Now())
	if err != nil && ctx.Err() == nil && within.Err() != nil {
		err = errs.New(errs.Invalid, "store_file_too_long", "The questions of the file take longer than %d seconds.", int(trialTime.Seconds()))
	}
	return out, err
}
