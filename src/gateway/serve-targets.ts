import { sha256 } from "../base/bytes.ts";
import type { Policy } from "../core/access/policy.ts";
import { compileMasks } from "../core/masking/compile.ts";
import type { Protocol } from "../protocols/protocol.ts";
import type { Config } from "./config.ts";
import type { InForce, ServedTarget } from "./in-force.ts";

/** Puts a valid configuration into the form that is served. Targets whose settings stay keep their shared state. */
export function inForceOf(
  config: Config,
  policy: Policy,
  protocols: readonly Protocol<unknown>[],
  maskKey: Uint8Array,
  before?: InForce,
): InForce {
  const targets = config.targets.flatMap((configured): [string, ServedTarget][] => {
    const { target, settings, masking, recording } = configured;
    const protocol = protocols.find(({ name }) => name === target.protocol);
    if (!protocol) return [];
    const fingerprint = sha256(JSON.stringify([target.protocol, settings, masking, recording]));
    const old = before?.targets.get(target.name);
    const kept = old?.fingerprint === fingerprint ? old : undefined;
    const served: ServedTarget = {
      target,
      protocol,
      settings,
      masking,
      masks: kept?.masks ?? compileMasks(masking, maskKey),
      recording,
      client: protocol.publicSettings(settings),
      shared: kept?.shared ?? new Map(),
      fingerprint,
    };
    return [[target.name, served]];
  });
  const { requests, oversight } = config;
  return {
    policy,
    targets: new Map(targets),
    oversight,
    reviewAmr: requests.reviewAmr,
    ...(requests.reviewAuthAge === undefined ? {} : { reviewAuthAge: requests.reviewAuthAge }),
    requestTtl: requests.ttl,
    defaultDuration: requests.defaultDuration,
    maxDuration: requests.maxDuration,
    maxPerDay: requests.maxPerDay,
    sessionLength: requests.sessionLength,
  };
}
