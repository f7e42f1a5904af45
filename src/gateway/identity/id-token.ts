import { errors, type JWTVerifyGetKey, jwtVerify } from "jose";
import { IhcError } from "../../base/errors.ts";

/** Whom an ID token must be from, to and about. */
export interface IdTokenRules {
  readonly issuer: string;
  readonly clientId: string;
  readonly algorithms: readonly string[];
  readonly subject: string;
  readonly now: Date;
  /** Seconds. */
  readonly skew: number;
}

const longest = 16 * 1024;

/**
 * The claims of an ID token that a client sends beside its access token, for providers that put groups nowhere else. It
 * gives no access: it must be the provider's, for our client, about the very subject of the access token, and in time.
 * Throws IhcError `unauthenticated`.
 */
export async function idTokenClaims(token: string | undefined, rules: IdTokenRules, keys: JWTVerifyGetKey) {
  if (token === undefined || token.length > longest)
    throw refused("the groups are in the ID token, and none was sent");
  try {
    const { payload } = await jwtVerify(token, keys, {
      algorithms: [...rules.algorithms],
      issuer: rules.issuer,
      audience: rules.clientId,
      currentDate: rules.now,
      clockTolerance: rules.skew,
      requiredClaims: ["iss", "sub", "aud", "exp", "iat"],
    });
    const { aud, azp, sub, iat = 0, exp = 0 } = payload;
    const others = Array.isArray(aud) && aud.length > 1;
    if ((azp !== undefined || others) && azp !== rules.clientId)
      throw refused("the ID token was issued to another client");
    if (sub !== rules.subject) throw refused("the ID token is about somebody else");
    if (iat > rules.now.getTime() / 1000 + rules.skew) throw refused("the ID token is from the future");
    return { ...payload, iat, exp };
  } catch (cause) {
    if (cause instanceof errors.JOSEError || cause instanceof TypeError || cause instanceof SyntaxError)
      throw refused("the ID token is not valid", cause);
    throw cause;
  }
}

function refused(message: string, cause?: unknown): IhcError {
  return new IhcError("unauthenticated", message, { hint: "log in again: ihc login", cause });
}
