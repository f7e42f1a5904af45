import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { ask } from "../../src/demo/sql.ts";
import { runCli } from "../support/cli.ts";
import { startWorld, type World } from "../support/world.ts";

const timeout = 110_000;
let world: World;
let config: string;

before(async () => {
  world = await startWorld();
  ({ config } = world.gatewayProcess());
  await world.logIn("ana", "lee");
  const { client, running } = await world.connect("ana", { approver: "lee" });
  await ask(client, "select id from orders where id = 4711").done;
  await ask(client, "delete from orders").done;
  await running.end("SIGINT");
});
after(() => world.stop());

function policy(...args: readonly string[]) {
  const env = { HOME: world.folder, XDG_RUNTIME_DIR: world.folder };
  return runCli(["policy", ...args, "--config", config], { env });
}

test("policy test compares what the policies say with what a file expects", { timeout }, async () => {
  const file = join(dirname(config), "cases.yaml");
  const about = "person: ana, groups: [oncall], target: prod-db";
  const good = [
    `- { ${about}, effect: read, expect: allow }`,
    `- { ${about}, effect: write, expect: hold, rule: writes-need-a-second-person }`,
    `- { ${about}, effect: write, traits: [no-where], expect: deny }`,
    `- { ${about}, effect: write, approved_by: [sre-leads], expect: allow }`,
  ];
  writeFileSync(file, good.join("\n"));
  const held = await policy("test", file);
  assert.equal(held.code, 0, held.stdout + held.stderr);
  writeFileSync(file, `${good.join("\n")}\n- { person: eve, effect: read, target: prod-db, expect: allow }`);
  const failed = await policy("test", file);
  assert.equal(failed.code, 1);
  assert.match(failed.stdout, /5 eve read prod-db: deny by no-permit, not allow/);
  writeFileSync(file, "- { person: ana, effect: fly, target: prod-db, expect: allow }");
  assert.notEqual((await policy("test", file)).code, 0);
});

test("policy diff judges what was recorded by other policies", { timeout }, async () => {
  const folder = dirname(config);
  const same = await policy("diff", join(folder, "policy"));
  assert.equal(same.code, 0, same.stdout + same.stderr);
  assert.match(same.stderr, /0 of 2 operations in 1 sessions/);
  const next = join(folder, "policy-next");
  mkdirSync(next);
  writeFileSync(
    join(next, "all.cedar"),
    `@id("responders") @grant("sre-leads")
permit (principal in Group::"oncall", action in [Action::"read", Action::"write", Action::"destroy"], resource);
@id("orders-need-a-lead") @approve("sre-leads")
forbid (principal, action, resource) when { context.tables.contains("public.orders") && !context.traits.contains("no-where") }
unless { context.approvedBy.contains("sre-leads") };`,
  );
  const changed = await policy("diff", next);
  assert.equal(changed.code, 1, changed.stderr);
  assert.match(
    changed.stdout,
    /allowed \(responders\) → held \(orders-need-a-lead\)\s+select id from orders/,
  );
  assert.match(
    changed.stdout,
    /denied \(no-unbounded-delete\) → allowed \(responders\)\s+delete from orders/,
  );
  writeFileSync(join(next, "all.cedar"), "permit (principal");
  assert.notEqual((await policy("diff", next)).code, 0);
});
