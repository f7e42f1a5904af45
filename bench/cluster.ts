import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { z } from "zod";
import { newAuthority } from "../test/support/kubernetes/certificates.ts";
import { startWorld, type World } from "../test/support/world.ts";

/** One way to the stand-in for an API server. */
export interface ClusterPath {
  readonly name: string;
  readonly port: number;
  readonly ca: string;
  readonly token: string;
  /** Processes that are on the way, for their CPU. */
  readonly pids: readonly number[];
}

export interface ClusterStage {
  /** Direct, the plain proxy, and through ihc with masks and without. */
  readonly paths: readonly ClusterPath[];
  stop(): Promise<void>;
}

export const clusterNames = {
  direct: "direct",
  proxy: "plain Node proxy",
  masked: "ihc, masks and detectors",
  plain: "ihc, no detectors",
};

const policy = `@id("all") permit (principal in Group::"oncall", action, resource);`;

export async function startClusterStage(): Promise<ClusterStage> {
  const folder = mkdtempSync("/tmp/ihc-bench-k8s-");
  const stops: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const stop = async (): Promise<void> => {
    for (const end of stops.splice(0).toReversed()) await end();
  };
  try {
    const authority = await newAuthority();
    const { key, certificate } = await authority.server("kube-apiserver");
    for (const [name, text] of [["key", key], ["cert", certificate], ["ca", authority.certificate]] as const)
      writeFileSync(join(folder, `${name}.pem`), text, { mode: 0o600 });
    writeFileSync(join(folder, "token"), "bench", { mode: 0o600 });
    const begin = async (...args: string[]): Promise<{ readonly port: number; readonly pid: number }> => {
      const child = spawn(process.execPath, [fileURLToPath(new URL("https.ts", import.meta.url)), ...args], {
        stdio: ["pipe", "pipe", "inherit"],
      });
      stops.push(() => child.kill());
      return { port: await portOf(child), pid: child.pid ?? 0 };
    };
    const server = await begin("server", folder);
    const proxy = await begin("proxy", folder, String(server.port));
    const target = {
      kubernetes: {
        server: `https://127.0.0.1:${server.port}`,
        ca: join(folder, "ca.pem"),
        credential: { token: `file:${join(folder, "token")}` },
      },
      labels: { env: "prod" },
    };
    const masking = [{ detect: ["email", "card", "jwt", "aws-key"], how: "redact" }];
    const world = await startWorld({
      policy,
      change: (base) => ({ ...base, targets: { masked: { ...target, masking }, plain: target } }),
    });
    stops.push(world.stop);
    await world.logIn("ana");
    const direct = { ca: authority.certificate, token: "bench" };
    const paths = [
      { name: clusterNames.direct, port: server.port, ...direct, pids: [] },
      { name: clusterNames.proxy, port: proxy.port, ...direct, pids: [proxy.pid] },
      await through(world, "masked", clusterNames.masked),
      await through(world, "plain", clusterNames.plain),
    ];
    return { paths, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function portOf({ stdout }: ChildProcess): Promise<number> {
  if (!stdout) throw new Error("no output");
  const [line] = await once(stdout, "data");
  return Number(String(line));
}

const shown = z.object({
  items: z.array(z.object({ target: z.string(), port: z.int(), environment: z.record(z.string(), z.string()) })),
});
const kubeconfig = z.object({
  clusters: z.array(z.object({ cluster: z.object({ "certificate-authority-data": z.string() }) })),
  users: z.array(z.object({ user: z.object({ token: z.string() }) })),
});

async function through(world: World, target: string, name: string): Promise<ClusterPath> {
  const running = world.as("ana", "connect", target, "--reason", "bench", "--port", "0");
  await running.until(/127\.0\.0\.1:\d+/);
  const { items } = shown.parse(JSON.parse((await world.does("ana", ["status", "--json"])).stdout()));
  const own = items.find((item) => item.target === target);
  const file = own?.environment["KUBECONFIG"];
  if (!own || file === undefined) throw new Error(`there is no kubeconfig for ${target}`);
  const { clusters, users } = kubeconfig.parse(parse(readFileSync(file, "utf8")));
  return {
    name,
    port: own.port,
    ca: Buffer.from(clusters[0]?.cluster["certificate-authority-data"] ?? "", "base64").toString("utf8"),
    token: users[0]?.user.token ?? "",
    pids: [running.pid ?? 0, world.gatewayProcess().process?.pid ?? 0],
  };
}
