import type { JournalEvent, Recorded } from "../../core/journal/event.ts";

/** What one event adds to the transcript. `part` groups what belongs to one operation, for --grep. */
export interface Line {
  readonly at: Date;
  readonly part: string;
  readonly tone: Tone;
  readonly text: string;
}

/**
 * `terminal` is a piece of what a terminal showed, without the line breaks that other lines end with; `size` is its new size,
 * such as `120x40`. Both come only where they were asked for.
 */
export type Tone = "prompt" | "data" | "note" | "bad" | "good" | "plain" | "terminal" | "size";

export type Told = readonly (readonly [tone: Tone, text: string])[];

/** How much is told. */
export interface Telling {
  /** Commands in containers as their terminals showed them, instead of as lines. */
  readonly terminal: boolean;
  /** What is left out or cut short for a reader otherwise. */
  readonly full: boolean;
}

/** Tells one event after the other of one session. */
export type Teller = (recorded: Recorded) => readonly { readonly part: string; readonly told: Told }[];

export type Of<T extends JournalEvent["type"]> = Extract<JournalEvent, { type: T }>;

export function partOf(event: JournalEvent): string {
  return "operation" in event && event.operation !== undefined ? event.operation : event.type;
}
