import { IhcError } from "../../base/errors.ts";
import { completionScript, shells } from "../completion-scripts.ts";
import type { Context } from "../context.ts";
import type { Invocation } from "../options.ts";

export async function run(context: Context, typed: Invocation): Promise<undefined> {
  const shell = shells.find((name) => name === typed.argument(0));
  if (shell === undefined)
    throw new IhcError("usage", "there is no completion for that shell", {
      hint: `one of: ${shells.join(", ")}`,
    });
  await context.io.write(completionScript(shell));
  return undefined;
}
