import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:https";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { IhcError } from "../../src/base/errors.ts";
import { startTestGateway } from "./support/gateway.ts";

const timeout = 30_000;

test("a mistake in the configuration stops the start and names file and line", { timeout }, async () => {
  await assert.rejects(
    startTestGateway({ change: (config) => ({ ...config, polcy: "./policy" }) }),
    (error: unknown) =>
      error instanceof IhcError &&
      error.code === "config" &&
      /ihc\.yaml:\d+: unknown key/.test(error.message),
  );
  await assert.rejects(
    startTestGateway({ policy: "permit (principal, action, resource" }),
    (error: unknown) =>
      error instanceof IhcError && error.code === "config" && /cedar:\d+:/.test(error.message),
  );
});

test("a second gateway on the same state is refused", { timeout }, async () => {
  const first = await startTestGateway();
  try {
    await assert.rejects(
      startTestGateway({
        change: (config) => ({ ...config, store: { sqlite: join(first.folder, "state") } }),
      }),
      (error: unknown) => error instanceof IhcError && error.code === "conflict",
    );
  } finally {
    await first.stop();
  }
});

test("an empty policy allows nothing", { timeout }, async () => {
  const g = await startTestGateway({ policy: "" });
  try {
    const ana = await g.person("ana", ["oncall", "leads", "admins"]);
    assert.deepEqual((await ana.call("GET", "/v1/targets")).body["items"], []);
    const filed = await ana.call("POST", "/v1/requests", { body: { target: "prod", reason: "x" } });
    assert.equal(filed.status, 403);
  } finally {
    await g.stop();
  }
});

test("TLS is served from files, and a renewed certificate is taken up", { timeout }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "ihc-tls-"));
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  await selfSigned(cert, key, "first");
  const g = await startTestGateway({ change: (config) => ({ ...config, tls: { cert, key } }) });
  try {
    assert.match(g.url, /^https:/);
    const first = readFileSync(cert, "utf8");
    assert.equal(await ready(g.url, first), 200);
    await selfSigned(cert, key, "second");
    assert.equal(await g.gateway.reload(), undefined);
    assert.equal(await ready(g.url, readFileSync(cert, "utf8")), 200);
    await assert.rejects(ready(g.url, first));
    writeFileSync(cert, "no certificate");
    assert.notEqual(await g.gateway.reload(), undefined);
    writeFileSync(cert, first);
  } finally {
    await g.stop();
    rmSync(folder, { recursive: true });
  }
});

test("a client that never finishes its headers, or floods them, is cut off", { timeout }, async () => {
  const g = await startTestGateway();
  try {
    const { port } = new URL(g.url);
    const flood = connect(Number(port), "127.0.0.1");
    flood.on("error", () => flood.destroy());
    await once(flood, "connect");
    flood.write(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n`);
    for (let n = 0; n < 100; n++) flood.write(`x-${n}: ${"y".repeat(1000)}\r\n`);
    const answer = await text(flood).catch(() => "");
    assert.doesNotMatch(answer, /^HTTP\/1\.1 200/);
  } finally {
    await g.stop();
  }
});

test("SIGTERM drains, SIGHUP reloads and SIGUSR1 opens no inspector", { timeout }, async () => {
  const main = new URL("./support/process.ts", import.meta.url);
  const child = spawn(process.execPath, [fileURLToPath(main)], { stdio: ["ignore", "pipe", "pipe"] });
  const errors: string[] = [];
  let said = "";
  child.stdout.on("data", (chunk) => {
    said += String(chunk);
  });
  child.stderr.on("data", (chunk) => errors.push(String(chunk)));
  const until = async (wanted: RegExp): Promise<void> => {
    const deadline = AbortSignal.timeout(15_000);
    while (!wanted.test(said)) await once(child.stdout, "data", { signal: deadline });
  };
  try {
    await until(/"msg":"ready"/);
    child.kill("SIGUSR1");
    await until(/the inspector stays closed/);
    child.kill("SIGHUP");
    await until(/configuration and policy applied/);
    child.kill("SIGTERM");
    const [code] = await once(child, "exit");
    assert.equal(code, 0, errors.join(""));
    assert.doesNotMatch(errors.join(""), /Debugger listening/);
  } finally {
    child.kill("SIGKILL");
  }
});

async function selfSigned(cert: string, key: string, name: string): Promise<void> {
  const subject = ["-subj", `/CN=${name}`, "-addext", "subjectAltName=IP:127.0.0.1"];
  const args = [
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-days",
    "2",
  ];
  const child = spawn("openssl", [...args, ...subject, "-keyout", key, "-out", cert], { stdio: "ignore" });
  const [code] = await once(child, "exit");
  assert.equal(code, 0, "openssl made no certificate");
}

function ready(url: string, ca: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  get(`${url}/healthz`, { ca, agent: false }, (response) => {
    response.resume();
    resolve(response.statusCode ?? 0);
  }).on("error", reject);
  return promise;
}
