import { type DetailedError, policyToJson, validate } from "@cedar-policy/cedar-wasm/nodejs";
import { sha256 } from "../../base/bytes.ts";
import { canonicalJson } from "../../base/json.ts";
import type { Verdict } from "../session/verdict.ts";
import { accessTo } from "./cedar/access.ts";
import { preparedRules } from "./cedar/evaluate.ts";
import type { PolicyFile, PolicyIssue } from "./cedar/issue.ts";
import { conclude, deny, findings } from "./cedar/judge.ts";
import { type Rule, readRule } from "./cedar/rule.ts";
import { mixedLabels, policySchema } from "./cedar/schema.ts";
import { type Statement, splitPolicies } from "./cedar/split.ts";
import type { Policy, PolicyReason, Question } from "./policy.ts";
import type { Target } from "./target.ts";

export type Compiled =
  | { readonly policy: Policy; readonly issues?: undefined }
  | { readonly policy?: undefined; readonly issues: readonly PolicyIssue[] };

/**
 * Compiles Cedar texts into one Policy for these targets, or says everything that is wrong with them. No texts make a policy
 * that allows nothing. Pure but for Cedar's own memory; gateway/policy-files runs it in a worker first, because the WASM
 * module corrupts itself on input that is deeper than its stack.
 */
export function compilePolicy(files: readonly PolicyFile[], targets: readonly Target[]): Compiled {
  const sorted = files.toSorted((a, b) => (a.file < b.file ? -1 : 1));
  const split = sorted.map(splitPolicies);
  const read = split.flatMap(({ statements }) => statements).map(parse);
  const rules = read.flatMap(({ rule }) => (rule ? [rule] : []));
  const issues = [
    ...split.flatMap((file) => file.issues),
    ...read.flatMap((file) => file.issues),
    ...duplicates(rules),
    ...mixedLabels(targets).map(mixed),
  ];
  if (issues.length === 0) issues.push(...invalid(rules, targets));
  if (issues.length > 0) return { issues: issues.toSorted(byPlace) };
  const version = sha256(canonicalJson(sorted.map(({ file, text }) => [file, text])));
  return { policy: policyOf(version, rules) };
}

interface Judged {
  readonly verdict: Verdict;
  readonly reasons: readonly Rule[];
}

function policyOf(version: string, rules: readonly Rule[]): Policy {
  const permits = preparedRules(
    `${version}/permits`,
    rules.filter(({ effect }) => effect === "permit"),
  );
  const forbids = preparedRules(
    `${version}/forbids`,
    rules.filter(({ effect }) => effect === "forbid"),
  );
  let trapped = false;
  const guarded = <T>(evaluate: () => T, denied: T): T => {
    if (trapped) return denied;
    try {
      return evaluate();
    } catch (error) {
      // After a trap the WASM's memory may be anything, so what it answers next is worth nothing.
      trapped = error instanceof Error && error.name === "RuntimeError";
      return denied;
    }
  };
  const judge = (question: Question): Judged =>
    guarded(
      () => {
        const found = findings(permits, forbids, question);
        const reasons = [...new Set([...found.forbids.failed, ...found.forbids.satisfied, ...found.permits])];
        return { verdict: conclude(found, question), reasons };
      },
      { verdict: broken, reasons: [] },
    );
  return {
    version,
    judge: (question) => judge(question).verdict,
    access: (principal, target, wanted, breakGlass, now, incident) =>
      guarded(
        () => accessTo(permits, forbids, { principal, target, breakGlass, now, incident }, wanted),
        broken,
      ),
    explain(question) {
      const { verdict, reasons } = judge(question);
      return { verdict, reasons: reasons.map(reasonOf) };
    },
  };
}

/** Whatever the evaluator throws, its own errors and the WASM's traps alike, denies. */
const broken = deny(
  "policy-error",
  "the policy could not be evaluated, which denies",
  "tell the gateway's operator",
);

function reasonOf({ id, file, line, effect, annotations }: Rule): PolicyReason {
  return { id, file, line, effect, annotations };
}

function parse(statement: Statement): { readonly rule?: Rule; readonly issues: readonly PolicyIssue[] } {
  const { file, text, from } = statement;
  const answer = policyToJson(text);
  if (answer.type === "failure")
    return { issues: answer.errors.map((error) => complaint(file, text, from, statement.line, error)) };
  return readRule(statement, answer.json);
}

/** `validate` says `success` although it has found errors, so they are what counts. */
function invalid(rules: readonly Rule[], targets: readonly Target[]): readonly PolicyIssue[] {
  const staticPolicies = Object.fromEntries(rules.map(({ id, text }) => [id, text]));
  const answer = validate({ schema: policySchema(targets), policies: { staticPolicies } });
  if (answer.type === "failure")
    return answer.errors.map(({ message, help }) => ({
      file: rules[0]?.file ?? "policy",
      line: 1,
      message,
      hint: help ?? "see docs/policy.md",
    }));
  return answer.validationErrors.flatMap(({ policyId, error }) => {
    const rule = rules.find(({ id }) => id === policyId);
    return rule ? [complaint(rule.file, rule.text, rule.from, rule.line, error)] : [];
  });
}

function complaint(
  file: string,
  text: string,
  from: number,
  otherwise: number,
  error: DetailedError,
): PolicyIssue {
  const at = error.sourceLocations?.[0];
  const before = at ? Buffer.from(text).subarray(0, at.start).toString() : undefined;
  const hint = error.help ?? at?.label ?? "see docs/policy.md for what policies can ask about";
  return {
    file,
    line: before === undefined ? otherwise : from + before.split("\n").length - 1,
    message: error.message,
    hint,
  };
}

function duplicates(rules: readonly Rule[]): readonly PolicyIssue[] {
  return rules.flatMap((rule, i) => {
    const first = rules.findIndex(({ id }) => id === rule.id);
    if (first === i) return [];
    const other = rules[first];
    const where = other ? `${other.file} line ${other.line}` : "another policy";
    const { file, line, id } = rule;
    return [
      { file, line, message: `the id ${id} is taken by ${where}`, hint: "give each policy its own id" },
    ];
  });
}

function mixed(label: string): PolicyIssue {
  return {
    file: "targets",
    line: 1,
    message: `label ${label} has values of different types`,
    hint: "write it as text on every target, in quotes",
  };
}

function byPlace(a: PolicyIssue, b: PolicyIssue): number {
  return a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1;
}
