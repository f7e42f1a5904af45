import { createHash, randomUUID, type webcrypto } from "node:crypto";
import type { Clock } from "../../base/clock.ts";
import type { DpopJwk, TokenStore } from "./token-store.ts";

/** The profile's key pair, made at the first login and kept. Private halves never leave the sealed file but in memory. */
export async function dpopKeyOf(store: TokenStore): Promise<DpopJwk> {
  const known = await store.dpopKey();
  if (known !== undefined) return known;
  const { exportJWK, generateKeyPair } = await import("jose");
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  await store.saveDpopKey((await exportJWK(privateKey)) as DpopJwk);
  const saved = await store.dpopKey();
  if (saved === undefined) throw new TypeError("a key just written must be there");
  return saved;
}

/** As openid-client takes it. The private half is not extractable from here on. */
export async function keyPairOf(jwk: DpopJwk): Promise<webcrypto.CryptoKeyPair> {
  const { importJWK } = await import("jose");
  const privateKey = await importJWK({ ...jwk, ext: false }, "ES256", { extractable: false });
  const publicKey = await importJWK(publicHalf(jwk), "ES256", { extractable: true });
  if (privateKey instanceof Uint8Array || publicKey instanceof Uint8Array)
    throw new TypeError("not a key pair");
  return { privateKey, publicKey };
}

/** One proof (RFC 9449 section 4.2) for one request with this access token. */
export async function proofFor(
  jwk: DpopJwk,
  keys: webcrypto.CryptoKeyPair,
  request: {
    readonly method: string;
    readonly url: URL;
    readonly accessToken: string;
    readonly nonce?: string | undefined;
  },
  clock: Clock,
): Promise<string> {
  const { SignJWT } = await import("jose");
  const claims = {
    jti: randomUUID(),
    htm: request.method.toUpperCase(),
    htu: httpTarget(request.url),
    ath: createHash("sha256").update(request.accessToken).digest("base64url"),
    ...(request.nonce === undefined ? {} : { nonce: request.nonce }),
  };
  return new SignJWT(claims)
    .setProtectedHeader({ alg: "ES256", typ: "dpop+jwt", jwk: publicHalf(jwk) })
    .setIssuedAt(Math.floor(clock.now().getTime() / 1000))
    .sign(keys.privateKey);
}

/** The address without query and fragment; a WebSocket is opened by a GET of the http address. */
function httpTarget(url: URL): string {
  const scheme = url.protocol === "wss:" || url.protocol === "https:" ? "https:" : "http:";
  return `${scheme}//${url.host}${url.pathname}`;
}

function publicHalf({ kty, crv, x, y }: DpopJwk): { kty: "EC"; crv: "P-256"; x: string; y: string } {
  return { kty, crv, x, y };
}
