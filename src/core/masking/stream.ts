import { byteSet, digit, isIn } from "./bytes.ts";
import type { MaskPlan } from "./plan.ts";
import type { Masked } from "./rule.ts";
import type { Match } from "./scan.ts";
import { privateKeyTail } from "./tokens.ts";

/** Masks a byte stream that comes in pieces cut anywhere, such as a terminal's output. */
export interface StreamMask {
  push(chunk: Uint8Array): Masked<Uint8Array>;
  /**
   * What is held back, for a reader who waits for it, such as a prompt: a value that goes on after it is cut in two and may
   * pass. What may be the beginning of a private key stays held, and a key that is swallowed stays swallowed.
   */
  flush(): Masked<Uint8Array>;
  /** What was held back. */
  end(): Masked<Uint8Array>;
}

/** No match but a private key is longer: what lies further back than this is decided. */
const longestMatch = 20_000;
/** The longest END line of a private key, and more than the longest BEGIN line. */
const longestLine = 128;
/** What may stand inside of a match; a blank may after what `beforeBlank` holds. */
const inside = byteSet("-a-zA-Z0-9._%+~@/=:>\"'\\", true);
const beforeBlank = byteSet("0-9=:>\"'y");
const blank = 0x20;
const dashes = Buffer.from("-----");
const none = Buffer.alloc(0);

/**
 * Holds back the end of what came while it may be the beginning of a match: rarely more than a word, never more than
 * `longestMatch` bytes. A private key is replaced where it begins, and all up to its END line is swallowed. What comes
 * out does not depend on where the input was cut.
 */
export function maskStream(plan: MaskPlan): StreamMask {
  let held: Buffer = none;
  let swallowing = false;

  /** Drops the rest of a key; false while its END line has not come. */
  const swallow = (): boolean => {
    const tail = privateKeyTail(held, 0, held.length);
    held = held.subarray(tail ?? Math.max(0, held.length - longestLine));
    swallowing = tail === undefined;
    return !swallowing;
  };
  const release = (settled: (held: Buffer, found: readonly Match[]) => number): Buffer => {
    const out: Buffer[] = [];
    while (!swallowing || swallow()) {
      const found = plan.find(held, 0, held.length);
      const open = openKey(found.at(-1), held);
      swallowing = open !== undefined;
      const cut = swallowing ? held.length : settled(held, found);
      out.push(Buffer.from(plan.bytes(held.subarray(0, cut))));
      held = held.subarray(open === undefined ? cut : Math.max(open, cut - longestLine));
      if (!swallowing) break;
    }
    return Buffer.concat(out);
  };
  const sealed = (bytes: Uint8Array): Masked<Uint8Array> => bytes as Masked<Uint8Array>;
  if (!plan.hasDetectors) return { push: sealed, flush: () => sealed(none), end: () => sealed(none) };
  return {
    push: (chunk) => {
      held = Buffer.concat([held, chunk]);
      return sealed(release(decided));
    },
    flush: () => sealed(release(beforeKey)),
    end: () => sealed(release(all)),
  };
}

function all(held: Buffer): number {
  return held.length;
}

/** All but what may become the BEGIN line of a key. */
function beforeKey(held: Buffer): number {
  const at = held.lastIndexOf("-----");
  const rest = at < 0 ? "" : held.toString("latin1", at + dashes.length, at + longestLine);
  const begins = at >= 0 && (beginWord.startsWith(rest) || /^BEGIN [A-Z0-9 ]*-{0,4}$/.test(rest));
  return begins && rest !== "" ? at : held.length;
}

const beginWord = "BEGIN ";

/** Where the rest of a key begins whose END line has not come. */
function openKey(match: Match | undefined, held: Buffer): number | undefined {
  if (match?.name !== "private-key" || match.end < held.length) return undefined;
  const rest = match.start + dashes.length;
  return privateKeyTail(held, rest, held.length) === undefined ? rest : undefined;
}

/** How many of the held bytes no later byte can change. */
function decided(held: Buffer, found: readonly Match[]): number {
  const floor = Math.max(0, held.length - longestMatch);
  const cut = Math.max(floor, Math.min(lastBreak(held, floor), lineBegin(held)));
  const spanning = found.find((match) => match.start < cut && cut < match.end);
  if (spanning) return cut === floor && floor > 0 ? spanning.end : spanning.start;
  // A number that is cut would look like two.
  let start = cut;
  while (start > 0 && isIn(digit, held, start - 1) && isIn(digit, held, start)) start--;
  return start === 0 ? cut : start;
}

function lastBreak(held: Buffer, floor: number): number {
  let at = held.length;
  while (at > floor && isInside(held, at - 1)) at--;
  return at;
}

function isInside(held: Buffer, at: number): boolean {
  return isIn(inside, held, at) || (held[at] === blank && isIn(beforeBlank, held, at - 1));
}

/** Where a BEGIN line may have begun that has not ended. */
function lineBegin(held: Buffer): number {
  const at = held.lastIndexOf(dashes);
  return at < 0 || held.length - at > longestLine ? held.length : at;
}
