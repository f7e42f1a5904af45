import { visibleLines } from "../../base/text.ts";
import type { Held } from "../../core/session/session.ts";
import type { Denial } from "../../core/session/verdict.ts";
import { type ErrorFields, errorResponse, noticeResponse } from "./wire/encode.ts";

/** A refusal in PostgreSQL's words: the rule and the reason as message, what to do as hint. */
export function denialFields(denial: Pick<Denial, "rule" | "reason" | "hint">): ErrorFields {
  return error("42501", `ihc: denied by rule ${denial.rule}: ${denial.reason}`, denial.hint);
}

export function error(sqlstate: string, message: string, hint?: string): ErrorFields {
  return fields("ERROR", sqlstate, message, hint);
}

export function fatal(sqlstate: string, message: string, hint?: string): Buffer {
  return errorResponse(fields("FATAL", sqlstate, message, hint));
}

/** Told at once, so that the person knows whom to ask while the statement waits. */
export function holdNotice(held: Held): Buffer {
  const waiting = held.hold.slots
    .map(({ group, people }) => (people > 1 ? `${people} of ${group}` : group))
    .join(" and ");
  return notice(
    `ihc: held for approval as ${held.request} (rule ${held.hold.rule}); waiting for ${waiting}`,
    held.hold.reason,
  );
}

export function notice(message: string, detail?: string): Buffer {
  const all = fields("NOTICE", "00000", message);
  return noticeResponse(detail ? { ...all, D: visibleLines(detail) } : all);
}

function fields(severity: string, sqlstate: string, message: string, hint?: string): ErrorFields {
  const said = { S: severity, V: severity, C: sqlstate, M: visibleLines(message) };
  return hint === undefined ? said : { ...said, H: visibleLines(hint) };
}
