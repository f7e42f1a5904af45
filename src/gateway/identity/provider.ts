import { createRemoteJWKSet, errors, type JWTVerifyGetKey, customFetch as joseFetch } from "jose";
import { allowInsecureRequests, customFetch, discoveryRequest, processDiscoveryResponse } from "oauth4webapi";
import { IhcError } from "../../base/errors.ts";
import { type Fetch, fetchTrusting } from "./fetch.ts";

/** An unknown key id may make us ask the provider again this often, milliseconds. */
const cooldown = 30_000;
const keysFreshFor = 600_000;
const answerWithin = 5_000;

/**
 * The provider's signing keys, found through its discovery document, whose issuer must be exactly the configured one.
 * Discovery happens on first use and again after a failure, at most once in a few seconds. `ca` is the PEM of an authority that is trusted besides the system's.
 */
export function providerKeys(issuer: string, ca?: string): JWTVerifyGetKey {
  secureUrl(issuer, "issuer");
  const fetch = fetchTrusting(ca);
  let keys: Promise<JWTVerifyGetKey> | undefined;
  let failedAt = Number.NEGATIVE_INFINITY;
  const found = (): Promise<JWTVerifyGetKey> => {
    if (keys) return keys;
    if (performance.now() - failedAt < cooldown / 10) throw unreachable();
    keys = discovered(issuer, fetch).catch((cause: unknown) => {
      keys = undefined;
      failedAt = performance.now();
      throw cause instanceof IhcError ? cause : unreachable(cause);
    });
    return keys;
  };
  return async (header, token) => {
    try {
      return await (await found())(header, token);
    } catch (cause) {
      if (isKeyMismatch(cause) || cause instanceof IhcError) throw cause;
      throw unreachable(cause);
    }
  };
}

async function discovered(issuer: string, fetch: Fetch): Promise<JWTVerifyGetKey> {
  const url = new URL(issuer);
  const insecure = url.protocol === "http:" ? { [allowInsecureRequests]: true } : {};
  const response = await discoveryRequest(url, {
    algorithm: "oidc",
    signal: AbortSignal.timeout(answerWithin),
    [customFetch]: fetch,
    ...insecure,
  });
  const server = await processDiscoveryResponse(url, response);
  // The library compares parsed URLs; tokens are compared letter by letter, so this must be too.
  if (server.issuer !== issuer)
    throw new IhcError("unavailable", "the identity provider says it is another issuer", {
      hint: "set issuer.url to exactly what its discovery document says",
    });
  if (server.jwks_uri === undefined)
    throw new IhcError("unavailable", "the identity provider publishes no keys");
  return createRemoteJWKSet(secureUrl(server.jwks_uri, "jwks_uri"), {
    cooldownDuration: cooldown,
    cacheMaxAge: keysFreshFor,
    timeoutDuration: answerWithin,
    [joseFetch]: fetch,
  });
}

function isKeyMismatch(cause: unknown): boolean {
  return (
    cause instanceof errors.JWKSNoMatchingKey ||
    cause instanceof errors.JWKSMultipleMatchingKeys ||
    cause instanceof errors.JOSENotSupported
  );
}

function secureUrl(text: string, what: string): URL {
  const url = new URL(text);
  const loopback = ["127.0.0.1", "[::1]", "localhost"].includes(url.hostname);
  if (url.protocol === "https:" || (url.protocol === "http:" && loopback)) return url;
  throw new IhcError("config", `the ${what} must be https`, { hint: "http is for loopback addresses only" });
}

function unreachable(cause?: unknown): IhcError {
  return new IhcError("unavailable", "the identity provider cannot be asked for its keys", {
    hint: "try again; if it lasts, tell the gateway's operator",
    ...(cause === undefined ? {} : { cause }),
  });
}
