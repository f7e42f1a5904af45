import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { start } from "../../src/demo/run.ts";
import { startWorld, type World } from "../support/world.ts";

const policy = `@id("all") permit (principal in Group::"oncall", action, resource) when { resource.labels.env == "prod" };`;

let world: World;
let identity: string;
before(async () => {
  identity = await generateX25519Identity();
  const recipient = await identityToRecipient(identity);
  world = await startWorld({
    policy,
    change: (config) => ({ ...config, recording: { age_recipients: [recipient] } }),
  });
  await world.logIn("ana", "sam");
});
after(() => world.stop());

test("recordings encrypted for the auditors are read with their key and by nobody else", {
  timeout: 90_000,
}, async () => {
  const connection = await world.connect("ana");
  const { environment } = connection.client;
  const psql = start("psql", ["-X", "-w", "-c", "select 4711 as in_the_recording"], {
    env: { ...environment },
  });
  assert.equal(await psql.ended(20_000), 0, psql.output());
  await connection.running.end("SIGINT");

  const sessions = join(world.folder, "gateway", "state");
  let chunks = 0;
  for (const file of readdirSync(sessions, { recursive: true, withFileTypes: true })) {
    if (!file.isFile() || !file.name.endsWith(".chunk")) continue;
    const bytes = readFileSync(join(file.parentPath, file.name));
    assert.match(bytes.toString("latin1", 0, 21), /^age-encryption.org\/v1/);
    chunks++;
  }
  assert.ok(chunks > 0, "the recording is sealed");

  const refused = world.as("sam", "replay", connection.session, "--format", "text");
  assert.notEqual(await refused.ended(), 0);
  assert.match(refused.stderr(), /ihc: error: .*encrypted/);
  assert.match(refused.stderr(), /ihc: hint: .*--identity/);

  const bundle = join(world.folder, "bundle.json");
  const key = join(world.folder, "auditor.key");
  writeFileSync(key, `${identity}\n`, { mode: 0o600 });
  await world.does("sam", ["evidence", connection.session, bundle]);
  await world.does("sam", ["evidence", "verify", bundle]);
  const read = await world.does("sam", ["replay", "--file", bundle, "--identity", key, "--format", "text"]);
  assert.match(read.stdout(), /in_the_recording/);
  const blind = world.as("sam", "replay", "--file", bundle, "--format", "text");
  assert.notEqual(await blind.ended(), 0);
  assert.match(blind.stderr(), /ihc: hint: .*--identity/);
});
