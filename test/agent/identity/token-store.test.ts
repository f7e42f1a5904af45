import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import type { Keychain } from "../../../src/agent/identity/keychain.ts";
import { login as logIn } from "../../../src/agent/identity/login.ts";
import { type Login, openTokenStore } from "../../../src/agent/identity/token-store.ts";
import type { AgentPaths } from "../../../src/agent/paths.ts";
import { IhcError } from "../../../src/base/errors.ts";

const login: Login = {
  issuer: "https://login.acme.io",
  client_id: "ihc",
  audience: "https://ihc.acme.io",
  name: "ana@acme.io",
  subject: "ana",
  groups: ["oncall"],
  access_token: "canary-access",
  token_type: "dpop",
  issued_at: 1,
  expires_at: 2,
  refresh_token: "canary-refresh",
};
const profile = { name: "acme", gateway: new URL("https://ihc.acme.io") };

let root: string;
let paths: AgentPaths;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "ihc-store-"));
  paths = { config: join(root, "config"), state: join(root, "state"), runtime: join(root, "run") };
});
afterEach(() => rm(root, { recursive: true, force: true }));

test("tokens lie on disk sealed, 0600 in a 0700 folder, and come back whole", async () => {
  const { keychain, secrets } = memoryKeychain();
  const store = openTokenStore(paths, profile, keychain);
  await store.prepare("keychain");
  await store.saveLogin(login);
  const sealed = join(store.folder, "login.sealed");
  assert.ok(!(await readFile(sealed)).includes("canary"));
  assert.equal((await stat(sealed)).mode & 0o777, 0o600);
  assert.equal((await stat(store.folder)).mode & 0o777, 0o700);
  assert.deepEqual(await openTokenStore(paths, profile, keychain).login(), login);
  assert.equal(secrets.size, 1);
});

test("a login sealed for one gateway or profile does not open for another", async () => {
  const store = openTokenStore(paths, profile);
  await store.prepare("file");
  await store.saveLogin(login);
  const elsewhere = openTokenStore(paths, { ...profile, gateway: new URL("https://evil.example") });
  await assert.rejects(elsewhere.login(), { code: "corrupt" });
});

test("one file cannot be put in another's place", async () => {
  const store = openTokenStore(paths, profile);
  await store.prepare("file");
  await store.saveLogin(login);
  await rename(join(store.folder, "login.sealed"), join(store.folder, "dpop.sealed"));
  await assert.rejects(store.dpopKey(), { code: "corrupt" });
});

test("every single changed byte of a sealed login is noticed", async () => {
  const store = openTokenStore(paths, profile);
  await store.prepare("file");
  await store.saveLogin(login);
  const file = join(store.folder, "login.sealed");
  const good = await readFile(file);
  for (let at = 0; at < good.length; at += 1) {
    const bad = Buffer.from(good);
    bad[at] = (bad[at] ?? 0) ^ 1;
    await writeFile(file, bad);
    await assert.rejects(openTokenStore(paths, profile).login(), { code: "corrupt" }, `byte ${at}`);
  }
  await writeFile(file, good.subarray(0, 20));
  await assert.rejects(openTokenStore(paths, profile).login(), { code: "corrupt" });
});

for (const name of ["login.sealed", "key", "key-place"])
  test(`a ${name} that others can read, or that is a link, is refused`, async () => {
    const store = openTokenStore(paths, profile);
    await store.prepare("file");
    await store.saveLogin(login);
    const file = join(store.folder, name);
    await chmod(file, 0o640);
    await assert.rejects(openTokenStore(paths, profile).login(), { code: "config" });
    await chmod(file, 0o600);
    await rename(file, join(root, "moved"));
    await symlink(join(root, "moved"), file);
    await assert.rejects(openTokenStore(paths, profile).login(), { code: "config" });
  });

test("a folder that others can enter is refused", async () => {
  const store = openTokenStore(paths, profile);
  await store.prepare("file");
  await store.saveLogin(login);
  await chmod(store.folder, 0o755);
  await assert.rejects(openTokenStore(paths, profile).login(), { code: "config" });
});

test("a keychain that has lost the key means a new login, not an error", async () => {
  const { keychain, secrets } = memoryKeychain();
  const store = openTokenStore(paths, profile, keychain);
  await store.prepare("keychain");
  await store.saveLogin(login);
  secrets.clear();
  assert.equal(await openTokenStore(paths, profile, keychain).login(), undefined);
});

test("changing the place of the key gives up what the old key sealed", async () => {
  const { keychain } = memoryKeychain();
  const store = openTokenStore(paths, profile, keychain);
  await store.prepare("file");
  await store.saveLogin(login);
  await store.prepare("keychain");
  assert.equal(await store.login(), undefined);
  await assert.rejects(stat(join(store.folder, "key")), { code: "ENOENT" });
});

test("without a keychain a login stops before anything is asked, and says what to do instead", async () => {
  const noKeychain = () =>
    Promise.reject(new IhcError("unavailable", "there is no usable keychain on this machine"));
  const events: unknown[] = [];
  const store = openTokenStore(paths, profile, noKeychain);
  await assert.rejects(logIn({ paths, profile, store, on: (event) => events.push(event) }), {
    code: "unavailable",
  });
  assert.deepEqual(events, []);
  await assert.rejects(stat(join(store.folder, "key")), { code: "ENOENT" });
});

/** The operating system's keychain is not ours to start in a unit test; this is its interface over a map. */
function memoryKeychain(): { keychain: () => Promise<Keychain>; secrets: Map<string, string> } {
  const secrets = new Map<string, string>();
  const keychain: Keychain = {
    get: (account) => Promise.resolve(secrets.get(account)),
    set: (account, secret) => Promise.resolve(void secrets.set(account, secret)),
    remove: (account) => Promise.resolve(void secrets.delete(account)),
  };
  return { keychain: () => Promise.resolve(keychain), secrets };
}
