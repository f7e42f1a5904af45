import type { Environment } from "../agent/paths.ts";
import { IhcError } from "../base/errors.ts";
import type { Stage } from "./stage.ts";
import { type Play, steps } from "./steps.ts";

/** Plays every step in order. Throws IhcError `unavailable` with the name of the first that does not go as told. */
export async function playStory(
  stage: Stage,
  environment: Environment,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const play: Play = {
    stage,
    searchPath: environment["PATH"] ?? "/usr/bin:/bin",
    show: (person, typed, output) => show(say, person, typed, output),
    ends: [],
    found: {},
  };
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(new IhcError("canceled", "interrupted")), { once: true });
  });
  aborted.catch(() => undefined); // Only raced; without a race left nobody needs to hear of it.
  try {
    for (const step of steps) {
      say("");
      say(`# ${step.title}`);
      await Promise.race([step.act(play), aborted]).catch((cause: unknown) => {
        throw failed(step.title, cause);
      });
    }
  } finally {
    for (const end of play.ends.toReversed()) await end();
  }
}

function failed(title: string, cause: unknown): IhcError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new IhcError("unavailable", `the step "${title}" did not go as told: ${why}`, { cause });
}

function show(say: (line: string) => void, person: string, typed: string, output: string): void {
  say(`${person}$ ${typed}`);
  for (const line of output.trimEnd().split("\n")) if (line !== "") say(`  ${line}`);
}
