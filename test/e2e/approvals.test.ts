import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { people } from "../../src/demo/people.ts";
import { ask, ownersView } from "../../src/demo/sql.ts";
import { type Connection, startWorld, type World } from "../support/world.ts";

const max = { id: "max", email: "max@acme.io", title: "second lead", groups: ["sre-leads"] };
const eve = { id: "eve", email: "eve@acme.io", title: "second responder", groups: ["oncall"] };
const update = "update orders set status = 'retry' where id = 4711";

let world: World;
let connection: Connection;

before(async () => {
  world = await startWorld({ people: [...people, max, eve] });
  await world.logIn("ana", "lee", "max", "eve");
  connection = await world.connect("ana", { approver: "lee" });
});
after(() => world.stop());

test("a held write runs after approval, once, as exactly the statement that was shown", async () => {
  const asked = ask(connection.client, update);
  const [request] = await asked.until(/req_[0-9A-Z]+/);
  assert.equal(await status(4711), "stuck");
  const shown = await world.does("lee", ["requests", request]);
  assert.ok(shown.stdout().includes(update), shown.stdout());
  assert.equal(await (await world.review("lee", request)).ended(), 0);
  assert.match((await asked.done).output, /UPDATE 1/);
  assert.equal(await status(4711), "retry");
  const again = await world.review("max", request).then((running) => running.ended());
  assert.notEqual(again, 0, "a used approval cannot be given again");
});

test("a denied write says who and why, does nothing, and the connection goes on", async () => {
  const asked = ask(connection.client, "update orders set status = 'cancelled' where id = 4713");
  const [request] = await asked.until(/req_[0-9A-Z]+/);
  assert.equal(await (await world.review("lee", request, "deny")).ended(), 0);
  assert.match((await asked.done).output, /ERROR/);
  assert.equal(await status(4713), "stuck");
  assert.match((await ask(connection.client, "select 40 + 2 as answer").done).output, /42/);
});

test("nobody approves their own statement", async () => {
  const asked = ask(connection.client, "update orders set status = 'retry' where id = 4715");
  const [request] = await asked.until(/req_[0-9A-Z]+/);
  assert.equal(await (await world.review("ana", request)).ended(), 3);
  assert.equal(await status(4715), "stuck");
  await (await world.review("lee", request, "deny")).ended();
  await asked.done;
});

test("two reviewers at once: one decision counts, the other hears of the conflict, and the outcome is the winner's", async () => {
  const asked = ask(connection.client, "update orders set status = 'retry' where id = 4717");
  const [request] = await asked.until(/req_[0-9A-Z]+/);
  const reviews = await Promise.all([world.review("lee", request), world.review("max", request, "deny")]);
  const codes = await Promise.all(reviews.map((review) => review.ended()));
  const [approved, denied] = codes.map((code) => code === 0);
  assert.notEqual(approved, denied, reviews.map((review) => review.output()).join("\n"));
  const { output } = await asked.done;
  assert.match(output, approved ? /UPDATE 1/ : /ERROR/);
  assert.equal(await status(4717), approved ? "retry" : "stuck");
});

test("other connections go on while one waits for an approval", async () => {
  const asked = ask(connection.client, "update orders set status = 'retry' where id = 4719");
  const [request] = await asked.until(/req_[0-9A-Z]+/);
  assert.match((await ask(connection.client, "select count(*) from products").done).output, /8/);
  await (await world.review("lee", request)).ended();
  assert.match((await asked.done).output, /UPDATE 1/);
});

test("approving without a terminal needs the digest of what was seen", async () => {
  const asked = ask(connection.client, "update orders set status = 'retry' where id = 4721");
  const [request] = await asked.until(/req_[0-9A-Z]+/);
  assert.notEqual(await world.as("lee", "approve", request, "--yes").ended(), 0);
  assert.notEqual(await world.as("lee", "approve", request).ended(), 0);
  const wrong = `sha256:${"0".repeat(64)}`;
  assert.notEqual(await world.as("lee", "approve", request, "--yes", "--digest", wrong).ended(), 0);
  assert.equal(await status(4721), "stuck");
  await (await world.review("lee", request, "deny")).ended();
  await asked.done;
});

test("a denied request ends the command that waits for it with code 6", async () => {
  const waiting = world.as("max", "connect", "prod-db", "--reason", "no right to");
  assert.notEqual(await waiting.ended(), 0, "policy gives max nothing to ask for");
  const request = world.as("eve", "request", "prod-db", "--reason", "curious", "--for", "10m", "--wait");
  const [id] = await request.until(/req_[0-9A-Z]+/);
  assert.equal(await (await world.review("max", id, "deny")).ended(), 0);
  assert.equal(await request.ended(), 6);
});

function status(order: number): Promise<string> {
  return ownersView(world.shop, `select status from orders where id = ${order}`);
}
