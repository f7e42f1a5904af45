import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { installService, removeService, type Service } from "../../src/agent/pg-service.ts";

const root = mkdtempSync(join(tmpdir(), "ihc-service-"));
after(() => rmSync(root, { recursive: true, force: true }));

function service(name = "prod-db", port = 5): Service & { readonly file: string } {
  const home = mkdtempSync(join(root, "home-"));
  const lines = ["host=127.0.0.1", `port=${port}`, "passfile=/run/ihc/pgpass"];
  return { home, runtime: join(home, "run"), name, lines, file: join(home, ".pg_service.conf") };
}

test("the entry is put in, replaced and taken out, and the person's own lines stay", async () => {
  const entry = service();
  const own = "# mine\n[staging]\nhost=staging.internal";
  writeFileSync(entry.file, own, { mode: 0o640 });
  assert.equal(await installService(entry), true);
  assert.match(
    readFileSync(entry.file, "utf8"),
    /\[staging\][\s\S]*\n\[prod-db\]\nhost=127\.0\.0\.1\nport=5\npassfile=\/run\/ihc\/pgpass\n/,
  );
  assert.equal(statSync(entry.file).mode & 0o777, 0o640);
  const moved = { ...entry, lines: ["host=127.0.0.1", "port=6"] };
  assert.equal(await installService(moved), true);
  assert.equal(readFileSync(entry.file, "utf8").match(/\[prod-db\]/g)?.length, 1);
  assert.equal(await removeService(entry), false);
  assert.equal(await removeService(moved), true);
  assert.equal(readFileSync(entry.file, "utf8"), `${own}\n`);
});

test("a file that held nothing else is gone afterwards", async () => {
  const entry = service();
  await installService(entry);
  await removeService(entry);
  assert.ok(!existsSync(entry.file));
});

test("an entry of the person's own with that name is never touched", async () => {
  const entry = service();
  writeFileSync(entry.file, "[prod-db]\nhost=mine\n");
  assert.equal(await installService(entry), false);
  assert.equal(readFileSync(entry.file, "utf8"), "[prod-db]\nhost=mine\n");
});

test("many at once lose nothing", async () => {
  const first = service();
  const all = Array.from({ length: 8 }, (_, number) => ({ ...first, name: `db-${number}` }));
  await Promise.all(all.map(installService));
  assert.equal(readFileSync(first.file, "utf8").match(/^\[db-\d\]$/gm)?.length, 8);
  await Promise.all(all.map(removeService));
  assert.ok(!existsSync(first.file));
});
