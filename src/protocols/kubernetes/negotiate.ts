/**
 * What the API server is asked to send: JSON wherever the answer can carry objects, because nothing else is masked. Clients
 * ask with alternatives (`application/vnd.kubernetes.protobuf;as=Table;…,application/json`), of which JSON is kept.
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#alternate-representations-of-resources
 */
import { IhcError } from "../../base/errors.ts";
import type { Asked } from "./masks.ts";

/** How the answer to a request is read. */
export type AnswerClass =
  /** Objects, lists, events: JSON only. */
  | "objects"
  /** A log, or what something behind a proxy says: text or JSON. Errors come as a Status in JSON. */
  | "text"
  /** The schema of the API: any type, no data. */
  | "schema";

export function answerClass(asked: Asked): AnswerClass {
  const { resource, subresource } = asked;
  if (asked.isResource)
    return (resource === "pods" && subresource === "log") || subresource === "proxy" ? "text" : "objects";
  if (/^\/openapi\/v[23](?:\/|$)/.test(asked.path)) return "schema";
  return /^\/(?:healthz|livez|readyz|metrics)(?:\/|$)/.test(asked.path) ? "text" : "objects";
}

/** A media range of Accept with its parameters in order, names in lower case (RFC 9110, 12.5.1). */
interface Range {
  readonly type: string;
  readonly parameters: readonly (readonly [name: string, value: string])[];
}

/**
 * The Accept header to send. Throws IhcError `invalid` with rule `not-acceptable` (status 406) for a client that takes no
 * JSON. `accept` is undefined when the client sends none.
 */
export function acceptFor(asked: Asked, accept: string | undefined): string {
  const wanted = answerClass(asked);
  if (wanted === "schema") return accept ?? "*/*";
  if (wanted === "text") return "application/json, */*";
  const ranges = accept === undefined || accept.trim() === "" ? [] : rangesOf(accept);
  const kept = accept === undefined || ranges.length === 0 ? ["application/json"] : ranges.flatMap(asJson);
  if (kept.length === 0)
    throw new IhcError("invalid", "the gateway masks JSON only, and the client does not take it", {
      rule: "not-acceptable",
      hint: "ask for application/json, at least as an alternative",
    });
  return [...new Set(kept)].join(",");
}

/** The API server's own parameters; others, such as `q`, are dropped: only one type is left. */
const known: ReadonlySet<string> = new Set(["as", "g", "v", "stream"]);

function asJson({ type, parameters }: Range): readonly string[] {
  const refused = parameters.some(([name, value]) => name === "q" && /^0(?:\.0{0,3})?$/.test(value));
  if (refused || !["application/json", "application/*", "*/*"].includes(type)) return [];
  const kept = parameters.filter(([name, value]) => known.has(name) && /^[\w.+-]*$/.test(value));
  return [["application/json", ...kept.map(([name, value]) => `${name}=${value}`)].join(";")];
}

function rangesOf(accept: string): readonly Range[] {
  return accept
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map((part) => {
      const [type = "", ...rest] = part.split(";").map((one) => one.trim());
      return { type: type.toLowerCase(), parameters: rest.map(parameter) };
    });
}

function parameter(text: string): readonly [string, string] {
  const [name = "", value = ""] = text.split("=", 2);
  return [name.trim().toLowerCase(), value.trim().replace(/^"(.*)"$/, "$1")];
}

/** `application/json` of a Content-Type, in lower case; the empty text without one. */
export function mediaType(contentType: string | undefined): string {
  return (contentType ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}
