import { IhcError } from "../../base/errors.ts";
import { hasHidden } from "../../base/text.ts";
import type { PersonId, Principal } from "../../core/access/principal.ts";

/** What of the configuration decides who somebody is. */
export interface ClaimRules {
  readonly issuer: string;
  readonly audience: string;
  readonly clientId: string;
  /** Where the groups are: a claim name or a path such as `realm_access.roles`. */
  readonly groupsClaim: string;
  /** A verified claim that is the same for all accounts of one person; issuer and subject when absent. */
  readonly employeeClaim?: string;
}

type Claims = Readonly<Record<string, unknown>>;

const longestName = 320;
const mostGroups = 1000;

/**
 * Makes a principal of verified claims (signature, issuer and times are checked already); `told` hold the groups. Throws IhcError
 * `unauthenticated` naming the claim that is wrong. Endpoints named in claims are never followed.
 */
export function principalOf(claims: Claims, rules: ClaimRules, told: Claims = claims): Principal {
  checkAudience(claims, rules);
  checkTokenUse(claims);
  const subject = identifier(claims["sub"], "sub");
  const via = actorOf(claims);
  const key = thumbprintOf(claims);
  return {
    person: personOf(claims, rules, subject),
    issuer: rules.issuer,
    subject,
    name: displayName(claims, subject),
    groups: groupsOf(told, rules.groupsClaim),
    amr: claims["amr"] === undefined ? [] : strings(claims["amr"], "amr"),
    ...(via === undefined ? {} : { via }),
    // RFC 9068: a token whose subject is the client itself speaks for no person.
    ...(subject === rules.clientId || subject === claims["client_id"] ? { machine: true as const } : {}),
    ...(key === undefined ? {} : { key }),
  };
}

function checkAudience(claims: Claims, rules: ClaimRules): void {
  const { aud } = claims;
  const clients = ["azp", "client_id", "cid", "appid"].flatMap((name) =>
    claims[name] === undefined ? [] : [claims[name]],
  );
  if (clients.some((client) => client !== rules.clientId))
    throw refused("the token was issued to another client", "log in with ihc login");
  if (aud === rules.audience) return;
  if (!(Array.isArray(aud) && aud.includes(rules.audience)))
    throw refused("the token is for another audience", "log in again: ihc login");
  if (aud.length > 1 && clients.length === 0)
    throw refused("the token is for several audiences and does not say which client it was issued to");
}

/** An ID token proves a login to the client, not a right to call us. */
function checkTokenUse(claims: Claims): void {
  for (const mark of ["nonce", "at_hash", "c_hash", "s_hash", "events"])
    if (claims[mark] !== undefined) throw refused("this is not an access token", "send the access token");
  const use = claims["token_use"] ?? claims["typ"];
  if (use !== undefined && use !== "access" && use !== "Bearer" && use !== "DPoP")
    throw refused("this is not an access token", "send the access token");
}

function personOf(claims: Claims, rules: ClaimRules, subject: string): PersonId {
  // An issuer is a URL, so it holds no blank and is never the word employee: the two forms cannot meet.
  const person =
    rules.employeeClaim === undefined
      ? `${rules.issuer} ${subject}`
      : `employee ${identifier(at(claims, rules.employeeClaim), rules.employeeClaim)}`;
  return person as PersonId;
}

/** For people to read. An address that the provider has not verified must not reach a reviewer's eyes. */
function displayName(claims: Claims, subject: string): string {
  const { email } = claims;
  if (email !== undefined && claims["email_verified"] === false)
    throw refused(
      "the provider has not verified the e-mail address",
      "verify it with the provider, then log in",
    );
  const name = email ?? claims["preferred_username"] ?? subject;
  if (typeof name !== "string" || name.length === 0 || name.length > longestName || hasHidden(name))
    throw refused("the name in the token is not readable text");
  return name;
}

function groupsOf(claims: Claims, path: string): readonly string[] {
  const sources = claims["_claim_names"];
  if (claims["hasgroups"] !== undefined || (sources !== undefined && names(sources, path)))
    throw refused(
      "the provider left the groups out because there are too many (overage)",
      "ask the provider's administrator to send only the groups of this application",
    );
  const groups = at(claims, path);
  return groups === undefined ? [] : strings(groups, path);
}

function names(sources: unknown, path: string): boolean {
  if (typeof sources !== "object" || sources === null) return true;
  return Object.hasOwn(sources, "groups") || Object.hasOwn(sources, path.split(".")[0] ?? path);
}

/** RFC 8693: somebody acts for the person. They may ask, never review. */
function actorOf(claims: Claims): Principal["via"] | undefined {
  const { act } = claims;
  if (act === undefined) return undefined;
  const actor =
    typeof act === "object" && act !== null ? new Map<string, unknown>(Object.entries(act)) : undefined;
  return { name: identifier(actor?.get("client_id") ?? actor?.get("sub"), "act"), version: "" };
}

function thumbprintOf(claims: Claims): string | undefined {
  const { cnf } = claims;
  if (cnf === undefined) return undefined;
  const jkt = typeof cnf === "object" && cnf !== null && "jkt" in cnf ? cnf.jkt : undefined;
  if (typeof jkt !== "string" || !/^[A-Za-z0-9_-]{43}$/.test(jkt))
    throw refused("the token is bound to a key in a way we cannot check");
  return jkt;
}

function identifier(value: unknown, claim: string): string {
  if (typeof value !== "string" || value.length === 0 || value.length > 255)
    throw refused(`the claim ${claim} is missing or is not text`);
  if (hasHidden(value) || /[\n\t]/.test(value) || value.trim() !== value)
    throw refused(`the claim ${claim} holds control characters or outer blanks`);
  return value;
}

function strings(value: unknown, claim: string): readonly string[] {
  if (!Array.isArray(value)) throw refused(`the claim ${claim} is not a list`);
  if (value.length > mostGroups) throw refused(`the claim ${claim} is too long`);
  return value.map((item) => identifier(item, claim));
}

/** The claim of that very name, or else the value at the dotted path. */
function at(claims: Claims, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path];
  let value: unknown = claims;
  for (const part of path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) return undefined;
    value = new Map<string, unknown>(Object.entries(value)).get(part);
  }
  return value;
}

function refused(message: string, hint?: string): IhcError {
  return new IhcError("unauthenticated", message, hint === undefined ? {} : { hint });
}
