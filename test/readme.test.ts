import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../src/demo/gateway.ts";
import { type Running, start } from "../src/demo/run.ts";
import { startWorld, type World } from "./support/world.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

let world: World;
let folder: string;
before(async () => {
  world = await startWorld();
  folder = mkdtempSync(join(tmpdir(), "ihc-readme-"));
});
after(async () => {
  await world.stop();
  rmSync(folder, { recursive: true, force: true });
});

test("the steps of the README lead from nothing to a gateway that serves a database", {
  timeout: 120_000,
}, async () => {
  const port = await freePort();
  const steps = stepsOf("ihc gateway init ./gateway");
  const serve = steps.findIndex((step) => /^ihc gateway --config/.test(step));
  assert.ok(serve > 3, "the block ends with the gateway and what people type then");
  const prepared = steps.slice(0, serve);
  const exported = prepared.find((step) => step.startsWith("export ")) ?? "";
  const done = run(["set -e", ...prepared].join("\n"), port);
  assert.equal(await done.ended(60_000), 0, done.output());
  assert.match(done.output(), /revoke|alter role/i, "the SQL that closes the gap");

  const gateway = run(`${exported}\nexec ${steps[serve]}`, port);
  try {
    await until(async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).status === 200);
  } finally {
    await gateway.end("SIGTERM");
  }
});

test("every command of the README is one of ihc's, with the flags it is shown with", {
  timeout: 120_000,
}, async () => {
  const shown = [...readme.matchAll(/\bihc ((?:[a-z][\w-]*)(?: [^\n`|#→…;)]*)?)/g)].map(
    ([, rest = ""]) => rest,
  );
  const commands = new Map<string, Set<string>>();
  for (const rest of shown) {
    const words = rest.trim().split(/\s+/);
    const name = twoWords.has(words.slice(0, 2).join(" ")) ? words.slice(0, 2).join(" ") : (words[0] ?? "");
    const flags = commands.get(name) ?? new Set();
    for (const word of words) if (/^--\w/.test(word)) flags.add(word);
    commands.set(name, flags);
  }
  assert.ok(commands.size >= 10, [...commands.keys()].join(", "));
  for (const [name, flags] of commands) {
    const help = await world.does("ana", [...name.split(" "), "--help"]);
    for (const flag of flags) assert.ok(help.stdout().includes(flag), `ihc ${name} ${flag}`);
  }
});

test("the table of commands and the exit codes are the CLI's own", async () => {
  const help = (await world.does("ana", ["--help"])).stdout();
  const table = readme.slice(readme.indexOf("## Commands"), readme.indexOf("Every command takes"));
  for (const [, command = ""] of table.matchAll(/`([a-z ]+)`/g))
    assert.match(help, new RegExp(`^ +${command.split(" ")[0]}\\b`, "m"), command);
  const listed = [...help.matchAll(/^ {2,4}([a-z]+)\b/gm)].map(([, name = ""]) => name);
  for (const name of listed)
    assert.ok(["help", "version"].includes(name) || table.includes(`\`${name}`), name);
  assert.match(readme, /`npm ci && npm run demo`|npm ci && npm run demo/);
});

const twoWords: ReadonlySet<string> = new Set([
  "gateway check",
  "gateway init",
  "targets harden",
  "audit verify",
]);

/** The lines of the code block that begins so, without their comments; what a reader fills in is filled in. */
function stepsOf(beginning: string): readonly string[] {
  const block = readme.split(/^```(?:sh)?$/m).find((part) => part.trimStart().startsWith(beginning));
  assert.ok(block, `no block begins with ${beginning}`);
  return block
    .trim()
    .split("\n")
    .map((line) =>
      line.replace(/\s+#.*$/, "").replace("PROD_DB_RO=…", `PROD_DB_RO=${world.shop.reader.password}`),
    );
}

/** In an empty folder, with an editor that writes down what a reader would. */
function run(script: string, port: number): Running {
  const { shop, idp } = world;
  const editor = join(folder, "editor");
  const edits = [
    ["127.0.0.1:7443", `127.0.0.1:${port}`],
    ["https:\\/\\/login.example.com", idp.issuer.replaceAll("/", "\\/")],
    ["client_id: ihc", `client_id: ${idp.clientId}`],
    ["audience: https:\\/\\/ihc.example.com", `audience: http:\\/\\/127.0.0.1:${port}`],
    ["host: db.internal", "host: 127.0.0.1"],
    ["port: 5432", `port: ${shop.port}`],
    ["database: app", `database: ${shop.database}`],
    ["tls: verify-full", "tls: disable"],
    ["user: ihc_ro", `user: ${shop.reader.user}`],
  ];
  const sed = edits.map(([from, to]) => `-e 's/${from}/${to}/'`).join(" ");
  writeFileSync(editor, `#!/bin/sh\nexec sed -i ${sed} "$1"\n`, { mode: 0o755 });
  const environment = { ...world.home.environment("ana"), EDITOR: editor };
  return start("bash", ["-c", script], { env: environment, cwd: folder });
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 150; tries++) {
    if (await condition().catch(() => false)) return;
    await sleep(200);
  }
  assert.fail("the gateway was not ready in 30 s");
}
