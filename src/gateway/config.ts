import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { type Digest, sha256 } from "../base/bytes.ts";
import { configDocument } from "./config/document.ts";
import type { ConfigIssue, Problem } from "./config/issue.ts";
import { type Root, root } from "./config/schema.ts";
import {
  type ConfiguredTarget,
  type KnownProtocol,
  parseTargets,
  problemsOf,
  secretProblems,
} from "./config/targets.ts";
import { isLoopback, type Listen } from "./config/values.ts";

/** ihc.yaml, parsed. Paths are absolute, durations milliseconds, sizes bytes, secrets still references. */
export interface Config {
  readonly file: string;
  /** Where relative paths begin. */
  readonly folder: string;
  readonly dev: boolean;
  readonly listen: Listen;
  /** Origin under which clients reach the gateway. */
  readonly publicUrl: string;
  readonly behindProxy: boolean;
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly issuer: {
    readonly url: string;
    readonly clientId: string;
    readonly audience: string;
    readonly groupsClaim: string;
    readonly groupsSource: "access_token" | "id_token";
    readonly employeeClaim?: string;
    readonly requiredAmr: readonly string[];
    readonly scopes: readonly string[];
    readonly dpop: "required" | "optional";
    readonly algorithms: readonly string[];
    readonly ca?: string;
  };
  /** A folder, or the reference of a secret that holds a connection URL. */
  readonly store: { readonly sqlite: string } | { readonly postgres: string };
  readonly state: string;
  readonly policy: string;
  readonly targets: readonly ConfiguredTarget[];
  readonly oversight: {
    readonly auditors: readonly string[];
    readonly admins: readonly string[];
    readonly reciprocalApprovals: number;
  };
  readonly requests: {
    readonly ttl: number;
    readonly defaultDuration: number;
    readonly maxDuration: number;
    readonly maxPerDay: number;
    readonly sessionLength: number;
    readonly reviewAmr: readonly string[];
    readonly reviewAuthAge?: number;
  };
  readonly recording: {
    readonly freeSpaceFloor: number;
    readonly ageRecipients: readonly string[];
  };
  readonly audit: { readonly origin: string; readonly witness?: string };
  readonly limits: {
    readonly body: number;
    readonly requestsPerMinute: number;
    readonly sessionsPerPerson: number;
    readonly connectionsPerSession: number;
    readonly connections: number;
  };
  readonly log: { readonly level: "debug" | "info" | "warn" | "error" };
}

export type LoadedConfig =
  | {
      readonly config: Config;
      /** sha256 of the file's text. */
      readonly digest: Digest;
      readonly issues?: undefined;
    }
  | { readonly config?: undefined; readonly digest?: undefined; readonly issues: readonly ConfigIssue[] };

export interface LoadOptions {
  readonly protocols: readonly KnownProtocol[];
  /** Lets `plain:` secrets pass. */
  readonly dev?: boolean;
}

/** Reads and checks ihc.yaml; all mistakes are told at once, none repeats a value. Policies are policy-files' to read. */
export async function loadConfig(path: string, options: LoadOptions): Promise<LoadedConfig> {
  const file = resolve(path);
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch {
    const hint = "name another with --config, or write one: ihc gateway init";
    return { issues: [{ file: path, line: 1, path: "", message: "the file cannot be read", hint }] };
  }
  return parseConfig(file, text, options);
}

/** As loadConfig, for a text that is already there. `file` is absolute and gives relative paths their beginning. */
export function parseConfig(
  file: string,
  text: string,
  { protocols, dev = false }: LoadOptions,
): LoadedConfig {
  const document = configDocument(file, text);
  if (document.issues.length > 0) return { issues: document.issues };
  const parsed = root.safeParse(document.value);
  const { targets, problems } = parseTargets(rawTargets(document.value), {
    protocols,
    dev,
    folder: dirname(file),
  });
  const found: Problem[] = [...problems];
  if (parsed.success) found.push(...contradictions(parsed.data, dev));
  else found.push(...parsed.error.issues.flatMap((issue) => problemsOf(issue)));
  if (found.length > 0 || !parsed.success)
    return { issues: found.map(document.place).toSorted((a, b) => a.line - b.line) };
  return { config: configOf(parsed.data, targets, file, dev), digest: sha256(text) };
}

/** Targets that can be looked into even when something else in the file is wrong. */
function rawTargets(value: unknown): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
  const { targets } = isRecord(value) ? value : {};
  const entries = isRecord(targets) ? Object.entries(targets) : [];
  return Object.fromEntries(entries.flatMap(([name, one]) => (isRecord(one) ? [[name, one]] : [])));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What each key alone cannot show. */
function contradictions(data: Root, dev: boolean): readonly Problem[] {
  const problems: Problem[] = [];
  const { listen, tls, behind_proxy: behindProxy, public_url: publicUrl, store, requests } = data;
  const https = publicUrl?.startsWith("https:") === true;
  if (!tls && !isLoopback(listen.host) && !(behindProxy && https))
    problems.push({
      path: ["listen"],
      message: "a plain listener on an address that others can reach",
      hint: "set tls, or listen on 127.0.0.1, or set behind_proxy: true with an https public_url",
    });
  if (behindProxy && !https)
    problems.push({ path: ["behind_proxy"], message: "behind a proxy the https public_url must be given" });
  if (["0.0.0.0", "::"].includes(listen.host) && publicUrl === undefined)
    problems.push({
      path: ["public_url"],
      message: "public_url is missing",
      hint: "say under which address clients reach the gateway; their tokens are bound to it",
    });
  if (store.postgres !== undefined)
    problems.push(...secretProblems(store.postgres, ["store", "postgres"], dev));
  if (requests.default_duration > requests.max_duration)
    problems.push({ path: ["requests", "default_duration"], message: "longer than max_duration" });
  if (requests.max_duration > requests.max_per_day)
    problems.push({ path: ["requests", "max_duration"], message: "longer than max_per_day" });
  return problems;
}

function configOf(data: Root, targets: readonly ConfiguredTarget[], file: string, dev: boolean): Config {
  const folder = dirname(file);
  const absolute = (path: string): string => resolve(folder, path);
  const { issuer, store, tls, audit, recording, requests, limits } = data;
  const publicUrl = data.public_url ?? originOf(data.listen, tls !== undefined);
  const sqlite = absolute(store.sqlite ?? "./state");
  return {
    file,
    folder,
    dev,
    listen: data.listen,
    publicUrl,
    behindProxy: data.behind_proxy,
    ...(tls ? { tls: { cert: absolute(tls.cert), key: absolute(tls.key) } } : {}),
    issuer: {
      url: issuer.url,
      clientId: issuer.client_id,
      audience: issuer.audience,
      groupsClaim: issuer.groups_claim,
      groupsSource: issuer.groups_source,
      ...(issuer.employee_claim === undefined ? {} : { employeeClaim: issuer.employee_claim }),
      requiredAmr: issuer.required_amr,
      scopes: issuer.scopes,
      dpop: issuer.dpop,
      algorithms: issuer.algorithms,
      ...(issuer.ca === undefined ? {} : { ca: absolute(issuer.ca) }),
    },
    store: store.postgres === undefined ? { sqlite } : { postgres: store.postgres },
    state: data.state === undefined ? sqlite : absolute(data.state),
    policy: absolute(data.policy),
    targets,
    oversight: {
      auditors: data.oversight.auditors,
      admins: data.oversight.admins,
      reciprocalApprovals: data.oversight.reciprocal_approvals,
    },
    requests: {
      ttl: requests.ttl,
      defaultDuration: requests.default_duration,
      maxDuration: requests.max_duration,
      maxPerDay: requests.max_per_day,
      sessionLength: requests.session_length,
      reviewAmr: requests.review_amr,
      ...(requests.review_auth_age === undefined ? {} : { reviewAuthAge: requests.review_auth_age }),
    },
    recording: {
      freeSpaceFloor: recording.free_space_floor,
      ageRecipients: recording.age_recipients,
    },
    audit: {
      origin: audit.origin ?? new URL(publicUrl).host,
      ...(audit.witness === undefined ? {} : { witness: absolute(audit.witness) }),
    },
    limits: {
      body: limits.body,
      requestsPerMinute: limits.requests_per_minute,
      sessionsPerPerson: limits.sessions_per_person,
      connectionsPerSession: limits.connections_per_session,
      connections: limits.connections,
    },
    log: data.log,
  };
}

function originOf({ host, port }: Listen, tls: boolean): string {
  const name = host.includes(":") ? `[${host}]` : host;
  return new URL(`${tls ? "https" : "http"}://${name}:${port}`).origin;
}
