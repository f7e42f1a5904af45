import type { AuditEntry } from "../core/audit/entry.ts";
import type { Loaded } from "./reload.ts";
import { gatewayVersion } from "./version.ts";

/**
 * The entry that says which program, configuration and policy decide from now on. Whoever replaces one of them leaves such
 * an entry, or files that are not those that the log names.
 */
export function inForceEntry(
  kind: "gateway.started" | "gateway.reloaded",
  { config, policy, digest }: Loaded,
  at: Date,
): AuditEntry {
  const detail = { version: gatewayVersion(), policy: policy.version, config: digest, dev: config.dev };
  return { kind, at, actor: "gateway", detail };
}
