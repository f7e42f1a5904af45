import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { decodeJwt, decodeProtectedHeader } from "jose";
import { openCredentials } from "../../../src/agent/identity/credentials.ts";
import { type LoginOptions, login } from "../../../src/agent/identity/login.ts";
import type { LoginEvent } from "../../../src/agent/identity/token-request.ts";
import { openTokenStore } from "../../../src/agent/identity/token-store.ts";
import { localLogin } from "../../../src/agent/identity/whoami.ts";
import type { Discovery } from "../../../src/core/api/schema.ts";
import { type Idp, startIdp } from "../../../src/demo/idp.ts";
import { signIn } from "../../../src/demo/sign-in.ts";
import { serveDiscovery } from "../../support/discovery.ts";
import { type Laptop, logIn, newLaptop } from "../../support/idp.ts";

let idp: Idp;
before(async () => {
  idp = await startIdp({ audience: "https://ihc.acme.io" });
});
after(() => idp.stop());

test("the device flow gives a bound access token with the person's groups for the gateway's audience", () =>
  withLaptop({}, async (laptop) => {
    const done = await logIn(laptop, "ana");
    assert.deepEqual([done.name, done.groups, done.keyBound], ["ana@acme.io", ["oncall", "sre"], true]);
    const credentials = await openCredentials(laptop.paths, laptop.profile);
    const headers = await credentials.headers("get", new URL("/v1/whoami?x=1", laptop.profile.gateway));
    const token = headers["authorization"]?.replace(/^DPoP /, "") ?? "";
    assert.equal(decodeProtectedHeader(token).typ, "at+jwt");
    const claims = decodeJwt(token);
    assert.deepEqual(
      [claims.iss, claims.aud, claims["groups"]],
      [idp.issuer, idp.audience, ["oncall", "sre"]],
    );
    const proof = decodeJwt(headers["dpop"] ?? "");
    assert.deepEqual([proof["htm"], proof["htu"]], ["GET", `${laptop.profile.gateway.origin}/v1/whoami`]);
  }));

test("a proof for a WebSocket names the http address, carries a nonce once told, and is never used twice", () =>
  withLaptop({}, async (laptop) => {
    await logIn(laptop, "ana");
    const credentials = await openCredentials(laptop.paths, laptop.profile);
    const socket = new URL(`ws://${laptop.profile.gateway.host}/v1/tunnel/ses_1?a=b`);
    const first = decodeJwt((await credentials.headers("GET", socket))["dpop"] ?? "");
    assert.equal(first["htu"], `${laptop.profile.gateway.origin}/v1/tunnel/ses_1`);
    assert.equal(first["nonce"], undefined);
    credentials.nonce(laptop.profile.gateway, "n-1");
    const second = decodeJwt((await credentials.headers("GET", socket))["dpop"] ?? "");
    assert.equal(second["nonce"], "n-1");
    assert.notEqual(first.jti, second.jti);
  }));

test("a login is never shown to another origin", () =>
  withLaptop({}, async (laptop) => {
    await logIn(laptop, "ana");
    const credentials = await openCredentials(laptop.paths, laptop.profile);
    for (const other of [
      "https://evil.example/v1/whoami",
      `https://${laptop.profile.gateway.host}/`,
      "http://127.0.0.1:1/",
    ])
      await assert.rejects(credentials.headers("GET", new URL(other)), { code: "internal" }, other);
  }));

test("nothing of a login lies readable on disk, and the local facts are those of the login", () =>
  withLaptop({}, async (laptop) => {
    await logIn(laptop, "lee");
    const store = openTokenStore(laptop.paths, laptop.profile);
    const stored = await store.login();
    assert.ok(stored?.refresh_token);
    for (const name of await readdir(store.folder)) {
      if (name === "lock.lock") continue;
      const bytes = await readFile(join(store.folder, name), "latin1");
      for (const secret of [stored.access_token, stored.refresh_token, "lee@acme.io"])
        assert.ok(!bytes.includes(secret), name);
    }
    const here = await localLogin(laptop.paths, laptop.profile);
    assert.deepEqual([here?.name, here?.keyPlace, here?.renewable], ["lee@acme.io", "file", true]);
  }));

test("the browser login comes back to a loopback port with PKCE and state", () =>
  withLaptop({}, async (laptop) => {
    const seen: URL[] = [];
    const done = await login({
      ...options(laptop),
      browser: true,
      on: (event) => {
        seen.push(new URL(event.kind === "browser" ? event.address : ""));
        signIn(event.kind === "browser" ? event.address : "", "sam").catch(() => undefined);
      },
    });
    assert.deepEqual([done.name, done.keyBound], ["sam@acme.io", true]);
    const [asked] = seen;
    assert.equal(asked?.searchParams.get("code_challenge_method"), "S256");
    assert.match(asked?.searchParams.get("redirect_uri") ?? "", /^http:\/\/127\.0\.0\.1:\d+\/callback$/);
    await assert.rejects(fetch(asked?.searchParams.get("redirect_uri") ?? ""), "the listener is gone");
  }));

test("a callback with another state, host or path is turned away and the real one still counts", () =>
  withLaptop({}, async (laptop) => {
    const refused: number[] = [];
    const done = await login({
      ...options(laptop),
      browser: true,
      on: (event) => {
        if (event.kind === "browser")
          attack(event.address, refused).then(() => signIn(event.address, "ana"), assert.fail);
      },
    });
    assert.equal(done.name, "ana@acme.io");
    assert.deepEqual(refused, [400, 400, 400]);
  }));

test("a login that is cancelled stops asking", () =>
  withLaptop({}, async (laptop) => {
    const stop = new AbortController();
    const events: LoginEvent[] = [];
    const attempt = login({
      ...options(laptop),
      signal: stop.signal,
      on: (event) => {
        events.push(event);
        stop.abort();
      },
    });
    await assert.rejects(attempt, { code: "canceled" });
    assert.equal(events.length, 1);
  }));

test("a gateway that calls itself by another name is refused before anybody is asked", () =>
  withLaptop({ public_url: "https://other.example" }, async (laptop) => {
    await assert.rejects(login(options(laptop)), { code: "config" });
  }));

test("an issuer that does not say its own name, or is plain http elsewhere, is refused", async () => {
  await withLaptop({ issuer: `${idp.issuer}/` }, async (laptop) => {
    await assert.rejects(login(options(laptop)), { code: "config" });
  });
  await withLaptop({ issuer: "http://login.acme.example" }, async (laptop) => {
    await assert.rejects(login(options(laptop)), { code: "config" });
  });
});

test("an address without a gateway says so", async () => {
  const laptop = await newLaptop(idp.issuer);
  await assert.rejects(login(options(laptop)), { code: "unavailable" });
  await laptop.dispose();
});

function options(laptop: Laptop): LoginOptions {
  return { ...laptop, insecureStorage: true, signal: AbortSignal.timeout(30_000), on: () => undefined };
}

async function attack(address: string, refused: number[]): Promise<void> {
  const redirect = new URL(new URL(address).searchParams.get("redirect_uri") ?? "");
  const state = new URL(address).searchParams.get("state") ?? "";
  const tries = [`/callback?code=x&state=guess`, `/?code=x&state=${state}`, `/callback?code=x`];
  for (const path of tries) refused.push((await fetch(new URL(path, redirect))).status);
}

async function withLaptop(
  change: Partial<Discovery>,
  work: (laptop: Laptop) => Promise<void>,
): Promise<void> {
  const gateway = await serveDiscovery(idp, () => change);
  const laptop = await newLaptop(gateway.url);
  try {
    await work(laptop);
  } finally {
    await laptop.dispose();
    await gateway.stop();
  }
}
