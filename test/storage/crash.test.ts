import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { systemClock } from "../../src/base/clock.ts";
import { newId, type SessionId } from "../../src/base/ids.ts";
import { openJournals } from "../../src/storage/journals.ts";
import { openLogKey } from "../../src/storage/log-key.ts";
import { openStore } from "../../src/storage/open.ts";
import { startSequencer } from "../../src/storage/sequencer.ts";
import { verifyStore } from "../../src/storage/verify.ts";
import { type StorePlaces, storePlaces } from "../support/stores.ts";

let places: StorePlaces;
before(async () => {
  places = await storePlaces();
});
after(() => places.stop());

const program = join(import.meta.dirname, "../support/journal-child.ts");

test("whatever was acknowledged as durable is there after kill -9, again and again", {
  timeout: 120_000,
}, async () => {
  const folder = places.folder();
  for (const lines of [1, 3, 10, 17, 30, 60]) {
    const session = newId("ses");
    const child = spawn(process.execPath, [program, folder, session], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const acknowledged = await linesOf(child, lines, () => child.kill("SIGKILL"));
    await recovered(folder, session, acknowledged.at(-1) ?? "");
  }
});

for (const [what, kilobytes, chunkBytes] of [
  ["a journal that may not grow", 600, 1e9],
  ["a store that may not grow", 600, 4096],
] as const)
  test(`${what} ends the session and keeps what was acknowledged`, { timeout: 60_000 }, async () => {
    const folder = places.folder();
    const session = newId("ses");
    const limited = ["-c", `ulimit -f ${kilobytes}; exec "$@"`, "bash", process.execPath, program];
    const child = spawn("bash", [...limited, folder, session, String(chunkBytes)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exit = once(child, "exit");
    const said = await linesOf(child, Number.POSITIVE_INFINITY, () => undefined);
    assert.deepEqual(await exit, [7, null]);
    assert.equal(said.at(-1), "failed");
    await recovered(folder, session, said.at(-2) ?? "");
  });

/** The child's lines up to its end; `enough` is called after that many. */
async function linesOf(child: ChildProcess, count: number, enough: () => void): Promise<string[]> {
  assert.ok(child.stdout);
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (lines.length === count) enough();
  }
  return lines;
}

async function recovered(folder: string, session: SessionId, last: string): Promise<void> {
  const key = await openLogKey(folder);
  const store = await openStore({ sqlite: folder }, systemClock, key);
  const journals = await openJournals({ folder: join(folder, "journals"), store, clock: systemClock });
  const sequencer = await startSequencer({ store, key, witness: join(folder, "witness") });
  const found = await journals.recover();
  assert.ok(found.some((each) => each.session === session && !each.complete));
  const texts: string[] = [];
  let next = 0;
  for await (const { seq, event } of journals.read(session)) {
    assert.equal(seq, next++);
    if (event.type === "note") texts.push(event.text.replace(/ x+$/, ""));
    else assert.ok(event.type === "end" && !event.complete);
  }
  // Every event up to the acknowledged one, in order, and nothing left out.
  const expected = Array.from({ length: Number(last) + 1 }, (_, at) =>
    at % 5 === 4 ? [`${at}`, `durable ${at}`] : [`${at}`],
  );
  assert.deepEqual(texts.slice(0, expected.flat().length), expected.flat());
  assert.equal((await store.sessions.get(session))?.complete, false);
  await sequencer.flush();
  assert.deepEqual((await verifyStore(store, journals, key.verifier)).problems, []);
  await sequencer.stop();
  journals.close();
  await store.close();
}
