import { join } from "node:path";
import { IhcError } from "../base/errors.ts";
import type { TargetView } from "../core/api/schema.ts";
import type { ClientHelp, LocalAddress, PublicSettings } from "../protocols/protocol.ts";
import { privateFolder, writePrivate } from "./paths.ts";

export interface ReadyHelp {
  readonly lines: readonly string[];
  /** Names of files have become absolute paths. */
  readonly environment: Readonly<Record<string, string>>;
  readonly dsn: string;
  /** The entry that a PostgreSQL service file needs, by the protocol's own words. */
  readonly service?: { readonly name: string; readonly lines: readonly string[] };
}

type Help = (local: LocalAddress, target: TargetView, settings: PublicSettings) => ClientHelp;

/** Only the part of a protocol that tells local tools how to connect; its parser and codec stay unloaded. */
const protocols: Readonly<Record<string, () => Promise<Help>>> = {
  postgres: async () => (await import("../protocols/postgres/client.ts")).clientHelp,
  kubernetes: async () => (await import("../protocols/kubernetes/client.ts")).clientHelp,
};

/** Where the files of a session go: what ends with it, and what lasts. */
export interface ClientFolders {
  readonly session: string;
  readonly lasting: string;
}

/** Writes the files that local tools need (0600, may hold the session secret) and says how to use them. */
export async function prepareClient(
  folders: ClientFolders,
  local: LocalAddress,
  target: TargetView,
  settings: PublicSettings,
  secret: string,
): Promise<ReadyHelp> {
  const load = Object.hasOwn(protocols, target.protocol) ? protocols[target.protocol] : undefined;
  if (load === undefined)
    throw new IhcError("unavailable", `this ihc does not speak ${target.protocol}`, { hint: "update ihc" });
  const help = (await load())(local, target, settings);
  const paths = new Map<string, string>();
  await privateFolder(folders.session);
  for (const file of help.files) {
    if (!/^[A-Za-z0-9._-]{1,64}$/.test(file.name) || file.name.startsWith("."))
      throw new IhcError("internal", "a file name of the client help is not plain");
    const path = join(file.lasting ? folders.lasting : folders.session, file.name);
    await writePrivate(path, file.content(file.lasting ? "" : secret));
    paths.set(file.name, path);
  }
  const environment = Object.fromEntries(
    Object.entries(help.environment).map(([name, value]) => [name, paths.get(value) ?? value]),
  );
  const service = serviceOf(help, folders.session);
  const lines = help.lines.map((line) =>
    line.replace(/<([\w.-]+)>/g, (all, name: string) => paths.get(name) ?? all),
  );
  return { lines, dsn: help.dsn, environment, ...(service === undefined ? {} : { service }) };
}

/** Read back from the protocol's own service file; the passfile is added because other terminals have no PGPASSFILE. */
function serviceOf(help: ClientHelp, folder: string): ReadyHelp["service"] {
  const file = help.files.find(({ name }) => name === help.environment["PGSERVICEFILE"]);
  const [head = "", ...lines] = file?.content("").trimEnd().split("\n") ?? [];
  const name = /^\[([\w.-]+)\]$/.exec(head)?.[1];
  const passfile = help.environment["PGPASSFILE"];
  if (name === undefined || passfile === undefined) return undefined;
  return { name, lines: [...lines, `passfile=${join(folder, passfile)}`] };
}

/**
 * The environment of a child: ours, without variables that would send its client somewhere else or give it another
 * password, and with those of the session.
 */
export function childEnvironment(
  own: Readonly<Record<string, string>>,
  protocol: string,
  session: Readonly<Record<string, string>>,
): Record<string, string> {
  const kept = Object.entries(own).filter(([name]) => !steering[protocol]?.(name));
  return { ...Object.fromEntries(kept), ...session };
}

/** libpq reads some forty PG* variables; these cannot change where a client connects or as whom. */
const harmless: ReadonlySet<string> = new Set([
  "PGAPPNAME",
  "PGCONNECT_TIMEOUT",
  "PGDATESTYLE",
  "PGTZ",
  "PGCLIENTENCODING",
]);

/** By protocol: whether a variable would send its client elsewhere. */
const steering: Readonly<Record<string, ((name: string) => boolean) | undefined>> = {
  postgres: steers,
  kubernetes: (name) => name === "KUBERNETES_MASTER" || name === "KUBECONFIG",
};

function steers(name: string): boolean {
  return name.startsWith("PG") && !harmless.has(name);
}
