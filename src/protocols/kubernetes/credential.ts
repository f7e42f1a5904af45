import { readFile } from "node:fs/promises";
import { createSecureContext, type SecureContext } from "node:tls";
import { IhcError } from "../../base/errors.ts";
import type { Upstream } from "../protocol.ts";
import { type PluginCredential, runPlugin } from "./exec-plugin.ts";
import type { KubernetesSettings } from "./settings.ts";

const serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount";
/** How long a token is used before its reference is resolved again, milliseconds: projected tokens are rotated. */
const fresh = 60_000;

/** How the gateway proves itself to the API server. */
export interface Credential {
  /** `Authorization`, for credentials that are a token. */
  token(): Promise<string | undefined>;
  /** Trusted authorities and, for credentials that are one, the client certificate. The same object while nothing changed. */
  context(): Promise<SecureContext>;
  /** The server has refused it: the next one is fetched anew. */
  refused(): void;
}

/** Made once per session; secrets live as long as they are used. */
export function credentialOf(
  upstream: Pick<Upstream<KubernetesSettings>, "settings" | "secret">,
): Credential {
  const { settings, secret } = upstream;
  const { credential } = settings;
  const ca = once(() => authorities(settings));
  if ("exec" in credential) return ofPlugin(() => runPlugin(credential.exec, settings, secret), ca);
  if ("certificate" in credential) {
    const context = once(async () =>
      contextOf(await ca(), {
        cert: await pemFile(credential.certificate, "certificate"),
        key: await secret(credential.private_key),
      }),
    );
    return { token: async () => undefined, context, refused: context.forget };
  }
  const reference = "token" in credential ? credential.token : `file:${serviceAccount}/token`;
  const token = once(() => secret(reference), fresh);
  return { token, context: once(async () => contextOf(await ca(), {})), refused: token.forget };
}

function ofPlugin(run: () => Promise<PluginCredential>, ca: () => Promise<string | undefined>): Credential {
  const current = once(run, (made) => made.validFor);
  const contexts = new WeakMap<PluginCredential, SecureContext>();
  return {
    token: async () => (await current()).token,
    async context() {
      const made = await current();
      const known = contexts.get(made) ?? contextOf(await ca(), made);
      contexts.set(made, known);
      return known;
    },
    refused: current.forget,
  };
}

async function authorities(settings: KubernetesSettings): Promise<string | undefined> {
  const inCluster = "in_cluster" in settings.credential ? `${serviceAccount}/ca.crt` : undefined;
  const path = settings.ca ?? inCluster;
  return path === undefined ? undefined : await pemFile(path, "ca");
}

async function pemFile(path: string, key: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new IhcError("unavailable", `the file of kubernetes.${key} cannot be read`, {
      hint: "tell the gateway's operator",
      cause,
    });
  }
}

function contextOf(
  ca: string | undefined,
  own: { readonly cert?: string | undefined; readonly key?: string | undefined },
): SecureContext {
  const { cert, key } = own;
  try {
    return createSecureContext({
      minVersion: "TLSv1.2",
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined || key === undefined ? {} : { cert, key }),
    });
  } catch {
    // What OpenSSL says may quote what it was given.
    throw new IhcError("unavailable", "the certificates for the API server cannot be used", {
      hint: "tell the gateway's operator: ihc gateway check",
    });
  }
}

interface Remembered<T> {
  (): Promise<T>;
  readonly forget: () => void;
}

/** Remembers what was made, for as long as it says; what failed is made again. */
function once<T>(
  make: () => Promise<T>,
  lasts: number | ((made: T) => number) = Number.POSITIVE_INFINITY,
): Remembered<T> {
  let known: { readonly made: Promise<T>; until: number } | undefined;
  const get = (): Promise<T> => {
    if (known && performance.now() < known.until) return known.made;
    const entry = { made: make(), until: Number.POSITIVE_INFINITY };
    known = entry;
    entry.made.then(
      (made) => {
        entry.until = performance.now() + (typeof lasts === "number" ? lasts : lasts(made));
      },
      () => {
        if (known === entry) known = undefined;
      },
    );
    return entry.made;
  };
  return Object.assign(get, {
    forget: () => {
      known = undefined;
    },
  });
}
