// openid-client, the usual library of Node.js applications, against the real binary.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import * as client from "openid-client";

import { audience, redirect, start, until } from "./cardea.js";

const insecure = { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] };

describe("openid-client", () => {
  let world;
  before(async () => {
    world = await start();
  });
  after(() => world.stop());

  const discover = (app, how) => client.discovery(new URL(world.issuer), app.client_id, undefined, how, insecure);

  // login is code + PKCE as the library's documentation shows it; the library checks state, iss
  // (RFC 9207), nonce, at_hash and the signature.
  const login = async (config, browser, scope) => {
    const [verifier, state, nonce] = [client.randomPKCECodeVerifier(), client.randomState(), client.randomNonce()];
    const url = client.buildAuthorizationUrl(config, {
      redirect_uri: redirect, scope, state, nonce, code_challenge_method: "S256", code_challenge: await client.calculatePKCECodeChallenge(verifier),
    });
    const back = await browser.visit(url);
    return client.authorizationCodeGrant(config, back, { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true });
  };

  const webApp = (...flags) => world.addApp("web", "--scope", "openid", "--scope", "email", "--scope", "invoice:read", "--audience", audience, ...flags);

  it("signs somebody in, calls the API, refreshes and signs out", async () => {
    const [may, mayNot] = [await world.addUser("may@node.example"), await world.addUser("may-not@node.example")];
    await world.cli("role", "create", "reader", "--permission", "invoice:read");
    await world.cli("role", "assign", "reader", may.email);
    const goodbye = "http://127.0.0.1:9/goodbye";
    const app = await webApp("--post-logout", goodbye);
    const config = await discover(app, client.ClientSecretBasic(app.client_secret));
    const browser = world.browser(may.email);
    const got = await login(config, browser, "openid email invoice:read");
    assert.equal(got.claims().sub, may.id);
    assert.equal(got.claims().email, may.email);
    assert.equal(got.scope, "openid email invoice:read");

    const call = (token) => client.fetchProtectedResource(config, token, new URL(`${world.api}/invoices`), "GET");
    assert.equal((await call(got.access_token)).status, 200);
    const other = await login(config, world.browser(mayNot.email), "openid invoice:read");
    const refused = await call(other.access_token);
    assert.equal(refused.status, 403);
    assert.equal((await refused.json()).permission, "invoice:read");
    await assert.rejects(call("nonsense"), (e) => e instanceof client.WWWAuthenticateChallengeError && e.cause[0].parameters.error === "invalid_token");

    const tabs = await Promise.all([1, 2, 3].map(() => client.refreshTokenGrant(config, got.refresh_token)));
    assert.equal(new Set(tabs.map((t) => t.refresh_token)).size, 1, "the tabs hold different refresh tokens");
    for (const t of tabs) assert.equal((await call(t.access_token)).status, 200);

    const out = client.buildEndSessionUrl(config, { post_logout_redirect_uri: goodbye, id_token_hint: got.id_token, state: "bye" });
    const gone = await browser.call("GET", out.pathname + out.search);
    assert.equal(gone.location, `${goodbye}?state=bye`);
    const took = await until(1000, async () => (await call(tabs[0].access_token).catch(() => ({ status: 401 }))).status === 401);
    console.log(`the API refused ${took} ms after the person signed out`);
    await assert.rejects(client.refreshTokenGrant(config, tabs[0].refresh_token), { error: "invalid_grant" });
  });

  it("authenticates the client in every way that is offered", async () => {
    const user = await world.addUser("ways@node.example");
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const jwks = join(world.dir, "node.jwks");
    await writeFile(jwks, JSON.stringify({ keys: [{ ...publicKey.export({ format: "jwk" }), kid: "n1", alg: "ES256", use: "sig" }] }));
    const key = await crypto.subtle.importKey("jwk", privateKey.export({ format: "jwk" }), { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
    const ways = {
      client_secret_basic: client.ClientSecretBasic,
      client_secret_post: client.ClientSecretPost,
      private_key_jwt: () => client.PrivateKeyJwt({ key, kid: "n1" }),
      none: () => client.None(),
    };
    for (const [method, way] of Object.entries(ways)) {
      const flags = method === "private_key_jwt" ? ["--auth-method", method, "--jwks", jwks] : method === "none" ? [] : ["--auth-method", method];
      const app = await world.addApp(method === "none" ? "spa" : "web", ...flags);
      const config = await discover(app, way(app.client_secret));
      assert.ok(config.serverMetadata().token_endpoint_auth_methods_supported.includes(method));
      const got = await login(config, world.browser(user.email), "openid email");
      assert.equal((await client.fetchUserInfo(config, got.access_token, user.id)).email, user.email, method);
      await client.refreshTokenGrant(config, got.refresh_token);
      if (method !== "none") assert.equal((await client.tokenIntrospection(config, got.access_token)).active, true, method);
      await client.tokenRevocation(config, got.access_token);
      await assert.rejects(client.fetchUserInfo(config, got.access_token, user.id), client.WWWAuthenticateChallengeError, method);
    }
  });

  it("acts for itself with client credentials", async () => {
    const app = await world.addApp("service", "--scope", "invoice:read", "--audience", audience, "--access-token", "opaque");
    const config = await discover(app, client.ClientSecretBasic(app.client_secret));
    const got = await client.clientCredentialsGrant(config, { scope: "invoice:read" });
    assert.ok(!got.access_token.includes("."));
    const said = await client.tokenIntrospection(config, got.access_token);
    assert.deepEqual([said.active, said.client_id, said.scope], [true, app.client_id, "invoice:read"]);
    await assert.rejects(client.clientCredentialsGrant(config, { scope: "everything" }), { error: "invalid_scope" });
    const wrong = await discover(app, client.ClientSecretBasic("wrong"));
    await assert.rejects(client.clientCredentialsGrant(wrong), (e) => e instanceof client.WWWAuthenticateChallengeError && e.status === 401);
  });

  it("hears what went wrong, and only from this issuer", async () => {
    const user = await world.addUser("wrong@node.example");
    const app = await webApp();
    const config = await discover(app, client.ClientSecretBasic(app.client_secret));
    const browser = world.browser(user.email);
    browser.allow = false;
    await assert.rejects(login(config, browser, "openid"), (e) => e instanceof client.AuthorizationResponseError && e.error === "access_denied");

    browser.allow = true;
    const plain = client.buildAuthorizationUrl(config, { redirect_uri: redirect, scope: "openid", state: "s" });
    assert.match((await browser.visit(plain)).search, /error=invalid_request.*PKCE/);

    const verifier = client.randomPKCECodeVerifier();
    const challenge = await client.calculatePKCECodeChallenge(verifier);
    const back = await browser.visit(client.buildAuthorizationUrl(config, { redirect_uri: redirect, scope: "openid", code_challenge: challenge, code_challenge_method: "S256" }));
    const mixedUp = new URL(back);
    mixedUp.searchParams.set("iss", "https://evil.example");
    const mixUp = (e) => /"iss"/.test(e.cause.message);
    await assert.rejects(client.authorizationCodeGrant(config, mixedUp, { pkceCodeVerifier: verifier }), mixUp);
    mixedUp.searchParams.delete("iss");
    await assert.rejects(client.authorizationCodeGrant(config, mixedUp, { pkceCodeVerifier: verifier }), mixUp);
    const got = await client.authorizationCodeGrant(config, back, { pkceCodeVerifier: verifier });
    await assert.rejects(client.authorizationCodeGrant(config, back, { pkceCodeVerifier: verifier }), { error: "invalid_grant" });
    await assert.rejects(client.refreshTokenGrant(config, got.refresh_token), { error: "invalid_grant" });
  });
});
