import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { z } from "zod";
import { systemClock } from "../../base/clock.ts";
import { IhcError } from "../../base/errors.ts";
import type { KubernetesSettings } from "./settings.ts";

/**
 * Runs a client-go credential plugin and reads its ExecCredential from stdout.
 * https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
 */
export interface PluginCredential {
  readonly token?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** Milliseconds from now on. */
  readonly validFor: number;
}

const run = promisify(execFile);
const apiVersion = "client.authentication.k8s.io/v1";
const patience = 30_000;
/** A credential is fetched anew this long before it ends, milliseconds, and after an hour at the latest. */
const margin = 10_000;
const longest = 3_600_000;

const answer = z.looseObject({
  apiVersion: z.enum([apiVersion, "client.authentication.k8s.io/v1beta1"]),
  kind: z.literal("ExecCredential"),
  status: z.looseObject({
    token: z.string().min(1).optional(),
    clientCertificateData: z.string().min(1).optional(),
    clientKeyData: z.string().min(1).optional(),
    expirationTimestamp: z.iso.datetime({ offset: true }).optional(),
  }),
});

type Plugin = Extract<KubernetesSettings["credential"], { exec: unknown }>["exec"];

/** Throws IhcError `unavailable` that says nothing of what the plugin printed. */
export async function runPlugin(
  plugin: Plugin,
  { server }: Pick<KubernetesSettings, "server">,
  secret: (reference: string) => Promise<string>,
): Promise<PluginCredential> {
  const env: Record<string, string> = { PATH: "/usr/local/bin:/usr/bin:/bin", HOME: "/" };
  for (const [name, reference] of Object.entries(plugin.env)) env[name] = await secret(reference);
  const info = { apiVersion, kind: "ExecCredential", spec: { cluster: { server }, interactive: false } };
  let printed: string;
  try {
    const options = {
      timeout: patience,
      killSignal: "SIGKILL",
      maxBuffer: 1024 * 1024,
      shell: false,
    } as const;
    const { stdout } = await run(plugin.command, [...plugin.args], {
      ...options,
      env: { ...env, KUBERNETES_EXEC_INFO: JSON.stringify(info) },
    });
    printed = stdout;
  } catch {
    throw failed("could not be run");
  }
  const parsed = answer.safeParse(json(printed));
  if (!parsed.success) throw failed("gave no ExecCredential");
  const { token, clientCertificateData: cert, clientKeyData: key, expirationTimestamp } = parsed.data.status;
  if (token === undefined && (cert === undefined || key === undefined)) throw failed("gave no credential");
  const left =
    expirationTimestamp === undefined
      ? longest
      : Date.parse(expirationTimestamp) - systemClock.now().getTime() - margin;
  return { token, cert, key, validFor: Math.max(1000, Math.min(longest, left)) };
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function failed(what: string): IhcError {
  return new IhcError("unavailable", `the target's credential plugin ${what}`, {
    hint: "tell the gateway's operator: ihc gateway check",
  });
}
