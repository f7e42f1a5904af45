import { type Dirent, readFileSync, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { IhcError } from "../base/errors.ts";
import type { PolicyFile } from "../core/access/cedar/issue.ts";
import { type Compiled, compilePolicy } from "../core/access/cedar.ts";
import type { Target } from "../core/access/target.ts";
import { createParser } from "./parser.ts";
import type { PolicyWork } from "./policy-worker.ts";

const mostFiles = 200;
const largest = 512 * 1024;

/**
 * Reads and compiles every `*.cedar` in the folder, in order of name: first in a worker with the stack of a main thread,
 * then here. A folder without policies makes a policy that allows nothing; one that cannot be read is an issue.
 */
export async function loadPolicies(folder: string, targets: readonly Target[]): Promise<Compiled> {
  try {
    const files = await policyFiles(folder);
    const issues = await checkedElsewhere(files, targets);
    return issues.length > 0 ? { issues } : compilePolicy(files, targets);
  } catch (error) {
    if (!(error instanceof IhcError)) throw error;
    return {
      issues: [{ file: folder, line: 1, message: error.message, hint: error.hint ?? "see docs/policy.md" }],
    };
  }
}

const issues = z.array(z.object({ file: z.string(), line: z.int(), message: z.string(), hint: z.string() }));
const worker = new URL(
  import.meta.url.endsWith(".ts") ? "./policy-worker.ts" : "./policy-worker.js",
  import.meta.url,
);

async function checkedElsewhere(files: readonly PolicyFile[], targets: readonly Target[]) {
  const parser = createParser({ stackSizeMb: 1 });
  try {
    return issues.parse(await parser.call(worker, { files, targets } satisfies PolicyWork));
  } catch (cause) {
    throw new IhcError("invalid", "the policies could not be read safely", {
      hint: "write deep or long conditions as several smaller policies",
      cause,
    });
  } finally {
    await parser.close();
  }
}

async function policyFiles(folder: string): Promise<readonly PolicyFile[]> {
  const entries = await listed(folder);
  const names = entries
    .filter((entry) => entry.name.endsWith(".cedar") && !entry.name.startsWith("."))
    .map((entry) => entry.name)
    .toSorted();
  if (names.length > mostFiles) throw new IhcError("invalid", `more than ${mostFiles} policy files`);
  return names.map((name) => ({ file: name, text: textOf(join(folder, name), name) }));
}

async function listed(folder: string): Promise<readonly Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (cause) {
    throw new IhcError("invalid", "the policy folder cannot be read", {
      hint: "set policy in ihc.yaml to a folder with *.cedar files",
      cause,
    });
  }
}

function textOf(path: string, name: string): string {
  try {
    const stat = statSync(path);
    if (!stat.isFile()) throw new IhcError("invalid", `${name} is not a file`);
    if (stat.size > largest) throw new IhcError("invalid", `${name} is larger than 512 KiB`);
    return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path));
  } catch (cause) {
    if (cause instanceof IhcError) throw cause;
    throw new IhcError("invalid", `${name} cannot be read as UTF-8 text`, { cause });
  }
}
