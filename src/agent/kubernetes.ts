import { dirname, join } from "node:path";
import { IhcError } from "../base/errors.ts";
import { visible } from "../base/text.ts";
import { type AgentPaths, readPrivate } from "./paths.ts";
import { listRunning, type Running } from "./running.ts";

/** A connection to a cluster that runs on this machine. */
export interface ClusterConnection {
  readonly running: Running;
  /** `https://127.0.0.1:PORT` */
  readonly server: string;
  /** File with the session's certificate authority; its place stays the same from session to session. */
  readonly ca: string;
}

/** The connection to that target. Throws IhcError `not-found` when none runs, or when it is no cluster. */
export async function clusterConnection(
  paths: AgentPaths,
  target: string,
  profile: string | undefined,
): Promise<ClusterConnection> {
  const all = (await listRunning(paths)).filter(
    (one) => one.target === target && (profile === undefined || one.profile === profile),
  );
  const running = all.find((one) => one.protocol === "kubernetes");
  const ca = running?.environment["IHC_KUBERNETES_CA"];
  if (running !== undefined && ca !== undefined) return { running, server: running.dsn, ca };
  if (all.length > 0)
    throw new IhcError("usage", `${visible(target)} is no Kubernetes cluster`, { hint: "see ihc targets" });
  throw new IhcError("not-found", `nothing is connected to ${visible(target)}`, {
    hint: `connect first: ihc connect ${visible(target)} --background`,
  });
}

/** The session secret, from the file that `ihc connect` keeps for as long as the session lasts. */
export async function clusterToken({ running }: ClusterConnection): Promise<string> {
  const { KUBECONFIG: path } = running.environment;
  const token = path === undefined ? undefined : await readPrivate(join(dirname(path), "token"));
  if (token !== undefined) return token.toString("utf8");
  throw new IhcError("not-found", `the connection to ${visible(running.target)} has ended`, {
    hint: `connect again: ihc connect ${visible(running.target)}`,
  });
}
