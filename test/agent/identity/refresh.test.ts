import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import type { Credentials } from "../../../src/agent/credentials.ts";
import { openCredentials } from "../../../src/agent/identity/credentials.ts";
import { logout } from "../../../src/agent/identity/logout.ts";
import { openTokenStore } from "../../../src/agent/identity/token-store.ts";
import { localLogin } from "../../../src/agent/identity/whoami.ts";
import { type Clock, systemClock } from "../../../src/base/clock.ts";
import { type Idp, startIdp } from "../../../src/demo/idp.ts";
import { serveDiscovery } from "../../support/discovery.ts";
import { type Laptop, logIn, newLaptop } from "../../support/idp.ts";

const run = promisify(execFile);
const printer = new URL("../../support/header-printer.ts", import.meta.url).pathname;

let idp: Idp;
let gateway: Awaited<ReturnType<typeof serveDiscovery>>;
let laptop: Laptop;

before(async () => {
  idp = await startIdp({ audience: "https://ihc.acme.io" });
  gateway = await serveDiscovery(idp);
});
after(async () => {
  await gateway.stop();
  await idp.stop();
});

test("ten commands at once use a refresh token exactly once between them", async () => {
  await freshLaptop();
  await endAccessToken();
  const before = refreshes();
  const outputs = await Promise.all(
    Array.from({ length: 10 }, () =>
      run(process.execPath, [printer, laptop.paths.state, laptop.profile.name, gateway.url.href], {
        timeout: 60_000,
      }),
    ),
  );
  const tokens = outputs.map(({ stdout }) => (JSON.parse(stdout) as Record<string, string>)["authorization"]);
  assert.match(tokens[0] ?? "", /^DPoP ey/);
  assert.equal(new Set(tokens).size, 1);
  assert.equal(refreshes() - before, 1);
  const next = (await headersOf(await openCredentials(laptop.paths, laptop.profile)))["authorization"];
  assert.equal(next, tokens[0]);
  await laptop.dispose();
});

test("many requests at once in one process wait for one refresh", async () => {
  await freshLaptop();
  await endAccessToken();
  const before = refreshes();
  const credentials = await openCredentials(laptop.paths, laptop.profile);
  const all = await Promise.all(Array.from({ length: 20 }, () => headersOf(credentials)));
  assert.equal(new Set(all.map((headers) => headers["authorization"])).size, 1);
  assert.equal(new Set(all.map((headers) => headers["dpop"])).size, 20);
  assert.equal(refreshes() - before, 1);
  await laptop.dispose();
});

test("a token that nears its end is renewed before it ends, by the clock handed in", async () => {
  await freshLaptop();
  const first = await headersOf(await openCredentials(laptop.paths, laptop.profile));
  const before = refreshes();
  await headersOf(await openCredentials(laptop.paths, laptop.profile, { clock: later(500_000) }));
  assert.equal(refreshes() - before, 0);
  const second = await headersOf(
    await openCredentials(laptop.paths, laptop.profile, { clock: later(585_000) }),
  );
  assert.equal(refreshes() - before, 1);
  assert.notEqual(first["authorization"], second["authorization"]);
  await laptop.dispose();
});

test("a refresh token that somebody else has used ends the login, and the commands say so", async () => {
  await freshLaptop();
  const store = openTokenStore(laptop.paths, laptop.profile);
  const stolen = await store.login();
  assert.ok(stolen);
  await endAccessToken();
  await headersOf(await openCredentials(laptop.paths, laptop.profile));
  await store.saveLogin({ ...stolen, expires_at: 0 });
  const credentials = await openCredentials(laptop.paths, laptop.profile);
  await assert.rejects(headersOf(credentials), {
    name: "IhcError",
    code: "login-needed",
    hint: "run ihc login",
  });
  assert.equal(await store.login(), undefined);
  await laptop.dispose();
});

test("while the provider is away a token that is still good is used, and one that has ended is an error", async () => {
  const own = await startIdp({ audience: "https://ihc.acme.io" });
  const front = await serveDiscovery(own);
  const mine = await newLaptop(front.url);
  await logIn(mine, "ana");
  await own.stop();
  const nearly = await openCredentials(mine.paths, mine.profile, { clock: later(590_000) });
  assert.match((await nearly.headers("GET", front.url))["authorization"] ?? "", /^DPoP /);
  const over = await openCredentials(mine.paths, mine.profile, { clock: later(610_000) });
  await assert.rejects(over.headers("GET", front.url), { code: "unavailable" });
  assert.ok(await openTokenStore(mine.paths, mine.profile).login(), "an outage must not log anybody out");
  await front.stop();
  await mine.dispose();
});

test("logout revokes at the provider, forgets the tokens and keeps the key", async () => {
  await freshLaptop();
  const store = openTokenStore(laptop.paths, laptop.profile);
  const [kept, key] = [await store.login(), await store.dpopKey()];
  assert.ok(kept && key);
  assert.deepEqual(await logout(laptop.paths, laptop.profile), { name: "ana@acme.io", revoked: true });
  assert.equal(await localLogin(laptop.paths, laptop.profile), undefined);
  await assert.rejects(headersOf(await openCredentials(laptop.paths, laptop.profile)), {
    code: "login-needed",
  });
  assert.deepEqual(await logout(laptop.paths, laptop.profile), { revoked: false });
  await store.saveLogin({ ...kept, expires_at: 0 });
  await assert.rejects(headersOf(await openCredentials(laptop.paths, laptop.profile)), {
    code: "login-needed",
  });
  await logIn(laptop, "ana");
  assert.deepEqual(await store.dpopKey(), key);
  await laptop.dispose();
});

async function freshLaptop(): Promise<void> {
  laptop = await newLaptop(gateway.url, `test-${randomUUID().slice(0, 8)}`);
  await logIn(laptop, "ana");
}

/** As if the access token's life were over. */
async function endAccessToken(): Promise<void> {
  const store = openTokenStore(laptop.paths, laptop.profile);
  const login = await store.login();
  assert.ok(login);
  await store.saveLogin({ ...login, expires_at: 0 });
}

function headersOf(credentials: Credentials): Promise<Readonly<Record<string, string>>> {
  return credentials.headers("GET", new URL("/v1/whoami", gateway.url));
}

function refreshes(): number {
  return idp.issued.get("refresh_token") ?? 0;
}

function later(ms: number): Clock {
  return { ...systemClock, now: () => new Date(systemClock.now().getTime() + ms) };
}
