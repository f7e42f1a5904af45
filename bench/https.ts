/**
 * What stands beside and behind the gateway in the bench for clusters, each a process of its own: `server` answers ready-made
 * bytes as an API server would, since a real one would be the bottleneck; `proxy` passes requests on and looks at nothing.
 *
 *   node bench/https.ts server <folder>          node bench/https.ts proxy <folder> <port to pass on to>
 *
 * The folder holds `key.pem`, `cert.pem`, `ca.pem`. Prints its own port.
 */
import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Agent, createServer, request } from "node:https";
import { join } from "node:path";

const [mode = "", folder = "", to = ""] = process.argv.slice(2);
const file = (name: string): string => readFileSync(join(folder, name), "utf8");

/** A pod as clusters have them, with what is masked in it: 2.1 kB. */
function pod(at: number): object {
  const env = [
    { name: "LOG_LEVEL", value: "info" },
    { name: "DB_PASSWORD", value: `hunter2-${at}` },
    { name: "OWNER", value: `team-${at}@example.com` },
  ];
  const labels = Object.fromEntries(Array.from({ length: 8 }, (_, n) => [`label-${n}.example.com/name`, `value-${at}-${n}`]));
  const managedFields = [
    { manager: "kubelet", operation: "Update", apiVersion: "v1", fieldsV1: { "f:status": { "f:phase": {}, "f:podIP": {} } } },
  ];
  return {
    metadata: {
      name: `web-${at}`,
      namespace: "prod-app",
      uid: `0e8400e2-9bd4-41d4-a716-${String(at).padStart(12, "0")}`,
      labels,
      annotations: { note: "a note of some length that nobody reads, and that a list carries along".repeat(4) },
      managedFields,
    },
    spec: { nodeName: "n1", containers: [{ name: "c", image: "registry.example.com/app:1", env, resources: {} }] },
    status: { phase: "Running", podIP: "10.0.0.1", conditions: [{ type: "Ready", status: "True" }] },
  };
}

function list(megabytes: number): Buffer {
  const one = JSON.stringify(pod(0)).length;
  const items = Array.from({ length: Math.round((megabytes * 1e6) / one) }, (_, at) => pod(at));
  return Buffer.from(JSON.stringify({ kind: "PodList", apiVersion: "v1", metadata: { resourceVersion: "1" }, items }));
}

function server(): (incoming: IncomingMessage, response: ServerResponse) => void {
  const one = Buffer.from(JSON.stringify({ kind: "Pod", apiVersion: "v1", ...pod(1) }));
  const bodies: Readonly<Record<string, Buffer>> = { "1": list(1), "50": list(50) };
  return (incoming, response) => {
    const [, megabytes = ""] = /labelSelector=mb(?:%3D|=)(\d+)/.exec(incoming.url ?? "") ?? [];
    const body = bodies[megabytes] ?? one;
    response.writeHead(200, { "content-type": "application/json", "content-length": body.length });
    response.end(body);
  };
}

function proxy(): (incoming: IncomingMessage, response: ServerResponse) => void {
  const agent = new Agent({ keepAlive: true, ca: file("ca.pem") });
  return (incoming, response) => {
    const { method, url, headers } = incoming;
    const outgoing = request({ host: "127.0.0.1", port: Number(to), agent, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    outgoing.on("error", () => response.destroy());
    incoming.pipe(outgoing);
  };
}

const listening = createServer(
  { key: file("key.pem"), cert: file("cert.pem"), noDelay: true },
  mode === "server" ? server() : proxy(),
);
listening.listen(0, "127.0.0.1", () => {
  const address = listening.address();
  process.stdout.write(`${typeof address === "object" ? address?.port : 0}\n`);
});
process.stdin.on("end", () => process.exit()).resume();
