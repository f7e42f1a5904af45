import { type FSWatcher, watch } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Digest } from "../base/bytes.ts";
import { IhcError } from "../base/errors.ts";
import type { Policy } from "../core/access/policy.ts";
import type { Protocol } from "../protocols/protocol.ts";
import { type Config, loadConfig } from "./config.ts";
import type { Log } from "./log.ts";
import { loadPolicies } from "./policy-files.ts";

export interface Loaded {
  readonly config: Config;
  readonly policy: Policy;
  /** sha256 of ihc.yaml as it was read. */
  readonly digest: Digest;
}

/** Reads configuration and policy and checks both. Throws IhcError `config` that names file and line of the first mistake. */
export async function load(
  path: string,
  protocols: readonly Protocol<unknown>[],
  dev: boolean,
): Promise<Loaded> {
  const { config, digest, issues } = await loadConfig(path, { protocols, dev });
  if (!config) throw invalid(issues);
  const compiled = await loadPolicies(
    config.policy,
    config.targets.map(({ target }) => target),
  );
  if (!compiled.policy) throw invalid(compiled.issues);
  return { config, policy: compiled.policy, digest };
}

/** How long files must have stayed the same before they are believed, and how often that is tried, milliseconds. */
const calm = 100;
const mostLooks = 50;

/**
 * As load, for a running gateway: somebody may be writing the files right now, and a file that is half written can be a
 * valid policy that allows nothing. So files are read between two looks that show them unchanged.
 */
export async function loadSettled(
  path: string,
  folder: string,
  protocols: readonly Protocol<unknown>[],
  dev: boolean,
): Promise<Loaded> {
  let seen = await look(path, folder);
  for (let looks = 0; looks < mostLooks; looks++) {
    await sleep(calm);
    const now = await look(path, folder);
    const same = now === seen;
    seen = now;
    if (!same) continue;
    const loaded = await settledResult(load(path, protocols, dev));
    if ((await look(path, folder)) !== seen) continue;
    if (loaded instanceof Error) throw loaded;
    return loaded;
  }
  throw new IhcError("config", "the files keep changing", { hint: "write them once, best by renaming" });
}

async function settledResult(loading: Promise<Loaded>): Promise<Loaded | Error> {
  try {
    return await loading;
  } catch (error) {
    return error instanceof Error ? error : new Error("the configuration cannot be read", { cause: error });
  }
}

/** Names, sizes and times of all files that count. */
async function look(path: string, folder: string): Promise<string> {
  const names = await readdir(folder).catch(() => []);
  const files = [path, folder, ...names.sort().map((name) => join(folder, name))];
  const stats = await Promise.all(files.map((file) => stat(file).catch(() => undefined)));
  return JSON.stringify(stats.map((s, at) => [files[at], s?.ino, s?.size, s?.mtimeMs]));
}

interface Mistake {
  readonly file: string;
  readonly line: number;
  readonly message: string;
  readonly hint: string;
}

function invalid(issues: readonly Mistake[]): IhcError {
  const [first] = issues;
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : "";
  return new IhcError(
    "config",
    first ? `${first.file}:${first.line}: ${first.message}${more}` : "the configuration is not valid",
    { hint: first?.hint ?? "see all mistakes: ihc gateway check" },
  );
}

/** Editors and deployments touch several files at once, milliseconds. */
const settle = 200;

/** Calls `changed` after one of the files, or anything in the policy folder, has changed. Returns the way to stop. */
export function watchFiles(
  files: readonly string[],
  folder: string,
  changed: () => void,
  log: Log,
): () => void {
  let timer: NodeJS.Timeout | undefined;
  const touched = (): void => {
    clearTimeout(timer);
    timer = setTimeout(changed, settle);
  };
  const byFolder = Map.groupBy(files, dirname);
  const watchers: FSWatcher[] = [];
  const add = (path: string, wanted: (name: string | null) => boolean): void => {
    try {
      const watcher = watch(path, { persistent: false }, (_event, name) => {
        if (wanted(name)) touched();
      });
      watcher.on("error", (error) =>
        log.warn({ err: error }, "a folder cannot be watched any more; use SIGHUP"),
      );
      watchers.push(watcher);
    } catch (error) {
      log.warn({ err: error }, "a folder cannot be watched; use SIGHUP");
    }
  };
  // A mounted secret or config map changes by a link called ..data.
  for (const [parent, own] of byFolder)
    add(parent, (name) => name === null || name === "..data" || own.some((file) => basename(file) === name));
  add(folder, () => true);
  return () => {
    clearTimeout(timer);
    for (const watcher of watchers) watcher.close();
  };
}
