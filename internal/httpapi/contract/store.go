package contract

import (
	"net/http"

	"github.com/cardea-auth/cardea/internal/httpapi/openfga"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
)

// ofStore is the input of what is about a store.
type ofStore struct {
	Store string `path:"store_id" max:"26" pattern:"^[0-7][0-9A-HJKMNP-TV-Z]{25}$"`
}

// ofModel is the input of what is about a version of its model.
type ofModel struct {
	ofStore
	Model string `path:"model_id" max:"26" pattern:"^[0-7][0-9A-HJKMNP-TV-Z]{25}$"`
}

// pages cuts a list.
type pages struct {
	Size  int    `query:"page_size" min:"1" max:"500"`
	Token string `query:"continuation_token" max:"4096"`
}

// asks is the input of a question.
type asks[Body any] struct {
	ofStore
	Revision string `header:"Cardea-Revision" max:"20" doc:"the answer must know of this revision"`
	Body     Body   `body:"json"`
}

func storeRoutes() map[string]description {
	const group = "Stores of relation tuples"
	const told = "Cardea-Revision in the answer tells the revision that it rests on"
	about := func(summary, details string) says {
		return says{group: group, summary: summary, details: details, lax: true}
	}
	status := func(s says, code int) says {
		s.status = code
		return s
	}
	return map[string]description{
		"openfga.create_store": endpoint[struct {
			Body openfga.StoreName `body:"json"`
		}, openfga.Store](status(about("Create a store", "These end points are those of OpenFGA, with its errors: code and message"), http.StatusCreated)),
		"openfga.list_stores": endpoint[struct {
			pages
			Name string `query:"name" max:"256" doc:"only stores that are called so"`
		}, openfga.StorePage](about("List stores", "")),
		"openfga.get_store": endpoint[ofStore, openfga.Store](about("Read a store", "")),
		"openfga.rename_store": endpoint[struct {
			ofStore
			Body openfga.StoreName `body:"json"`
		}, openfga.Store](about("Rename a store", "")),
		"openfga.delete_store": endpoint[ofStore, rest.None](about("Delete a store with its tuples and models", "")),
		"openfga.write_model": endpoint[struct {
			ofStore
			Body map[string]any `body:"json" doc:"the JSON form of the modelling language; the language itself is read as text/plain"`
		}, openfga.ModelID](status(about("Write a version of the model", "It is used from then on, unless another one is pinned"), http.StatusCreated)),
		"openfga.list_models": endpoint[struct {
			ofStore
			pages
		}, openfga.ModelPage](about("List versions of the model, the newest first", "")),
		"openfga.get_model": endpoint[ofModel, openfga.OneModel](about("Read a version of the model", "")),
		"openfga.pin_model": endpoint[struct {
			ofStore
			Body openfga.ModelID `body:"json"`
		}, openfga.Store](about("Use a version of the model instead of the newest", "Not in OpenFGA. Pinning an older one is rolling back")),
		"openfga.unpin_model": endpoint[ofStore, openfga.Store](about("Use the newest version of the model", "Not in OpenFGA")),
		"openfga.write_assertions": endpoint[struct {
			ofModel
			Body openfga.AssertionList `body:"json"`
		}, rest.None](about("Replace the assertions of a version", "")),
		"openfga.read_assertions": endpoint[ofModel, openfga.AssertionList](about("Read the assertions of a version", "")),
		"openfga.write": endpoint[struct {
			ofStore
			Key  string        `header:"Idempotency-Key" max:"255" doc:"the write happens once, however often it is sent within a day"`
			Body openfga.Write `body:"json"`
		}, openfga.Nothing](about("Write and delete tuples, all or none", told+"; whoever asks with it knows of the write")),
		"openfga.read": endpoint[struct {
			ofStore
			Body openfga.Read `body:"json"`
		}, openfga.TuplePage](about("Read tuples", told)),
		"openfga.changes": endpoint[struct {
			ofStore
			Revision string `header:"Cardea-Revision" max:"20" doc:"without a continuation_token: changes after this revision"`
			openfga.ChangesQuery
		}, openfga.ChangePage](about("Read what changed, oldest first", "")),
		"openfga.check":          endpoint[asks[openfga.Check], openfga.Checked](about("Ask whether a user has a relation to an object", told)),
		"openfga.check_many":     endpoint[asks[openfga.CheckMany], openfga.CheckedMany](about("Ask several questions of one revision", told)),
		"openfga.expand":         endpoint[asks[openfga.Expand], openfga.Expanded](about("Show the rule of a relation with the tuples of one object", told)),
		"openfga.explain":        endpoint[asks[openfga.Check], openfga.Explained](about("Ask why, and what would change it", "Not in OpenFGA. "+told)),
		"openfga.list_objects":   endpoint[asks[openfga.ListObjects], openfga.ObjectList](about("List the objects to which a user has a relation", "The list is never cut silently. "+told)),
		"openfga.stream_objects": endpoint[asks[openfga.ListObjects], openfga.Streamed](about("List the objects, one JSON text a line", told)),
		"openfga.list_users":     endpoint[asks[openfga.ListUsers], openfga.UserList](about("List the users that have a relation to an object", told)),
	}
}
