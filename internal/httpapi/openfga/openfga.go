// Package openfga is the door to stores of relation tuples, in the words of OpenFGA's HTTP API
// (https://openfga.dev/api/service), so that its clients and tools work unchanged:
//
//	store.go  stores and assertions      model.go  versions of a model
//	tuple.go  write, read, changes       ask.go    check, batch-check and the lists
//	tree.go   expand                     refuse.go errors, as those clients know them
//
// What OpenFGA does not have is said in headers, so that bodies stay as its clients expect them:
// Cardea-Revision is in every answer that rests on tuples, and in a question it asks for an answer that
// knows of that revision. Idempotency-Key makes a write happen once. Unknown members are ignored, as
// there. What differs is listed in docs/reference/openfga.md.
//
// The package decides nothing; authz/stores does.
package openfga

import (
	"context"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz"
	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/model"
	"github.com/cardea-auth/cardea/internal/authz/stores"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
)

// HeaderRevision tells which revision an answer rests on, or should know of.
const HeaderRevision = "Cardea-Revision"

// HeaderKey makes a write happen once (draft-ietf-httpapi-idempotency-key-header).
const HeaderKey = "Idempotency-Key"

// Stores are the stores of a tenant.
type Stores interface {
	Create(ctx context.Context, c access.Caller, name string) (*stores.Store, error)
	List(ctx context.Context, c access.Caller, name string, r page.Request) (page.Page[*stores.Store], error)
	Get(ctx context.Context, c access.Caller, storeID string) (*stores.Store, error)
	Rename(ctx context.Context, c access.Caller, storeID, name string) (*stores.Store, error)
	Delete(ctx context.Context, c access.Caller, storeID string) error
}

// Models are the versions of the models of stores, with their assertions.
type Models interface {
	WriteModel(ctx context.Context, c access.Caller, storeID string, m *model.Model) (*stores.Version, error)
	GetModel(ctx context.Context, c access.Caller, storeID, modelID string) (*stores.Version, error)
	ListModels(ctx context.Context, c access.Caller, storeID string, r page.Request) (page.Page[*stores.Version], error)
	Pin(ctx context.Context, c access.Caller, storeID, modelID string) (*stores.Store, error)
	WriteAssertions(ctx context.Context, c access.Caller, storeID, modelID string, all []stores.Assertion) error
	ReadAssertions(ctx context.Context, c access.Caller, storeID, modelID string) ([]stores.Assertion, error)
}

// Tuples are the tuples of stores.
type Tuples interface {
	WriteTuples(ctx context.Context, c access.Caller, storeID string, w stores.Write) (uint64, error)
	ReadTuples(ctx context.Context, c access.Caller, storeID string, f store.TupleFilter, r page.Request) (page.Page[store.Tuple], uint64, error)
	Changes(ctx context.Context, c access.Caller, storeID string, w stores.Watch) (page.Page[store.TupleChange], error)
}

// Decider answers questions about tuples.
type Decider interface {
	Check(ctx context.Context, c access.Caller, at stores.At, q graph.Query) (graph.Result, stores.Asked, error)
	CheckBatch(ctx context.Context, c access.Caller, at stores.At, b []graph.Batch) ([][]graph.Answer, stores.Asked, error)
	Objects(ctx context.Context, c access.Caller, at stores.At, q graph.ObjectsQuery) (graph.List, stores.Asked, error)
	Subjects(ctx context.Context, c access.Caller, at stores.At, q graph.SubjectsQuery) (graph.List, stores.Asked, error)
	Expand(ctx context.Context, c access.Caller, at stores.At, q graph.ExpandQuery) (stores.Expanded, stores.Asked, error)
	Explain(ctx context.Context, c access.Caller, at stores.At, q graph.Query) (stores.Explanation, stores.Asked, error)
}

// Door serves the API.
type Door struct {
	Stores  Stores
	Models  Models
	Tuples  Tuples
	Decider Decider
	// Activity counts decisions; nil counts nothing.
	Activity func(c access.Caller, allowed bool)
	// Checked may keep an answer in the decision log; nil keeps none.
	Checked func(ctx context.Context, c access.Caller, k authz.Checked)
}

// Bounds of bodies, in bytes.
const (
	maxQuestion = 512 << 10
	maxModel    = model.MaxBytes + 4<<10
	maxWrite    = 4 << 20
)

// Routes are the end points as the doorstep must know them.
func (d *Door) Routes() []edge.Route {
	route := func(method, path, name string, action access.Action, h edge.Handler) edge.Route {
		return edge.Route{
			Method: method, Path: "/stores" + path, Name: "openfga." + name, Access: edge.Needs(action), CORS: edge.TenantOrigins,
			MaxBody: maxQuestion, Refuse: refuse, Handle: h,
		}
	}
	const of = "/{store_id}"
	check := route("POST", of+"/check", "check", "authz.check", d.check)
	check.Hot = true
	batch := route("POST", of+"/batch-check", "check_many", "authz.check", d.checkMany)
	batch.Hot = true
	write := route("POST", of+"/write", "write", "authz.tuple.write", d.write)
	write.MaxBody = maxWrite
	writeModel := route("POST", of+"/authorization-models", "write_model", "authz.model.write", d.writeModel)
	writeModel.MaxBody = maxModel
	return []edge.Route{
		route("POST", "", "create_store", "authz.store.create", d.create),
		route("GET", "", "list_stores", "authz.store.read", d.list),
		route("GET", of, "get_store", "authz.store.read", d.get),
		route("PUT", of, "rename_store", "authz.store.update", d.rename),
		route("DELETE", of, "delete_store", "authz.store.delete", d.delete),
		writeModel,
		route("GET", of+"/authorization-models", "list_models", "authz.model.read", d.listModels),
		route("GET", of+"/authorization-models/{model_id}", "get_model", "authz.model.read", d.getModel),
		route("PUT", of+"/pinned-model", "pin_model", "authz.store.update", d.pin),
		route("DELETE", of+"/pinned-model", "unpin_model", "authz.store.update", d.unpin),
		route("PUT", of+"/assertions/{model_id}", "write_assertions", "authz.model.write", d.writeAssertions),
		route("GET", of+"/assertions/{model_id}", "read_assertions", "authz.model.read", d.readAssertions),
		write,
		route("POST", of+"/read", "read", "authz.tuple.read", d.read),
		route("GET", of+"/changes", "changes", "authz.tuple.read", d.changes),
		check, batch,
		route("POST", of+"/expand", "expand", "authz.tuple.read", d.expand),
		route("POST", of+"/explain", "explain", "authz.tuple.read", d.explain),
		listed(route("POST", of+"/list-objects", "list_objects", "authz.check", d.listObjects)),
		listed(route("POST", of+"/streamed-list-objects", "stream_objects", "authz.check", d.streamObjects)),
		listed(route("POST", of+"/list-users", "list_users", "authz.check", d.listUsers)),
	}
}

// listed is a route that refuses as lists do.
func listed(r edge.Route) edge.Route {
	r.Refuse = refuseList
	return r
}

// parse reads the body of a request. Members that are not known are ignored, and a name twice is refused.
func parse(x *edge.Exchange, out any) error {
	body, err := x.Body()
	if err != nil {
		return err
	}
	if len(body) == 0 {
		return errs.Bad("body", "is missing")
	}
	if err := json.Unmarshal(body, out); err != nil {
		return malformed(err) // the decoder's own text quotes the input
	}
	return nil
}

// storeID is the store that a request is about.
func storeID(x *edge.Exchange) string { return x.R.PathValue("store_id") }

// asked tells the revision that an answer rests on.
func asked(x *edge.Exchange, revision uint64) {
	x.Header()[HeaderRevision] = []string{strconv.FormatUint(revision, 10)}
}

// wanted is the revision that the answer must know of; 0 for none.
func wanted(x *edge.Exchange) (uint64, error) {
	text := x.R.Header[HeaderRevision]
	if len(text) == 0 {
		return 0, nil
	}
	revision, err := strconv.ParseUint(text[0], 10, 62)
	if err != nil || len(text) > 1 {
		return 0, errs.Bad(HeaderRevision, "must be a revision that was told here")
	}
	return revision, nil
}

// Consistency is how new an answer must be.
type Consistency string

// The ways. The first two are the same.
const (
	Unspecified       Consistency = "UNSPECIFIED"
	MinimizeLatency   Consistency = "MINIMIZE_LATENCY"
	HigherConsistency Consistency = "HIGHER_CONSISTENCY"
)

// at is where a question is asked.
func at(x *edge.Exchange, modelID string, c Consistency) (stores.At, error) {
	a := stores.At{Store: storeID(x), Model: modelID}
	switch c {
	case "", Unspecified, MinimizeLatency:
	case HigherConsistency:
		a.Full = true
	default:
		return a, errs.Bad("/consistency", "must be %s or %s", MinimizeLatency, HigherConsistency)
	}
	var err error
	a.AtLeast, err = wanted(x)
	return a, err
}

// pageRequest reads page_size and continuation_token of a query.
func pageRequest(x *edge.Exchange, most int) (page.Request, func(string) string, error) {
	q, err := x.Query()
	if err != nil {
		return page.Request{}, nil, err
	}
	r := page.Request{Cursor: q.Get("continuation_token")}
	if text := q.Get("page_size"); text != "" {
		if r.Limit, err = strconv.Atoi(text); err != nil {
			return r, nil, badPageSize(most)
		}
	}
	r.Limit, err = pageSize(r.Limit, most)
	return r, q.Get, err
}

func pageSize(n, most int) (int, error) {
	if n < 0 || n > most {
		return 0, badPageSize(most)
	}
	return n, nil
}

func badPageSize(most int) error {
	return errs.New(errs.Invalid, "invalid_page_size", "A page has 1 to %d items.", most)
}

// maxPage bounds a page.
const maxPage = page.MaxLimit

// ok answers 200.
func ok(x *edge.Exchange, v any) error { return x.JSON(http.StatusOK, v) }
