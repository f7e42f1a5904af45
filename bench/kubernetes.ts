import { Agent, request } from "node:https";
import { type ClusterPath, clusterNames, startClusterStage } from "./cluster.ts";
import type { Sample } from "./measure.ts";
import { cpuOf } from "./process.ts";
import { median, type Tell } from "./report.ts";

const pods = "/api/v1/namespaces/prod-app/pods";
/** Objects that hold no environment: without detectors nothing in them can need a mask. The stand-in answers the same bytes. */
const services = "/api/v1/namespaces/prod-app/services";
const clients = 8;

interface Load {
  readonly name: string;
  readonly unit: string;
  readonly goal: string;
  measure(path: ClusterPath): Promise<Sample>;
}

/** Requests per second and lists through the gateway, against the same server directly and through a plain proxy. */
export async function benchKubernetes(rounds: number, seconds: number, tell: Tell): Promise<void> {
  const stage = await startClusterStage();
  const lists = [1, 50].map((megabytes): Load => ({
    name: `a list of ${megabytes} MB`,
    unit: "MB/s",
    goal: "0.8 of the proxy without detectors, 0.3 with masks",
    measure: (path) => listing(path, megabytes, seconds),
  }));
  const gets: Load = {
    name: `GET of one pod, ${clients} clients`,
    unit: "/s",
    goal: "0.5 of the proxy",
    measure: (path) => getting(path, seconds),
  };
  try {
    for (const load of [gets, ...lists]) await alternated(stage.paths, load, rounds, tell);
  } finally {
    await stage.stop();
  }
}

async function alternated(
  paths: readonly ClusterPath[],
  { name, unit, goal, measure }: Load,
  rounds: number,
  tell: Tell,
): Promise<void> {
  const samples = new Map<string, { readonly value: number; readonly cpu: number }[]>();
  for (let round = -1; round < rounds; round += 1)
    for (const path of paths) {
      const before = cpuOf(path.pids);
      const { value, work } = await measure(path);
      const cpu = (cpuOf(path.pids) - before) / work;
      // The first round only warms up.
      if (round >= 0) samples.set(path.name, [...(samples.get(path.name) ?? []), { value, cpu }]);
    }
  const values = (path: string): readonly number[] => (samples.get(path) ?? []).map(({ value }) => value);
  for (const path of paths) {
    const own = values(path.name);
    const of = (other: string): number =>
      median(own.map((value, round) => value / (values(other)[round] ?? Number.NaN)));
    tell({
      part: "kubernetes",
      name: `${name} (goal: ${goal})`,
      yardstick: "proxy",
      path: path.name,
      value: median(own),
      unit,
      ...(path.name === clusterNames.direct ? {} : { ofDirect: of(clusterNames.direct), ofBlind: of(clusterNames.proxy) }),
      ...(path.pids.length === 0 ? {} : { cpuRemote: median((samples.get(path.name) ?? []).map(({ cpu }) => cpu)) }),
    });
  }
}

async function getting(path: ClusterPath, seconds: number): Promise<Sample> {
  const agent = new Agent({ keepAlive: true, maxSockets: clients, ca: path.ca });
  const started = performance.now();
  let done = 0;
  const one = async (): Promise<void> => {
    while (performance.now() - started < seconds * 1000) {
      await read(path, agent, `${pods}/web-1`);
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: clients }, one));
  agent.destroy();
  return { value: (done * 1000) / (performance.now() - started), work: done };
}

async function listing(path: ClusterPath, megabytes: number, seconds: number): Promise<Sample> {
  const agent = new Agent({ keepAlive: true, ca: path.ca });
  const started = performance.now();
  let bytes = 0;
  const of = path.name === clusterNames.plain ? services : pods;
  do bytes += await read(path, agent, `${of}?labelSelector=mb%3D${megabytes}`);
  while (performance.now() - started < seconds * 1000);
  agent.destroy();
  return { value: bytes / 1000 / (performance.now() - started), work: bytes / 1e6 };
}

/** Resolves with the bytes of the body. */
function read({ port, token }: ClusterPath, agent: Agent, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}`, accept: "application/json" };
    const sent = request({ host: "127.0.0.1", port, agent, path, headers }, (answer) => {
      let bytes = 0;
      answer.on("data", (piece: Buffer) => {
        bytes += piece.length;
      });
      answer.on("error", reject);
      answer.on("end", () =>
        answer.statusCode === 200 ? resolve(bytes) : reject(new Error(`status ${answer.statusCode} for ${path}`)),
      );
    });
    sent.on("error", reject);
    sent.end();
  });
}
