import process from "node:process";
import { emitKeypressEvents } from "node:readline";
import { pause } from "../../agent/pause.ts";
import type { Io } from "../io.ts";
import type { Line } from "./line.ts";

export interface Pace {
  readonly speed: number;
  /** The longest wait between two lines, milliseconds at speed 1. */
  readonly idleLimit: number;
}

const jump = 10_000;

/** Plays lines in their own time. Blank pauses, arrows move by ten seconds, a dot steps, q ends. */
export async function play(lines: readonly Line[], io: Io, pace: Pace, signal: AbortSignal): Promise<void> {
  const times = schedule(lines, pace.idleLimit);
  const keys = listenForKeys(io.interactive);
  io.say(io.err.dim("  blank: pause   left, right: 10 s   . : one line   q: end"));
  let place: Place = { next: 0, now: 0, paused: false };
  try {
    while (place.next < lines.length && !signal.aborted) {
      const due = times[place.next] ?? 0;
      const key = await keys.within(place.paused ? forever : (due - place.now) / pace.speed, signal);
      if (key === "q") return;
      const moved = move(place, key, due, times);
      // Going back means telling the story up to there again.
      if (moved.next < place.next) io.print("\u001b[2J\u001b[H");
      const from = moved.next < place.next ? 0 : place.next;
      for (const line of lines.slice(from, moved.next)) await show(line, io);
      place = moved;
    }
  } finally {
    keys.stop();
  }
}

const forever = 3_600_000;

interface Place {
  /** Number of the line that comes next. */
  readonly next: number;
  /** Milliseconds from the start. */
  readonly now: number;
  readonly paused: boolean;
}

/** Where the story stands after a key, or after the wait for the next line when there was none. */
export function move(place: Place, key: string | undefined, due: number, times: readonly number[]): Place {
  const at = (now: number): Place => ({ ...place, now, next: countUntil(times, now) });
  switch (key) {
    case undefined:
      return place.paused ? place : at(due);
    case "space":
      return { ...place, paused: !place.paused };
    case "right":
      return at(place.now + jump);
    case "left":
      return at(Math.max(0, place.now - jump));
    case ".":
      return { ...place, now: Math.max(place.now, due), next: place.next + 1 };
    default:
      return place;
  }
}

function countUntil(times: readonly number[], now: number): number {
  const first = times.findIndex((time) => time > now);
  return first < 0 ? times.length : first;
}

/** When each line is due, in milliseconds from the start, with long silences cut. */
export function schedule(lines: readonly Line[], idleLimit: number): readonly number[] {
  let last = lines[0]?.at.getTime() ?? 0;
  let sum = 0;
  return lines.map(({ at }) => {
    sum += Math.min(idleLimit, Math.max(0, at.getTime() - last));
    last = Math.max(last, at.getTime());
    return sum;
  });
}

/** A piece of a terminal is drawn as it is: it holds nothing but what draws. */
async function show(line: Line, io: Io): Promise<void> {
  if (line.tone === "terminal") await io.write(line.text);
  else if (line.tone !== "size") io.print(colored(line, io));
}

export function colored({ tone, text }: Line, { out }: Io): string {
  switch (tone) {
    case "prompt":
      return out.bold(text);
    case "note":
      return out.dim(text);
    case "bad":
      return out.red(text);
    case "good":
      return out.green(text);
    case "data":
    case "plain":
    case "terminal":
    case "size":
      return text;
  }
}

interface Keys {
  /** The next key within that time, undefined when there was none. */
  within(ms: number, signal: AbortSignal): Promise<string | undefined>;
  stop(): void;
}

function listenForKeys(interactive: boolean): Keys {
  const { stdin } = process;
  const waiting: string[] = [];
  let wake: () => void = () => undefined;
  const hear = (text: string | undefined, key: { readonly name?: string; readonly ctrl?: boolean }): void => {
    waiting.push(key.ctrl === true && key.name === "c" ? "q" : (key.name ?? text ?? ""));
    wake();
  };
  if (interactive) {
    emitKeypressEvents(stdin);
    stdin.setRawMode(true);
    stdin.on("keypress", hear);
  }
  return {
    within: async (ms, signal) => {
      if (waiting.length === 0) {
        const woken = new AbortController();
        wake = () => woken.abort();
        await pause(Math.max(0, ms), AbortSignal.any([signal, woken.signal])).catch(() => undefined);
      }
      return waiting.shift();
    },
    stop: () => {
      if (!interactive) return;
      stdin.off("keypress", hear);
      stdin.setRawMode(false);
      stdin.pause();
    },
  };
}
