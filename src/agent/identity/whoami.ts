import type { Profile } from "../credentials.ts";
import type { AgentPaths } from "../paths.ts";
import { type KeyPlace, openTokenStore, type TokenStore } from "./token-store.ts";

/** What this machine knows about the login, without asking anybody. */
export interface LocalLogin {
  readonly name: string;
  readonly issuer: string;
  readonly subject: string;
  readonly groups: readonly string[];
  readonly keyBound: boolean;
  readonly keyPlace: KeyPlace;
  readonly accessTokenEnds: Date;
  readonly renewable: boolean;
}

/** Undefined when nobody is logged in to the profile. */
export async function localLogin(
  paths: AgentPaths,
  profile: Profile,
  stored?: TokenStore,
): Promise<LocalLogin | undefined> {
  const store = stored ?? openTokenStore(paths, profile);
  const [login, keyPlace] = [await store.login(), await store.keyPlace()];
  if (login === undefined || keyPlace === undefined) return undefined;
  return {
    name: login.name,
    issuer: login.issuer,
    subject: login.subject,
    groups: login.groups,
    keyBound: login.token_type === "dpop",
    keyPlace,
    accessTokenEnds: new Date(login.expires_at),
    renewable: login.refresh_token !== undefined,
  };
}
