package clients_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	openfga "github.com/openfga/go-sdk"
	"github.com/openfga/go-sdk/client"
	"github.com/openfga/go-sdk/credentials"
)

// sdkModel is a model in the form that OpenFGA's client sends.
const sdkModel = `{"schema_version":"1.1","type_definitions":[{"type":"user"},
{"type":"team","relations":{"member":{"this":{}}},"metadata":{"relations":{"member":{"directly_related_user_types":[{"type":"user"}]}}}},
{"type":"folder","relations":{"owner":{"this":{}},"viewer":{"union":{"child":[{"this":{}},{"computedUserset":{"relation":"owner"}}]}}},
"metadata":{"relations":{"owner":{"directly_related_user_types":[{"type":"user"}]},
"viewer":{"directly_related_user_types":[{"type":"user"},{"type":"team","relation":"member"},{"type":"user","condition":"in_office"}]}}}}],
"conditions":{"in_office":{"name":"in_office","expression":"inside","parameters":{"inside":{"type_name":"TYPE_NAME_BOOL"}}}}}`

// sdk is OpenFGA's own client for Go, unchanged.
func (s *server) sdk(t *testing.T, c credentials.Credentials) *client.OpenFgaClient {
	t.Helper()
	made, err := client.NewSdkClient(&client.ClientConfiguration{ApiUrl: s.issuer, Credentials: &c})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// TestSDK: OpenFGA's client for Go works unchanged, from making a store to deleting it, with an API key and
// with the client credentials of a service.
func TestSDK(t *testing.T) {
	t.Parallel()
	s := startServer(t, launch{})
	app := s.addApp(t, "service")
	s.cli(t, "role", "assign", "cardea:admin", "service:"+app.id)
	key := credentials.Credentials{Method: credentials.CredentialsMethodApiToken, Config: &credentials.Config{ApiToken: s.key(t, app, "cardea:authz")}}
	c := s.sdk(t, key)
	ctx := t.Context()

	store := must[*client.ClientCreateStoreResponse](t)(c.CreateStore(ctx).Body(client.ClientCreateStoreRequest{Name: "sdk"}).Execute())
	if err := c.SetStoreId(store.GetId()); err != nil {
		t.Fatal(err)
	}
	var model client.ClientWriteAuthorizationModelRequest
	if err := json.Unmarshal([]byte(sdkModel), &model); err != nil {
		t.Fatal(err)
	}
	version := must[*client.ClientWriteAuthorizationModelResponse](t)(c.WriteAuthorizationModel(ctx).Body(model).Execute())
	if err := c.SetAuthorizationModelId(version.GetAuthorizationModelId()); err != nil {
		t.Fatal(err)
	}
	if got := must[*client.ClientGetStoreResponse](t)(c.GetStore(ctx).Execute()); got.GetName() != "sdk" {
		t.Errorf("store %q", got.GetName())
	}
	all := must[*client.ClientListStoresResponse](t)(c.ListStores(ctx).Execute())
	if !slices.ContainsFunc(all.GetStores(), func(o openfga.Store) bool { return o.GetId() == store.GetId() }) {
		t.Errorf("not among %v", all.GetStores())
	}
	latest := must[*client.ClientReadAuthorizationModelResponse](t)(c.ReadLatestAuthorizationModel(ctx).Execute())
	if got := latest.GetAuthorizationModel(); got.GetId() != version.GetAuthorizationModelId() || len(got.GetTypeDefinitions()) != 3 {
		t.Errorf("model %v", got)
	}
	t.Run("tuples", func(t *testing.T) { sdkTuples(t, c) })
	t.Run("lists", func(t *testing.T) { sdkLists(t, c) })
	t.Run("assertions", func(t *testing.T) {
		if _, err := c.WriteAssertions(ctx).Body([]client.ClientAssertion{{User: "user:bob", Relation: "viewer", Object: "folder:designs", Expectation: true}}).Execute(); err != nil {
			t.Fatal(err)
		}
		if got := must[*client.ClientReadAssertionsResponse](t)(c.ReadAssertions(ctx).Execute()); len(got.GetAssertions()) != 1 {
			t.Errorf("%v", got)
		}
	})
	t.Run("client credentials", func(t *testing.T) {
		service := s.addApp(t, "service", "--scope", "cardea:authz")
		s.cli(t, "role", "assign", "cardea:admin", "service:"+service.id)
		other := s.sdk(t, credentials.Credentials{Method: credentials.CredentialsMethodClientCredentials, Config: &credentials.Config{
			ClientCredentialsApiTokenIssuer: s.issuer + "/oauth/token", ClientCredentialsClientId: service.id, ClientCredentialsClientSecret: service.secret,
			ClientCredentialsScopes: "cardea:authz",
		}})
		must[*client.ClientListStoresResponse](t)(other.ListStores(ctx).Execute())
	})
	if _, err := c.DeleteStore(ctx).Execute(); err != nil {
		t.Fatal(err)
	}
	_, err := c.GetStore(ctx).Execute()
	if gone, ok := errors.AsType[openfga.FgaApiNotFoundError](err); !ok || gone.ResponseStatusCode() != 404 || gone.ResponseCode() != openfga.NOTFOUNDERRORCODE_STORE_ID_NOT_FOUND {
		t.Errorf("a store that is gone: %v", err)
	}
	wrong := s.sdk(t, credentials.Credentials{Method: credentials.CredentialsMethodApiToken, Config: &credentials.Config{ApiToken: "cdk_wrong"}})
	_, err = wrong.ListStores(ctx).Execute()
	if _, ok := errors.AsType[openfga.FgaApiAuthenticationError](err); !ok {
		t.Errorf("a wrong key: %v", err)
	}
}

// sdkTuples writes, reads, checks and deletes.
func sdkTuples(t *testing.T, c *client.OpenFgaClient) {
	ctx := t.Context()
	bob := client.ClientTupleKey{User: "user:bob", Relation: "member", Object: "team:eng"}
	write := func(keys ...client.ClientTupleKey) error {
		_, err := c.Write(ctx).Body(client.ClientWriteRequest{Writes: keys}).Execute()
		return err
	}
	err := write(bob, client.ClientTupleKey{User: "team:eng#member", Relation: "viewer", Object: "folder:designs"},
		client.ClientTupleKey{User: "user:dora", Relation: "viewer", Object: "folder:designs", Condition: &openfga.RelationshipCondition{Name: "in_office"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []struct {
		user       string
		inside     bool
		contextual []client.ClientContextualTupleKey
		want       bool
	}{
		{user: "user:bob", want: true},
		{user: "user:carl"},
		{user: "user:carl", contextual: []client.ClientContextualTupleKey{{User: "user:carl", Relation: "member", Object: "team:eng"}}, want: true},
		{user: "user:dora", inside: true, want: true},
		{user: "user:dora"},
	} {
		given := map[string]any{"inside": q.inside}
		for _, consistency := range []openfga.ConsistencyPreference{openfga.CONSISTENCYPREFERENCE_MINIMIZE_LATENCY, openfga.CONSISTENCYPREFERENCE_HIGHER_CONSISTENCY} {
			got, err := c.Check(ctx).Body(client.ClientCheckRequest{User: q.user, Relation: "viewer", Object: "folder:designs", Context: &given, ContextualTuples: q.contextual}).
				Options(client.ClientCheckOptions{Consistency: &consistency}).Execute()
			if err != nil || got.GetAllowed() != q.want {
				t.Errorf("%+v: %v, %v", q, got, err)
			}
		}
	}
	found := must[*client.ClientReadResponse](t)(c.Read(ctx).Body(client.ClientReadRequest{Object: openfga.PtrString("team:eng")}).Execute())
	if len(found.GetTuples()) != 1 || found.GetTuples()[0].Key.User != "user:bob" {
		t.Errorf("read %v", found)
	}
	for _, k := range []client.ClientTupleKey{bob, {User: "team:eng", Relation: "viewer", Object: "folder:designs"}} {
		if refused, ok := errors.AsType[openfga.FgaApiValidationError](write(k)); !ok || refused.ResponseStatusCode() != 400 {
			t.Errorf("%v was taken", k)
		}
	}
	if _, err := c.DeleteTuples(ctx).Body([]client.ClientTupleKeyWithoutCondition{{User: "user:bob", Relation: "member", Object: "team:eng"}}).Execute(); err != nil {
		t.Fatal(err)
	}
	changes := must[*client.ClientReadChangesResponse](t)(c.ReadChanges(ctx).Body(client.ClientReadChangesRequest{Type: "team"}).Execute())
	if all := changes.GetChanges(); len(all) != 2 || all[0].GetOperation() != openfga.TUPLEOPERATION_WRITE || all[1].GetOperation() != openfga.TUPLEOPERATION_DELETE || all[0].GetTimestamp().IsZero() {
		t.Errorf("changes %v", all)
	} else if when := found.GetTuples()[0].GetTimestamp(); !when.Equal(all[0].GetTimestamp()) {
		t.Errorf("read at %v, written at %v", when, all[0].GetTimestamp())
	}
	if err := write(bob); err != nil {
		t.Fatal(err)
	}
	sdkChunks(ctx, t, c)
}

// sdkChunks writes many tuples as the client does outside of a transaction, in parallel.
func sdkChunks(ctx context.Context, t *testing.T, c *client.OpenFgaClient) {
	var keys []client.ClientTupleKey
	for _, n := range []string{"a", "b", "c", "d", "e", "f"} {
		keys = append(keys, client.ClientTupleKey{User: "user:" + n, Relation: "owner", Object: "folder:many"})
	}
	got, err := c.Write(ctx).Body(client.ClientWriteRequest{Writes: keys}).
		Options(client.ClientWriteOptions{Transaction: &client.TransactionOptions{Disable: true, MaxPerChunk: 2, MaxParallelRequests: 3}}).Execute()
	if err != nil || len(got.Writes) != 6 || slices.ContainsFunc(got.Writes, func(w client.ClientWriteRequestWriteResponse) bool { return w.Status != client.SUCCESS }) {
		t.Errorf("%v, %v", got, err)
	}
}

// sdkLists asks for objects, users, relations and trees, and for many answers at once.
func sdkLists(t *testing.T, c *client.OpenFgaClient) {
	ctx, given := t.Context(), map[string]any{"inside": true}
	objects := must[*client.ClientListObjectsResponse](t)(c.ListObjects(ctx).Body(client.ClientListObjectsRequest{User: "user:bob", Relation: "viewer", Type: "folder", Context: &given}).Execute())
	if !slices.Equal(objects.GetObjects(), []string{"folder:designs"}) {
		t.Errorf("objects %v", objects.GetObjects())
	}
	users := must[*client.ClientListUsersResponse](t)(c.ListUsers(ctx).Body(client.ClientListUsersRequest{
		Object: openfga.FgaObject{Type: "folder", Id: "designs"}, Relation: "viewer", UserFilters: []openfga.UserTypeFilter{{Type: "user"}}, Context: &given,
	}).Execute())
	var names []string
	for _, u := range users.GetUsers() {
		names = append(names, u.Object.Id)
	}
	if slices.Sort(names); !slices.Equal(names, []string{"bob", "dora"}) {
		t.Errorf("users %v", names)
	}
	relations := must[*client.ClientListRelationsResponse](t)(c.ListRelations(ctx).Body(client.ClientListRelationsRequest{
		User: "user:bob", Object: "folder:designs", Relations: []string{"owner", "viewer"}, Context: &given,
	}).Execute())
	if !slices.Equal(relations.Relations, []string{"viewer"}) {
		t.Errorf("relations %v", relations.Relations)
	}
	tree := must[*client.ClientExpandResponse](t)(c.Expand(ctx).Body(client.ClientExpandRequest{Relation: "viewer", Object: "folder:designs"}).Execute())
	if union := tree.Tree.Root.Union; union == nil || len(union.Nodes) != 2 || union.Nodes[1].Leaf.Computed.Userset != "folder:designs#owner" {
		t.Errorf("tree %v", tree)
	}
	many := must[*client.ClientBatchCheckResponse](t)(c.BatchCheck(ctx).Body([]client.ClientCheckRequest{
		{User: "user:bob", Relation: "viewer", Object: "folder:designs", Context: &given}, {User: "user:carl", Relation: "viewer", Object: "folder:designs", Context: &given},
	}).Execute())
	for _, one := range *many {
		if one.Error != nil || one.GetAllowed() != (one.Request.User == "user:bob") {
			t.Errorf("%+v", one)
		}
	}
}
