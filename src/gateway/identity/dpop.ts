import { createHash, timingSafeEqual } from "node:crypto";
import { calculateJwkThumbprint, EmbeddedJWK, errors, jwtVerify } from "jose";
import type { Clock } from "../../base/clock.ts";
import { IhcError } from "../../base/errors.ts";
import { signatureAlgorithms } from "./algorithms.ts";

/** The request that a proof must have been made for. `url` is the public one, as the client addressed it. */
export interface ProvenRequest {
  readonly method: string;
  readonly url: URL;
  readonly proof: string | undefined;
}

/** How far a proof's time may lie from ours, seconds. */
const window = 60;
const mostProofs = 200_000;

/**
 * Checks DPoP proofs (RFC 9449): key, method, URL, token hash, time, and that each is used once. Resolves with the
 * thumbprint of the key. The cache of used proofs is bounded; when it is full, proofs are refused rather than forgotten.
 */
export function proofChecker(clock: Clock, limit = mostProofs) {
  const used = usedOnce(clock, limit);
  return async (request: ProvenRequest, token: string): Promise<string> => {
    if (request.proof === undefined) throw refused("the token needs a DPoP proof and none was sent");
    const { payload, key } = await verified(request.proof, clock);
    if (payload["htm"] !== request.method) throw refused("the DPoP proof is for another method");
    if (!sameResource(payload["htu"], request.url)) throw refused("the DPoP proof is for another URL");
    if (!sameText(payload["ath"], createHash("sha256").update(token).digest("base64url")))
      throw refused("the DPoP proof is for another token");
    const age = typeof payload.iat === "number" ? clock.now().getTime() / 1000 - payload.iat : Number.NaN;
    if (!(Math.abs(age) <= window))
      throw refused(
        "the DPoP proof is too old or from the future",
        "check this computer's clock: ihc doctor",
      );
    const { jti } = payload;
    if (typeof jti !== "string" || jti.length === 0 || jti.length > 256)
      throw refused("the DPoP proof has no id");
    used(`${key} ${jti}`);
    return key;
  };
}

async function verified(proof: string, clock: Clock) {
  try {
    const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, {
      typ: "dpop+jwt",
      algorithms: [...signatureAlgorithms],
      currentDate: clock.now(),
      clockTolerance: window,
    });
    if (protectedHeader.jwk === undefined) throw refused("the DPoP proof names no key");
    return { payload, key: await calculateJwkThumbprint(protectedHeader.jwk, "sha256") };
  } catch (cause) {
    if (cause instanceof errors.JOSEError || cause instanceof TypeError)
      throw new IhcError("unauthenticated", "the DPoP proof is not valid", { cause });
    throw cause;
  }
}

/** Compares without query and fragment, after parsing; a WebSocket's URL counts as the request's that opens it. */
function sameResource(htu: unknown, url: URL): boolean {
  if (typeof htu !== "string" || htu.length > 4096 || !URL.canParse(htu)) return false;
  return plain(new URL(htu)) === plain(url);
}

function plain(url: URL): string {
  const protocol = url.protocol === "wss:" ? "https:" : url.protocol === "ws:" ? "http:" : url.protocol;
  const port = url.port === "" ? (protocol === "https:" ? "443" : "80") : url.port;
  return `${protocol}//${url.hostname}:${port}${url.pathname}`;
}

function sameText(a: unknown, b: string): boolean {
  return typeof a === "string" && a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}

/** Remembers ids for as long as their proofs could be used again. Old ones go first, in order of arrival. */
function usedOnce(clock: Clock, limit: number): (id: string) => void {
  const seen = new Map<string, number>();
  const lifetime = 2 * window * 1000 + 1000;
  return (id) => {
    const now = clock.monotonic();
    for (const [old, at] of seen) {
      if (now - at <= lifetime) break;
      seen.delete(old);
    }
    const hashed = createHash("sha256").update(id).digest("base64");
    if (seen.has(hashed)) throw refused("the DPoP proof was used before");
    if (seen.size >= limit)
      throw new IhcError("rate-limited", "too many requests", { hint: "try again in a minute" });
    seen.set(hashed, now);
  };
}

function refused(message: string, hint?: string): IhcError {
  return new IhcError("unauthenticated", message, hint === undefined ? {} : { hint });
}
