import { randomBytes } from "node:crypto";
import {
  type FileHandle,
  mkdir,
  open,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { type Document, isMap, isSeq, parseDocument, type YAMLMap, YAMLSeq } from "yaml";
import { IhcError } from "../base/errors.ts";
import { contextPart, type Entry, kubeconfig } from "../protocols/kubernetes/client.ts";
import type { Environment } from "./paths.ts";
import { pause } from "./pause.ts";

/** Which file is the person's own, as kubectl finds it: the first of KUBECONFIG that exists, else its last, else ~/.kube/config. */
export async function ownKubeconfig(env: Environment, home: string): Promise<string> {
  const named = (env["KUBECONFIG"] ?? "").split(delimiter).filter((path) => path !== "");
  for (const path of named) if (await exists(path)) return path;
  return named.at(-1) ?? join(home, ".kube", "config");
}

/**
 * Adds the entry to a kubeconfig, or replaces the one that we put there before. Everything else stays as it is, comments
 * too; the current context changes only with `use`. Throws IhcError `conflict` for an entry of that name that is not ours.
 */
export async function mergeKubeconfig(path: string, entry: Entry, use: boolean): Promise<void> {
  // Followed, because dotfiles are often links into a repository.
  const file = await realpath(path).catch(() => path);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const release = await lock(`${file}.lock`);
  try {
    const text = await readFile(file, "utf8").catch(absent);
    await replace(
      file,
      text === undefined || text.trim() === "" ? fresh(entry, use) : merged(text, file, entry, use),
    );
  } finally {
    await release();
  }
}

function fresh(entry: Entry, use: boolean): string {
  const text = kubeconfig(entry);
  if (use) return text;
  const document = parseDocument(text);
  document.set("current-context", "");
  return document.toString();
}

function merged(text: string, file: string, entry: Entry, use: boolean): string {
  const document = parseDocument(text);
  if (document.errors.length > 0 || !isMap(document.contents))
    throw new IhcError("config", `${file} is no kubeconfig`, { hint: "mend it first; nothing was changed" });
  const { name, cluster, user } = entry;
  const users = list(document, "users", file);
  const known = find(users, name);
  if (known !== undefined && !JSON.stringify(known.toJSON()).includes('"k8s-credential"'))
    throw new IhcError("conflict", `${file} has a user ${name} that is not ours`, {
      hint: "rename it first",
    });
  put(document, users, name, { name, user });
  put(document, list(document, "clusters", file), name, { name, cluster });
  put(document, list(document, "contexts", file), name, { name, context: contextPart(entry) });
  if (use) document.set("current-context", name);
  return document.toString();
}

function list(document: Document, key: string, file: string): YAMLSeq {
  const found = document.get(key);
  if (isSeq(found)) return found;
  if (found !== undefined && found !== null)
    throw new IhcError("config", `${file}: ${key} is no list`, {
      hint: "mend it first; nothing was changed",
    });
  const made = new YAMLSeq();
  document.set(key, made);
  return made;
}

function find(items: YAMLSeq, name: string): YAMLMap | undefined {
  return items.items.filter(isMap).find((item) => item.get("name") === name);
}

function put(document: Document, items: YAMLSeq, name: string, value: object): void {
  const known = find(items, name);
  const node = document.createNode(value);
  if (known === undefined) items.add(node);
  else items.items[items.items.indexOf(known)] = node;
}

/** kubectl's own lock: a file of that name, made by whoever writes. */
async function lock(path: string): Promise<() => Promise<void>> {
  for (let tries = 0; tries < 50; tries += 1) {
    const file = await open(path, "wx", 0o600).catch(taken);
    if (file !== undefined) {
      await file.close();
      return () => rm(path, { force: true });
    }
    await pause(100, AbortSignal.timeout(5000));
  }
  throw new IhcError("conflict", `${path} is there: another program changes the file`, {
    hint: "remove it if none does",
  });
}

async function replace(file: string, text: string): Promise<void> {
  const mode = (await stat(file).catch(() => undefined))?.mode ?? 0o600;
  const draft = `${file}.${randomBytes(6).toString("hex")}`;
  try {
    await writeFile(draft, text, { flag: "wx", mode: mode & 0o777 });
    await rename(draft, file);
  } catch (cause) {
    await rm(draft, { force: true });
    throw new IhcError("storage", `cannot write ${file}`, { cause });
  }
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code === "ENOENT") return undefined;
  throw new IhcError("storage", "cannot read the kubeconfig", { cause: error });
}

function taken(error: NodeJS.ErrnoException): FileHandle | undefined {
  if (error.code === "EEXIST") return undefined;
  throw new IhcError("storage", "cannot lock the kubeconfig", { cause: error });
}
