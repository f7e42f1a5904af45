import type { IncomingMessage } from "node:http";
import { IhcError } from "../base/errors.ts";

export interface ScreenRules {
  /** `host:port` values under which the gateway answers, lower case. */
  readonly hosts: ReadonlySet<string>;
  /** The only origin a browser may come from. */
  readonly origin: string;
}

const single = new Set([
  "authorization",
  "dpop",
  "ihc-id-token",
  "host",
  "content-type",
  "content-length",
  "transfer-encoding",
  "if-match",
  "origin",
  "upgrade",
  "sec-websocket-key",
]);

const credentialName =
  /token|jwt|secret|passw|authorization|assertion|api[-_]?key|ticket|credential|^auth$|^code$|^dpop$/i;
const longestUrl = 2048;
/** Probes come from load balancers that know addresses only. */
const probes = new Set(["/healthz", "/readyz"]);

/**
 * Looks at a request before anything else does, upgrades included. Throws IhcError for what no client of ours sends:
 * repeated headers, another host or origin, credentials in the URL, identity headers, odd paths.
 */
export function screen(request: IncomingMessage, rules: ScreenRules): void {
  checkRepeats(request.rawHeaders);
  const url = request.url ?? "";
  const [path = "", query = ""] = url.split("?", 2);
  if (url.length > longestUrl) throw new IhcError("too-large", "the URL is too long");
  if (!/^\/[A-Za-z0-9_./-]*$/.test(path) || path.split("/").some((part) => part === "." || part === ".."))
    throw new IhcError("not-found", "no such resource");
  if (path.includes("//")) throw new IhcError("not-found", "no such resource");
  for (const name of new URLSearchParams(query).keys())
    if (credentialName.test(name))
      throw new IhcError("invalid", "credentials do not belong in a URL", {
        hint: "send the Authorization header",
      });
  const { host, origin } = request.headers;
  if (!(probes.has(path) || rules.hosts.has((host ?? "").toLowerCase())))
    throw new IhcError("invalid", "this gateway has another name", { hint: "use the gateway's public_url" });
  if (origin !== undefined && origin !== rules.origin)
    throw new IhcError("denied", "browsers may not call the gateway from other sites");
}

function checkRepeats(raw: readonly string[]): void {
  const seen = new Set<string>();
  for (let at = 0; at < raw.length; at += 2) {
    const name = (raw[at] ?? "").toLowerCase();
    if (name.startsWith("x-ihc-"))
      throw new IhcError("invalid", "identity comes from the token alone", {
        hint: `remove the header ${name}`,
      });
    if (!single.has(name)) continue;
    if (seen.has(name)) throw new IhcError("invalid", `the header ${name} was sent twice`);
    seen.add(name);
  }
  if (seen.has("content-length") && seen.has("transfer-encoding"))
    throw new IhcError("invalid", "the length of the body is stated twice");
}
