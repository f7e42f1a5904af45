import type { Profile } from "../credentials.ts";
import type { AgentPaths } from "../paths.ts";
import { discoverIssuer } from "./discover.ts";
import { underLock } from "./refresh.ts";
import { type Login, openTokenStore, type TokenStore } from "./token-store.ts";

export interface LoggedOut {
  /** Undefined when nobody was logged in. */
  readonly name?: string;
  /** False when the provider could not be told, or has no revocation endpoint: its tokens die by expiry then. */
  readonly revoked: boolean;
}

/** Revokes refresh and access token at the provider (RFC 7009) and deletes them here in any case. */
export async function logout(paths: AgentPaths, profile: Profile, stored?: TokenStore): Promise<LoggedOut> {
  const store = stored ?? openTokenStore(paths, profile);
  return await underLock(store, async (signal) => {
    const login = await store.login();
    await store.removeLogin();
    if (login === undefined) return { revoked: false };
    return { name: login.name, revoked: await revoke(profile, login, signal) };
  });
}

async function revoke(profile: Profile, login: Login, signal: AbortSignal): Promise<boolean> {
  const client = await import("openid-client");
  try {
    const config = await discoverIssuer(login.issuer, login.client_id, profile.ca, signal);
    if (config.serverMetadata().revocation_endpoint === undefined) return false;
    if (login.refresh_token !== undefined)
      await client.tokenRevocation(config, login.refresh_token, { token_type_hint: "refresh_token" });
    await client.tokenRevocation(config, login.access_token, { token_type_hint: "access_token" });
    return true;
  } catch (cause) {
    // A provider may be unable to take back a signed access token, which ends by itself (RFC 7009 section 2.2.1).
    const unsupported = cause instanceof client.ResponseBodyError && cause.error === "unsupported_token_type";
    // Offline or refused: the person is told by the result; here the tokens are gone already.
    return unsupported && login.refresh_token !== undefined;
  }
}
