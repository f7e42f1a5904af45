import { readFileSync } from "node:fs";
import type { CaseMessage } from "./wire.ts";

/** One line of test/cases/*.jsonl; the areas pg-* use all of it. */
export interface Case {
  readonly id: string;
  readonly area: string;
  readonly input: CaseInput;
  readonly setup: {
    readonly grant?: "ro" | "rw";
    /** Run by the database's owner before. */
    readonly owner?: string;
  };
  readonly expected: {
    readonly verdict: string;
    readonly no_canary?: boolean;
    readonly also_canary?: readonly string[];
    readonly probe_unchanged?: string;
    readonly must_contain?: string;
  };
  readonly why: string;
  readonly form: "exact" | "scenario";
}

interface CaseInput {
  readonly kind: string;
  /** Of clusters: method and target, and headers as a person would write them. */
  readonly request?: string;
  readonly headers?: string;
  readonly msgs?: readonly CaseMessage[];
  readonly startup?: Readonly<Record<string, string>>;
  readonly hex?: string;
  readonly after_login?: boolean;
  readonly approved?: string;
  readonly sent?: string | readonly string[];
  /** Of token cases: the token itself, or the claims to sign. */
  readonly token?: string;
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** Whether the judge can play it by itself: messages or whole bytes, no steps in words, no reviewer. */
export function isPlayable({ form, input }: Case): boolean {
  if (form !== "exact") return false;
  return input.kind === "pg" || (input.kind === "pg-raw" && /^[0-9a-f ]+$/.test(input.hex ?? ""));
}

/** The cases of one area, such as `pg-guard`. */
export function casesOf(area: string): readonly Case[] {
  return casesIn(new URL(`../../cases/${area}.jsonl`, import.meta.url));
}

/** The cases of one file. */
export function casesIn(file: URL): readonly Case[] {
  const lines = readFileSync(file, "utf8").split("\n").filter(Boolean);
  return lines.map((line): Case => JSON.parse(line));
}
