import { readFile } from "node:fs/promises";
import { parse } from "yaml";
import { z } from "zod";
import { IhcError } from "../../base/errors.ts";
import { visible } from "../../base/text.ts";
import { type Attributes, effects } from "../../core/session/operation.ts";
import type { Context } from "../context.ts";
import { configuredTarget, validFiles } from "../operator.ts";
import type { Invocation } from "../options.ts";
import { explain } from "../question.ts";

const texts = z.array(z.string()).default([]);
const text = z.string().default("");
const cases = z.array(
  z.strictObject({
    name: z.string().optional(),
    person: z.string(),
    groups: texts,
    via: z.string().optional(),
    effect: z.enum(effects),
    target: z.string(),
    kind: z.string().default("statement"),
    traits: texts,
    tables: texts,
    /** verb, resource, namespace and the like, as `context` has them. */
    attributes: z
      .strictObject({
        verb: text,
        group: text,
        resource: text,
        subresource: text,
        namespace: text,
        name: text,
        command: text,
        programs: texts,
      } satisfies Record<keyof Attributes, z.ZodType>)
      .optional(),
    incident: z.string().optional(),
    approved_by: texts,
    break_glass: z.boolean().default(false),
    expect: z.enum(["allow", "hold", "deny"]),
    /** The policy that must decide. */
    rule: z.string().optional(),
  }),
);

/** Asks the policies what a file of cases expects of them; 1 is the exit code when one is answered otherwise. */
export async function run(context: Context, typed: Invocation): Promise<number | undefined> {
  const { io } = context;
  const { config, policy } = await validFiles(typed);
  const list = readCases(await readFile(typed.argument(0), "utf8"));
  const results = list.map((one, at) => {
    const { target } = configuredTarget(config, one.target);
    const {
      approved_by: approvedBy,
      break_glass: breakGlass,
      tables: resources,
      via,
      incident,
      ...rest
    } = one;
    const supposed = { ...rest, target, resources, approvedBy, breakGlass, via, incident };
    const { verdict } = explain(policy, { ...supposed, now: context.clock.now() }).explanation;
    const ok = verdict.kind === one.expect && (one.rule === undefined || one.rule === verdict.rule);
    const name = one.name ?? `${one.person} ${one.effect} ${one.target}`;
    return { number: at + 1, name, ok, expected: one.expect, verdict };
  });
  const failed = results.filter(({ ok }) => !ok);
  if (context.json) io.json({ v: 1, ok: failed.length === 0, results });
  else {
    for (const { number, name, expected, verdict } of failed)
      io.print(
        `${io.out.red("✗")} ${number} ${visible(name)}: ${verdict.kind} by ${visible(verdict.rule)}, not ${expected}`,
      );
    io.say(`${results.length - failed.length} of ${results.length} cases are answered as expected`);
  }
  return failed.length === 0 ? undefined : 1;
}

function readCases(text: string): z.infer<typeof cases> {
  try {
    return cases.parse(parse(text));
  } catch (cause) {
    throw new IhcError("invalid", "that is not a list of policy cases", {
      hint: "- { person: ana, groups: [oncall], effect: write, target: prod-db, expect: hold }",
      cause,
    });
  }
}
