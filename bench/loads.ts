import { bind, describe, execute, parseMessage, sync } from "../src/protocols/postgres/wire/encode.ts";
import { type BenchClient, connectClient, type Endpoint, simple } from "./client.ts";
import type { Sample } from "./measure.ts";
import { accounts } from "./stage.ts";

/** Point selects in a closed loop of `count` clients. `prepared`: as libpq does it, Bind, Describe, Execute, Sync. */
export async function pointSelects(
  to: Endpoint,
  mode: "simple" | "prepared",
  count: number,
  seconds: number,
): Promise<Sample> {
  const clients = await Promise.all(Array.from({ length: count }, () => connectClient(to)));
  try {
    if (mode === "prepared")
      for (const client of clients) await client.ask(Buffer.concat([parseMessage("p", prepared), sync()]));
    const next = mode === "prepared" ? preparedSelect : simpleSelect;
    await run(clients, next, seconds / 4);
    const started = performance.now();
    const queries = await run(clients, next, seconds);
    return { value: (queries * 1000) / (performance.now() - started), work: queries };
  } finally {
    for (const client of clients) client.close();
  }
}

async function run(clients: readonly BenchClient[], next: () => Buffer, seconds: number): Promise<number> {
  const until = performance.now() + seconds * 1000;
  const counts = await Promise.all(clients.map((client) => client.repeat(next, until)));
  return counts.reduce((sum, count) => sum + count, 0);
}

const prepared = "SELECT abalance FROM pgbench_accounts WHERE aid = $1";

function preparedSelect(): Buffer {
  return Buffer.concat([
    bind({ portal: "", statement: "p", values: [Buffer.from(String(anyAccount()))] }),
    preparedTail,
  ]);
}

const preparedTail = Buffer.concat([describe("P", ""), execute(""), sync()]);

function simpleSelect(): Buffer {
  return simple(`SELECT abalance FROM pgbench_accounts WHERE aid = ${anyAccount()};`);
}

function anyAccount(): number {
  return 1 + Math.floor(Math.random() * accounts);
}

/** One result of about `megabytes`; the sample's value is MB/s. */
export async function stream(to: Endpoint, megabytes: number): Promise<Sample> {
  const client = await connectClient(to);
  try {
    await client.ask(streamed(1));
    const started = performance.now();
    const { bytes } = await client.ask(streamed(Math.round(megabytes * 7.3)));
    const work = bytes / 1e6;
    return { value: (work * 1000) / (performance.now() - started), work };
  } finally {
    client.close();
  }
}

function streamed(times: number): Buffer {
  return simple(
    `select p.id, p.name, p.email, p.note, p.total, p.since from times, people p where times.n <= ${times}`,
  );
}

/** 1,000 rows of four columns, two of them masked where there are masks, one after the other: milliseconds each. */
export async function thousandRows(to: Endpoint, seconds: number): Promise<Sample> {
  const client = await connectClient(to);
  const request = simple("select id, name, email, phone from people");
  try {
    for (let i = 0; i < 5; i++) await client.ask(request);
    const started = performance.now();
    const count = await client.repeat(() => request, started + seconds * 1000);
    return { value: (performance.now() - started) / count, work: count };
  } finally {
    client.close();
  }
}

/** Connect, log in, one row, close: milliseconds each. */
export async function connectsInARow(to: Endpoint, seconds: number): Promise<Sample> {
  const request = simple("select abalance from pgbench_accounts where aid = 1");
  let count = 0;
  const started = performance.now();
  do {
    const client = await connectClient(to);
    await client.ask(request);
    client.close();
    count++;
  } while (performance.now() < started + seconds * 1000);
  return { value: (performance.now() - started) / count, work: count };
}
