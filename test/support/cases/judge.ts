import { canariesIn } from "./canary.ts";
import type { Case } from "./case.ts";
import type { CaseWorld } from "./case-world.ts";
import { type CaseMessage, encode, Wire } from "./wire.ts";

/** What a client of the tunnel saw of one case, judged as test/cases/policy.md says. Empty `wrong` is a pass. */
export interface Judged {
  readonly id: string;
  readonly wrong: readonly string[];
  readonly errors: readonly string[];
}

/** Statements that are meant to run long: their answer is not waited for in full. */
const slow = /pg_sleep\(3600|generate_series\(1,5000000|repeat\('x',3/;

/** Plays a case of an area pg-* with `exact` form through the tunnel of its grant. */
export async function judgeCase(world: CaseWorld, one: Case): Promise<Judged> {
  if (one.setup.owner !== undefined) await world.arrange(one.setup.owner);
  const probe = one.expected.probe_unchanged;
  const before = probe === undefined ? undefined : await world.owner(probe);
  const { port, password } = world.tunnel(one.setup.grant ?? "ro");
  const wire = await Wire.open(port);
  try {
    const seen = await play(world, wire, one, password);
    const after = probe === undefined ? undefined : await world.owner(probe);
    const wrong = faults(one, wire, seen);
    if (before !== after) wrong.push(`the probe changed from ${before} to ${after}`);
    return { id: one.id, wrong, errors: wire.errors().map((e) => `${e["C"]} ${e["M"]}`) };
  } finally {
    wire.destroy();
  }
}

/** After these the session must still be usable. */
const usableAfter: ReadonlySet<string> = new Set(["deny", "mask", "deny_or_mask", "deny_or_handled"]);

interface Seen {
  readonly timedOut: boolean;
  readonly inSync: boolean | undefined;
}

async function play(world: CaseWorld, wire: Wire, one: Case, password: string): Promise<Seen> {
  const { input } = one;
  const raw = Buffer.from((input.hex ?? "").replaceAll(" ", ""), "hex");
  if (input.kind === "pg-raw" && input.after_login !== true) {
    wire.send(raw);
    await wire.until(() => wire.bytes.length > 0, 1500);
    return { timedOut: false, inSync: undefined };
  }
  await wire.login({ user: "ihc", database: world.database, ...input.startup }, password);
  if (wire.count("Z") === 0) return { timedOut: false, inSync: undefined };
  if (input.kind === "pg-raw") {
    wire.send(raw);
    await wire.until(() => wire.count("E") > 0, 1500);
    return { timedOut: false, inSync: undefined };
  }
  for (const message of input.msgs ?? [])
    if (!(await sent(wire, await resolved(world, message)))) return { timedOut: true, inSync: undefined };
  return { timedOut: false, inSync: await inSync(wire) };
}

async function sent(wire: Wire, message: CaseMessage): Promise<boolean> {
  const ready = wire.count("Z");
  wire.send(encode(message));
  if (!"QSF".includes(message.t)) return true;
  const answered = () => wire.count("Z") > ready || (message.t === "Q" && wire.count("G") > 0);
  return (await wire.until(answered, slow.test(message.sql ?? "") ? 3000 : 10_000)) || wire.closed;
}

/** A FunctionCall names its function in words; the wire wants the OID. */
async function resolved(world: CaseWorld, message: CaseMessage & { fn?: string }): Promise<CaseMessage> {
  if (message.t !== "F" || message.oid !== undefined) return message;
  return { ...message, oid: Number(await world.owner(`select '${message.fn}'::regprocedure::oid`)) };
}

async function inSync(wire: Wire): Promise<boolean> {
  if (wire.closed) return false;
  const from = wire.messages.length;
  const ready = wire.count("Z");
  wire.send(encode({ t: "Q", sql: "rollback" }));
  wire.send(encode({ t: "Q", sql: "select 'in'||'sync'" }));
  await wire.until(() => wire.count("Z") >= ready + 2, 5000);
  return wire.messages.slice(from).some((m) => m.type === "D" && m.body.includes("insync"));
}

function faults(one: Case, wire: Wire, seen: Seen): string[] {
  const { verdict, no_canary: noCanary, also_canary: also = [], must_contain: must } = one.expected;
  const wrong: string[] = [];
  // A refused login would pass for the refusal of anything.
  if (one.input.kind === "pg" && one.input.startup === undefined && wire.count("Z") === 0)
    wrong.push("the login was refused");
  const rows = Buffer.concat(wire.messages.filter((m) => "Dd".includes(m.type)).map((m) => m.body));
  const leaked = noCanary === true ? canariesIn(wire.all(), rows, also) : [];
  if (leaked.length > 0) wrong.push(`leaked ${leaked.join(", ")}`);
  if (seen.timedOut) wrong.push("no answer in time");
  if (verdict === "deny" && wire.errors().length === 0 && !wire.closed) wrong.push("not refused");
  if (usableAfter.has(verdict) && seen.inSync === false && wire.count("Z") > 0)
    wrong.push("out of sync after the refusal");
  if (verdict === "allow") wrong.push(...unwanted(wire, seen));
  if (must !== undefined && !wire.all().includes(must)) wrong.push(`the answer lacks ${must}`);
  return wrong;
}

function unwanted(wire: Wire, seen: Seen): string[] {
  const refused = wire.errors().map((e) => `refused: ${e["M"]}`);
  return seen.inSync === false ? [...refused, "out of sync"] : refused;
}
