import { IhcError } from "../../base/errors.ts";

export interface Presented {
  readonly scheme: "DPoP" | "Bearer";
  readonly token: string;
}

/** Longer than any access token we have seen from a provider; anything above is not looked at. */
const longestToken = 16 * 1024;

/**
 * Reads the one Authorization header: the scheme as registered, one blank, one compact token. Throws IhcError
 * `unauthenticated` for anything else; lists, doubled blanks and other spellings included.
 */
export function presentedToken(authorization: string | undefined): Presented {
  if (authorization === undefined)
    throw new IhcError("unauthenticated", "no access token was sent", { hint: "log in: ihc login" });
  const match = /^(DPoP|Bearer) ([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)$/.exec(authorization);
  const [, scheme, token] = match ?? [];
  if (token === undefined || token.length > longestToken || (scheme !== "DPoP" && scheme !== "Bearer"))
    throw new IhcError("unauthenticated", "the authorization header is not an access token", {
      hint: "log in again: ihc login",
    });
  return { scheme, token };
}
