import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import type { LogKey } from "../core/audit/checkpoint.ts";
import { privateFolder } from "../storage/folder.ts";
import { type Journals, openJournals } from "../storage/journals.ts";
import { openLogKey } from "../storage/log-key.ts";
import { type OpenStore, openStore } from "../storage/open.ts";
import { type Sequencer, startSequencer } from "../storage/sequencer.ts";
import type { Config } from "./config.ts";
import { errorFields, type Log } from "./log.ts";
import { openMaskKey } from "./mask-key.ts";
import { resolveSecret } from "./secrets.ts";

/** Everything the gateway keeps on disk, opened in order and recovered from a crash. */
export interface Storage {
  readonly store: OpenStore;
  readonly journals: Journals;
  readonly sequencer: Sequencer;
  readonly logKey: LogKey;
  readonly maskKey: Uint8Array;
  close(): Promise<void>;
}

/** Opens store, journals and log; what a crash left open is sealed and marked before anything else happens. */
export async function openStorage(config: Config, clock: Clock, log: Log): Promise<Storage> {
  const { state, audit, recording, folder, dev } = config;
  await privateFolder(state);
  const logKey = await openLogKey(state, audit.origin);
  const maskKey = await openMaskKey(state);
  const location =
    "sqlite" in config.store
      ? config.store
      : { postgres: await resolveSecret(config.store.postgres, { folder, dev }) };
  const store = await openStore(location, clock, logKey);
  const undo: (() => Promise<void> | void)[] = [() => store.close()];
  const close = async (): Promise<void> => {
    // What waits in the queue stays there when the store is away; everything else is still given back.
    for (const step of undo.toReversed())
      await Promise.resolve(step()).catch((error: unknown) =>
        log.error({ err: errorFields(error) }, "the storage was not closed in order"),
      );
  };
  try {
    const sequencer = await startSequencer({
      store,
      key: logKey,
      clock,
      ...(audit.witness === undefined ? {} : { witness: audit.witness }),
    });
    undo.push(() => sequencer.stop());
    const journals = await openJournals({
      folder: join(state, "journals"),
      store,
      clock,
      recipients: recording.ageRecipients,
      freeSpaceFloor: recording.freeSpaceFloor,
    });
    undo.push(() => journals.close());
    for (const found of await journals.recover())
      log.warn(
        { session: found.session, events: found.events },
        "a recording was left open and is sealed now",
      );
    return { store, journals, sequencer, logKey, maskKey, close };
  } catch (error) {
    await close();
    throw error;
  }
}
