import type { z } from "zod";
import { IhcError } from "../../base/errors.ts";
import { mixedLabels } from "../../core/access/cedar/schema.ts";
import type { Target } from "../../core/access/target.ts";
import { parseMasking } from "../../core/masking/parse.ts";
import type { MaskingRules } from "../../core/masking/rule.ts";
import type { RecordingLimits } from "../../core/session/session.ts";
import type { Protocol } from "../../protocols/protocol.ts";
import type { Problem } from "./issue.ts";
import { target as targetSchema } from "./schema.ts";
import { secretReference } from "./values.ts";

/** One target of ihc.yaml. `settings` is what the protocol's own parser made of its part. */
export interface ConfiguredTarget {
  readonly target: Target;
  readonly settings: unknown;
  readonly masking: MaskingRules;
  readonly recording: RecordingLimits;
}

export type KnownProtocol = Pick<Protocol<unknown>, "name" | "parseSettings" | "maskable">;

interface Reading {
  readonly protocols: readonly KnownProtocol[];
  /** Lets `plain:` secrets pass. */
  readonly dev: boolean;
  /** Where relative paths begin. */
  readonly folder: string;
}

/** Parses every target; each mistake is a problem, not only the first. */
export function parseTargets(
  raw: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  reading: Reading,
): { readonly targets: readonly ConfiguredTarget[]; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const targets = Object.entries(raw).flatMap(
    ([name, value]) => parseTarget(name, value, reading, problems) ?? [],
  );
  for (const label of mixedLabels(targets.map(({ target }) => target)))
    for (const { target } of targets.filter((one) => label in one.target.labels))
      problems.push({
        path: ["targets", target.name, "labels", label],
        message: "this label has another type on another target",
        hint: "write it as text on every target, in quotes",
      });
  return { targets, problems };
}

function parseTarget(
  name: string,
  raw: Readonly<Record<string, unknown>>,
  { protocols, dev, folder }: Reading,
  problems: Problem[],
): ConfiguredTarget | undefined {
  const at = ["targets", name];
  const { masking: rules, masking_mode: mode } = raw;
  const known = protocols.filter((protocol) => protocol.name in raw);
  const [protocol] = known;
  const names = protocols.map((one) => one.name).join(", ");
  if (!protocol || known.length > 1)
    problems.push({
      path: at,
      message: "a target has one protocol",
      hint: `give it exactly one of: ${names}`,
    });
  const rest = Object.fromEntries(
    Object.entries(raw).filter(([key]) => !known.some((one) => one.name === key)),
  );
  const parsed = targetSchema.safeParse(rest);
  if (!parsed.success) problems.push(...parsed.error.issues.flatMap((issue) => problemsOf(issue, at)));
  const maskable = protocol && (protocol.maskable ?? "columns");
  const masking = attempt(at, problems, () => parseMasking(rules, mode, maskable));
  if (!protocol) return undefined;
  problems.push(...inlineSecrets(raw[protocol.name], [...at, protocol.name], dev));
  const settings = attempt(at, problems, () => ({
    value: protocol.parseSettings(raw[protocol.name], folder),
  }));
  if (!parsed.success || !masking || !settings) return undefined;
  const { labels, recording } = parsed.data;
  return { target: { name, protocol: protocol.name, labels }, settings: settings.value, masking, recording };
}

/** A zod issue as problems: one for each unknown key, one otherwise. Values are never repeated. */
export function problemsOf(
  issue: z.core.$ZodIssue,
  prefix: readonly (string | number)[] = [],
): readonly Problem[] {
  const path = [...prefix, ...issue.path.map((key) => (typeof key === "symbol" ? String(key) : key))];
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => ({
      path: [...path, key],
      message: `unknown key "${key}"`,
      hint: "remove it, or mend its spelling",
    }));
  if (issue.code === "invalid_key")
    return issue.issues.map(({ message }) => ({ path, message: lower(message) }));
  const missing = issue.code === "invalid_type" && issue.message.endsWith("received undefined");
  return [{ path, message: missing ? "is missing" : lower(issue.message) }];
}

/** Protocol and masking parsers throw their first mistake as `place.in.the.target: message`. */
function attempt<T>(at: readonly string[], problems: Problem[], parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof IhcError)) throw error;
    const [, place = "", message = error.message] = /^([A-Za-z0-9_.-]+): (.*)$/s.exec(error.message) ?? [];
    const path = [...at, ...(place === "" ? [] : place.split("."))];
    problems.push({
      path,
      message: lower(message),
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
    return undefined;
  }
}

const secretKey = /^(.*_)?(password|passphrase|secret|token|private_key|api_key)$/i;

/** Whatever is named like a secret must be a reference, in every protocol's settings and at any depth. */
function inlineSecrets(value: unknown, path: readonly (string | number)[], dev: boolean): readonly Problem[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]): readonly Problem[] => {
    const at = [...path, key];
    if (!secretKey.test(key) || typeof inner === "object") return inlineSecrets(inner, at, dev);
    return secretProblems(inner, at, dev);
  });
}

/** What is wrong with a value where a secret reference must stand. */
export function secretProblems(
  value: unknown,
  path: readonly (string | number)[],
  dev: boolean,
): readonly Problem[] {
  const hint = "write env:NAME, file:/path or exec:command";
  if (!secretReference.safeParse(value).success)
    return [{ path, message: "a secret is referred to, not written here", hint }];
  if (String(value).startsWith("plain:") && !dev)
    return [{ path, message: "plain: secrets are for --dev only", hint }];
  return [];
}

function lower(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}
