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
  const entry = entryOf({
    name: target.name,
    server,
    ca,
    ...(typeof namespace === "string" ? { namespace } : {}),
  });
  return {
    lines: [
      "export KUBECONFIG=<kubeconfig>",
      `or in your own kubeconfig: ihc kubeconfig ${target.name} --merge`,
    ],
    environment: { KUBECONFIG: "kubeconfig" },
    dsn: server,
    files: [
      { name: "kubeconfig", content: (secret) => kubeconfig(entry, { token: secret }) },
      { name: "ca.pem", content: () => ca },
    ],
  };
}

/** One cluster, user and context of a kubeconfig, all by the same name. */
export interface Entry {
  readonly name: string;
  readonly server: string;
  /** PEM. */
  readonly ca: string;
  readonly namespace?: string;
}

export function entryOf(entry: Entry): Entry {
  return { ...entry, name: `ihc-${entry.name}` };
}

/** https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/ */
export function kubeconfig(entry: Entry, user: object): string {
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": entry.name,
    preferences: {},
    clusters: [{ name: entry.name, cluster: clusterPart(entry) }],
    users: [{ name: entry.name, user }],
    contexts: [{ name: entry.name, context: contextPart(entry) }],
  });
}

export function clusterPart({ server, ca }: Entry): object {
  return { server, "certificate-authority-data": Buffer.from(ca).toString("base64") };
}

export function contextPart({ name, namespace }: Entry): object {
  return { cluster: name, user: name, ...(namespace === undefined ? {} : { namespace }) };
}

function serverOf({ host, port, socket }: LocalAddress): string {
  if (socket !== undefined)
    throw new IhcError("usage", "kubectl cannot use a unix socket", { hint: "leave --socket out" });
  return `https://${host.includes(":") ? `[${host}]` : host}:${port}`;
}
