import { IhcError } from "../../base/errors.ts";
import { type Checkpoint, openCheckpoint } from "./checkpoint.ts";
import { parseLeaf } from "./leaf.ts";
import { GrowingTree, type Hash, leafHash } from "./tree.ts";

/** The whole log as it can be carried away: its leaves in order and the signed head over them. */
export interface LogExport {
  readonly leaves: readonly string[];
  readonly checkpoint: string;
  /**
   * The leaves' hashes as the log's own tiles have them, 64 hexadecimal digits each. They prove nothing by themselves; when
   * they lead to the signed root and a leaf does not, they say which leaf was changed.
   */
  readonly hashes?: readonly string[];
}

interface LogProblem {
  readonly kind: "checkpoint" | "truncated" | "added" | "changed" | "moved" | "rollback" | "fork";
  /** The entry, where one can be named. */
  readonly index?: number;
  readonly message: string;
}

export interface LogVerdict {
  readonly size: number;
  readonly problems: readonly LogProblem[];
}

/**
 * Checks a log with nothing but its export and the verifier key: every leaf against the signed root, and against the
 * checkpoints that somebody saw before (another signature of the same log: an auditor's, the witness file's). Pure.
 */
export function verifyLog(log: LogExport, verifier: string, seen: readonly string[] = []): LogVerdict {
  const problems: LogProblem[] = [];
  const head = opened(log.checkpoint, verifier, problems);
  const earlier = seen.flatMap((note) => opened(note, verifier, problems, "a checkpoint seen before") ?? []);
  if (head) problems.push(...sizeProblems(head, log.leaves.length), ...rollbacks(head, earlier));
  problems.push(...leafProblems(log.leaves));
  if (head) problems.push(...rootProblems(log, head, earlier, problems.length > 0));
  return { size: log.leaves.length, problems };
}

/** What can be said of each leaf by itself: that it is one, and in its place. */
function leafProblems(leaves: readonly string[]): LogProblem[] {
  return leaves.flatMap((leaf, index): LogProblem[] => {
    try {
      const { index: own } = parseLeaf(leaf);
      if (own === index) return [];
      return [{ kind: "moved", index, message: `entry ${index} says that it is entry ${own}` }];
    } catch {
      return [{ kind: "changed", index, message: `entry ${index} is not an audit entry any more` }];
    }
  });
}

function sizeProblems(head: Checkpoint, leaves: number): LogProblem[] {
  if (leaves < head.size)
    return [
      {
        kind: "truncated",
        index: leaves,
        message: `the checkpoint vouches for ${head.size} entries, from entry ${leaves} on they are missing`,
      },
    ];
  if (leaves > head.size)
    return [
      {
        kind: "added",
        index: head.size,
        message: `the checkpoint vouches for ${head.size} entries, from entry ${head.size} on nobody signed`,
      },
    ];
  return [];
}

function rollbacks(head: Checkpoint, earlier: readonly Checkpoint[]): LogProblem[] {
  return earlier
    .filter(({ size }) => size > head.size)
    .map(({ size }) => ({
      kind: "rollback",
      index: head.size,
      message: `the log had ${size} entries before and now has ${head.size}`,
    }));
}

function rootProblems(
  log: LogExport,
  head: Checkpoint,
  earlier: readonly Checkpoint[],
  explained: boolean,
): LogProblem[] {
  const hashes = log.leaves.map(leafHash);
  const roots = rootsAt(hashes, new Set([head.size, ...earlier.map(({ size }) => size)]));
  const problems: LogProblem[] = [];
  const root = roots.get(head.size);
  if (root && !root.equals(head.root)) problems.push(...changed(log, hashes, head, explained));
  for (const { size, root: signed } of earlier) {
    const now = roots.get(size);
    if (now && !now.equals(signed))
      problems.push({
        kind: "fork",
        message: `the first ${size} entries are not those that were signed before`,
      });
  }
  return problems;
}

/** Names the changed leaves, if the tiles' hashes still lead to the signed root. */
function changed(
  log: LogExport,
  hashes: readonly Hash[],
  head: Checkpoint,
  explained: boolean,
): LogProblem[] {
  const told = (log.hashes ?? []).slice(0, head.size).map((hex) => Buffer.from(hex, "hex"));
  const trusted =
    rootsAt(told, new Set([head.size]))
      .get(head.size)
      ?.equals(head.root) ?? false;
  const named = trusted
    ? hashes.flatMap((hash, index) => (told[index]?.equals(hash) === false ? [index] : []))
    : [];
  if (named.length > 0)
    return named.map((index) => ({ kind: "changed", index, message: `entry ${index} was changed` }));
  if (explained) return [];
  return [{ kind: "changed", message: "an entry was changed: the entries do not lead to the signed root" }];
}

function rootsAt(hashes: readonly Hash[], sizes: ReadonlySet<number>): ReadonlyMap<number, Hash> {
  const tree = new GrowingTree();
  const roots = new Map<number, Hash>();
  if (sizes.has(0)) roots.set(0, tree.root());
  for (const hash of hashes) {
    tree.push(hash);
    if (sizes.has(tree.size)) roots.set(tree.size, tree.root());
  }
  return roots;
}

function opened(
  note: string,
  verifier: string,
  problems: LogProblem[],
  what = "the checkpoint",
): Checkpoint | undefined {
  try {
    return openCheckpoint(note, verifier);
  } catch (error) {
    if (!(error instanceof IhcError)) throw error;
    problems.push({ kind: "checkpoint", message: `${what} does not hold: ${error.message}` });
    return undefined;
  }
}
