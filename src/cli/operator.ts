import { dirname } from "node:path";
import { IhcError } from "../base/errors.ts";
import type { Policy } from "../core/access/policy.ts";
import { cancelRegistry } from "../gateway/cancels.ts";
import type { ConfiguredTarget } from "../gateway/config/targets.ts";
import { type Config, loadConfig } from "../gateway/config.ts";
import { createParser } from "../gateway/parser.ts";
import { loadPolicies } from "../gateway/policy-files.ts";
import { resolveSecret } from "../gateway/secrets.ts";
import { newSessionSecret } from "../gateway/session-secret.ts";
import { protocols } from "../protocols/index.ts";
import type { Protocol, Upstream } from "../protocols/protocol.ts";
import type { Invocation } from "./options.ts";

/** One mistake in the gateway's files, for an editor to jump to. */
export interface Mistake {
  readonly file: string;
  readonly line: number;
  readonly message: string;
  readonly hint: string;
}

/** What a gateway would start with: whole, or every mistake that keeps it from starting. */
export interface Files {
  readonly config?: Config;
  readonly policy?: Policy;
  readonly mistakes: readonly Mistake[];
}

const known: readonly Protocol<unknown>[] = Object.values<Protocol<unknown>>(protocols);

/** Reads configuration and policy of the gateway on this host, named by --config. */
export async function readFiles(typed: Invocation): Promise<Files> {
  const { config, issues } = await loadConfig(configPath(typed), {
    protocols: known,
    dev: typed.flag("dev"),
  });
  if (config === undefined) return { mistakes: issues };
  const compiled = await loadPolicies(
    config.policy,
    config.targets.map(({ target }) => target),
  );
  return compiled.policy === undefined
    ? { config, mistakes: compiled.issues }
    : { config, policy: compiled.policy, mistakes: [] };
}

/** As readFiles, for commands that need both. Throws IhcError `config` with the first mistake. */
export async function validFiles(
  typed: Invocation,
): Promise<{ readonly config: Config; readonly policy: Policy }> {
  const { config, policy, mistakes } = await readFiles(typed);
  if (config !== undefined && policy !== undefined) return { config, policy };
  const [first] = mistakes;
  throw new IhcError(
    "config",
    first === undefined ? "the configuration is not valid" : `${first.file}:${first.line}: ${first.message}`,
    {
      hint: first?.hint ?? "see all mistakes: ihc gateway check",
    },
  );
}

export function configPath(typed: Invocation): string {
  return typed.text("config") ?? "ihc.yaml";
}

export function configuredTarget(config: Config, name: string): ConfiguredTarget {
  const found = config.targets.find(({ target }) => target.name === name);
  if (found !== undefined) return found;
  throw new IhcError("not-found", `there is no target ${name} in ${config.file}`, {
    hint: `it has ${config.targets.map(({ target }) => target.name).join(", ") || "none"}`,
  });
}

/** Lets a protocol look at its target the way the gateway would connect. */
export async function withUpstream<T>(
  config: Config,
  { target, settings }: ConfiguredTarget,
  work: (protocol: Protocol<unknown>, upstream: Upstream<unknown>) => Promise<T>,
): Promise<T> {
  const protocol = known.find(({ name }) => name === target.protocol);
  if (protocol === undefined) throw new IhcError("config", `nobody speaks ${target.protocol}`);
  const parser = createParser();
  try {
    return await work(protocol, {
      target,
      settings,
      secret: (reference) => resolveSecret(reference, { folder: dirname(config.file), dev: config.dev }),
      login: (await newSessionSecret("ihc")).login,
      parser,
      shared: new Map(),
      log: () => undefined,
      cancels: cancelRegistry(),
    });
  } finally {
    await parser.close();
  }
}
