import { visible } from "../../base/text.ts";
import type { AccessDecision } from "../../core/access/policy.ts";
import type { Verdict } from "../../core/session/verdict.ts";
import type { Context } from "../context.ts";
import { configuredTarget, validFiles } from "../operator.ts";
import type { Invocation } from "../options.ts";
import { attributesOf, effectOf, explain } from "../question.ts";
import { slotsText } from "../show.ts";

export async function run(context: Context, typed: Invocation): Promise<undefined> {
  const { io } = context;
  const { config, policy } = await validFiles(typed);
  const [person, effect] = [typed.argument(0), effectOf(typed.argument(1))];
  const { target } = configuredTarget(config, typed.argument(2));
  const { access, explanation } = explain(policy, {
    person,
    effect,
    target,
    groups: typed.list("group"),
    via: typed.text("via"),
    kind: typed.text("kind") ?? "statement",
    traits: typed.list("trait"),
    resources: typed.list("table"),
    attributes: attributesOf(typed.list("attribute")),
    incident: typed.text("incident"),
    approvedBy: typed.list("approvedBy"),
    breakGlass: typed.flag("breakGlass"),
    now: context.clock.now(),
  });
  const { verdict, reasons } = explanation;
  if (context.json) {
    io.json({ v: 1, person, effect, target: target.name, access, verdict, reasons });
    return undefined;
  }
  io.print(
    `${io.out.bold(visible(person))} in ${typed.list("group").map(visible).join(", ") || "no group"}, ${effect} on ${target.name}`,
  );
  io.print(`  a session    ${accessLine(access)}`);
  io.print(`  then         ${verdictLine(verdict)}`);
  for (const { id, file, line, effect: kind, annotations } of reasons) {
    const marks = Object.entries(annotations).map(([name, value]) => `@${name}("${value}")`);
    io.print(
      `    ${kind.padEnd(6)} ${visible(id)}   ${visible(file)}:${line}   ${visible(marks.join(" "))}`.trimEnd(),
    );
  }
  if (typed.list("group").length === 0)
    io.say(`${io.err.yellow("ihc: hint:")} name the person's groups: --group oncall`);
  return undefined;
}

function accessLine(access: AccessDecision): string {
  switch (access.kind) {
    case "allow":
      return `opens without a grant (${access.rule})`;
    case "needs-grant":
      return `needs a grant: ${slotsText([...access.slots]) || "nobody's review"} (${access.rule}); effects ${access.effects.join(", ")}`;
    case "deny":
      return `is refused by ${access.rule}: ${visible(access.reason)}`;
  }
}

function verdictLine(verdict: Verdict): string {
  switch (verdict.kind) {
    case "allow":
      return `allowed by ${verdict.rule}`;
    case "hold":
      return `held by ${verdict.rule} until ${slotsText([...verdict.slots])} approve: ${visible(verdict.reason)}`;
    case "deny":
      return `denied by ${verdict.rule}: ${visible(verdict.reason)}`;
  }
}
