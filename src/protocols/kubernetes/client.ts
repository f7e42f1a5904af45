import { stringify } from "yaml";
import { IhcError } from "../../base/errors.ts";
import type { ClientHelp, LocalAddress, PublicSettings } from "../protocol.ts";

/**
 * How kubectl, client-go programs and MCP servers reach the cluster through the local port: a kubeconfig that trusts the
 * session's own certificate authority and holds the session secret. Written by a YAML serializer, so no name can add to it.
 */
export function clientHelp(
  local: LocalAddress,
  target: { readonly name: string },
  settings: PublicSettings,
): ClientHelp {
  const { ca, namespace } = settings;
  if (typeof ca !== "string")
    throw new IhcError("unavailable", "the gateway sent no certificate authority", {
      hint: "update the gateway",
    });
  const server = serverOf(local);
  const name = contextName(target.name);
  const trusted = { "certificate-authority-data": Buffer.from(ca).toString("base64") };
  const entry = {
    name,
    cluster: { server, ...trusted },
    ...(typeof namespace === "string" ? { namespace } : {}),
  };
  return {
    lines: [
      "export KUBECONFIG=<kubeconfig>",
      `or in your own kubeconfig: ihc kubeconfig ${target.name} --merge`,
    ],
    environment: { KUBECONFIG: "kubeconfig", IHC_KUBERNETES_CA: "ca.pem" },
    dsn: server,
    files: [
      { name: "kubeconfig", content: (secret) => kubeconfig({ ...entry, user: { token: secret } }) },
      { name: "token", content: (secret) => secret },
      { name: "ca.pem", content: () => ca, lasting: true },
    ],
  };
}

/** One cluster, user and context of a kubeconfig, all by the same name. */
export interface Entry {
  readonly name: string;
  readonly cluster: object;
  readonly user: object;
  readonly namespace?: string;
}

/** The name of a target's context, so that nobody takes it for one that goes to the cluster directly. */
export function contextName(target: string): string {
  return `ihc-${target}`;
}

/** https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/ */
export function kubeconfig(entry: Entry): string {
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": entry.name,
    preferences: {},
    clusters: [{ name: entry.name, cluster: entry.cluster }],
    users: [{ name: entry.name, user: entry.user }],
    contexts: [{ name: entry.name, context: contextPart(entry) }],
  });
}

export function contextPart({ name, namespace }: Pick<Entry, "name" | "namespace">): object {
  return { cluster: name, user: name, ...(namespace === undefined ? {} : { namespace }) };
}

function serverOf({ host, port, socket }: LocalAddress): string {
  if (socket !== undefined)
    throw new IhcError("usage", "kubectl cannot use a unix socket", { hint: "leave --socket out" });
  return `https://${host.includes(":") ? `[${host}]` : host}:${port}`;
}
