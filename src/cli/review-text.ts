import type { ChalkInstance } from "chalk";
import { formatDuration } from "../base/duration.ts";
import { visible } from "../base/text.ts";
import type { RequestView } from "../core/api/schema.ts";
import { personText, slotsText } from "./show.ts";
import { shownText } from "./statement-text.ts";
import { clockTime, relative } from "./table.ts";

/** Whether a slip would hurt most: such a review asks for the target's name. */
export function isHighRisk(request: RequestView): boolean {
  const effects = request.operation === undefined ? request.effects : [request.operation.effect];
  return request.break_glass || effects.some((effect) => effect !== "read" && effect !== "write");
}

/** Everything that a review is bound to, for people. Each text from outside is made safe here. */
export function requestText(request: RequestView, style: ChalkInstance, now: Date): string {
  const label = (name: string): string => style.dim(`${name}:`.padEnd(11));
  const reason = shownText(request.reason);
  const lines = [
    style.bold(`${request.kind === "operation" ? "Operation" : "Access request"} ${request.id}`) +
      `   ${request.state}`,
    `${label("person")}${style.bold(personText(request.requester))}${request.requester.via === undefined ? "" : style.yellow("   an AI acts for this person")}`,
    `${label("target")}${style.bold(visible(request.target))}`,
    ...block(label("reason"), reason.lines),
    ...(request.incident === undefined ? [] : [`${label("incident")}${visible(request.incident)}`]),
    ...(request.break_glass
      ? [style.red(`BREAK-GLASS  the usual reviews are skipped; a review afterwards is owed`)]
      : []),
    ...(request.operation === undefined
      ? accessLines(request, label)
      : operationLines(request.operation, label, style)),
    `${label("rule")}${visible(request.rule)}, needs ${slotsText(request.slots)}`,
    ...request.reviews.map(
      (review) =>
        `${label("review")}${visible(review.name)} ${review.answer === "approve" ? "approved" : "denied"} ${clockTime(review.at, now)}${review.comment === undefined ? "" : `: ${visible(review.comment)}`}`,
    ),
    `${label("filed")}${clockTime(request.created_at, now)}${request.state === "pending" ? `, times out ${relative(request.expires_at, now)}` : ""}`,
    `${label("digest")}${visible(request.digest)}`,
    ...warned("the reason", reason.warnings, style),
  ];
  return lines.join("\n");
}

type Label = (name: string) => string;

function accessLines(request: RequestView, label: Label): readonly string[] {
  return [
    `${label("effects")}${request.effects.join(", ")}`,
    `${label("duration")}${formatDuration(request.duration)} from approval`,
  ];
}

function operationLines(
  operation: NonNullable<RequestView["operation"]>,
  label: Label,
  style: ChalkInstance,
): readonly string[] {
  const text = shownText(operation.text);
  const parameters = operation.parameters.map((parameter) => shownText(parameterText(parameter)));
  return [
    `${label("session")}${visible(operation.session)}`,
    `${label("effect")}${style.bold(operation.effect)}${operation.traits.length === 0 ? "" : `   ${operation.traits.map(visible).join(", ")}`}`,
    `${label("touches")}${operation.resources.map(visible).join(", ") || "-"}`,
    `${label(operation.kind === "statement" ? "statement" : visible(operation.kind).slice(0, 10))}${counted(text.lines.length, "line")}, ${counted([...operation.text].length, "character")}${operation.traits.includes("multi-statement") ? style.red(", SEVERAL STATEMENTS") : ""}`,
    ...text.lines.map((line) => `    ${style.cyan(line)}`),
    ...parameters.flatMap((parameter, place) => block(label(`$${place + 1}`), parameter.lines)),
    ...warned("the statement", text.warnings, style),
    ...parameters.flatMap((parameter, place) => warned(`parameter $${place + 1}`, parameter.warnings, style)),
  ];
}

function counted(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? "" : "s"}`;
}

function parameterText(parameter: unknown): string {
  return typeof parameter === "string" ? `'${parameter}'` : (JSON.stringify(parameter) ?? "?");
}

function block(label: string, lines: readonly string[]): readonly string[] {
  return lines.map((line, place) => `${place === 0 ? label : " ".repeat(11)}${line}`);
}

function warned(what: string, warnings: readonly string[], style: ChalkInstance): readonly string[] {
  return warnings.map((warning) => style.red.bold(`! ${what} ${warning}`));
}
