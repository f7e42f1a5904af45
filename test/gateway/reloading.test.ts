import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { startTestGateway, type TestGateway } from "./support/gateway.ts";
import { connected, opened } from "./support/steps.ts";

const timeout = 30_000;
const policy = `@id("readers") permit (principal in Group::"oncall", action, resource);`;

let g: TestGateway;
before(async () => {
  g = await startTestGateway({ policy });
});
after(() => g.stop());

test("a version that is refused for its certificate changes nothing, its policy included", {
  timeout,
}, async () => {
  const ana = await g.person("ana", ["oncall"]);
  const lines = await connected(ana, await opened(ana, "prod"));
  writeFileSync(join(g.folder, "bad.pem"), "no certificate");
  const tls = { cert: "./bad.pem", key: "./bad.pem" };
  await g.writePolicy("");
  await g.writeConfig((config) => ({ ...config, tls }));
  const problem = await g.gateway.reload();
  assert.equal(problem?.code, "config");
  assert.equal(await lines.ask("read a"), "ok read a");
  await g.writePolicy(policy);
  await g.writeConfig((config) => config);
  assert.equal(await g.gateway.reload(), undefined);
  assert.equal(await lines.ask("read b"), "ok read b");
});

test("what counts from the next start only is said", { timeout }, async () => {
  await g.writeConfig((config) => ({
    ...config,
    issuer: { ...config.issuer, required_amr: ["hwk"] },
    limits: { body: "2MiB" },
  }));
  assert.equal(await g.gateway.reload(), undefined);
  const [said = ""] = g
    .log()
    .split("\n")
    .filter((line) => line.includes("count from the next start only"));
  const { level, keys }: { level: number; keys: unknown } = JSON.parse(said);
  assert.deepEqual({ level, keys }, { level: 40, keys: ["issuer", "limits"] });
});

test("paths that clients make up become no labels of the metrics", { timeout }, async () => {
  for (const path of ["/v1/madeup", "/v1/anotherone/x", "/elsewhere"])
    await fetch(`${g.url}${path}`, { signal: AbortSignal.timeout(5000) });
  const metrics = await (await fetch(`${g.url}/metrics`, { signal: AbortSignal.timeout(5000) })).text();
  assert.match(metrics, /route="other"/);
  assert.doesNotMatch(metrics, /madeup|anotherone|elsewhere/);
});
