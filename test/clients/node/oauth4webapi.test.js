// oauth4webapi, which holds every answer against its RFC, against the real binary.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import * as oauth from "oauth4webapi";

import { audience, redirect, start } from "./cardea.js";

const insecure = { [oauth.allowInsecureRequests]: true };

describe("oauth4webapi", () => {
  let world, issuer, as;
  const discover = async () => oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure));
  before(async () => {
    world = await start();
    issuer = new URL(world.issuer);
    as = await discover();
  });
  after(() => world.stop());

  const codeFor = async (app, browser, scope, extra = {}) => {
    const verifier = oauth.generateRandomCodeVerifier();
    const sent = { client_id: app.client_id, redirect_uri: redirect, response_type: "code", scope, state: oauth.generateRandomState(), nonce: oauth.generateRandomNonce(), ...extra };
    const url = new URL(as.authorization_endpoint);
    url.search = new URLSearchParams({ ...sent, code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256" });
    const params = oauth.validateAuthResponse(as, { client_id: app.client_id }, await browser.visit(url), sent.state);
    return { params, verifier, nonce: sent.nonce };
  };

  it("reads both forms of metadata", async () => {
    const other = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { ...insecure, algorithm: "oauth2" }));
    assert.deepEqual(other, as);
    assert.equal(as.authorization_response_iss_parameter_supported, true);
    assert.deepEqual(as.code_challenge_methods_supported, ["S256"]);
  });

  for (const alg of ["ES256", "EdDSA", "RS256", "PS256"]) {
    it(`signs somebody in with ${alg}; the access token is one of RFC 9068`, async () => {
      const user = await world.addUser(`${alg.toLowerCase()}@strict.example`);
      const app = await world.addApp("web", "--scope", "openid", "--scope", "email", "--scope", "invoice:read", "--audience", audience, "--alg", alg);
      as = await discover(); // the library asks for keys again after a minute only, and the first one of alg is new
      const client = { client_id: app.client_id, id_token_signed_response_alg: alg };
      const auth = oauth.ClientSecretBasic(app.client_secret);
      const { params, verifier, nonce } = await codeFor(app, world.browser(user.email), "openid email invoice:read", { max_age: "600" });
      const answer = await oauth.authorizationCodeGrantRequest(as, client, auth, params, redirect, verifier, insecure);
      const got = await oauth.processAuthorizationCodeResponse(as, client, answer, { expectedNonce: nonce, maxAge: 600, requireIdToken: true });
      await oauth.validateApplicationLevelSignature(as, answer, insecure);
      const claims = oauth.getValidatedIdTokenClaims(got);
      assert.deepEqual([claims.sub, claims.amr, typeof claims.auth_time], [user.id, ["pwd"], "number"]);

      const request = new Request(`${world.api}/me`, { headers: { Authorization: `Bearer ${got.access_token}` } });
      const inside = await oauth.validateJwtAccessToken(as, request, audience, { ...insecure, signingAlgorithms: [alg] });
      assert.deepEqual([inside.sub, inside.client_id, inside.scope], [user.id, app.client_id, "openid email invoice:read"]);

      const again = await oauth.processRefreshTokenResponse(as, client, await oauth.refreshTokenGrantRequest(as, client, auth, got.refresh_token, insecure));
      assert.notEqual(again.refresh_token, got.refresh_token);
      const said = await oauth.processIntrospectionResponse(as, client, await oauth.introspectionRequest(as, client, auth, again.access_token, insecure));
      assert.deepEqual([said.active, said.sub, said.iss], [true, user.id, world.issuer]);
      await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, auth, again.refresh_token, insecure));
      const after = await oauth.processIntrospectionResponse(as, client, await oauth.introspectionRequest(as, client, auth, again.access_token, insecure));
      assert.deepEqual(after, { active: false });
    });
  }

  it("reads user info with a token for the issuer itself", async () => {
    const user = await world.addUser("info@strict.example");
    const app = await world.addApp("spa");
    const client = { client_id: app.client_id };
    const { params, verifier, nonce } = await codeFor(app, world.browser(user.email), "openid profile email");
    const answer = await oauth.authorizationCodeGrantRequest(as, client, oauth.None(), params, redirect, verifier, insecure);
    const got = await oauth.processAuthorizationCodeResponse(as, client, answer, { expectedNonce: nonce, requireIdToken: true });
    const info = await oauth.processUserInfoResponse(as, client, user.id, await oauth.userInfoRequest(as, client, got.access_token, insecure));
    assert.deepEqual([info.email, info.email_verified], [user.email, true]);
  });

  it("is given errors of RFC 6749", async () => {
    const app = await world.addApp("service");
    const client = { client_id: app.client_id };
    const ask = async (auth, parameters) => {
      const answer = await oauth.clientCredentialsGrantRequest(as, client, auth, parameters, insecure);
      return oauth.processClientCredentialsResponse(as, client, answer);
    };
    await assert.rejects(ask(oauth.ClientSecretBasic("wrong"), {}), (e) => e instanceof oauth.WWWAuthenticateChallengeError || e.error === "invalid_client");
    await assert.rejects(ask(oauth.ClientSecretBasic(app.client_secret), { scope: "x" }), (e) => e instanceof oauth.ResponseBodyError && e.error === "invalid_scope");
    await assert.rejects(ask(oauth.ClientSecretBasic(app.client_secret), { resource: "https://other.example" }), { error: "invalid_target" });
    assert.ok((await ask(oauth.ClientSecretBasic(app.client_secret), {})).access_token);
  });
});
