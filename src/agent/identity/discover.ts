import type { Configuration } from "openid-client";
import { IhcError } from "../../base/errors.ts";
import { visible } from "../../base/text.ts";
import { type Discovery, discovery as discoverySchema } from "../../core/api/schema.ts";
import type { Profile } from "../credentials.ts";
import { isLoopback } from "../profiles.ts";
import { type Fetch, fetchWith } from "./fetch.ts";

/** Asks the gateway how to log in. Throws IhcError `unavailable` when it is not there, `config` when the answer is not its own. */
export async function discoverGateway(profile: Profile, signal?: AbortSignal): Promise<Discovery> {
  const url = new URL("/.well-known/ihc", profile.gateway);
  const answer = await fetchWith(profile.ca)(url.href, {
    method: "GET",
    headers: { accept: "application/json" },
    signal,
  });
  if (answer.status !== 200)
    throw new IhcError("unavailable", `${profile.gateway.origin} answered ${answer.status}`, {
      hint: "is this the address of an ihc gateway",
    });
  const parsed = discoverySchema.safeParse(await answer.json().catch(() => undefined));
  if (!parsed.success)
    throw new IhcError("unavailable", `${profile.gateway.origin} does not answer like an ihc gateway`, {
      hint: "check the address, and that client and gateway have the same version",
    });
  refuseForeign(profile, parsed.data);
  return parsed.data;
}

/**
 * The provider's metadata (OpenID Connect Discovery) as openid-client wants it. The issuer inside must equal the one asked
 * for, and must use https unless it is on loopback, where development happens.
 */
export async function discoverIssuer(
  issuer: string,
  clientId: string,
  ca?: string,
  signal?: AbortSignal,
): Promise<Configuration> {
  const client = await import("openid-client");
  const url = new URL(issuer);
  const plain = url.protocol === "http:" && isLoopback(url);
  if (url.protocol !== "https:" && !plain)
    throw new IhcError("config", "the identity provider must use https", {
      hint: "tell the gateway's operator",
    });
  const options = {
    [client.customFetch]: bound(fetchWith(ca), signal),
    execute: plain ? [client.allowInsecureRequests] : [],
    timeout: 20,
  };
  try {
    const found = await client.discovery(url, clientId, undefined, client.None(), options);
    refuseOtherIssuer(found.serverMetadata().issuer, issuer);
    return found;
  } catch (cause) {
    if (cause instanceof IhcError) throw cause;
    if (signal?.aborted === true) throw cause;
    throw new IhcError("unavailable", `the identity provider ${visible(issuer)} gives no usable metadata`, {
      cause,
      hint: "check the issuer in the gateway's configuration",
    });
  }
}

/** A gateway that names another origin as its own would have our tokens and proofs made for somebody else. */
function refuseForeign(profile: Profile, found: Discovery): void {
  const own = new URL(found.public_url).origin;
  if (own !== profile.gateway.origin)
    throw new IhcError("config", `the gateway calls itself ${visible(own)}, not ${profile.gateway.origin}`, {
      hint: `run ihc login --gateway ${own} if that is the one you mean`,
    });
}

/** openid-client compares as addresses, where a lost slash does not count; in tokens it does. */
function refuseOtherIssuer(found: string, asked: string): void {
  if (found !== asked)
    throw new IhcError(
      "config",
      `the identity provider calls itself ${visible(found)}, not ${visible(asked)}`,
      {
        hint: "the gateway's issuer.url must be the very same text",
      },
    );
}

function bound(fetch: Fetch, signal: AbortSignal | undefined): Fetch {
  if (signal === undefined) return fetch;
  return (url, options) =>
    fetch(url, {
      ...options,
      signal: options.signal === undefined ? signal : AbortSignal.any([signal, options.signal]),
    });
}
