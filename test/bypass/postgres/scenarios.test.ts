import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { casesOf, isPlayable } from "../../support/cases/case.ts";
import { type CaseWorld, startCaseWorld } from "../../support/cases/case-world.ts";
import { encode, startup, Wire } from "../../support/cases/wire.ts";

/** The PostgreSQL cases that are described in words, or that need a reviewer; each plays against a real gateway. */
const policy = `
@id("asked") @grant("senior") permit (principal in Group::"oncall", action, resource);
@id("each-change-is-approved") @approve("senior") @within("30s")
forbid (principal, action in [Action::"write", Action::"destroy", Action::"admin", Action::"unknown"], resource)
unless { context.approvedBy.contains("senior") };
`;

let world: CaseWorld;
before(async () => {
  world = await startCaseWorld(policy);
});
after(() => world.stop());

const played = new Set<string>();
const play = (id: string, what: string, run: () => Promise<void>): void => {
  played.add(id);
  test(`${id}: ${what}`, { timeout: 90_000 }, run);
};

play("pg-wire-041", "a user named twice in the start-up message is refused", async () => {
  const wire = await Wire.open(world.tunnel("ro").port);
  wire.send(
    startup([
      ["user", "ihc"],
      ["user", "app_admin"],
      ["database", world.database],
    ]),
  );
  assert.ok(await wire.until(() => wire.count("E") > 0 || wire.closed, 5000));
  assert.equal(wire.count("R"), 0, "no login is offered");
  wire.destroy();
});

play("pg-wire-044", "repeated negotiation requests end the connection", async () => {
  const wire = await Wire.open(world.tunnel("ro").port);
  for (const request of ["0000000804d2162f", "0000000804d21630", "0000000804d2162f", "0000000804d2162f"]) {
    wire.send(Buffer.from(request, "hex"));
    await sleep(50);
  }
  await wire.until(() => wire.closed, 5000);
  assert.ok(wire.closed);
  assert.ok(wire.all().length < 400, "no more than two answers and an error");
});

play("pg-wire-045", "a TLS ClientHello is no start-up message of 369 MB", async () => {
  const wire = await Wire.open(world.tunnel("ro").port);
  wire.send(Buffer.from("16030100a5010000a10303", "hex"));
  await wire.until(() => wire.closed, 5000);
  assert.ok(wire.closed);
  await answers();
});

play("pg-wire-047", "an unknown protocol extension is negotiated away and the login goes on", async () => {
  const { port, password } = world.tunnel("ro");
  const wire = await Wire.open(port);
  await wire.login({ user: "ihc", database: world.database, "_pq_.foo": "1" }, password);
  const negotiation = wire.messages.find((m) => m.type === "v");
  assert.ok(negotiation?.body.includes("_pq_.foo"), "NegotiateProtocolVersion lists it");
  assert.equal(wire.count("Z"), 1);
  wire.destroy();
});

play("pg-wire-069", "a parameter length that wraps smuggles no message", async () => {
  const before = await world.owner("select count(*) from app.orders");
  const hidden = encode({ t: "Q", sql: "delete from app.orders" });
  for (const length of [0xffff_fff0, 0x7fff_ffff, 0x8000_0000]) {
    const wire = await loggedIn("rw");
    wire.send(encode({ t: "P", sql: "select $1::text" }));
    const size = Buffer.alloc(4);
    size.writeUInt32BE(length);
    const body = Buffer.concat([Buffer.from([0, 0, 0, 0, 0, 1]), size, hidden]);
    const frame = Buffer.alloc(5);
    frame.write("B");
    frame.writeInt32BE(body.length + 4, 1);
    wire.send(Buffer.concat([frame, body, encode({ t: "E" }), encode({ t: "S" })]));
    await wire.until(() => wire.count("E") > 0 || wire.closed, 5000);
    assert.ok(wire.count("E") > 0 || wire.closed, `length ${length.toString(16)} was taken`);
    assert.equal(wire.count("C"), 0);
    wire.destroy();
  }
  assert.equal(await world.owner("select count(*) from app.orders"), before);
});

play("pg-wire-070", "borders of frames are not borders of messages", async () => {
  const wire = await loggedIn("ro");
  const query = encode({ t: "Q", sql: "select 1" });
  for (const byte of query) {
    wire.send(Uint8Array.of(byte));
    await sleep(30);
  }
  assert.ok(await wire.until(() => wire.count("Z") === 2, 5000), "byte by byte");
  wire.send(Buffer.concat(Array.from({ length: 20_000 }, () => query)));
  assert.ok(await wire.until(() => wire.count("Z") === 20_002, 60_000), "twenty thousand in one write");
  const long = encode({ t: "Q", sql: `select '${"x".repeat(500_000)}'` });
  for (let at = 0; at < long.length; at += 10_007) {
    wire.send(long.subarray(at, at + 10_007));
    await sleep(2);
  }
  assert.ok(await wire.until(() => wire.count("Z") === 20_003, 10_000), "one in fifty pieces");
  assert.equal(wire.count("E"), 0);
  wire.destroy();
});

play("pg-wire-073", "a client that is gone has its query cancelled within two seconds", async () => {
  const wire = await loggedIn("ro");
  wire.send(encode({ t: "Q", sql: "select pg_sleep(30)" }));
  const sleeping = () =>
    world.owner(
      "select count(*) from pg_stat_activity where query like '%pg_sleep(30)%' and pid <> pg_backend_pid()",
    );
  await until(async () => (await sleeping()) !== "0", 5000);
  wire.destroy();
  await until(async () => (await sleeping()) === "0", 2000);
});

play("pg-toctou-001", "an approval runs exactly the approved text, once", async () => {
  const sql = "delete from app.orders where id = 7";
  const wire = await loggedIn("rw");
  const first = await held(wire, sql);
  assert.equal(await (await world.world.review("bob", first)).ended(), 0);
  assert.ok(await wire.until(() => wire.count("C") === 1, 10_000));
  assert.equal(await world.owner("select count(*) from app.orders where id = 7"), "0");
  const second = await held(wire, sql);
  assert.notEqual(second, first, "the second time is asked anew");
  await refuse(second, wire);
});

play(
  "pg-toctou-007",
  "the same text under another role is not reached: SET ROLE waits for its own approval",
  async () => {
    const wire = await loggedIn("rw");
    const request = await held(wire, "set role app_admin");
    await refuse(request, wire);
    const asked = await held(wire, "delete from app.orders where id = 8");
    await refuse(asked, wire);
    assert.equal(await world.owner("select count(*) from app.orders where id = 8"), "1");
  },
);

play("pg-toctou-009", "a comment that displays backwards is refused before a reviewer sees it", () =>
  refused(sentOf("pg-toctou-009")),
);

play("pg-toctou-010", "a tail behind a thousand blanks is shown to the reviewer", async () => {
  const wire = await loggedIn("rw");
  const request = await held(wire, sentOf("pg-toctou-010"));
  const shown = (await world.world.does("bob", ["requests", request])).stdout();
  assert.match(shown, /delete from app\.orders/);
  assert.match(shown, /blanks/);
  await refuse(request, wire);
});

play(
  "pg-toctou-011",
  "escape sequences neither reach a reviewer's screen nor let another text through",
  async () => {
    await refused(approvedOf("pg-toctou-011"));
    const wire = await loggedIn("rw");
    await refuse(await held(wire, sentOf("pg-toctou-011")), wire);
  },
);

test("every PostgreSQL case that cases.test.ts cannot play is played here", () => {
  const left = ["pg-guard", "pg-mask", "pg-wire", "pg-toctou"].flatMap((area) =>
    casesOf(area)
      .filter((one) => !isPlayable(one))
      .map((one) => one.id),
  );
  assert.deepEqual(left.sort(), [...played].sort());
});

async function loggedIn(grant: "ro" | "rw"): Promise<Wire> {
  const { port, password } = world.tunnel(grant);
  const wire = await Wire.open(port);
  await wire.login({ user: "ihc", database: world.database }, password);
  assert.equal(wire.count("Z"), 1, JSON.stringify(wire.errors()));
  return wire;
}

async function answers(): Promise<void> {
  const wire = await loggedIn("ro");
  wire.send(encode({ t: "Q", sql: "select 1" }));
  assert.ok(await wire.until(() => wire.count("Z") === 2, 5000));
  wire.destroy();
}

/** Sends a statement that must be held; the id of the request that its NOTICE names. */
async function held(wire: Wire, sql: string): Promise<string> {
  const from = wire.notices().length;
  wire.send(encode({ t: "Q", sql }));
  assert.ok(await wire.until(() => wire.notices().length > from, 10_000), JSON.stringify(wire.errors()));
  const id = /req_[0-9A-Z]+/.exec(wire.notices()[from]?.["M"] ?? "")?.[0];
  assert.ok(id !== undefined);
  return id;
}

async function refuse(request: string, wire: Wire): Promise<void> {
  const errors = wire.count("E");
  assert.equal(await (await world.world.review("bob", request, "deny")).ended(), 0);
  assert.ok(await wire.until(() => wire.count("E") > errors, 10_000));
}

async function refused(sql: string): Promise<void> {
  const wire = await loggedIn("rw");
  wire.send(encode({ t: "Q", sql }));
  assert.ok(await wire.until(() => wire.count("Z") === 2, 10_000));
  assert.match(wire.errors()[0]?.["M"] ?? "", /hidden-characters/);
  assert.equal(wire.notices().length, 0, "nobody is asked");
  wire.destroy();
}

function sentOf(id: string): string {
  const sent = casesOf("pg-toctou").find((one) => one.id === id)?.input.sent;
  assert.ok(typeof sent === "string");
  return sent;
}

function approvedOf(id: string): string {
  const approved = casesOf("pg-toctou").find((one) => one.id === id)?.input.approved;
  assert.ok(approved !== undefined);
  return approved;
}

async function until(done: () => Promise<boolean>, milliseconds: number): Promise<void> {
  const deadline = performance.now() + milliseconds;
  while (!(await done())) {
    assert.ok(performance.now() < deadline, `not within ${milliseconds} ms`);
    await sleep(100);
  }
}
