// The script behind every page. It shows what the server offers and sends what a person enters; it
// decides nothing. Text from the server is only ever set as text, never as HTML.
"use strict";
(() => {
  const { page, base } = document.body.dataset;
  const content = document.getElementById("content");
  const status = document.getElementById("status");
  const query = new URLSearchParams(location.search);
  let csrf = "";

  const kinds = { "/sign-in": "sign_in", "/sign-up": "sign_up", "/recover": "recover", "/step-up": "step_up", "/set-up": "set_up" };
  const labels = { email: "E-mail address", password: "Password", name: "Name", token: "Token" };
  const actions = { password: "Sign in", sign_up: "Open account", recover: "Send me a link", link: "Go on", set_up: "Create administrator" };
  const notices = {
    mail_sent: "We have sent a mail. Open the link in it to go on.",
    password_changed: "Your password was changed. You can sign in with it now.",
    email_verified: "Thank you, your address is confirmed.",
    account_unlocked: "Your account is open again. You can sign in.",
  };

  const say = (text, bad) => { status.textContent = text; status.classList.toggle("bad", Boolean(bad)); };
  const make = (tag, properties, ...children) => {
    const e = Object.assign(document.createElement(tag), properties);
    e.append(...children);
    return e;
  };

  const call = async (method, path, body) => {
    const headers = { Accept: "application/json" };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (csrf) headers["X-CSRF-Token"] = csrf;
    let response;
    try {
      response = await fetch(base + path, { method, headers, credentials: "same-origin", body: body === undefined ? undefined : JSON.stringify(body) });
    } catch {
      throw new Error("The server cannot be reached. Check your connection and try again.");
    }
    const text = await response.text();
    const data = text ? JSON.parse(text) : {};
    if (data.csrf_token) csrf = data.csrf_token;
    if (response.ok) return data;
    const wait = Number(response.headers.get("Retry-After"));
    const error = new Error((data.detail || data.error_description || "Something went wrong.") + (wait ? ` Try again in ${duration(wait)}.` : ""));
    error.code = data.code;
    throw error;
  };

  const duration = (s) => (s < 90 ? `${s} seconds` : `${Math.ceil(s / 60)} minutes`);

  const go = (where) => { location.assign(where); };

  const links = (...pairs) => make("nav", {}, ...pairs.map(([path, text]) => make("a", { href: base + path + location.search }, text)));

  // A step as a form. Fields that the page fills in by itself are not shown.
  const form = (step, hidden, send) => {
    const fields = (step.fields || []).filter((f) => !(f.name in hidden));
    const button = make("button", { type: "submit" }, actions[step.step] || "Go on");
    const f = make("form", { method: "post" });
    for (const x of fields) {
      const input = make("input", { name: x.name, type: x.type || "text", required: Boolean(x.required), value: x.value || "" });
      if (x.autocomplete) input.autocomplete = x.autocomplete;
      const label = make("label", {}, labels[x.name] || x.name, input);
      if (x.autocomplete === "new-password") label.append(make("small", {}, "At least 15 characters; a few words are easy to remember."));
      f.append(label);
    }
    f.append(button);
    f.addEventListener("submit", async (event) => {
      event.preventDefault();
      button.disabled = true;
      say("");
      try {
        const values = { ...hidden };
        for (const x of fields) if (f.elements[x.name].value) values[x.name] = f.elements[x.name].value;
        await send(values);
      } catch (error) {
        say(error.message, true);
      } finally {
        button.disabled = false;
      }
    });
    return f;
  };

  const show = (flow, hidden) => {
    content.replaceChildren();
    if (flow.notice) say(notices[flow.notice] || flow.notice);
    if (flow.done) {
      if (flow.user && kinds[page] !== "recover") return go(flow.return_to ? (flow.return_to.startsWith("/") ? base + flow.return_to : base + "/account") : base + "/account");
      content.append(links(["/sign-in", "Sign in"]));
      return;
    }
    if (flow.notice === "mail_sent") return;
    const steps = (flow.steps || []).filter((s) => s.step !== "link" || "token" in hidden);
    for (const s of steps) content.append(form(s, hidden, async (values) => show(await call("POST", "/flow/" + s.step, values), hidden)));
    content.querySelector("input")?.focus();
    if (page === "/sign-in") content.append(links(["/recover", "Forgotten password"], ["/sign-up", "Open an account"]));
    if (page === "/sign-up" || page === "/recover") content.append(links(["/sign-in", "Sign in instead"]));
  };

  const startFlow = async (kind, hidden) => {
    const opening = { kind };
    if (query.get("request")) opening.request = query.get("request");
    else if (query.get("return_to")) opening.return_to = query.get("return_to");
    show(await call("POST", "/flows", opening), hidden);
  };

  // The token of a mailed link stands in the fragment, which no server sees: kind.token
  const fragment = () => decodeURIComponent(location.hash.slice(1));

  // An invitation is accepted by somebody who is signed in; its token waits in this tab meanwhile.
  const accept = async (token) => {
    const me = await call("GET", "/session");
    if (!me.authenticated) {
      sessionStorage.setItem("cardea-invitation", token);
      return go(`${base}/sign-in?return_to=/link`);
    }
    sessionStorage.removeItem("cardea-invitation");
    const join = async () => {
      await call("POST", "/account/invitations", { token });
      content.replaceChildren(links(["/account", "Your account"]));
      say("You are a member now.");
    };
    content.replaceChildren(make("p", {}, `Join as ${me.user.email || me.user.id}?`), make("button", { onclick: () => join().catch((e) => say(e.message, true)) }, "Accept the invitation"));
  };

  const pages = {
    "/link": async () => {
      const kept = sessionStorage.getItem("cardea-invitation");
      const [kind, token] = (fragment() || (kept ? "invitation." + kept : "")).split(".");
      history.replaceState(null, "", location.pathname);
      if (!token) return say("This link is not complete. Open it from the mail again.", true);
      if (kind === "invitation") return accept(token);
      await startFlow(kind, { token });
    },
    "/set-up": async () => {
      const token = fragment();
      history.replaceState(null, "", location.pathname);
      if (!token) return say("Open the link that the server has printed at its start.", true);
      await startFlow("set_up", { token });
    },
    "/consent": async () => {
      await call("GET", "/session");
      const need = await call("GET", "/oauth/authorize/resume/need?request=" + encodeURIComponent(query.get("request") || ""));
      if (need.next) return go(need.next);
      if (need.kind !== "consent") return go(`${base}/${need.kind.replaceAll("_", "-")}${location.search}`);
      const answer = async (allow) => {
        const next = await call("POST", "/oauth/authorize/resume", { request: query.get("request"), allow, scopes: allow ? need.scopes.map((s) => s.name) : [] });
        if (next.location) return go(next.location);
        const f = make("form", { method: "post", action: next.form_post });
        for (const [name, value] of Object.entries(next.params)) f.append(make("input", { type: "hidden", name, value }));
        document.body.append(f);
        f.submit();
      };
      const guarded = (allow) => () => answer(allow).catch((e) => say(e.message, true));
      content.replaceChildren(
        make("p", {}, make("strong", {}, need.client.name), " asks for:"),
        make("ul", {}, ...need.scopes.map((s) => make("li", {}, s.words || s.name))),
        make("nav", {}, make("button", { onclick: guarded(true) }, "Allow"), make("button", { className: "second", onclick: guarded(false) }, "Do not allow")),
      );
    },
    "/select-account": async () => {
      const me = await call("GET", "/session");
      const other = links(["/sign-in", "Use another account"]);
      if (!me.authenticated) return go(base + "/sign-in" + location.search);
      const choose = async () => go((await call("POST", "/oauth/authorize/resume", { request: query.get("request"), select: true })).location);
      content.replaceChildren(make("button", { onclick: () => choose().catch((e) => say(e.message, true)) }, `Go on as ${me.user.email || me.user.id}`), other);
    },
    "/sign-out": async () => {
      const me = await call("GET", "/session");
      if (query.get("done") || !me.authenticated) {
        say("You are signed out.");
        content.replaceChildren(links(["/sign-in", "Sign in again"]));
        return;
      }
      const body = {};
      for (const name of ["client_id", "post_logout_redirect_uri", "state"]) if (query.get(name)) body[name] = query.get(name);
      const leave = async () => go((await call("POST", "/oauth/logout/confirm", body)).location);
      content.replaceChildren(make("p", {}, `You are signed in as ${me.user.email || me.user.id}.`), make("button", { onclick: () => leave().catch((e) => say(e.message, true)) }, "Sign out"));
    },
    "/account": async () => {
      const me = await call("GET", "/session");
      if (!me.authenticated) return go(`${base}/sign-in?return_to=/account`);
      content.replaceChildren(
        make("dl", {}, make("dt", {}, "Name"), make("dd", {}, me.user.name || "–"), make("dt", {}, "E-mail"), make("dd", {}, me.user.email || "–"), make("dt", {}, "Account"), make("dd", {}, me.user.id)),
        links(["/sign-out", "Sign out"]),
      );
    },
    "/": async () => {
      const me = await call("GET", "/session");
      go(base + (me.authenticated ? "/account" : "/sign-in"));
    },
  };

  const run = pages[page] || (() => startFlow(kinds[page], {}));
  run().catch((error) => say(error.message, true));
})();
