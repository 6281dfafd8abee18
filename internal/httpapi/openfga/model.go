package openfga

import (
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz/builtin"
	"github.com/cardea-auth/cardea/internal/authz/model"
	"github.com/cardea-auth/cardea/internal/authz/stores"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
)

// ModelID names a version of a model.
type ModelID struct {
	ID string `json:"authorization_model_id"`
}

// ModelPage is a page of versions, the newest first. Each is the JSON form of the modelling language
// with its id.
type ModelPage struct {
	Models []jsontext.Value `json:"authorization_models"`
	Next   string           `json:"continuation_token" doc:"empty on the last page"`
}

// OneModel is a version of a model.
type OneModel struct {
	Model jsontext.Value `json:"authorization_model" doc:"the JSON form of the modelling language, with the id"`
}

// textType is the media type of the modelling language.
const textType = "text/plain"

// writeModel reads the JSON form, or as text/plain the language itself.
func (d *Door) writeModel(x *edge.Exchange, c access.Caller) error {
	body, err := x.Body()
	if err != nil {
		return err
	}
	var m *model.Model
	if x.MediaType() == textType {
		m, err = builtin.Parse(string(body))
	} else {
		m, err = model.ParseJSON(body)
	}
	if err != nil {
		return err
	}
	v, err := d.Models.WriteModel(x.R.Context(), c, storeID(x), m)
	if err != nil {
		return err
	}
	return x.JSON(http.StatusCreated, ModelID{v.ID})
}

func (d *Door) listModels(x *edge.Exchange, c access.Caller) error {
	r, _, err := pageRequest(x, maxPage)
	if err != nil {
		return err
	}
	p, err := d.Models.ListModels(x.R.Context(), c, storeID(x), r)
	if err != nil {
		return err
	}
	out := ModelPage{Models: make([]jsontext.Value, len(p.Items)), Next: p.Next}
	for i, v := range p.Items {
		if out.Models[i], err = showModel(v); err != nil {
			return err
		}
	}
	return ok(x, out)
}

func (d *Door) getModel(x *edge.Exchange, c access.Caller) error {
	v, err := d.Models.GetModel(x.R.Context(), c, storeID(x), x.R.PathValue("model_id"))
	if err != nil {
		return err
	}
	text, err := showModel(v)
	if err != nil {
		return err
	}
	return ok(x, OneModel{text})
}

// showModel is the JSON form with the id in front.
func showModel(v *stores.Version) (jsontext.Value, error) {
	text, err := v.Model.MarshalFull()
	if err != nil {
		return nil, err
	}
	id, err := json.Marshal(v.ID)
	if err != nil {
		return nil, err
	}
	return append(append(append([]byte(`{"id":`), id...), ','), text[1:]...), nil
}

func (d *Door) pin(x *edge.Exchange, c access.Caller) error {
	var in ModelID
	if err := parse(x, &in); err != nil {
		return err
	}
	s, err := d.Models.Pin(x.R.Context(), c, storeID(x), in.ID)
	if err != nil {
		return err
	}
	return ok(x, showStore(s))
}

func (d *Door) unpin(x *edge.Exchange, c access.Caller) error {
	s, err := d.Models.Pin(x.R.Context(), c, storeID(x), "")
	if err != nil {
		return err
	}
	return ok(x, showStore(s))
}
