import { errors, type JWTVerifyGetKey, jwtVerify } from "jose";
import type { Clock } from "../../base/clock.ts";
import { IhcError } from "../../base/errors.ts";
import type { Principal } from "../../core/access/principal.ts";
import { signatureAlgorithms } from "./algorithms.ts";
import { type ClaimRules, principalOf } from "./claims.ts";
import { proofChecker } from "./dpop.ts";
import { presentedToken } from "./header.ts";
import { idTokenClaims } from "./id-token.ts";

export interface IdentityRules extends ClaimRules {
  /** `optional` lets providers in that cannot bind tokens; a bound token needs its proof all the same. */
  readonly dpop: "required" | "optional";
  readonly algorithms: readonly string[];
  /** A login must name one of these methods (RFC 8176); empty when any will do. */
  readonly requiredAmr: readonly string[];
  /** `id_token`: groups come from the ID token that the client sends beside; the access token's are not looked at. */
  readonly groupsSource?: "access_token" | "id_token";
}

/** One HTTP request as far as identity is concerned. */
export interface Credential {
  readonly method: string;
  /** The public URL as the client addressed it. */
  readonly url: URL;
  readonly authorization: string | undefined;
  readonly proof: string | undefined;
  readonly idToken?: string | undefined;
}

export interface Verified {
  readonly principal: Principal;
  readonly tokenExpiresAt: Date;
  /** 1970 when the token does not say. */
  readonly tokenIssuedAt: Date;
  /** When the person last proved who they are at the provider (`auth_time`), if the token says so. */
  readonly authenticatedAt?: Date;
}

/** Says who sent a request. Throws IhcError `unauthenticated` with the reason, `unavailable` when keys cannot be had. */
export type Identity = (request: Credential) => Promise<Verified>;

/** Clocks of provider and gateway may differ by this much, seconds. */
const skew = 60;
const accessTokenTypes: readonly (string | undefined)[] = [undefined, "jwt", "at+jwt", "application/at+jwt"];

/** The only verifier of tokens. `keys` are the provider's, found by its discovery document or given. */
export function identity(rules: IdentityRules, clock: Clock, keys: JWTVerifyGetKey): Identity {
  const checkProof = proofChecker(clock);
  return async (request) => {
    const { scheme, token } = presentedToken(request.authorization);
    const claims = await verifiedClaims(token, rules, clock, keys);
    const told = await groupClaims(request, claims, rules, clock, keys);
    const principal = principalOf(claims, rules, told);
    checkMethods(principal, rules);
    if (principal.key === undefined) checkBearer(scheme, rules);
    else if (scheme !== "DPoP") throw refused("a bound token was sent as a bearer token");
    else if ((await checkProof(request, token)) !== principal.key)
      throw refused("the token is bound to another key");
    return {
      principal,
      tokenExpiresAt: new Date(Math.min(claims.exp, told.exp) * 1000),
      tokenIssuedAt: new Date((told.iat ?? 0) * 1000),
      ...authenticated(claims),
    };
  };
}

async function groupClaims(
  { idToken }: Credential,
  claims: Awaited<ReturnType<typeof verifiedClaims>>,
  rules: IdentityRules,
  clock: Clock,
  keys: JWTVerifyGetKey,
) {
  if (rules.groupsSource !== "id_token") return claims;
  const { issuer, clientId } = rules;
  const about = { issuer, clientId, subject: claims.sub ?? "", now: clock.now(), skew };
  return idTokenClaims(idToken, { ...about, algorithms: allowed(rules) }, keys);
}

function authenticated(claims: Readonly<Record<string, unknown>>): { readonly authenticatedAt?: Date } {
  const { auth_time: seconds } = claims;
  if (seconds === undefined) return {};
  if (typeof seconds !== "number" || !Number.isSafeInteger(seconds) || seconds < 0 || seconds > 1e11)
    throw refused("the claim auth_time is not a time");
  return { authenticatedAt: new Date(seconds * 1000) };
}

function checkMethods({ amr }: Principal, { requiredAmr }: IdentityRules): void {
  if (requiredAmr.length > 0 && !requiredAmr.some((method) => amr.includes(method)))
    throw refused("the login was not strong enough", `log in with one of: ${requiredAmr.join(", ")}`);
}

function checkBearer(scheme: "DPoP" | "Bearer", { dpop }: IdentityRules): void {
  if (dpop === "required" || scheme === "DPoP")
    throw refused("the token is not bound to a key", "log in again: ihc login");
}

function refused(message: string, hint?: string): IhcError {
  return new IhcError("unauthenticated", message, hint === undefined ? {} : { hint });
}

async function verifiedClaims(token: string, rules: IdentityRules, clock: Clock, keys: JWTVerifyGetKey) {
  try {
    const { payload, protectedHeader } = await jwtVerify(token, keys, {
      algorithms: allowed(rules),
      issuer: rules.issuer,
      currentDate: clock.now(),
      clockTolerance: skew,
      requiredClaims: ["iss", "sub", "aud", "exp"],
    });
    checkHeader(protectedHeader);
    if (payload.iat !== undefined && payload.iat * 1000 > clock.now().getTime() + skew * 1000)
      throw new IhcError("unauthenticated", "the token is from the future", {
        hint: "the gateway's clock may be wrong: ihc doctor",
      });
    return { ...payload, exp: payload.exp ?? 0 };
  } catch (cause) {
    throw reasonOf(cause);
  }
}

function allowed({ algorithms }: IdentityRules): string[] {
  return algorithms.filter((algorithm) => signatureAlgorithms.includes(algorithm));
}

/** Keys come from the provider alone: a header that brings its own, or asks for a rule we do not know, is refused. */
function checkHeader(header: Readonly<Record<string, unknown>>): void {
  for (const name of ["jwk", "jku", "x5u", "x5c", "crit", "b64", "enc", "zip"])
    if (header[name] !== undefined)
      throw new IhcError("unauthenticated", `the token's header must not hold ${name}`);
  const type = typeof header["typ"] === "string" ? header["typ"].toLowerCase() : header["typ"];
  if (!(type === undefined || (typeof type === "string" && accessTokenTypes.includes(type))))
    throw new IhcError("unauthenticated", "this is not an access token", { hint: "send the access token" });
}

function reasonOf(cause: unknown): unknown {
  if (cause instanceof errors.JWTExpired)
    return new IhcError("unauthenticated", "the token has expired", {
      hint: "log in again: ihc login",
      cause,
    });
  if (cause instanceof errors.JWTClaimValidationFailed)
    return new IhcError("unauthenticated", `the token's claim ${cause.claim} is not acceptable`, { cause });
  if (cause instanceof errors.JOSEError || cause instanceof TypeError || cause instanceof SyntaxError)
    return new IhcError("unauthenticated", "the token is not valid", {
      hint: "log in again: ihc login",
      cause,
    });
  return cause;
}
