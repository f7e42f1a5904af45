/**
 * The query parameters that the API server reads, by name. Whatever else a client sends is refused: a parameter that the
 * gateway does not know could change what a request means. Booleans are read as apimachinery's Convert_Slice_string_To_bool
 * does: only `false` and `0` are false, `?watch` and `?watch=foo` are true.
 * https://github.com/kubernetes/apimachinery/blob/master/pkg/runtime/converter.go
 */
import { visible } from "../../../base/text.ts";
import { BadRequest } from "./bad-request.ts";
import type { Pair } from "./target.ts";

type Kind = "flag" | "integer" | "text" | "texts";

const meta: Readonly<Record<string, Kind>> = { timeout: "text", pretty: "text" };
const list: Readonly<Record<string, Kind>> = {
  ...meta,
  watch: "flag",
  allowWatchBookmarks: "flag",
  sendInitialEvents: "flag",
  labelSelector: "text",
  fieldSelector: "text",
  limit: "integer",
  continue: "text",
  resourceVersion: "text",
  resourceVersionMatch: "text",
  timeoutSeconds: "integer",
  includeObject: "text",
};
const get: Readonly<Record<string, Kind>> = {
  ...meta,
  resourceVersion: "text",
  includeObject: "text",
  export: "flag",
  exact: "flag",
};
const change: Readonly<Record<string, Kind>> = {
  ...meta,
  dryRun: "text",
  fieldManager: "text",
  fieldValidation: "text",
  force: "flag",
  includeObject: "text",
};
const remove: Readonly<Record<string, Kind>> = {
  ...meta,
  dryRun: "text",
  gracePeriodSeconds: "integer",
  orphanDependents: "flag",
  propagationPolicy: "text",
  includeObject: "text",
};
const log: Readonly<Record<string, Kind>> = {
  ...meta,
  container: "text",
  follow: "flag",
  previous: "flag",
  timestamps: "flag",
  sinceSeconds: "integer",
  sinceTime: "text",
  tailLines: "integer",
  limitBytes: "integer",
  insecureSkipTLSVerifyBackend: "flag",
  stream: "text",
};
const stream: Readonly<Record<string, Kind>> = {
  ...meta,
  container: "text",
  stdin: "flag",
  stdout: "flag",
  stderr: "flag",
  tty: "flag",
};

/** By what the request is; `deletecollection` takes the parameters of a list too. */
const tables = {
  list,
  watch: list,
  get,
  create: change,
  update: change,
  patch: change,
  delete: remove,
  deletecollection: { ...list, ...remove },
  log,
  attach: stream,
  exec: { ...stream, command: "texts" },
  portforward: { ...meta, ports: "texts" },
  plain: { ...meta, hash: "text", verbose: "flag", exclude: "texts" },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Kind>>>>;

export type ParameterTable = keyof typeof tables;

/** Checks and rewrites the parameters, so that each says what the server would read in one way only. Throws BadRequest. */
export function readParameters(pairs: readonly Pair[], name: ParameterTable): readonly Pair[] {
  const table = new Map<string, Kind>(Object.entries(tables[name]));
  const seen = new Set<string>();
  return pairs.map(([key, value]) => {
    const kind = table.get(key);
    const shown = visible(key);
    if (kind === undefined)
      throw new BadRequest("unknown-parameter", `the parameter ${shown} is not known here`, "leave it out");
    if (seen.has(key) && kind !== "texts")
      throw new BadRequest("repeated-parameter", `the parameter ${shown} is given twice`, "give it once");
    seen.add(key);
    return [key, readers[kind](key, value)];
  });
}

/** The first value, as Go reads a parameter. */
export function parameter(pairs: readonly Pair[], name: string): string | undefined {
  return pairs.find(([key]) => key === name)?.[1];
}

const readers: Readonly<Record<Kind, (key: string, value: string) => string>> = {
  flag: (_key, value) => (["false", "0"].includes(value.toLowerCase()) ? "false" : "true"),
  integer: (key, value) => {
    if (/^-?\d{1,15}$/.test(value)) return value;
    throw new BadRequest("bad-parameter", `the parameter ${key} is no number`, "give a whole number");
  },
  text: (key, value) => {
    if (visible(value) === value) return value;
    const reason = `the parameter ${key} holds control or invisible characters`;
    throw new BadRequest("control-character", reason, "leave them out");
  },
  /** What a command is given may hold line breaks. */
  texts: (_key, value) => value,
};
