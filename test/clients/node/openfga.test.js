// OpenFGA's own client for JavaScript, unchanged, against the real binary.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ClientWriteRequestOnDuplicateWrites, CredentialsMethod, OpenFgaClient } from "@openfga/sdk";
import { start } from "./cardea.js";

let world, key;

before(async () => {
  world = await start();
  const app = await world.addApp("service");
  await world.cli("role", "assign", "cardea:admin", `service:${app.client_id}`);
  ({ key } = await world.cli("apikey", "create", `service:${app.client_id}`, "sdk", "--scope", "cardea:authz"));
});
after(() => world.stop());

const client = (more = {}) =>
  new OpenFgaClient({ apiUrl: world.issuer, credentials: { method: CredentialsMethod.ApiToken, config: { token: key } }, ...more });

const model = {
  schema_version: "1.1",
  type_definitions: [
    { type: "user" },
    { type: "team", relations: { member: { this: {} } }, metadata: { relations: { member: { directly_related_user_types: [{ type: "user" }] } } } },
    {
      type: "folder",
      relations: { owner: { this: {} }, viewer: { union: { child: [{ this: {} }, { computedUserset: { relation: "owner" } }] } } },
      metadata: {
        relations: {
          owner: { directly_related_user_types: [{ type: "user" }] },
          viewer: { directly_related_user_types: [{ type: "user" }, { type: "team", relation: "member" }, { type: "user", condition: "in_office" }] },
        },
      },
    },
  ],
  conditions: { in_office: { name: "in_office", expression: "inside", parameters: { inside: { type_name: "TYPE_NAME_BOOL" } } } },
};

test("a store, from its making to its end", async () => {
  const { id: storeId } = await client().createStore({ name: "sdk" });
  const { authorization_model_id: authorizationModelId } = await client({ storeId }).writeAuthorizationModel(model);
  const fga = client({ storeId, authorizationModelId });
  assert.equal((await fga.getStore()).name, "sdk");
  assert.ok((await fga.listStores()).stores.some((s) => s.id === storeId));
  assert.equal((await fga.readLatestAuthorizationModel()).authorization_model.id, authorizationModelId);
  assert.equal((await fga.readAuthorizationModels()).authorization_models.length, 1);

  const bob = { user: "user:bob", relation: "member", object: "team:eng" };
  const designs = { user: "team:eng#member", relation: "viewer", object: "folder:designs" };
  const office = { user: "user:dora", relation: "viewer", object: "folder:designs", condition: { name: "in_office" } };
  await fga.write({ writes: [bob, designs, office] });
  const may = async (user, more = {}) => (await fga.check({ user, relation: "viewer", object: "folder:designs", ...more })).allowed;
  assert.equal(await may("user:bob"), true);
  assert.equal(await may("user:carl"), false);
  assert.equal(await may("user:carl", { contextualTuples: [{ ...bob, user: "user:carl" }] }), true);
  assert.equal(await may("user:dora", { context: { inside: true } }), true);
  assert.equal(await may("user:dora", { context: { inside: false } }), false);

  const { result } = await fga.batchCheck({
    checks: [
      { user: "user:bob", relation: "viewer", object: "folder:designs", correlationId: "a" },
      { user: "user:carl", relation: "viewer", object: "folder:designs", correlationId: "b" },
      { user: "user:bob", relation: "nothing", object: "folder:designs", correlationId: "c" },
    ],
  });
  const answers = Object.fromEntries(result.map((r) => [r.correlationId, r.error ? "error" : r.allowed]));
  assert.deepEqual(answers, { a: true, b: false, c: "error" });

  const context = { inside: true };
  assert.deepEqual((await fga.listObjects({ user: "user:bob", relation: "viewer", type: "folder", context })).objects, ["folder:designs"]);
  const streamed = [];
  for await (const { object } of fga.streamedListObjects({ user: "user:bob", relation: "viewer", type: "folder", context })) streamed.push(object);
  assert.deepEqual(streamed, ["folder:designs"]);
  const users = await fga.listUsers({ object: { type: "folder", id: "designs" }, relation: "viewer", user_filters: [{ type: "user" }], context });
  assert.deepEqual(users.users.map((u) => u.object.id).sort(), ["bob", "dora"]);
  assert.deepEqual((await fga.listRelations({ user: "user:bob", object: "folder:designs", relations: ["owner", "viewer"], context })).relations, ["viewer"]);
  const { tree } = await fga.expand({ relation: "viewer", object: "folder:designs" });
  assert.equal(tree.root.union.nodes.length, 2);
  assert.deepEqual(tree.root.union.nodes[1].leaf.computed, { userset: "folder:designs#owner" });

  assert.deepEqual((await fga.read({ object: "team:eng" })).tuples.map((t) => t.key.user), ["user:bob"]);
  await assert.rejects(fga.write({ writes: [bob] }), (e) => e.statusCode === 400 && e.apiErrorCode === "write_failed_due_to_invalid_input");
  await fga.write({ writes: [bob] }, { conflict: { onDuplicateWrites: ClientWriteRequestOnDuplicateWrites.Ignore } });
  await assert.rejects(fga.write({ writes: [{ ...designs, user: "team:eng" }] }), (e) => e.apiErrorCode === "validation_error" && /#member/.test(e.message));
  await fga.deleteTuples([bob]);
  assert.equal(await may("user:bob", { context }), false);

  const first = await fga.readChanges({ type: "team" });
  assert.deepEqual(first.changes.map((c) => c.operation), ["TUPLE_OPERATION_WRITE", "TUPLE_OPERATION_DELETE"]);
  const next = await fga.readChanges({ type: "team" }, { continuationToken: first.continuation_token });
  assert.deepEqual(next.changes, []);

  await fga.writeAssertions([{ user: "user:bob", relation: "viewer", object: "folder:designs", expectation: true }]);
  assert.equal((await fga.readAssertions()).assertions.length, 1);

  await fga.deleteStore();
  await assert.rejects(fga.getStore(), (e) => e.statusCode === 404 && e.apiErrorCode === "store_id_not_found");
});

test("without a credential, and with a wrong one", async () => {
  const stranger = new OpenFgaClient({ apiUrl: world.issuer });
  await assert.rejects(stranger.listStores(), (e) => e.statusCode === 401);
  const wrong = client({ credentials: { method: CredentialsMethod.ApiToken, config: { token: "cdk_wrong" } } });
  await assert.rejects(wrong.listStores(), (e) => e.statusCode === 401);
});
