import { join } from "node:path";
import { z } from "zod";
import { IhcError } from "../base/errors.ts";
import type { Profile } from "./credentials.ts";
import { type AgentPaths, readPrivate, writePrivate } from "./paths.ts";

/** The gateways this person uses, and which one is meant when none is named. */
export interface Profiles {
  readonly default?: string;
  readonly all: readonly Profile[];
}

/** `profiles.json` in the configuration folder. Strict: a mistyped key is an error, not a default. */
const fileFormat = z.strictObject({
  version: z.literal(1),
  default: z.string().optional(),
  profiles: z.record(
    z.string().regex(/^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/),
    z.strictObject({ gateway: z.string(), ca: z.string().optional() }),
  ),
});

/** Reads the profiles; none when the file is missing. Throws IhcError `config` when it is malformed. */
export async function readProfiles(paths: AgentPaths): Promise<Profiles> {
  const file = profilesFile(paths);
  const bytes = await readPrivate(file);
  if (bytes === undefined) return { all: [] };
  const parsed = fileFormat.safeParse(parseJson(bytes.toString("utf8"), file));
  if (!parsed.success) throw malformed(file, z.prettifyError(parsed.error).replaceAll("\n", " "));
  const { profiles, default: chosen } = parsed.data;
  if (chosen !== undefined && !Object.hasOwn(profiles, chosen))
    throw malformed(file, "the default has no profile");
  const all = Object.entries(profiles).map(([name, entry]) => ({
    name,
    gateway: parseGateway(entry.gateway),
    ...(entry.ca === undefined ? {} : { ca: entry.ca }),
  }));
  return chosen === undefined ? { all } : { all, default: chosen };
}

/** Adds or replaces one profile and makes it the default when asked or when it is the first. */
export async function saveProfile(paths: AgentPaths, profile: Profile, makeDefault = false): Promise<void> {
  const known = await readProfiles(paths);
  const all = [...known.all.filter((other) => other.name !== profile.name), profile];
  const chosen = makeDefault ? profile.name : (known.default ?? profile.name);
  await write(paths, { all, default: chosen });
}

/** Forgets a profile; the default goes with it when it was this one. */
export async function removeProfile(paths: AgentPaths, name: string): Promise<void> {
  const known = await readProfiles(paths);
  const all = known.all.filter((profile) => profile.name !== name);
  const keep = known.default !== undefined && known.default !== name ? { default: known.default } : {};
  await write(paths, { all, ...keep });
}

/** The profile by name, the default, or the only one. Throws IhcError `login-needed` or `not-found`. */
export function chooseProfile(profiles: Profiles, name?: string): Profile {
  const wanted = name ?? profiles.default ?? (profiles.all.length === 1 ? profiles.all[0]?.name : undefined);
  if (wanted === undefined)
    throw new IhcError("login-needed", "no gateway is chosen", { hint: "run ihc login --gateway https://…" });
  const found = profiles.all.find((profile) => profile.name === wanted);
  if (found !== undefined) return found;
  const names = profiles.all.map((profile) => profile.name).join(", ");
  throw new IhcError("not-found", `there is no profile ${wanted}`, {
    hint: names === "" ? "run ihc login --gateway https://…" : `choose one of ${names}`,
  });
}

/**
 * Reads a gateway's address as a person types it. https, or http on the loopback interface only: anywhere else a plain
 * connection would show tokens to the network. Throws IhcError `usage`.
 */
export function parseGateway(text: string): URL {
  const url = URL.parse(text.includes("://") ? text : `https://${text}`);
  const hint = "write it like https://ihc.example.com";
  if (url === null) throw new IhcError("usage", "that is not a gateway address", { hint });
  if (
    url.username !== "" ||
    url.password !== "" ||
    url.search !== "" ||
    url.hash !== "" ||
    url.pathname !== "/"
  )
    throw new IhcError("usage", "a gateway address has a host and a port, nothing else", { hint });
  const secure = url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url));
  if (!secure) throw new IhcError("usage", "a gateway is reached by https", { hint });
  return url;
}

/** The name a profile gets when the person gives none: the host, and the port if it is unusual. */
export function profileNameFor(gateway: URL): string {
  const host = gateway.hostname.replace(/^\[|\]$/g, "").replace(/[^a-z0-9.-]+/g, "-");
  const name = gateway.port === "" ? host : `${host}-${gateway.port}`;
  return name.replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, "").slice(0, 64);
}

/** Whether the host is this machine by its literal address or the reserved name (RFC 6761). */
export function isLoopback(url: URL): boolean {
  return (
    url.hostname === "[::1]" || url.hostname === "localhost" || /^127(?:\.\d{1,3}){3}$/.test(url.hostname)
  );
}

async function write(paths: AgentPaths, profiles: Profiles): Promise<void> {
  const entries = profiles.all.map(({ name, gateway, ca }) => [
    name,
    ca === undefined ? { gateway: gateway.origin } : { gateway: gateway.origin, ca },
  ]);
  const content = fileFormat.safeParse({
    version: 1,
    ...(profiles.default === undefined ? {} : { default: profiles.default }),
    profiles: Object.fromEntries(entries),
  });
  if (!content.success)
    throw new IhcError("usage", "that is not a profile name", {
      hint: "use lower-case letters, digits, dots and dashes",
    });
  await writePrivate(profilesFile(paths), `${JSON.stringify(content.data, undefined, 2)}\n`);
}

function profilesFile(paths: AgentPaths): string {
  return join(paths.config, "profiles.json");
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw malformed(file, "it is not JSON", cause);
  }
}

function malformed(file: string, why: string, cause?: unknown): IhcError {
  return new IhcError("config", `cannot use ${file}: ${why}`, {
    hint: "mend it, or remove it and run ihc login again",
    cause,
  });
}
