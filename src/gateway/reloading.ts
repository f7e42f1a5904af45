import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import { IhcError } from "../base/errors.ts";
import type { Protocol } from "../protocols/protocol.ts";
import type { Config } from "./config.ts";
import type { InForce } from "./in-force.ts";
import { errorFields, type Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import { type Loaded, loadSettled } from "./reload.ts";
import { inForceOf } from "./serve-targets.ts";
import type { Certificate } from "./server.ts";

export interface ReloadingParts {
  readonly configPath: string;
  readonly dev: boolean;
  readonly protocols: readonly Protocol<unknown>[];
  /** The configuration that the gateway was started with. */
  readonly started: Config;
  readonly maskKey: Uint8Array;
  readonly current: () => InForce;
  readonly log: Log;
  readonly metrics: Pick<Metrics, "reloaded">;
  /** Puts a checked version in force, whole, with its entry in the audit log; rejects when that cannot be written. */
  readonly apply: (next: Loaded, inForce: InForce, certificate: Certificate | undefined) => Promise<void>;
}

/**
 * Reads configuration and policy again and applies them whole or not at all: everything that can be wrong is found before
 * anything changes. Resolves with the reason when the new version is refused; never rejects.
 */
export function reloader(parts: ReloadingParts): () => Promise<IhcError | undefined> {
  const { started, log, metrics } = parts;
  return async () => {
    const problem = await reloaded(parts).catch((error: unknown) =>
      error instanceof IhcError ? error : new IhcError("internal", "the reload failed", { cause: error }),
    );
    if (problem instanceof IhcError)
      log.error({ err: errorFields(problem) }, "the new configuration was refused; the old one stays");
    else {
      const { config, policy } = problem;
      log.info(
        { policy: policy.version, targets: config.targets.length },
        "configuration and policy applied",
      );
      const keys = startKeys(started, config);
      if (keys.length > 0)
        log.warn({ keys }, "these settings have changed and count from the next start only");
    }
    metrics.reloaded(!(problem instanceof IhcError));
    return problem instanceof IhcError ? problem : undefined;
  };
}

async function reloaded(parts: ReloadingParts): Promise<Loaded> {
  const { configPath, started, protocols, dev, maskKey, current, apply } = parts;
  const next = await loadSettled(configPath, started.policy, protocols, dev);
  const certificate = await certificateOf(next.config);
  await apply(next, inForceOf(next.config, next.policy, protocols, maskKey, current()), certificate);
  return next;
}

/** Certificate and key that belong together; undefined without TLS. Throws IhcError `config`. */
export async function certificateOf({ tls }: Pick<Config, "tls">): Promise<Certificate | undefined> {
  if (!tls) return undefined;
  try {
    const [cert, key] = await Promise.all([readFile(tls.cert), readFile(tls.key)]);
    createSecureContext({ cert, key });
    return { cert, key };
  } catch (cause) {
    throw new IhcError("config", "the TLS certificate and key cannot be used", {
      hint: "tls.cert and tls.key are PEM files that belong together",
      cause,
    });
  }
}

const atStart: readonly (readonly [string, (config: Config) => unknown])[] = [
  ["listen", ({ listen }) => listen],
  ["public_url", ({ publicUrl }) => publicUrl],
  ["behind_proxy", ({ behindProxy }) => behindProxy],
  ["tls", ({ tls }) => tls],
  ["issuer", ({ issuer }) => issuer],
  ["store", ({ store }) => store],
  ["state", ({ state }) => state],
  ["policy", ({ policy }) => policy],
  ["recording", ({ recording }) => recording],
  ["audit", ({ audit }) => audit],
  ["limits", ({ limits }) => limits],
  ["log", ({ log }) => log],
];

/** Keys of ihc.yaml that differ and are read at the start only (of tls and policy: where to look for changes). */
export function startKeys(started: Config, now: Config): readonly string[] {
  return atStart
    .filter(([, read]) => JSON.stringify(read(started)) !== JSON.stringify(read(now)))
    .map(([name]) => name);
}
