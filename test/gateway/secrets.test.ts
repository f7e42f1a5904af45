import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, suite, test } from "node:test";
import { inspect } from "node:util";
import { describeSecret, resolveSecret } from "../../src/gateway/secrets.ts";

const folder = mkdtempSync(join(tmpdir(), "ihc-secrets-"));
after(() => rmSync(folder, { recursive: true }));
const secret = "hunter2-S3cret";
const env = { PATH: "/usr/bin:/bin", DB: secret, EMPTY: "" };
const options = { folder, env };

function write(name: string, text: string, mode = 0o600): string {
  writeFileSync(join(folder, name), text);
  chmodSync(join(folder, name), mode);
  return name;
}

suite("a secret reference", () => {
  test("gives a variable of the environment", async () => {
    assert.equal(await resolveSecret("env:DB", options), secret);
  });

  test("gives a file without its last line break", async () => {
    const name = write("one", `${secret}\n`);
    assert.equal(await resolveSecret(`file:${name}`, options), secret);
    assert.equal(await resolveSecret(`file:${join(folder, name)}`, { ...options, folder: "/" }), secret);
    write("two", `${secret}\n\n`);
    assert.equal(await resolveSecret("file:two", options), `${secret}\n`);
  });

  test("warns of a file that others can read", async () => {
    const warnings: string[] = [];
    const warn = (message: string): void => void warnings.push(message);
    await resolveSecret(`file:${write("open", secret, 0o644)}`, { ...options, warn });
    await resolveSecret(`file:${write("shut", secret)}`, { ...options, warn });
    assert.deepEqual(warnings, ["file:open can be read by others: chmod 600 it"]);
  });

  test("gives a command's output, without a shell", async () => {
    write("print", `#!/bin/sh\nprintf '%s\\n' "$1"\n`, 0o700);
    assert.equal(await resolveSecret("exec:./print $(id);x", options), "$(id);x");
  });

  test("gives plain text in development only", async () => {
    assert.equal(await resolveSecret(`plain:${secret}`, { ...options, dev: true }), secret);
    await assert.rejects(resolveSecret(`plain:${secret}`, options), { code: "config" });
  });
});

suite("a secret that cannot be had", () => {
  write("fail", `#!/bin/sh\necho ${secret}; echo ${secret} >&2; exit 3\n`, 0o700);
  write("slow", `#!/bin/sh\necho ${secret}; exec sleep 30\n`, 0o700);
  write("loud", `#!/bin/sh\nwhile :; do echo ${secret}; done\n`, 0o700);
  write("silent", "#!/bin/sh\n", 0o700);
  write("huge", secret.repeat(10_000));
  const table: readonly [string, RegExp][] = [
    ["env:MISSING", /env:MISSING is not set/],
    ["env:EMPTY", /env:EMPTY is empty/],
    ["file:missing", /cannot be read \(ENOENT\)/],
    ["file:/", /is not a file/],
    ["file:huge", /longer than 64 KiB/],
    [`exec:./fail ${secret}`, /exec:.\/fail gave no secret \(exit code 3\)/],
    ["exec:./slow", /took too long/],
    ["exec:./loud", /gave no secret/],
    ["exec:./silent", /is empty/],
    ["exec:./missing", /ENOENT/],
    [secret, /not a secret reference/],
    [`vault:${secret}`, /not a secret reference/],
    [`plain:${secret}`, /--dev only/],
  ];
  for (const [reference, message] of table)
    test(`is named without its value: ${String(message)}`, async () => {
      await assert.rejects(resolveSecret(reference, { ...options, timeout: 1000 }), (error: Error) => {
        assert.match(error.message, message);
        assert.ok(!inspect(error, { depth: 5 }).includes(secret), inspect(error));
        return true;
      });
    });

  test("a description never holds a value", () => {
    assert.equal(describeSecret(`plain:${secret}`), "plain:(hidden)");
    assert.equal(describeSecret(`exec:/bin/vault --token ${secret}`), "exec:/bin/vault");
    assert.equal(describeSecret("env:DB"), "env:DB");
  });
});
