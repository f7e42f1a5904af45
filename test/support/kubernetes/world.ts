import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import type { Person } from "../../../src/demo/people.ts";
import { type Running, start } from "../../../src/demo/run.ts";
import { startWorld, type World } from "../world.ts";
import { type ApiClient, apiClient } from "./api.ts";
import { type Account, type Cluster, startCluster } from "./cluster.ts";
import type { Kubectl } from "./tools.ts";

/** A cluster behind a gateway process as the target `prod-k8s`, and people who use the real CLI. */
export interface KubernetesWorld {
  readonly world: World;
  readonly cluster: Cluster;
  /** Opens a session of that person's; `approver` lets it through where a grant is needed. */
  connect(person: string, options?: KubernetesConnect): Promise<KubernetesConnection>;
  stop(): Promise<void>;
}

export interface KubernetesConnect {
  readonly approver?: string;
  readonly args?: readonly string[];
  readonly for?: string;
  /** Default: the cluster. */
  readonly target?: string;
}

export interface KubernetesConnection {
  readonly running: Running;
  readonly session: string;
  readonly port: number;
  /** The file that the local agent wrote. */
  readonly kubeconfig: string;
  /** As that person's shell has it within `ihc connect … -- $SHELL`. */
  readonly environment: Readonly<Record<string, string>>;
  readonly token: string;
  /** PEM of the session's own authority. */
  readonly ca: string;
  /** A plain HTTPS client that trusts that authority and sends the session secret. */
  readonly api: ApiClient;
  /** Starts kubectl in that environment; end it yourself, or wait for its end. */
  kubectl(kubectl: Kubectl, args: readonly string[], options?: KubectlStart): Running;
}

export interface KubectlStart {
  readonly input?: string | undefined;
  readonly environment?: Readonly<Record<string, string>> | undefined;
}

export interface KubernetesWorldOptions {
  /** Cedar; default: oncall may do everything once a lead has agreed. */
  readonly policy?: string;
  /** More of the target's settings under `kubernetes:`. */
  readonly settings?: object;
  /** More of the target beside it: masking, recording. */
  readonly target?: object;
  readonly people?: readonly Person[];
  /** Targets besides the cluster. */
  readonly targets?: object;
  /** The cluster's account that the gateway has; default `gateway`. */
  readonly account?: Account;
}

const everything = `
@id("oncall") @grant("sre-leads") permit (principal in Group::"oncall", action, resource);
@id("named") @grant("sre-leads") permit (principal in Group::"oncall", action, resource)
when { context.traits.contains("uses-secret") };
`;

export const targetName = "prod-k8s";

export async function startKubernetesWorld(options: KubernetesWorldOptions = {}): Promise<KubernetesWorld> {
  const cluster = await startCluster();
  try {
    const world = await startWorld({
      policy: options.policy ?? everything,
      ...(options.people === undefined ? {} : { people: options.people }),
      change: (configuration) => ({
        ...configuration,
        targets: { [targetName]: targetOf(cluster, options), ...options.targets },
      }),
    });
    const clients = new Set<ApiClient>();
    return {
      world,
      cluster,
      connect: async (person, wish = {}) => {
        const connection = await connect(world, person, wish);
        clients.add(connection.api);
        return connection;
      },
      stop: async () => {
        for (const client of clients) client.close();
        await world.stop();
        await cluster.stop();
      },
    };
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

function targetOf(
  cluster: Cluster,
  { settings, target, account = "gateway" }: KubernetesWorldOptions,
): object {
  return {
    kubernetes: {
      server: cluster.url,
      ca: cluster.caFile,
      credential: { token: `file:${cluster.tokenFiles[account]}` },
      ...settings,
    },
    labels: { env: "prod" },
    masking: [
      { fields: ["configmaps/data/DB_*"], how: "redact" },
      { detect: ["email", "card"], how: "redact" },
    ],
    ...target,
  };
}

const status = z.object({
  items: z.array(z.object({ port: z.int(), environment: z.record(z.string(), z.string()) })),
});

const kubeconfigShape = z.object({
  clusters: z.array(z.object({ cluster: z.object({ "certificate-authority-data": z.string() }) })).length(1),
  users: z.array(z.object({ user: z.object({ token: z.string() }) })).length(1),
});

async function connect(world: World, person: string, wish: KubernetesConnect): Promise<KubernetesConnection> {
  const duration = wish.for ?? "1h";
  const how = ["--reason", "a test", "--for", duration, "--port", "0", ...(wish.args ?? [])];
  const running = world.as(person, "connect", wish.target ?? targetName, ...how);
  if (wish.approver !== undefined) {
    const [request] = await running.until(/req_[0-9A-Z]+/);
    const review = await world.review(wish.approver, request);
    if ((await review.ended()) !== 0) throw new Error(`the request was not approved: ${review.output()}`);
  }
  const [session] = await running.until(/ses_[0-9A-Z]+/);
  const [, text = ""] = await running.until(/127\.0\.0\.1:(\d+)/);
  const port = Number(text);
  const shown = await world.does(person, ["status", "--json"]);
  const { items } = status.parse(JSON.parse(shown.stdout()));
  const own = items.find((item) => item.port === port);
  const kubeconfig = own?.environment["KUBECONFIG"];
  if (own === undefined || kubeconfig === undefined) throw new Error(`no kubeconfig: ${shown.output()}`);
  const { clusters, users } = kubeconfigShape.parse(parse(readFileSync(kubeconfig, "utf8")));
  const ca = Buffer.from(clusters[0]?.cluster["certificate-authority-data"] ?? "", "base64").toString("utf8");
  const token = users[0]?.user.token ?? "";
  const environment = { ...world.home.environment(person), ...own.environment };
  return {
    running,
    session,
    port,
    kubeconfig,
    environment,
    token,
    ca,
    api: apiClient(port, ca, token),
    kubectl: ({ path, version }, args, { input, environment: more } = {}) =>
      start(path, args, {
        // What one version has learned about the cluster is not another's.
        env: { ...environment, ...more, KUBECACHEDIR: join(world.folder, `kubectl-${version}`) },
        ...(input === undefined ? {} : { input }),
      }),
  };
}
