import { join } from "node:path";
import type { Clock } from "../../base/clock.ts";
import { IhcError } from "../../base/errors.ts";
import type { Profile } from "../credentials.ts";
import { writePrivate } from "../paths.ts";
import { discoverIssuer } from "./discover.ts";
import { dpopKeyOf, keyPairOf } from "./dpop.ts";
import { resourceOf } from "./token-request.ts";
import type { Login, TokenStore } from "./token-store.ts";
import { hasEnded, nearsEnd, renewed, type Tokens } from "./tokens.ts";

/**
 * The stored login with an access token that is good for at least one more request. A refresh token is used once, so
 * processes take turns: whoever gets the lock reads again and refreshes only if nobody has meanwhile.
 * Throws IhcError `login-needed` when there is no login or the provider refused.
 */
export async function freshLogin(profile: Profile, store: TokenStore, clock: Clock): Promise<Login> {
  const current = await store.login();
  if (current === undefined) throw loginNeeded("you are not logged in");
  if (!nearsEnd(current, clock)) return current;
  return await underLock(store, async (signal) => {
    const latest = await store.login();
    if (latest === undefined) throw loginNeeded("you are not logged in");
    return nearsEnd(latest, clock) ? await refresh(profile, store, latest, clock, signal) : latest;
  });
}

/** Runs `work` while no other process of this person refreshes or logs in to the profile. */
export async function underLock<T>(store: TokenStore, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const { default: lockfile } = await import("proper-lockfile");
  const anchor = join(store.folder, "lock");
  await writePrivate(anchor, "");
  const lost = new AbortController();
  const release = await lockfile
    .lock(anchor, {
      realpath: false,
      stale: 10_000,
      update: 2000,
      retries: { retries: 300, factor: 1.3, minTimeout: 20, maxTimeout: 250, randomize: true },
      onCompromised: (cause) => lost.abort(cause),
    })
    .catch((cause: unknown) => {
      throw new IhcError("unavailable", "another ihc command keeps the login locked", {
        cause,
        hint: "try again in a moment",
      });
    });
  try {
    return await work(lost.signal);
  } finally {
    if (!lost.signal.aborted) await release();
  }
}

async function refresh(
  profile: Profile,
  store: TokenStore,
  login: Login,
  clock: Clock,
  signal: AbortSignal,
): Promise<Login> {
  if (login.refresh_token === undefined) {
    if (!hasEnded(login, clock)) return login;
    throw loginNeeded("your login has ended");
  }
  let tokens: Tokens;
  try {
    tokens = await requestTokens(profile, store, login, login.refresh_token, signal);
  } catch (cause) {
    if (await refusedForGood(cause)) {
      await store.removeLogin();
      throw loginNeeded("your login has ended", cause);
    }
    if (!hasEnded(login, clock)) return login; // The provider is away; what we have is still good.
    if (cause instanceof IhcError) throw cause;
    throw new IhcError("unavailable", "the identity provider gave no new token", {
      cause,
      hint: "try again in a moment",
    });
  }
  const next = renewed(login, tokens, clock);
  if (login.token_type === "dpop" && next.token_type !== "dpop")
    throw new IhcError("denied", "the identity provider sent a token that is not bound to our key", {
      hint: "tell your identity provider's administrator",
    });
  await store.saveLogin(next);
  return next;
}

async function requestTokens(
  profile: Profile,
  store: TokenStore,
  login: Login,
  refreshToken: string,
  signal: AbortSignal,
): Promise<Tokens> {
  const client = await import("openid-client");
  const config = await discoverIssuer(login.issuer, login.client_id, profile.ca, signal);
  const DPoP = client.getDPoPHandle(config, await keyPairOf(await dpopKeyOf(store)));
  const bound = login.token_type === "dpop" ? { DPoP } : {};
  return await client.refreshTokenGrant(config, refreshToken, resourceOf(login.audience), bound);
}

async function refusedForGood(cause: unknown): Promise<boolean> {
  const { ResponseBodyError } = await import("openid-client");
  return cause instanceof ResponseBodyError && cause.error === "invalid_grant";
}

function loginNeeded(message: string, cause?: unknown): IhcError {
  return new IhcError("login-needed", message, { hint: "run ihc login", cause });
}
