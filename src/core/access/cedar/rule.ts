import type { PolicyJson } from "@cedar-policy/cedar-wasm/nodejs";
import { parseDuration } from "../../../base/duration.ts";
import { IhcError } from "../../../base/errors.ts";
import { parseSlots, type Slot } from "../slot.ts";
import type { PolicyIssue } from "./issue.ts";
import type { Statement } from "./split.ts";

/** One Cedar policy and what its annotations make of it. */
export interface Rule {
  readonly id: string;
  readonly file: string;
  readonly line: number;
  /** Line on which `text` begins, for placing the validator's complaints. */
  readonly from: number;
  readonly text: string;
  readonly effect: "permit" | "forbid";
  readonly annotations: Readonly<Record<string, string>>;
  /** `@grant`: the permit counts only under a grant that these reviews issued. */
  readonly grant?: readonly Slot[];
  /** `@max`: the longest such grant, milliseconds. */
  readonly max: number;
  /** `@break_glass`: counts only under a break-glass grant. */
  readonly breakGlass: boolean;
  /** `@approve`: the forbid is lifted by these reviews of the very operation. */
  readonly approve?: readonly Slot[];
  /** `@within`: how long the reviewers have, milliseconds. */
  readonly within: number;
  /** The texts that its conditions mention; some traits count only where they are named. */
  readonly strings: ReadonlySet<string>;
  /** Whether its conditions ask for break-glass, so that a refusal can say so. */
  readonly liftedByBreakGlass: boolean;
}

const known = {
  permit: ["id", "grant", "max", "break_glass", "reason", "hint"],
  forbid: ["id", "approve", "within", "reason", "hint"],
} as const;

const defaultMax = 8 * 3_600_000;
const defaultWithin = 15 * 60_000;

/** Reads a policy's annotations; every mistake is an issue. */
export function readRule(
  statement: Statement,
  json: PolicyJson,
): { readonly rule?: Rule; readonly issues: readonly PolicyIssue[] } {
  const { file, line, from, text } = statement;
  const issues: PolicyIssue[] = [];
  const complain = (message: string, hint: string): void => {
    issues.push({ file, line, message, hint });
  };
  const { effect } = json;
  const annotations = Object.fromEntries(
    Object.entries(json.annotations ?? {}).map(([name, value]) => [name, value ?? ""]),
  );
  checkNames(effect, annotations, complain);
  const { id = "" } = annotations;
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(id))
    complain("the policy has no usable id", 'name it, such as @id("writes-need-a-second-person")');
  const uses = usesOf(json.conditions);
  const grant = slotsIn("grant", annotations, complain);
  const approve = slotsIn("approve", annotations, complain);
  checkApprovals(effect, approve, uses, complain);
  const rule: Rule = {
    id,
    file,
    line,
    from,
    text,
    effect,
    annotations,
    ...(grant ? { grant } : {}),
    max: durationIn("max", annotations, defaultMax, complain),
    breakGlass: "break_glass" in annotations,
    ...(approve ? { approve } : {}),
    within: durationIn("within", annotations, defaultWithin, complain),
    strings: uses.strings,
    liftedByBreakGlass: uses.context.has("breakGlass"),
  };
  return issues.length > 0 ? { issues } : { rule, issues };
}

type Complain = (message: string, hint: string) => void;
type Annotations = Readonly<Record<string, string>>;

function checkNames(effect: "permit" | "forbid", annotations: Annotations, complain: Complain): void {
  const allowed: readonly string[] = known[effect];
  for (const name of Object.keys(annotations))
    if (!allowed.includes(name))
      complain(
        `@${name} means nothing on a ${effect}`,
        `known are ${allowed.map((n) => `@${n}`).join(", ")}`,
      );
  if ("within" in annotations && !("approve" in annotations))
    complain("@within without @approve", "say who may approve, or remove it");
  if ("max" in annotations && !("grant" in annotations || "break_glass" in annotations))
    complain("@max without @grant", "say who must approve the grant, or remove it");
}

function checkApprovals(
  effect: "permit" | "forbid",
  approve: readonly Slot[] | undefined,
  uses: Uses,
  complain: Complain,
): void {
  const asks = uses.context.has("approvedBy");
  if (effect === "permit" && asks)
    complain("a permit cannot ask for an approval", "use @grant, or a forbid with @approve");
  if (effect === "permit") return;
  if (asks && !approve)
    complain(
      "the conditions ask for an approval that nobody is asked to give",
      "add @approve with the groups",
    );
  const first = approve?.find(({ group }) => !(asks && uses.strings.has(group)));
  if (first)
    complain(
      `approval by ${first.group} would not lift this policy`,
      `add: unless { context.approvedBy.contains(${JSON.stringify(first.group)}) }`,
    );
}

function slotsIn(name: string, annotations: Annotations, complain: Complain): readonly Slot[] | undefined {
  return readAnnotation(name, annotations, parseSlots, complain);
}

function durationIn(name: string, annotations: Annotations, otherwise: number, complain: Complain): number {
  return readAnnotation(name, annotations, parseDuration, complain) ?? otherwise;
}

function readAnnotation<T>(
  name: string,
  annotations: Annotations,
  parse: (text: string) => T,
  complain: Complain,
): T | undefined {
  const text = annotations[name];
  if (text === undefined) return;
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof IhcError)) throw error;
    complain(`@${name}: ${error.message}`, error.hint ?? "see docs/policy.md");
  }
  return undefined;
}

/** Which context attributes and which strings the conditions mention. */
interface Uses {
  readonly context: ReadonlySet<string>;
  readonly strings: ReadonlySet<string>;
}

function usesOf(conditions: readonly unknown[]): Uses {
  const context = new Set<string>();
  const strings = new Set<string>();
  const walk = (node: unknown): void => {
    if (typeof node === "string") strings.add(node);
    if (typeof node !== "object" || node === null) return;
    if (isContextAccess(node)) context.add(node.attr);
    for (const child of Object.values(node)) walk(child);
  };
  walk(conditions);
  return { context, strings };
}

/** Whether a node of Cedar's JSON form reads an attribute of `context`; what is inside the `.` or `has` of the form. */
function isContextAccess(node: object): node is { attr: string } {
  if (!("attr" in node && "left" in node) || typeof node.attr !== "string") return false;
  const { left } = node;
  return typeof left === "object" && left !== null && "Var" in left && left.Var === "context";
}
