import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { IhcError } from "../../base/errors.ts";
import { starterFiles } from "../../gateway/starter.ts";
import type { Context } from "../context.ts";
import type { Invocation } from "../options.ts";

/** Writes what does not exist yet; a file that somebody has is never replaced. */
export async function run(context: Context, typed: Invocation): Promise<undefined> {
  const folder = typed.args[0] ?? ".";
  const written: string[] = [];
  for (const [name, text] of Object.entries(starterFiles)) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text, { flag: "wx", mode: 0o600 }).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== "EEXIST") throw cause;
      throw new IhcError("conflict", `${path} exists already`, {
        hint: "name an empty folder: ihc gateway init ./gateway",
        cause,
      });
    });
    written.push(path);
  }
  if (context.json) context.io.json({ v: 1, files: written });
  for (const path of written) context.io.say(`${context.io.err.green("✓")} ${path}`);
  context.io.say(`  edit them, then: ihc gateway check --config ${join(folder, "ihc.yaml")}`);
  return undefined;
}
