import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import pg from "pg";
import { IhcError } from "../../../src/base/errors.ts";
import { parseSettings } from "../../../src/protocols/postgres/settings.ts";
import { type Link, logIn } from "../../../src/protocols/postgres/upstream.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres.ts";

let server: PostgresServer;
let admin: pg.Client;
const folder = mkdtempSync(join(tmpdir(), "ihc-tls-"));
const ca = join(folder, "ca.pem");

before(async () => {
  server = await startPostgres({ contrib: true, auth: "scram" });
  admin = new pg.Client(server.url("postgres"));
  await admin.connect();
  const { rows } = await admin.query("show data_directory");
  const data = String(rows[0].data_directory);
  certificates(data);
  await admin.query("alter system set ssl = on");
  await admin.query("select pg_reload_conf()");
  await admin.query("set password_encryption = md5; create role old login password 'old-secret'");
  const hba = join(data, "pg_hba.conf");
  writeFileSync(hba, `host all old all md5\nhost all clear all password\n${readFileSync(hba, "utf8")}`);
  await admin.query("create role clear login password 'clear-secret'");
  await admin.query("select pg_reload_conf()");
});

after(async () => {
  await admin.end();
  await server.stop();
  rmSync(folder, { recursive: true });
});

/** A private authority and a certificate for db.test, as an operator would make them. */
function certificates(data: string): void {
  const openssl = (...args: string[]): void => {
    execFileSync("openssl", args, { cwd: folder, stdio: "ignore" });
  };
  const key = ["-newkey", "rsa:2048", "-nodes"];
  openssl("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test", "-days", "2");
  openssl("req", ...key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=db.test");
  writeFileSync(join(folder, "san"), "subjectAltName=DNS:db.test");
  const signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "san"];
  openssl("x509", "-req", "-in", "server.csr", ...signed, "-out", "server.crt");
  const { uid, gid } = statSync(data);
  for (const file of ["server.key", "server.crt"]) {
    const to = join(data, file);
    writeFileSync(to, readFileSync(join(folder, file)));
    chmodSync(to, 0o600);
    chownSync(to, uid, gid);
  }
}

async function reach(settings: Record<string, unknown>, user: string, password: string): Promise<string> {
  let link: Link | undefined;
  try {
    link = await logIn(
      parseSettings({ host: server.host, port: server.port, database: "postgres", user, ca, ...settings }),
      {
        credential: { user, password: "env:P" },
        secret: async () => password,
        parameters: new Map(),
        signal: AbortSignal.timeout(5000),
      },
    );
    const [row] = await link.ask("select ssl::text from pg_stat_ssl where pid = pg_backend_pid()");
    return row?.[0] === "true" ? "encrypted" : "plain";
  } catch (error) {
    assert.ok(error instanceof IhcError);
    assert.equal(error.code, "unavailable", error.message);
    assert.ok(!`${error.message} ${error.hint ?? ""}`.includes(password));
    return "refused";
  } finally {
    link?.close();
  }
}

test("verify-full wants the name and the authority, verify-ca the authority, require neither", async () => {
  const { user, password } = server;
  assert.equal(await reach({ server_name: "db.test" }, user, password), "encrypted");
  assert.equal(await reach({}, user, password), "refused");
  assert.equal(await reach({ tls: "verify-ca" }, user, password), "encrypted");
  assert.equal(await reach({ tls: "verify-ca", ca: undefined }, user, password), "refused");
  assert.equal(await reach({ tls: "require", ca: undefined }, user, password), "encrypted");
  assert.equal(await reach({ tls: "disable" }, user, password), "plain");
});

test("a wrong password is refused without a word of it", async () => {
  assert.equal(await reach({ tls: "disable" }, server.user, "not-the-password"), "refused");
});

test("md5 works anywhere, a password in the clear only over TLS", async () => {
  assert.equal(await reach({ tls: "disable" }, "old", "old-secret"), "plain");
  assert.equal(await reach({ tls: "disable" }, "clear", "clear-secret"), "refused");
  assert.equal(await reach({ server_name: "db.test" }, "clear", "clear-secret"), "encrypted");
});

test("settings are strict and name the mistake", () => {
  const fine = { host: "db", database: "app", user: "u" };
  assert.equal(parseSettings(fine).tls, "verify-full");
  const mistakes: [Record<string, unknown>, RegExp][] = [
    [{ pasword: "env:P" }, /postgres/],
    [{ port: 0 }, /postgres\.port/],
    [{ tls: "prefer" }, /postgres\.tls/],
    [{ host: "/run/postgresql" }, /postgres\.tls/],
    [{ statement_timeout: "soon" }, /postgres\.statement_timeout/],
    [{ roles: { write: {} } }, /postgres\.roles\.write\.user/],
  ];
  for (const [change, said] of mistakes)
    assert.throws(
      () => parseSettings({ ...fine, ...change }),
      (error: unknown) => error instanceof IhcError && error.code === "config" && said.test(error.message),
    );
});
