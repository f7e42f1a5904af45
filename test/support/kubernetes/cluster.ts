import { randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { stringify } from "yaml";
import { freePort } from "../../../src/demo/gateway.ts";
import { type ApiClient, apiClient } from "./api.ts";
import { type AuditEvent, auditPolicy, auditUntil, readAudit } from "./audit.ts";
import { newAuthority, newPrivateKey } from "./certificates.ts";
import { runController } from "./controller.ts";
import { type Kubelet, startKubelet } from "./kubelet.ts";
import { type Program, startProgram } from "./program.ts";
import { type Seed, seedOf } from "./seed.ts";
import { clusterTools } from "./tools.ts";

/**
 * A real API server on a real etcd, with a node behind it. Start one per test file in `before` (3 to 4 s, of which a copied
 * data folder would save none: it is the API server that starts), `stop` it in `after`.
 */
export interface Cluster {
  /** `https://127.0.0.1:PORT` */
  readonly url: string;
  readonly port: number;
  /** PEM of the authority that the server's certificate is from, and a file with it. */
  readonly ca: string;
  readonly caFile: string;
  /** Gone with the cluster. */
  readonly folder: string;
  /** Bearer tokens of its accounts, and files that hold one each. */
  readonly tokens: Readonly<Record<Account, string>>;
  readonly tokenFiles: Readonly<Record<Account, string>>;
  /** As a member of system:masters. */
  readonly admin: ApiClient;
  /** A certificate and key for the gateway's account, as files. */
  readonly client: { readonly certificate: string; readonly key: string };
  readonly kubelet: Kubelet;
  /** Everything in the server's audit log so far. */
  audit(): readonly AuditEvent[];
  auditUntil(which: (event: AuditEvent) => boolean, count?: number): Promise<readonly AuditEvent[]>;
  as(account: Account): ApiClient;
  /** Writes a kubeconfig that goes to the server directly, and tells its path. */
  kubeconfig(account: Account): string;
  stop(): Promise<void>;
}

/**
 * `gateway` may impersonate the people and groups of the seed and nothing else; `broad` may impersonate anybody; `admin` is
 * in system:masters; `bare` has no rights but discovery.
 */
export type Account = "admin" | "gateway" | "broad" | "bare";

export interface ClusterOptions {
  /** Objects besides the seed's. */
  readonly seed?: readonly Seed[];
}

const accounts: Readonly<Record<Account, { name: string; groups: readonly string[] }>> = {
  admin: { name: "admin", groups: ["system:masters"] },
  gateway: { name: "ihc-gateway", groups: [] },
  broad: { name: "ihc-broad", groups: [] },
  bare: { name: "bare", groups: [] },
};

export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const folder = mkdtempSync("/tmp/ihc-cluster-");
  chmodSync(folder, 0o700);
  const undo: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 })];
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    return { ...(await start(folder, options, undo)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function start(
  folder: string,
  { seed = [] }: ClusterOptions,
  undo: (() => unknown)[],
): Promise<Omit<Cluster, "stop">> {
  const tools = clusterTools();
  if (typeof tools === "string") throw new Error(tools);
  const write = (name: string, text: string): string => {
    const file = join(folder, name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  };
  const authority = await newAuthority();
  const [serving, kubeletOwn, dialling, client] = await Promise.all([
    authority.server("kube-apiserver"),
    authority.server("n1"),
    authority.client("kube-apiserver"),
    authority.client(accounts.gateway.name),
  ]);
  const kubelet = await startKubelet(join(folder, "pods"), kubeletOwn, authority.certificate);
  undo.push(() => kubelet.stop());

  const names = Object.keys(accounts) as Account[];
  const perAccount = <T>(of: (account: Account) => T): Record<Account, T> => ({
    admin: of("admin"),
    gateway: of("gateway"),
    broad: of("broad"),
    bare: of("bare"),
  });
  const tokens = perAccount(() => randomBytes(16).toString("hex"));
  const tokenLines = names.map(
    (n) => `${tokens[n]},${accounts[n].name},uid-${n},"${accounts[n].groups.join(",")}"`,
  );
  const audit = join(folder, "audit.log");
  const serviceAccountKey = write("service-account.key", newPrivateKey());
  const ca = write("ca.crt", authority.certificate);
  const etcdUrl = await startEtcd(tools.etcd, folder, undo);
  const port = await freePort();
  const flags = {
    "etcd-servers": etcdUrl,
    "bind-address": "127.0.0.1",
    "advertise-address": "127.0.0.1",
    "secure-port": port,
    "tls-cert-file": write("server.crt", serving.certificate),
    "tls-private-key-file": write("server.key", serving.key),
    "client-ca-file": ca,
    "token-auth-file": write("tokens.csv", `${tokenLines.join("\n")}\n`),
    "anonymous-auth": false,
    "authorization-mode": "RBAC",
    "disable-admission-plugins": "ServiceAccount",
    "service-account-key-file": serviceAccountKey,
    "service-account-signing-key-file": serviceAccountKey,
    "service-account-issuer": "https://kubernetes.default.svc",
    "service-cluster-ip-range": "10.96.0.0/16",
    "endpoint-reconciler-type": "none",
    "kubelet-certificate-authority": ca,
    "kubelet-client-certificate": write("kubelet-client.crt", dialling.certificate),
    "kubelet-client-key": write("kubelet-client.key", dialling.key),
    "kubelet-preferred-address-types": "InternalIP",
    "audit-policy-file": write("audit-policy.yaml", stringify(auditPolicy)),
    "audit-log-path": audit,
    "audit-log-mode": "blocking-strict",
    profiling: true,
    v: 0,
  };
  const server = startProgram(
    tools.apiServer,
    Object.entries(flags).map(([name, value]) => `--${name}=${value}`),
    folder,
  );
  undo.push(() => server.stop());

  const clients = perAccount((account) => apiClient(port, authority.certificate, tokens[account]));
  undo.push(() => {
    for (const one of Object.values(clients)) one.close();
  });
  await untilReady(clients.admin, server);
  for (const one of [...seedOf(kubelet.port), ...seed]) await plant(clients.admin, one);
  for (const pod of ["prod-app/web", "prod-app/worker", "other/web"]) kubelet.log(pod, "started\n");
  const controller = runController(clients.admin);
  undo.push(() => controller.stop());

  return {
    url: `https://127.0.0.1:${port}`,
    port,
    ca: authority.certificate,
    caFile: ca,
    folder,
    tokens,
    tokenFiles: perAccount((account) => write(`${account}.token`, tokens[account])),
    admin: clients.admin,
    client: { certificate: write("gateway.crt", client.certificate), key: write("gateway.key", client.key) },
    kubelet,
    audit: () => readAudit(audit),
    auditUntil: (which, count) => auditUntil(audit, which, count),
    as: (account) => clients[account],
    kubeconfig: (account) =>
      write(
        `${account}.kubeconfig`,
        stringify(kubeconfigOf(`https://127.0.0.1:${port}`, ca, tokens[account])),
      ),
  };
}

async function startEtcd(program: string, folder: string, undo: (() => unknown)[]): Promise<string> {
  const [client, peer] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${client}`;
  const peerUrl = `http://127.0.0.1:${peer}`;
  const etcd = startProgram(
    program,
    [
      ...["--data-dir", join(folder, "etcd"), "--name", "one", "--log-level", "warn"],
      ...["--listen-client-urls", url, "--advertise-client-urls", url],
      ...["--listen-peer-urls", peerUrl, "--initial-advertise-peer-urls", peerUrl],
      ...["--initial-cluster", `one=${peerUrl}`],
    ],
    folder,
  );
  undo.push(() => etcd.stop());
  return url;
}

async function untilReady(admin: ApiClient, server: Program): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt += 1) {
    if (server.ended()) break;
    const answer = await admin.call("GET", "/readyz", { timeout: 2000 }).catch(() => undefined);
    if (answer?.status === 200) return;
    await sleep(100);
  }
  throw new Error(`the API server did not start: ${server.said()}`);
}

async function plant(admin: ApiClient, { path, object, status }: Seed): Promise<void> {
  const created = await admin.call("POST", path, { body: object });
  if (created.status !== 201) throw new Error(`${path}: ${created.status} ${created.text}`);
  if (status === undefined) return;
  const metadata = created.json()["metadata"];
  const name =
    typeof metadata === "object" && metadata !== null && "name" in metadata ? metadata["name"] : "";
  const patched = await admin.call("PATCH", `${path}/${name}/status`, {
    contentType: "application/merge-patch+json",
    body: { status },
  });
  if (patched.status !== 200) throw new Error(`${path}/${name}: ${patched.status} ${patched.text}`);
}

/** A kubeconfig of one cluster and one user. */
function kubeconfigOf(server: string, ca: string, token: string): object {
  return {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "direct", cluster: { server, "certificate-authority": ca } }],
    users: [{ name: "direct", user: { token } }],
    contexts: [{ name: "direct", context: { cluster: "direct", user: "direct" } }],
    "current-context": "direct",
  };
}
