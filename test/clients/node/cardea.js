// What the tests of this folder stand on: the real binary on free ports over an empty data directory,
// its command line, and a person with a browser. E2E_BIN is the directory with the programs, as
// scripts/e2e builds them.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort } from "../../port/port.mjs";

const run = promisify(execFile);
const bin = process.env.E2E_BIN;
if (!bin) throw new Error("E2E_BIN is not set; run scripts/e2e");

export const audience = "http://api.example";
export const redirect = "http://127.0.0.1:9/callback";
const password = "wheelbarrow-umbrella-seven";

// clean is our environment without what could configure the programs.
const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(CARDEA|API)_/.test(name)));

// launch starts a program and waits until it answers.
const launch = async (program, args, env, ready) => {
  const child = spawn(join(bin, program), args, { env: { ...clean, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (text) => (output += text));
  child.stderr.on("data", (text) => (output += text));
  const ended = new Promise((done) => child.once("exit", done));
  for (let i = 0; i < 1500; i++) {
    if (child.exitCode !== null) throw new Error(`${program} ended at its start:\n${output}`);
    const answer = await fetch(ready).catch(() => undefined);
    if (answer?.ok) {
      return {
        stop: async () => {
          child.kill("SIGINT");
          assert.equal(await ended, 0, `${program} ended badly:\n${output}`);
        },
      };
    }
    await new Promise((done) => setTimeout(done, 20));
  }
  child.kill("SIGKILL");
  throw new Error(`${program} does not answer:\n${output}`);
};

// start starts a Cardea with the shipped defaults and the example API beside it.
export const start = async () => {
  const dir = await mkdtemp(join(tmpdir(), "cardea"));
  const [port, management, apiPort] = [await freePort(), await freePort(), await freePort()];
  const issuer = `http://127.0.0.1:${port}`;
  const serve = ["serve", "--data", dir, "--listen", `127.0.0.1:${port}`, "--management", `127.0.0.1:${management}`, "--issuer", issuer];
  const server = await launch("cardea", serve, {}, `http://127.0.0.1:${management}/readyz`);
  const world = { issuer, dir, api: `http://127.0.0.1:${apiPort}` };
  world.cli = async (...words) => {
    const { stdout } = await run(join(bin, "cardea"), [...words, "--json", "--data", dir], { env: clean });
    return stdout ? JSON.parse(stdout) : {};
  };
  world.addUser = async (email) => {
    const child = run(join(bin, "cardea"), ["user", "add", email, "--password-stdin", "--verified", "--json", "--data", dir], { env: clean });
    child.child.stdin.end(password);
    return { email, ...JSON.parse((await child).stdout) };
  };
  world.addApp = (type, ...flags) => {
    const where = type === "service" ? [] : ["--redirect", redirect];
    return world.cli("app", "create", "Node", "--type", type, ...where, ...flags);
  };
  world.browser = (email) => new Browser(issuer, email);
  const own = await world.addApp("service", "--serves", audience);
  const settings = {
    API_LISTEN: `127.0.0.1:${apiPort}`, API_ISSUER: issuer, API_AUDIENCE: audience, API_CLIENT_ID: own.client_id, API_CLIENT_SECRET: own.client_secret,
  };
  const api = await launch("api", [], settings, `${world.api}/public`);
  world.stop = async () => {
    await api.stop();
    await server.stop();
    await rm(dir, { recursive: true });
  };
  return world;
};

// Browser is a person with a browser. It keeps cookies, repeats the CSRF token, and does what the pages
// of the server do.
class Browser {
  #cookies = new Map();
  #csrf = "";

  constructor(issuer, email) {
    Object.assign(this, { issuer, email, allow: true });
  }

  async call(method, path, body) {
    const headers = { Cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ") };
    if (method !== "GET") Object.assign(headers, { Origin: this.issuer, "X-CSRF-Token": this.#csrf });
    if (body) headers["Content-Type"] = "application/json";
    const answer = await fetch(this.issuer + path, { method, headers, redirect: "manual", body: body && JSON.stringify(body) });
    for (const line of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      if (!value || /Max-Age=0/i.test(line)) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    const text = await answer.text();
    const data = text.startsWith("{") ? JSON.parse(text) : {};
    if (data.csrf_token) this.#csrf = data.csrf_token;
    return { status: answer.status, location: answer.headers.get("location"), data };
  }

  // visit opens an address and goes on until the application is reached, whose URL it returns.
  async visit(url) {
    for (let i = 0; i < 10; i++) {
      if (url.href.startsWith(redirect)) return url;
      assert.equal(url.origin, this.issuer);
      const { status, location, data } = await this.call("GET", url.pathname + url.search);
      assert.equal(status, 303, JSON.stringify(data));
      url = await this.#page(new URL(location));
    }
    assert.fail("the browser is sent around in circles");
  }

  async #page(url) {
    const request = url.searchParams.get("request");
    if (url.pathname === "/sign-in") {
      await this.call("POST", "/flows", { request });
      const { status, data } = await this.call("POST", "/flow/password", { email: this.email, password });
      assert.equal(status, 200, JSON.stringify(data));
      return new URL(this.issuer + data.return_to);
    }
    if (url.pathname === "/consent") {
      await this.call("GET", "/session");
      const need = await this.call("GET", `/oauth/authorize/resume/need?request=${encodeURIComponent(request)}`);
      const scopes = need.data.scopes.map((s) => s.name);
      const { data } = await this.call("POST", "/oauth/authorize/resume", { request, allow: this.allow, scopes: this.allow ? scopes : [] });
      return new URL(data.location);
    }
    return url;
  }
}

// until repeats a question until its answer is as wanted, and returns how many milliseconds that took.
export const until = async (limit, question) => {
  const since = performance.now();
  while (!(await question())) {
    assert.ok(performance.now() - since < limit, `it is not so after ${limit} ms`);
    await new Promise((done) => setTimeout(done, 5));
  }
  return Math.round(performance.now() - since);
};
