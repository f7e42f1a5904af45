import { readFile } from "node:fs/promises";
import type { Clock } from "../base/clock.ts";
import type { Config } from "./config.ts";
import { type Gatekeeper, gatekeeper } from "./gatekeeper.ts";
import { providerKeys } from "./identity/provider.ts";
import { identity } from "./identity/verify.ts";
import type { LiveSessions } from "./live-sessions.ts";
import type { Roster } from "./roster.ts";

/** The gatekeeper that ihc.yaml describes. */
export async function gatekeeperOf(
  config: Config,
  parts: {
    readonly publicUrl: URL;
    readonly hosts: ReadonlySet<string>;
    readonly clock: Clock;
    readonly live: LiveSessions;
    readonly roster: Roster;
  },
): Promise<Gatekeeper> {
  const { issuer } = config;
  const ca = issuer.ca === undefined ? undefined : await readFile(issuer.ca, "utf8");
  const rules = {
    issuer: issuer.url,
    audience: issuer.audience,
    clientId: issuer.clientId,
    groupsClaim: issuer.groupsClaim,
    groupsSource: issuer.groupsSource,
    dpop: issuer.dpop,
    algorithms: issuer.algorithms,
    requiredAmr: issuer.requiredAmr,
    ...(issuer.employeeClaim === undefined ? {} : { employeeClaim: issuer.employeeClaim }),
  };
  return gatekeeper({
    identity: identity(rules, parts.clock, providerKeys(issuer.url, ca)),
    screen: { hosts: parts.hosts, origin: config.publicUrl },
    publicUrl: parts.publicUrl,
    behindProxy: config.behindProxy,
    clock: parts.clock,
    perMinute: config.limits.requestsPerMinute,
    seen: (verified) => {
      parts.roster.seen(verified);
      parts.live.seen(verified);
    },
  });
}

/** Names under which we answer: the public one, and the address we listen on. */
export function hostsOf(config: Config, publicUrl: URL, port: number): readonly string[] {
  const { host } = config.listen;
  const own = host.includes(":") ? `[${host}]` : host;
  const loopback = ["localhost", "127.0.0.1", "[::1]"];
  const names = config.behindProxy ? [] : loopback.includes(own) ? loopback : [own];
  return [publicUrl.host, ...names.map((name) => `${name}:${port}`)].map((name) => name.toLowerCase());
}
