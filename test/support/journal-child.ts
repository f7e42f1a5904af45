import { systemClock } from "../../src/base/clock.ts";
import { parseId } from "../../src/base/ids.ts";
import { openJournals } from "../../src/storage/journals.ts";
import { openLogKey } from "../../src/storage/log-key.ts";
import { openStore } from "../../src/storage/open.ts";
import { sessionRecord } from "./records.ts";

/**
 * A gateway's journal in a process of its own, to be killed: writes numbered notes and tells on stdout, a line each, which are
 * acknowledged as durable. Arguments: the state folder, the session and the bytes of a chunk. Ends with code 7 when the journal fails.
 */
const [folder = "", name = "", chunkBytes = "4096"] = process.argv.slice(2);
const session = parseId("ses", name);
if (!session) throw new Error("no session");
// A file-size limit is to be an error of the write, as a full disk is, not the end of the process.
process.on("SIGXFSZ", () => undefined);
const store = await openStore({ sqlite: folder }, systemClock, await openLogKey(folder));
const journals = await openJournals({
  folder: `${folder}/journals`,
  store,
  clock: systemClock,
  freeSpaceFloor: 0,
  chunkBytes: Number(chunkBytes),
});
await store.sessions.insert(sessionRecord({ id: session }));
const writer = await journals.open(session);
try {
  for (let at = 0; ; at++) {
    writer.add({ type: "note", text: `${at} ${"x".repeat(200)}` });
    if (at % 5 !== 4) continue;
    await writer.append({ type: "note", text: `durable ${at}` }, "durable");
    process.stdout.write(`${at}\n`);
  }
} catch (error) {
  if (!writer.failed.aborted) throw error;
  process.stdout.write("failed\n", () => process.exit(7));
}
