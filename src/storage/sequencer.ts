import type { Kysely } from "kysely";
import { sha256 } from "../base/bytes.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { IhcError } from "../base/errors.ts";
import { type LogKey, openCheckpoint, signCheckpoint } from "../core/audit/checkpoint.ts";
import { clippedText, entryText, leafText } from "../core/audit/leaf.ts";
import { edgeTiles, encodeTile, growTiles } from "../core/audit/tile.ts";
import { emptyRoot, type Hash, leafHash } from "../core/audit/tree.ts";
import { readTile, treeHashes } from "./hashes.ts";
import type { Database, OpenStore } from "./open.ts";
import { type QueueSeal, queueSeal } from "./queue-seal.ts";
import { retried } from "./retry.ts";
import type { HeadRow, Schema } from "./schema.ts";
import { openWitness } from "./witness.ts";

export interface Sequencer {
  /**
   * Resolves when everything queued before the call is in the log under a signed checkpoint, and in the witness file.
   * Rejects when that cannot be done: callers fail closed.
   */
  flush(): Promise<void>;
  /** Why the last attempt failed; undefined while all is well. */
  problem(): IhcError | undefined;
  /** Sequences what is left and ends. */
  stop(): Promise<void>;
}

export interface SequencerOptions {
  readonly store: OpenStore;
  readonly key: LogKey;
  /** A file that gets each checkpoint appended; kept where the database's owner cannot write, it shows a rollback. */
  readonly witness?: string;
  /** Milliseconds between looks for entries that other processes queued. */
  readonly interval?: number;
  readonly clock?: Clock;
}

/**
 * Gives queued entries their places in the audit log. Any number of gateways may run one on the same store: the row lock of
 * the head decides who appends. Throws IhcError `corrupt` when the log at hand contradicts its own head or the witness,
 * and `config` when it belongs to another key.
 */
export async function startSequencer(options: SequencerOptions): Promise<Sequencer> {
  const { store, key, interval = 250, clock = systemClock } = options;
  await retried(() => checkHead(store.database, key));
  const witness =
    options.witness === undefined ? undefined : await openWitness(options.witness, store.database.db, key);

  let problem: IhcError | undefined;
  const drain = async (): Promise<void> => {
    try {
      while ((await retried(() => sequenceBatch(store.database, key, clock))) === batch);
      await witness?.follow();
      problem = undefined;
    } catch (cause) {
      problem =
        cause instanceof IhcError
          ? cause
          : new IhcError("storage", "the audit log cannot be written", { cause });
      throw problem;
    }
  };

  // One drain runs at a time; whoever asks while it runs shares the next one, which sees all that was queued before.
  let running: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;
  const flush = (): Promise<void> => {
    next ??= running.then(ignore, ignore).then(() => {
      const begun = drain();
      [running, next] = [begun, undefined];
      return begun;
    });
    return next;
  };

  const wake = (): void => void flush().catch(ignore);
  const forget = store.database.onQueued(wake);
  const timer = setInterval(wake, interval);
  timer.unref();
  wake();
  return {
    flush,
    problem: () => problem,
    stop: async () => {
      clearInterval(timer);
      forget();
      await flush();
    },
  };
}

const batch = 512;

/** `problem()` and the next flush tell of a failure that nobody waited for. */
const ignore = (): undefined => undefined;

/** Moves up to `batch` entries from the queue to the log in one transaction; says how many. */
function sequenceBatch({ db, dialect }: Database, key: LogKey, clock: Clock): Promise<number> {
  const seal = queueSeal(key);
  return db.transaction().execute(async (executor) => {
    const head = await lockedHead(executor, dialect);
    if (head.verifier !== key.verifier) throw otherKey();
    const queued = await executor.selectFrom("audit_queue").selectAll().orderBy("id").limit(batch).execute();
    if (queued.length === 0) return 0;
    const leaves = queued.map((row, at) => leafText(believed(row, seal, clock), head.size + at));
    const size = head.size + leaves.length;
    await executor
      .insertInto("audit_leaves")
      .values(leaves.map((leaf, at) => ({ idx: head.size + at, leaf })))
      .execute();
    await growTree(executor, head.size, leaves.map(leafHash));
    const root = await treeHashes(executor).root(size);
    await executor
      .updateTable("audit_head")
      .set({ size, checkpoint: signCheckpoint({ origin: key.name, size, root }, key) })
      .where("id", "=", 1)
      .execute();
    await executor
      .deleteFrom("audit_queue")
      .where(
        "id",
        "in",
        queued.map(({ id }) => id),
      )
      .execute();
    return queued.length;
  });
}

/** An entry that no gateway has queued is not signed as one; that somebody put it there is. */
function believed(
  { body, mac }: { readonly body: string; readonly mac: string },
  seal: QueueSeal,
  clock: Clock,
): string {
  if (seal.fits(body, mac)) return body;
  const detail = { queued: clippedText(body), digest: sha256(body) };
  return entryText({ kind: "alert.forged-entry", at: clock.now(), actor: "gateway", detail });
}

async function lockedHead(db: Kysely<Schema>, dialect: "sqlite" | "postgres"): Promise<HeadRow> {
  // SQLite's transaction has the whole database's write lock from its beginning.
  return db
    .selectFrom("audit_head")
    .selectAll()
    .where("id", "=", 1)
    .$if(dialect === "postgres", (query) => query.forUpdate())
    .executeTakeFirstOrThrow();
}

async function growTree(db: Kysely<Schema>, size: number, leaves: readonly Hash[]): Promise<void> {
  const edge = new Map<number, readonly Hash[]>();
  for (const { width, ...place } of edgeTiles(size)) {
    const hashes = await readTile(db, place);
    if (hashes.length !== width) throw new IhcError("corrupt", "the audit log's tiles do not fit its size");
    edge.set(place.level, hashes);
  }
  const tiles = growTiles(size, edge, leaves).map(({ level, number, hashes }) => ({
    level,
    number,
    hashes: encodeTile(hashes).toString("base64"),
  }));
  await db
    .insertInto("audit_tiles")
    .values(tiles)
    .onConflict((conflict) =>
      conflict.columns(["level", "number"]).doUpdateSet((row) => ({ hashes: row.ref("excluded.hashes") })),
    )
    .execute();
}

/** Makes the head of a new log; of an old one, checks that leaves, tiles, head and key belong together. */
async function checkHead({ db, dialect }: Database, key: LogKey): Promise<void> {
  const checkpoint = signCheckpoint({ origin: key.name, size: 0, root: emptyRoot() }, key);
  await db
    .insertInto("audit_head")
    .values({ id: 1, size: 0, verifier: key.verifier, checkpoint })
    .onConflict((conflict) => conflict.column("id").doNothing())
    .execute();
  await db.transaction().execute(async (executor) => {
    const head = await lockedHead(executor, dialect);
    if (head.verifier !== key.verifier) throw otherKey();
    const signed = openCheckpoint(head.checkpoint, key.verifier);
    const { last } = await executor
      .selectFrom("audit_leaves")
      .select((is) => is.fn.max("idx").as("last"))
      .executeTakeFirstOrThrow();
    const leaves = last === null ? 0 : Number(last) + 1;
    if (leaves !== head.size || signed.size !== head.size)
      throw new IhcError(
        "corrupt",
        `the audit log has ${leaves} entries and a checkpoint for ${signed.size}`,
        {
          hint: "run ihc audit verify, keep the database as it is",
        },
      );
    if (!(await treeHashes(executor).root(head.size)).equals(signed.root))
      throw new IhcError("corrupt", "the audit log does not fit its signed checkpoint", {
        hint: "run ihc audit verify, keep the database as it is",
      });
  });
}

function otherKey(): IhcError {
  return new IhcError("config", "the audit log was begun with another key", {
    hint: "copy log.key from the gateway that made the store",
  });
}
