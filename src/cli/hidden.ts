import { complete } from "./complete.ts";
import { emptyWord } from "./completion-scripts.ts";
import { makeContext } from "./context.ts";
import { cliDocument } from "./document.ts";
import { terminalIo } from "./io.ts";
import { tree } from "./tree/all.ts";

/** Commands for programs: `__complete` for shells, `__docs` for docs/cli.md. Neither shows in help. */
export async function runHidden(name: "__complete" | "__docs", argv: readonly string[]): Promise<number> {
  const io = terminalIo({ noInput: true });
  const program = tree(() => () => Promise.resolve());
  if (name === "__docs") {
    await io.write(cliDocument(program));
    return 0;
  }
  const words = argv.map((word) => (word === emptyWord ? "" : word));
  const chosen = {
    json: false,
    verbose: false,
    profile: after(words, "--profile"),
    gateway: after(words, "--gateway"),
  };
  const context = makeContext(io, chosen, AbortSignal.timeout(patience));
  try {
    const late = new Promise<readonly []>((resolve) => setTimeout(() => resolve([]), patience).unref());
    const found = await Promise.race([complete(program, words, context), late]);
    for (const { value, about } of found)
      io.print(`${value}\t${about.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, " ")}`);
    return 0;
  } catch {
    // A shell that completes has nowhere to show an error: offline or logged out means no proposals.
    return 1;
  } finally {
    await context.close();
  }
}

/** Milliseconds that somebody who pressed Tab is willing to wait. */
const patience = 3000;

function after(words: readonly string[], flag: string): string | undefined {
  const place = words.slice(0, -1).indexOf(flag);
  return place < 0 ? undefined : words[place + 1];
}
