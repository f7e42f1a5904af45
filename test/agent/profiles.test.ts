import assert from "node:assert/strict";
import { chmod, lstat, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { agentPaths, privateFolder, readPrivate, writePrivate } from "../../src/agent/paths.ts";
import {
  chooseProfile,
  parseGateway,
  profileNameFor,
  readProfiles,
  removeProfile,
  saveProfile,
} from "../../src/agent/profiles.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "ihc-paths-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

test("folders follow XDG, and the runtime folder is never a guessable name in /tmp", () => {
  assert.deepEqual(agentPaths({ HOME: "/home/ana" }), {
    config: "/home/ana/.config/ihc",
    state: "/home/ana/.local/state/ihc",
    runtime: "/home/ana/.local/state/ihc/run",
  });
  const all = { HOME: "/h", XDG_CONFIG_HOME: "/c", XDG_STATE_HOME: "/s", XDG_RUNTIME_DIR: "/run/user/7" };
  assert.deepEqual(agentPaths(all), { config: "/c/ihc", state: "/s/ihc", runtime: "/run/user/7/ihc" });
  assert.equal(agentPaths({ HOME: "/h", XDG_CONFIG_HOME: "relative" }).config, "/h/.config/ihc");
});

test("a private folder is made closed, and one that is open or a link is refused", async () => {
  const folder = join(root, "a", "b");
  await privateFolder(folder);
  assert.equal((await stat(folder)).mode & 0o777, 0o700);
  await chmod(folder, 0o711);
  await assert.rejects(privateFolder(folder), { code: "config" });
  await symlink(root, join(root, "link"));
  await assert.rejects(privateFolder(join(root, "link")), { code: "config" });
});

test("a private file is replaced whole, closed, and never through a link", async () => {
  const file = join(root, "own", "file");
  await writePrivate(file, "one");
  await writePrivate(file, "two");
  assert.equal((await readPrivate(file))?.toString(), "two");
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  await writeFile(join(root, "victim"), "victim");
  await rm(file);
  await symlink(join(root, "victim"), file);
  await assert.rejects(readPrivate(file), { code: "config" });
  await writePrivate(file, "three");
  assert.equal(await readFile(join(root, "victim"), "utf8"), "victim");
  assert.ok((await lstat(file)).isFile());
  await mkdir(join(root, "own", "folder"), { mode: 0o700 });
  await assert.rejects(readPrivate(join(root, "own", "folder")), { code: "config" });
});

test("several gateways are kept, the first is the default until another is chosen", async () => {
  const paths = agentPaths({ HOME: root });
  await saveProfile(paths, { name: "acme", gateway: new URL("https://ihc.acme.io") });
  await saveProfile(paths, { name: "lab", gateway: new URL("http://127.0.0.1:7443"), ca: "pem" });
  assert.equal(chooseProfile(await readProfiles(paths)).name, "acme");
  assert.equal(chooseProfile(await readProfiles(paths), "lab").ca, "pem");
  await saveProfile(paths, { name: "lab", gateway: new URL("http://127.0.0.1:7443") }, true);
  assert.equal(chooseProfile(await readProfiles(paths)).name, "lab");
  await removeProfile(paths, "lab");
  const left = await readProfiles(paths);
  assert.equal(left.default, undefined);
  assert.equal(chooseProfile(left).name, "acme");
  assert.throws(() => chooseProfile(left, "lab"), { code: "not-found" });
  assert.throws(() => chooseProfile({ all: [] }), { code: "login-needed" });
});

test("a profile file with an unknown key, a wrong type, no JSON or a dangling default is refused", async () => {
  const paths = agentPaths({ HOME: root });
  const file = join(paths.config, "profiles.json");
  for (const text of [
    "{",
    '{"version":2,"profiles":{}}',
    '{"version":1,"profiles":{},"defualt":"x"}',
    '{"version":1,"profiles":{"a":{"gateway":"https://a.example","insecure":true}}}',
    '{"version":1,"profiles":{"../a":{"gateway":"https://a.example"}}}',
    '{"version":1,"default":"b","profiles":{"a":{"gateway":"https://a.example"}}}',
  ]) {
    await writePrivate(file, text);
    await assert.rejects(readProfiles(paths), { code: "config" }, text);
  }
  await writePrivate(file, '{"version":1,"profiles":{"a":{"gateway":"http://a.example"}}}');
  await assert.rejects(readProfiles(paths), { code: "usage" });
});

test("a gateway is https, or http on this machine, with nothing after host and port", () => {
  assert.equal(parseGateway("ihc.acme.io").origin, "https://ihc.acme.io");
  assert.equal(parseGateway("http://127.0.0.1:7443").origin, "http://127.0.0.1:7443");
  assert.equal(parseGateway("http://[::1]:1").origin, "http://[::1]:1");
  for (const text of [
    "http://ihc.acme.io",
    "http://127.0.0.1.evil.example",
    "http://127.evil",
    "https://user@ihc.acme.io",
    "https://ihc.acme.io/path",
    "https://ihc.acme.io?x=1",
    "ftp://ihc.acme.io",
    "file:///etc",
    "",
  ])
    assert.throws(() => parseGateway(text), { code: "usage" }, text);
  assert.equal(profileNameFor(new URL("https://ihc.acme.io")), "ihc.acme.io");
  assert.equal(profileNameFor(new URL("http://127.0.0.1:7443")), "127.0.0.1-7443");
});
