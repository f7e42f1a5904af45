import { readFileSync } from "node:fs";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import type { Sent } from "./requests.ts";

const schema = z.object({
  task: z.string(),
  i: z.int(),
  tool: z.string(),
  arguments: z.record(z.string(), z.unknown()),
});

export type AgentCall = z.infer<typeof schema>;

/** What a real agent did on Kubernetes: public evaluation results of containers/kubernetes-mcp-server. */
export function agentCalls(): readonly AgentCall[] {
  const text = readFileSync(new URL("../../cases/k8s-agent-transcripts.jsonl", import.meta.url), "utf8");
  return text.split("\n").flatMap((line) => (line === "" ? [] : [schema.parse(JSON.parse(line))]));
}

export interface AgentRequest extends Sent {
  /** `GET /api/v1/pods` */
  readonly line: string;
}

/** The requests that the tool sends for a call; none for what it reads from the kubeconfig. */
export function requestsOf({ tool, arguments: given }: AgentCall): readonly AgentRequest[] {
  const { tail, command, scale } = given;
  const text = (name: string): string => (typeof given[name] === "string" ? given[name] : "");
  const pods = `/api/v1/namespaces/${text("namespace")}/pods`;
  const object = () => pathOf(text("apiVersion"), text("kind"), text("namespace"), text("name"));
  const named = `${pods}/${text("name")}`;
  switch (tool) {
    case "configuration_view":
      return [];
    case "namespaces_list":
      return [{ line: `GET /api/v1/namespaces${query(given)}` }];
    case "pods_list":
      return [{ line: "GET /api/v1/pods" }];
    case "pods_list_in_namespace":
      return [{ line: `GET ${pods}${query(given)}` }];
    case "pods_get":
      return [{ line: `GET ${named}` }];
    case "pods_log":
      return [{ line: `GET ${named}/log?tailLines=${tail ?? 100}` }];
    case "pods_delete":
      return [{ line: `DELETE ${named}`, type: "application/json", body: { kind: "DeleteOptions" } }];
    case "pods_run":
      return [
        applied({
          apiVersion: "v1",
          kind: "Pod",
          metadata: { name: text("name"), namespace: text("namespace") },
          spec: { containers: [{ name: text("name"), image: text("image") }] },
        }),
      ];
    case "pods_exec":
      return [{ line: `GET ${named}/exec?${commandOf(command)}`, headers: { upgrade: "websocket" } }];
    case "events_list":
      return [{ line: `GET ${pathOf("v1", "Event", text("namespace"), "")}${query(given)}` }];
    case "resources_get":
      return [{ line: `GET ${object()}` }];
    case "resources_list":
      return [{ line: `GET ${object()}${query(given)}` }];
    case "resources_delete":
      return [{ line: `DELETE ${object()}` }];
    case "resources_scale":
      return scaled(`${object()}/scale`, scale);
    case "resources_create_or_update":
      return parseAllDocuments(text("resource")).map((document) => applied(document.toJS()));
    case "nodes_top":
      return [{ line: `GET /apis/metrics.k8s.io/v1beta1/nodes${query(given)}` }];
    case "nodes_stats_summary":
      return [{ line: `GET /api/v1/nodes/${text("name")}/proxy/stats/summary` }];
    default:
      throw new TypeError(`the tool ${tool} is not known`);
  }
}

function scaled(line: string, scale: unknown): readonly AgentRequest[] {
  const get = { line: `GET ${line}` };
  if (scale === undefined) return [get];
  return [get, { line: `PUT ${line}`, type: "application/json", body: { spec: { replicas: scale } } }];
}

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: unknown;
}

function applied(manifest: Manifest): AgentRequest {
  const { apiVersion, kind, metadata } = manifest;
  const path = pathOf(apiVersion, kind, metadata.namespace ?? "", metadata.name);
  const line = `PATCH ${path}?fieldManager=kubernetes-mcp-server&force=true`;
  return { line, type: "application/apply-patch+yaml", body: manifest };
}

function pathOf(apiVersion: string, kind: string, namespace: string, name: string): string {
  const prefix = apiVersion.includes("/") ? "/apis" : "/api";
  const resource = plural(kind.toLowerCase());
  const inside = namespace === "" ? [] : ["namespaces", namespace];
  return [prefix, apiVersion, ...inside, resource, ...(name === "" ? [] : [name])].join("/");
}

function plural(kind: string): string {
  if (kind === "endpoints") return kind;
  if (/(?:s|ss|x|ch)$/.test(kind)) return `${kind}es`;
  return kind.endsWith("y") ? `${kind.slice(0, -1)}ies` : `${kind}s`;
}

function query(given: Readonly<Record<string, unknown>>): string {
  const { labelSelector, label_selector, fieldSelector } = given;
  const pairs = Object.entries({ labelSelector: labelSelector ?? label_selector, fieldSelector });
  const parts = pairs.flatMap(([key, value]) =>
    typeof value === "string" ? [`${key}=${encodeURIComponent(value)}`] : [],
  );
  return parts.length === 0 ? "" : `?${parts.join("&")}`;
}

function commandOf(command: unknown): string {
  const words = z.array(z.string()).parse(command);
  return words.map((word) => `command=${encodeURIComponent(word)}`).join("&");
}
