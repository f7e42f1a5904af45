import { createHash, randomUUID } from "node:crypto";
import {
  type CryptoKey,
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
  type JWTPayload,
  SignJWT,
} from "jose";

/** Somebody with a key pair of their own, whose tokens the test signs with the provider's key. */
export interface Holder {
  readonly subject: string;
  readonly key: CryptoKey;
  readonly jwk: JWK;
  readonly thumbprint: string;
}

export async function newHolder(subject: string): Promise<Holder> {
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  const jwk = await exportJWK(publicKey);
  return { subject, key: privateKey, jwk, thumbprint: await calculateJwkThumbprint(jwk) };
}

export interface Issuer {
  readonly issuer: string;
  readonly audience: string;
  readonly clientId: string;
  readonly signingKey: JWK;
}

/** An access token as the provider would sign it; claims that are undefined are left out. */
export async function accessToken(
  idp: Issuer,
  holder: Holder,
  claims: Readonly<Record<string, unknown>> = {},
  header: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const all: JWTPayload = {
    iss: idp.issuer,
    sub: holder.subject,
    aud: idp.audience,
    client_id: idp.clientId,
    iat: now,
    exp: now + 600,
    email: `${holder.subject}@acme.io`,
    groups: [],
    cnf: { jkt: holder.thumbprint },
    jti: randomUUID(),
    ...claims,
  };
  const kept = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  const kid = idp.signingKey.kid;
  return new SignJWT(kept)
    .setProtectedHeader({
      alg: "ES256",
      typ: "at+jwt",
      ...(kid === undefined ? {} : { kid }),
      ...header,
    })
    .sign(await importJWK(idp.signingKey, "ES256"));
}

/** A DPoP proof (RFC 9449). */
export function proof(
  holder: Holder,
  method: string,
  url: string,
  token: string,
  claims: Readonly<Record<string, unknown>> = {},
  header: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  return new SignJWT({
    htm: method,
    htu: url,
    ath: createHash("sha256").update(token).digest("base64url"),
    jti: randomUUID(),
    iat: Math.floor(Date.now() / 1000),
    ...claims,
  })
    .setProtectedHeader({ alg: "ES256", typ: "dpop+jwt", jwk: holder.jwk, ...header })
    .sign(holder.key);
}
