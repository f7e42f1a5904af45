import type { Json } from "../../base/json.ts";
import type { RequestInfo } from "./wire/request-info.ts";

/**
 * A body as journal and audit log may hold it: values of secrets, config maps, environment variables and annotations are
 * left out, because what the masks replace in answers must not be in the recording of what was sent. Detectors come later.
 * The text as it came where nothing had to go.
 */
export function withoutValues(info: RequestInfo, value: Json, text: string): string {
  const all = info.group === "" && (info.resource === "secrets" || info.resource === "configmaps");
  const shown = copy(value, "", all);
  const json = JSON.stringify(shown);
  return json === JSON.stringify(value) ? text : json;
}

const hidden = "[masked]";
/** Members whose texts are values, whatever the object. */
const values: ReadonlySet<string> = new Set([
  "stringdata",
  "binarydata",
  "annotations",
  "value",
  "args",
  "command",
]);

function copy(value: Json, key: string, all: boolean): Json {
  if (typeof value !== "object" || value === null) return value;
  if (isArray(value)) return value.map((one) => copy(one, key, all));
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => {
      const lower = name.toLowerCase();
      const isValue = values.has(lower) || (lower === "data" && (all || typeof member === "object"));
      return [name, isValue ? hide(member) : copy(member, lower, all)];
    }),
  );
}

function hide(value: Json): Json {
  if (value === null || typeof value !== "object") return value === null || value === "" ? value : hidden;
  if (isArray(value)) return value.map(hide);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, hide(member)]));
}

function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
