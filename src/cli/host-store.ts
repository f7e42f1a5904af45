import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../base/clock.ts";
import { IhcError } from "../base/errors.ts";
import type { Config } from "../gateway/config.ts";
import { resolveSecret } from "../gateway/secrets.ts";
import { type Journals, openJournals } from "../storage/journals.ts";
import { openLogKey } from "../storage/log-key.ts";
import { type OpenStore, openStore } from "../storage/open.ts";
import { splitCheckpoints } from "../storage/witness.ts";
import { validFiles } from "./operator.ts";
import type { Invocation } from "./options.ts";

/** What the gateway on this host keeps, opened for looking only; a running gateway is not disturbed. */
export interface HostStore {
  readonly store: OpenStore;
  readonly journals: Journals;
  /** The log's verifier key. */
  readonly verifier: string;
  /** Checkpoints that the witness file remembers. */
  readonly seen: readonly string[];
}

export async function withHostStore<T>(typed: Invocation, work: (host: HostStore) => Promise<T>): Promise<T> {
  const { config } = await validFiles(typed);
  await refuseMissing(config);
  const key = await openLogKey(config.state, config.audit.origin);
  const { folder, dev } = config;
  const location =
    "sqlite" in config.store
      ? config.store
      : { postgres: await resolveSecret(config.store.postgres, { folder, dev }) };
  const store = await openStore(location, systemClock, key);
  try {
    const journals = await openJournals({
      folder: join(config.state, "journals"),
      store,
      clock: systemClock,
      readOnly: true,
    });
    try {
      return await work({ store, journals, verifier: key.verifier, seen: await witnessed(config) });
    } finally {
      journals.close();
    }
  } finally {
    await store.close();
  }
}

/** Looking must not make a new, empty state in the wrong place. */
async function refuseMissing({ state }: Config): Promise<void> {
  const found = await stat(state).catch(() => undefined);
  if (found?.isDirectory() !== true)
    throw new IhcError("not-found", `there is no gateway state in ${state}`, {
      hint: "run it on the gateway's host, as the gateway's user",
    });
}

async function witnessed({ audit }: Config): Promise<readonly string[]> {
  if (audit.witness === undefined) return [];
  const text = await readFile(audit.witness, "utf8").catch((cause: unknown) => {
    throw new IhcError("corrupt", "the witness file cannot be read", {
      hint: "it remembers every signed head; restore it",
      cause,
    });
  });
  return splitCheckpoints(text);
}
