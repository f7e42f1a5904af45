import { compileColumns } from "./columns.ts";
import { compileFields } from "./fields.ts";
import { maskJson } from "./json.ts";
import type { MaskPlan } from "./plan.ts";
import { createReplacer } from "./replace.ts";
import { type DetectorName, detectorNames, type How, type Masked, type MaskingRules } from "./rule.ts";
import { createScanner, type Match } from "./scan.ts";

/** Compiles a target's rules. `key` keys the hashes: one per gateway, so that a value keeps its hash across sessions. */
export function compileMasks(rules: MaskingRules, key: Uint8Array): MaskPlan {
  const columns = compileColumns(rules.rules);
  const replacer = createReplacer(key);
  const hows = detectorHows(rules);
  const scanner = createScanner(new Set(hows.keys()));
  const fixed = Buffer.from(replacer.value("redact", ""));
  const replace = (bytes: Uint8Array, match: Match): Buffer => {
    if ((hows.get(match.name) ?? "redact") === "redact") return fixed;
    const value = view(bytes, match.start, match.end).toString("utf8");
    return Buffer.from(replacer.found(hows.get(match.name) ?? "redact", match.name, value));
  };
  const replaced = (input: Uint8Array, from: number, to: number): Masked<Uint8Array> | undefined => {
    const found = hows.size === 0 ? [] : scanner.find(input, from, to);
    return found.length === 0 ? undefined : (splice(input, from, to, found, replace) as Masked<Uint8Array>);
  };
  const bytes = (input: Uint8Array): Masked<Uint8Array> =>
    replaced(input, 0, input.length) ?? (input as Masked<Uint8Array>);
  const text = (input: string): Masked<string> => {
    const before: Uint8Array = Buffer.from(input);
    const after: Uint8Array = bytes(before);
    return (after === before ? input : view(after, 0, after.length).toString("utf8")) as Masked<string>;
  };
  return {
    rules,
    column: columns.column,
    name: columns.name,
    hasColumns: columns.any,
    documents: compileFields(rules.rules),
    hasDetectors: hows.size > 0,
    detects: (name) => hows.get(name),
    suspects: hows.size === 0 ? () => false : scanner.suspects,
    suspectAt: hows.size === 0 ? (_bytes, _from, to) => to : scanner.suspectAt,
    find: scanner.find,
    replaced,
    bytes,
    text,
    json: (input) => maskJson(input, bytes, text),
    value: (how, value) => replacer.value(how, value) as Masked<string>,
  };
}

/** The first rule that names a detector wins. */
function detectorHows(rules: MaskingRules): ReadonlyMap<DetectorName, How> {
  const hows = new Map<DetectorName, How>();
  for (const name of detectorNames) {
    const rule = rules.rules.find((one) => "detect" in one && one.detect.includes(name));
    if (rule) hows.set(name, rule.how);
  }
  return hows;
}

function splice(
  input: Uint8Array,
  from: number,
  to: number,
  found: readonly Match[],
  replace: (bytes: Uint8Array, match: Match) => Buffer,
): Uint8Array {
  const [only] = found;
  if (only && only.start === from && only.end === to) return replace(input, only);
  const parts: Uint8Array[] = [];
  let at = from;
  for (const match of found) {
    parts.push(view(input, at, match.start), replace(input, match));
    at = match.end;
  }
  parts.push(view(input, at, to));
  return Buffer.concat(parts);
}

function view(bytes: Uint8Array, start: number, end: number): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
}
