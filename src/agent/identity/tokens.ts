import type { TokenEndpointResponse, TokenEndpointResponseHelpers } from "openid-client";
import type { Clock } from "../../base/clock.ts";
import { IhcError } from "../../base/errors.ts";
import type { Login } from "./token-store.ts";

/** What openid-client hands over after it has checked the response and the ID token in it. */
export type Tokens = TokenEndpointResponse & TokenEndpointResponseHelpers;

/** Where and for whom tokens were asked. */
export interface Asked {
  readonly issuer: string;
  readonly client_id: string;
  readonly audience: string;
}

/** A first login: who it is comes from the ID token. Throws IhcError `unavailable` without one. */
export function loginFrom(tokens: Tokens, asked: Asked, clock: Clock, withIdToken = false): Login {
  const claims = tokens.claims();
  if (claims === undefined)
    throw new IhcError("unavailable", "the identity provider sent no ID token", {
      hint: "the gateway's scopes must include openid",
    });
  const name = [claims["email"], claims["preferred_username"], claims["name"]].find(
    (value) => typeof value === "string",
  );
  const groups = claims["groups"];
  return {
    ...asked,
    ...times(tokens, clock),
    name: typeof name === "string" ? name : claims.sub,
    subject: claims.sub,
    groups: Array.isArray(groups) ? groups.filter((group) => typeof group === "string") : [],
    access_token: tokens.access_token,
    token_type: typeOf(tokens),
    ...(tokens.refresh_token === undefined ? {} : { refresh_token: tokens.refresh_token }),
    ...(withIdToken && tokens.id_token !== undefined ? { id_token: tokens.id_token } : {}),
  };
}

/** The same login with new tokens. A provider that does not rotate sends no new refresh token: the old one stays. */
export function renewed(before: Login, tokens: Tokens, clock: Clock): Login {
  return {
    ...before,
    ...times(tokens, clock),
    access_token: tokens.access_token,
    token_type: typeOf(tokens),
    ...(tokens.refresh_token === undefined ? {} : { refresh_token: tokens.refresh_token }),
    ...(before.id_token === undefined ? {} : { id_token: tokens.id_token ?? before.id_token }),
  };
}

/** Whether the access token is so near its end that a request could outlive it: 30 s, or a fifth of a short life. */
export function nearsEnd(login: Login, clock: Clock): boolean {
  return (
    clock.now().getTime() >= login.expires_at - Math.min(30_000, (login.expires_at - login.issued_at) / 5)
  );
}

export function hasEnded(login: Login, clock: Clock): boolean {
  return clock.now().getTime() >= login.expires_at;
}

function times(tokens: Tokens, clock: Clock): { issued_at: number; expires_at: number } {
  const now = clock.now().getTime();
  // A provider that does not say (RFC 6749 only recommends it) is taken to give five minutes.
  return { issued_at: now, expires_at: now + (tokens.expires_in ?? 300) * 1000 };
}

function typeOf(tokens: Tokens): Login["token_type"] {
  return tokens.token_type.toLowerCase() === "dpop" ? "dpop" : "bearer";
}
