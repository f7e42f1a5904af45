import { IhcError } from "../../base/errors.ts";
import { visible } from "../../base/text.ts";
import type { Recorded } from "../../core/journal/event.ts";
import type { Line } from "./line.ts";
import { story } from "./story.ts";

/** A command that ran in a container, by the number that the log has for it. */
export interface CommandReplay {
  readonly operation: string;
  readonly title: string;
  /** What its terminal showed, and how large it was. */
  readonly lines: readonly Line[];
}

/** Every command of the session that was let through. */
export function commandReplays(events: readonly Recorded[]): ReadonlyMap<number, CommandReplay> {
  const commands = events
    .flatMap(({ event }) => (event.type === "operation" ? [event] : []))
    .filter(({ kind }) => kind === "exec" || kind === "attach");
  const lines = story(events, { terminal: true, full: false });
  return new Map(
    commands.flatMap(({ operation, kind, attributes }, at) => {
      const shown = lines.filter(
        ({ part, tone }) => part === operation && (tone === "terminal" || tone === "size"),
      );
      const { namespace = "", name = "", command = "" } = attributes ?? {};
      const title = `${kind} ${at + 1}: ${namespace}/${name} ${command}`.trimEnd();
      return shown.length === 0 ? [] : [[at + 1, { operation, title: visible(title), lines: shown }]];
    }),
  );
}

/** The command of that number. Throws IhcError `not-found` with the numbers that there are. */
export function commandReplay(events: readonly Recorded[], number: string): CommandReplay {
  const all = commandReplays(events);
  const found = all.get(Number(number));
  if (found !== undefined) return found;
  throw new IhcError("not-found", `no command ${visible(number)} is on record`, {
    hint: all.size === 0 ? "nothing was run in a container" : `there is ${[...all.keys()].join(", ")}`,
  });
}
