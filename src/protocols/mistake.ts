import type { z } from "zod";
import { IhcError } from "../base/errors.ts";

/** The first mistake in a target's part of ihc.yaml as an IhcError `config`: its path, and what is wrong without the value. */
export function mistake(protocol: string, { issues: [first] }: z.ZodError): IhcError {
  if (first === undefined) return new IhcError("config", `${protocol}: not readable`);
  const { path, message } = told(first);
  return new IhcError("config", `${[protocol, ...path.map(String)].join(".")}: ${message}`);
}

interface Told {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

function told(issue: z.core.$ZodIssue): Told {
  const { path, message } = issue;
  if (issue.code === "unrecognized_keys") {
    const [key = ""] = issue.keys;
    return { path: [...path, key], message: `unknown key "${key}"` };
  }
  if (issue.code === "invalid_key") return { path, message: issue.issues[0]?.message ?? message };
  if (issue.code === "invalid_union") return ofUnion(issue);
  const missing = issue.code === "invalid_type" && message.endsWith("received undefined");
  return { path, message: missing ? "is missing" : message };
}

/** Where one alternative alone has all the keys that are given, that one was meant. */
function ofUnion({ path, message, errors }: z.core.$ZodIssueInvalidUnion): Told {
  const meant = errors.filter(
    (issues) => !issues.some((one) => one.code === "unrecognized_keys" && one.path.length === 0),
  );
  const [first] = meant.length === 1 ? (meant[0] ?? []) : [];
  if (first === undefined) return { path, message };
  const inner = told(first);
  return { path: [...path, ...inner.path], message: inner.message };
}
