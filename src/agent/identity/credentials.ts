import type { webcrypto } from "node:crypto";
import { type Clock, systemClock } from "../../base/clock.ts";
import { IhcError } from "../../base/errors.ts";
import type { Credentials, Profile } from "../credentials.ts";
import type { AgentPaths } from "../paths.ts";
import { dpopKeyOf, keyPairOf, proofFor } from "./dpop.ts";
import { freshLogin } from "./refresh.ts";
import { type DpopJwk, type Login, openTokenStore, type TokenStore } from "./token-store.ts";
import { nearsEnd } from "./tokens.ts";

export interface CredentialsOptions {
  readonly clock?: Clock;
  readonly store?: TokenStore;
}

/**
 * The stored login of a profile, ready to sign requests. Nothing is read before the first request, so that commands which
 * need no login do not touch the keychain. Headers are given for the profile's own gateway only (IhcError `internal`).
 */
export async function openCredentials(
  paths: AgentPaths,
  profile: Profile,
  options: CredentialsOptions = {},
): Promise<Credentials> {
  const clock = options.clock ?? systemClock;
  const store = options.store ?? openTokenStore(paths, profile);
  const nonces = new Map<string, string>();
  let login: Login | undefined;
  let key: Promise<{ jwk: DpopJwk; pair: webcrypto.CryptoKeyPair }> | undefined;
  let renewing: Promise<Login> | undefined;

  const current = async (): Promise<Login> => {
    if (login !== undefined && !nearsEnd(login, clock)) return login;
    renewing ??= freshLogin(profile, store, clock).finally(() => {
      renewing = undefined;
    });
    login = await renewing;
    return login;
  };
  return await Promise.resolve({
    headers: async (method, url) => {
      refuseForeign(profile, url);
      const { access_token: accessToken, token_type: type, id_token: idToken } = await current();
      const groups = idToken === undefined ? {} : { "ihc-id-token": idToken };
      if (type === "bearer") return { authorization: `Bearer ${accessToken}`, ...groups };
      key ??= loadKey(store);
      const { jwk, pair } = await key;
      const nonce = nonces.get(url.host);
      const proof = await proofFor(jwk, pair, { method, url, accessToken, nonce }, clock);
      return { authorization: `DPoP ${accessToken}`, dpop: proof, ...groups };
    },
    nonce: (url, nonce) => {
      nonces.set(url.host, nonce);
    },
  });
}

async function loadKey(store: TokenStore): Promise<{ jwk: DpopJwk; pair: webcrypto.CryptoKeyPair }> {
  const jwk = await dpopKeyOf(store);
  return { jwk, pair: await keyPairOf(jwk) };
}

/** A token handed to any other origin, by a redirect or a mistaken address, could be used against the gateway. */
function refuseForeign(profile: Profile, url: URL): void {
  const secure = url.protocol === "https:" || url.protocol === "wss:";
  const same = url.host === profile.gateway.host && secure === (profile.gateway.protocol === "https:");
  if (!same)
    throw new IhcError("internal", `a login for ${profile.gateway.origin} was asked for ${url.origin}`);
}
