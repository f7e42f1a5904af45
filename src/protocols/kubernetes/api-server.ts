import type { Agent } from "node:https";
import type { SecureContext } from "node:tls";
import { IhcError } from "../../base/errors.ts";
import type { Credential } from "./credential.ts";
import type { KubernetesSettings } from "./settings.ts";

/** The API server as the gateway reaches it: where it is, whom it must prove to be, and how the gateway logs in. */
export interface ApiServer {
  readonly settings: KubernetesSettings;
  readonly agent: Agent;
  readonly credential: Credential;
}

/** What a TLS connection and a request to the API server need besides their target. */
export interface Reach {
  readonly host: string;
  readonly port: number;
  readonly servername?: string;
  readonly secureContext: SecureContext;
  /** Said each time, since NODE_TLS_REJECT_UNAUTHORIZED would count otherwise. */
  readonly rejectUnauthorized: true;
  /** `authorization`, where the credential is a token. */
  readonly authorization: { readonly authorization?: string };
}

/**
 * Asks with the gateway's credential. One that the server does not take any more, for which `attempt` gives undefined, is
 * fetched anew, once: what was answered with 401 has not run. Throws IhcError `unavailable`.
 */
export async function withCredential<T>(
  { settings, credential }: ApiServer,
  attempt: (reach: Reach) => Promise<T | undefined>,
): Promise<T> {
  const first = await attempt(await reach(settings, credential));
  if (first !== undefined) return first;
  credential.refused();
  const second = await attempt(await reach(settings, credential));
  if (second !== undefined) return second;
  throw new IhcError("unavailable", "the cluster does not take the gateway's own credential", {
    hint: check,
  });
}

async function reach(settings: KubernetesSettings, credential: Credential): Promise<Reach> {
  const { hostname, port } = new URL(settings.server);
  const { token, secureContext } = await proof(credential);
  return {
    host: hostname.replace(/^\[|\]$/g, ""),
    port: port === "" ? 443 : Number(port),
    ...serverName(settings, hostname),
    secureContext,
    rejectUnauthorized: true,
    authorization: token === undefined ? {} : { authorization: `Bearer ${token}` },
  };
}

async function proof(
  credential: Credential,
): Promise<{ token: string | undefined; secureContext: SecureContext }> {
  try {
    return { token: await credential.token(), secureContext: await credential.context() };
  } catch (cause) {
    if (cause instanceof IhcError && cause.code === "unavailable") throw cause;
    // Which reference it is concerns the operator, whose log says it.
    throw new IhcError("unavailable", "the gateway's credential for the cluster is not to be had", {
      hint: check,
      cause,
    });
  }
}

function serverName(
  { server_name: name }: KubernetesSettings,
  hostname: string,
): { readonly servername?: string } {
  if (name !== undefined) return { servername: name };
  return /^[\d.]+$|^\[/.test(hostname) ? {} : { servername: hostname };
}

/** Why there is no answer, without an address: that is the operator's business. */
export function unreachable(cause: NodeJS.ErrnoException, signal: AbortSignal): IhcError {
  if (signal.aborted) return new IhcError("canceled", "the request was given up", { cause });
  const why = reasons[cause.code ?? ""] ?? "the API server does not answer";
  return new IhcError("unavailable", why, { hint: check, cause });
}

export function isRedirect(status: number): boolean {
  return status >= 300 && status < 400 && status !== 304;
}

export function redirected(): IhcError {
  return new IhcError("unavailable", "the API server answers with a redirect, which is not followed", {
    rule: "redirect",
    hint: "tell the gateway's operator: server must be the API server itself",
  });
}

const untrusted = "the API server's certificate is not trusted:";
const otherAuthority = `${untrusted} another authority than the target's ca has signed it`;

const reasons: Readonly<Record<string, string | undefined>> = {
  CERT_HAS_EXPIRED: `${untrusted} it has expired`,
  CERT_NOT_YET_VALID: `${untrusted} it is not valid yet`,
  ERR_TLS_CERT_ALTNAME_INVALID: `${untrusted} it is for another name`,
  DEPTH_ZERO_SELF_SIGNED_CERT: otherAuthority,
  SELF_SIGNED_CERT_IN_CHAIN: otherAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: otherAuthority,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: otherAuthority,
  CERT_SIGNATURE_FAILURE: otherAuthority,
  ECONNREFUSED: "the API server does not answer: nothing listens at its address",
  ENOTFOUND: "the API server does not answer: its name is not known",
  ETIMEDOUT: "the API server does not answer: no connection in time",
};

const check = "tell the gateway's operator: ihc gateway check";
