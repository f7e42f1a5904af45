import type { Configuration } from "openid-client";
import { type Clock, systemClock } from "../../base/clock.ts";
import { IhcError } from "../../base/errors.ts";
import type { Discovery } from "../../core/api/schema.ts";
import type { Profile } from "../credentials.ts";
import type { AgentPaths } from "../paths.ts";
import { isLoopback } from "../profiles.ts";
import { browserFlow } from "./browser-flow.ts";
import { deviceFlow } from "./device-flow.ts";
import { discoverGateway, discoverIssuer } from "./discover.ts";
import { dpopKeyOf, keyPairOf } from "./dpop.ts";
import { underLock } from "./refresh.ts";
import type { LoginEvent } from "./token-request.ts";
import { type KeyPlace, type Login, openTokenStore, type TokenStore } from "./token-store.ts";
import { loginFrom } from "./tokens.ts";

export interface LoginOptions {
  readonly paths: AgentPaths;
  readonly profile: Profile;
  readonly on: (event: LoginEvent) => void;
  /** Authorization code with PKCE over a loopback redirect instead of the device flow. */
  readonly browser?: boolean;
  /** Keeps the sealing key in a file where there is no keychain. */
  readonly insecureStorage?: boolean;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  readonly store?: TokenStore;
}

export interface LoggedIn {
  readonly name: string;
  /** As the ID token tells them; what counts is what the gateway reads (`whoami`). */
  readonly groups: readonly string[];
  readonly issuer: string;
  readonly keyBound: boolean;
  readonly keyPlace: KeyPlace;
  /** The gateway's audit log key (C2SP verifier key), to be pinned. */
  readonly logKey: string;
}

/**
 * Logs in to a gateway. Issuer, client, audience and scopes come from the gateway's `/.well-known/ihc`; tokens are bound to the
 * profile's DPoP key where the provider can. Works without a terminal. The storage is tried before the person is asked anything.
 * Throws IhcError `unavailable`, `config`, `approval-refused` (denied at the provider) or `canceled`.
 */
export async function login(options: LoginOptions): Promise<LoggedIn> {
  const { paths, profile, signal } = options;
  const clock = options.clock ?? systemClock;
  const store = options.store ?? openTokenStore(paths, profile);
  const keyPlace: KeyPlace = options.insecureStorage === true ? "file" : "keychain";
  await store.prepare(keyPlace);
  const gateway = await discoverGateway(profile, signal);
  const config = await discoverIssuer(gateway.issuer, gateway.client_id, profile.ca, signal);
  const fresh = await askForTokens(options, { gateway, config, store, clock });
  refuseUnbound(profile, gateway, fresh);
  await underLock(store, () => store.saveLogin(fresh));
  return {
    name: fresh.name,
    groups: fresh.groups,
    issuer: fresh.issuer,
    keyBound: fresh.token_type === "dpop",
    keyPlace,
    logKey: gateway.log_key,
  };
}

interface Found {
  readonly gateway: Discovery;
  readonly config: Configuration;
  readonly store: TokenStore;
  readonly clock: Clock;
}

async function askForTokens(options: LoginOptions, { gateway, config, store, clock }: Found): Promise<Login> {
  const client = await import("openid-client");
  const DPoP = client.getDPoPHandle(config, await keyPairOf(await dpopKeyOf(store)));
  const request = {
    scopes: gateway.scopes,
    audience: gateway.audience,
    DPoP,
    signal: options.signal,
    on: options.on,
    clock,
  };
  const flow = options.browser === true ? browserFlow : deviceFlow;
  const tokens = await flow(config, request).catch((cause: unknown) => {
    throw translate(cause, options.signal);
  });
  const asked = { issuer: gateway.issuer, client_id: gateway.client_id, audience: gateway.audience };
  return loginFrom(tokens, asked, clock, gateway.groups_source === "id_token");
}

/**
 * An unbound token works for whoever holds it. A gateway that requires binding gets no other; and one that asks for tokens
 * of somebody else's audience could pass them on there, so it gets none at all unless it is on this machine.
 */
function refuseUnbound(profile: Profile, gateway: Discovery, fresh: Login): void {
  if (fresh.token_type === "dpop") return;
  if (gateway.dpop === "required")
    throw new IhcError(
      "unavailable",
      "the identity provider does not bind tokens to keys, and the gateway requires it",
      {
        hint: "see docs/identity.md for your provider, or set dpop: optional at the gateway",
      },
    );
  const audience = URL.parse(gateway.audience);
  const isAddress = audience?.protocol === "https:" || audience?.protocol === "http:";
  if (isAddress && audience.origin !== profile.gateway.origin && !isLoopback(profile.gateway))
    throw new IhcError(
      "config",
      `the gateway asks for unbound tokens that are meant for ${audience.origin}`,
      {
        hint: "use the gateway's own address as audience, or a provider with DPoP",
      },
    );
}

function translate(cause: unknown, signal: AbortSignal | undefined): unknown {
  if (cause instanceof IhcError) return cause;
  if (signal?.aborted === true) return new IhcError("canceled", "the login was cancelled", { cause });
  const code = cause instanceof Error && "error" in cause ? cause.error : undefined;
  if (code === "access_denied")
    return new IhcError("approval-refused", "the login was refused in the browser", {
      cause,
      hint: "run ihc login again",
    });
  if (code === "expired_token")
    return new IhcError("approval-refused", "the one-time code has expired", {
      cause,
      hint: "run ihc login again",
    });
  const hint = "see docs/identity.md for what the provider needs";
  return new IhcError("unavailable", `the identity provider refused the login${named(code)}`, {
    cause,
    hint,
  });
}

function named(code: unknown): string {
  return typeof code === "string" && /^[a-z_]{1,40}$/.test(code) ? ` (${code})` : "";
}
