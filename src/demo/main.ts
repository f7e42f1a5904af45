import type { Environment } from "../agent/paths.ts";
import { IhcError } from "../base/errors.ts";
import { people } from "./people.ts";
import { type Stage, setStage } from "./stage.ts";
import { playStory } from "./story.ts";

export interface DemoOptions {
  readonly environment: Environment;
  /** One line for the person who watches. */
  readonly say: (line: string) => void;
  /** Aborts on Ctrl-C, SIGTERM and SIGHUP; everything is stopped and removed then. */
  readonly signal: AbortSignal;
}

/**
 * `ihc demo`: starts provider, PostgreSQL and gateway, says what to try as whom, and waits. Leaves nothing behind, whether it
 * ends by Ctrl-C, by a signal or because a part has failed (IhcError `unavailable` then).
 */
export async function runDemo({ environment, say, signal }: DemoOptions): Promise<void> {
  say("ihc demo: a shop with stuck orders");
  const stage = await setStage(environment, say, signal);
  try {
    for (const line of whatToTry(stage)) say(line);
    const over = AbortSignal.any([signal, stage.broken]);
    if (!over.aborted)
      await new Promise((resolve) => over.addEventListener("abort", resolve, { once: true }));
    if (!signal.aborted) throw stage.broken.reason;
  } finally {
    say("  stopping; removing the demo's files");
    await stage.stop();
  }
}

/**
 * `ihc demo --script`: plays the story by itself with the real CLI and a real PostgreSQL client and prints the transcript.
 * Throws IhcError `unavailable` that names the step which did not go as told; `canceled` when interrupted.
 */
export async function runScript({ environment, say, signal }: DemoOptions): Promise<void> {
  say("ihc demo: the story, played by the real commands");
  const stage = await setStage(environment, say, signal);
  try {
    await playStory(stage, environment, say, AbortSignal.any([signal, stage.broken]));
  } catch (error) {
    if (signal.aborted) throw new IhcError("canceled", "the demo was interrupted");
    throw stage.broken.aborted ? stage.broken.reason : error;
  } finally {
    await stage.stop();
  }
  say("");
  say("Every step went as told. To play it by hand: npx ihc demo");
}

function whatToTry({ home, gateway, issuer }: Stage): readonly string[] {
  const as = (person: string, command: string) => `    ${home.script(person)} ${command}`;
  const login = `ihc login --gateway ${gateway} --insecure-storage`;
  return [
    "",
    `  gateway ${gateway}   identity provider ${issuer}`,
    ...people.map(({ id, title, groups }) => `  ${id.padEnd(4)} ${title} (${groups.join(", ")})`),
    "",
    "  Each person is a script that runs a command in a home of their own; without a command it opens a shell.",
    "  Log all three in (the page asks who you are, not for a password):",
    ...people.map(({ id }) => as(id, login)),
    "",
    "  Ana asks for access and keeps this terminal open:",
    as("ana", 'ihc connect prod-db --reason "INC-4021 orders stuck" --for 1h'),
    "  Lee looks at it and approves, in a second terminal:",
    as("lee", "ihc requests --to-review"),
    as("lee", "ihc approve req_…"),
    "  Ana works, in a third:",
    as("ana", `ihc connect prod-db -- psql -c 'select id, email, total from customers where id = 7'`),
    as(
      "ana",
      `ihc connect prod-db -- psql -c "update orders set status = 'retry' where id = 4711"    # waits for lee`,
    ),
    as(
      "ana",
      "ihc connect prod-db -- psql -c 'delete from orders'                                  # denied",
    ),
    "  Sam reads what happened, and checks that nobody has changed it:",
    as("sam", "ihc sessions"),
    as("sam", "ihc replay ses_…"),
    as("sam", "ihc audit verify"),
    "",
    "  Ctrl-C ends the demo and removes everything.",
  ];
}
