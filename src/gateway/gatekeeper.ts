import type { IncomingMessage } from "node:http";
import type { Clock } from "../base/clock.ts";
import { IhcError } from "../base/errors.ts";
import type { Identity, Verified } from "./identity/verify.ts";
import { limiter } from "./limits.ts";
import { type ScreenRules, screen } from "./screen.ts";

export interface GatekeeperParts {
  readonly identity: Identity;
  readonly screen: ScreenRules;
  readonly publicUrl: URL;
  /** Whether a proxy in front of us says where requests come from. */
  readonly behindProxy: boolean;
  readonly clock: Clock;
  /** Told of every verified principal, so that a lost group counts at once. */
  readonly seen: (verified: Verified) => void;
  /** Requests that one person may send a minute. */
  readonly perMinute: number;
}

/** What every request passes, upgrades included, before any route. */
export interface Gatekeeper {
  /** Throws IhcError for what is refused unseen. */
  admit(request: IncomingMessage): void;
  /** Throws IhcError `unauthenticated` or `rate-limited`. */
  identify(request: IncomingMessage): Promise<Verified>;
  /** As identify, for tunnels: they are many at once and limited by their session instead. */
  identifyTunnel(request: IncomingMessage): Promise<Verified>;
}

export function gatekeeper(parts: GatekeeperParts): Gatekeeper {
  const { clock, publicUrl } = parts;
  const perSource = limiter({ burst: 3000, perSecond: 300 }, clock);
  const perPerson = limiter({ burst: parts.perMinute, perSecond: parts.perMinute / 60 }, clock);
  const failures = limiter({ burst: 100, perSecond: 2 }, clock);
  return {
    admit(request) {
      perSource(sourceOf(request, parts.behindProxy));
      screen(request, parts.screen);
    },
    async identify(request) {
      const verified = await verify(request);
      perPerson(verified.principal.person);
      return verified;
    },
    identifyTunnel: verify,
  };

  async function verify(request: IncomingMessage): Promise<Verified> {
    try {
      const verified = await parts.identity({
        method: request.method ?? "",
        url: publicAddress(publicUrl, request.url ?? ""),
        authorization: request.headers.authorization,
        proof: header(request, "dpop"),
        idToken: header(request, "ihc-id-token"),
      });
      parts.seen(verified);
      return verified;
    } catch (error) {
      // Guessing costs: after many failures a source has to wait.
      if (error instanceof IhcError && error.code === "unauthenticated")
        failures(sourceOf(request, parts.behindProxy));
      throw error;
    }
  }
}

/** The URL as the client addressed it: proxies may have another name for us, clients have only the public one. */
function publicAddress(publicUrl: URL, path: string): URL {
  return new URL(`${publicUrl.href.replace(/\/$/, "")}${path}`);
}

function sourceOf(request: IncomingMessage, behindProxy: boolean): string {
  const forwarded = behindProxy ? header(request, "x-forwarded-for")?.split(",").at(-1)?.trim() : undefined;
  return forwarded ?? request.socket.remoteAddress ?? "";
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(",") : value;
}
