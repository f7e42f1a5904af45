import { accessSync, constants, existsSync, globSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

const { PATH: searchPath = "", HOME: home = homedir(), XDG_CACHE_HOME: cacheHome } = process.env;

/** Where `.ci/kubernetes` puts the API server. */
const apiServer = join(cacheHome ?? join(home, ".cache"), "ihc-ci/kube-apiserver-1.20.2/kube-apiserver");

export interface ClusterTools {
  readonly apiServer: string;
  readonly etcd: string;
}

/** The programs of a cluster, or why there can be none: give that to `skip` of a test. */
export function clusterTools(): ClusterTools | string {
  const etcd = onPath("etcd");
  if (etcd === undefined) return "no etcd: install etcd-server";
  if (!executable(apiServer)) return `no kube-apiserver at ${apiServer}: run .ci/kubernetes`;
  return { apiServer, etcd };
}

/** For `skip` of tests that need a cluster: false where there is one. */
export function withoutCluster(): string | false {
  const tools = clusterTools();
  return typeof tools === "string" ? tools : false;
}

/** A kubectl with its minor version, such as 1.31. */
export interface Kubectl {
  readonly version: string;
  readonly path: string;
}

/**
 * The kubectl versions that the Google Cloud SDK's package brings side by side (1.27 to 1.33), oldest first. Empty where it
 * is not installed.
 */
export function kubectls(): readonly Kubectl[] {
  const found = [...new Set([...folders(), "/usr/lib/google-cloud-sdk/bin"])].flatMap((folder) =>
    globSync(join(folder, "kubectl.1.*")),
  );
  return found
    .map((path) => ({ path, version: path.slice(path.lastIndexOf("kubectl.") + "kubectl.".length) }))
    .filter(({ path, version }) => /^1\.\d+$/.test(version) && executable(path))
    .sort((a, b) => minor(a) - minor(b));
}

/** For `skip` of tests that need kubectl besides a cluster. */
export function withoutKubectl(): string | false {
  if (kubectls().length < 3) return "fewer than three kubectl.1.*: install the Google Cloud SDK's kubectl";
  return withoutCluster();
}

function minor({ version }: Kubectl): number {
  return Number(version.split(".")[1]);
}

function onPath(name: string): string | undefined {
  return folders()
    .map((folder) => join(folder, name))
    .find(executable);
}

function folders(): readonly string[] {
  return searchPath.split(delimiter).filter((folder) => folder !== "" && existsSync(folder));
}

function executable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
