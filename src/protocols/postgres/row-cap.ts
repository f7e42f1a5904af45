import type { Refusal } from "../../core/session/operation.ts";
import type { Answers } from "./answers.ts";
import { denialFields } from "./denial.ts";
import type { Output } from "./output.ts";
import type { Capped } from "./owed.ts";
import type { Statement } from "./statement.ts";
import { type ErrorFields, errorResponse, readyForQuery } from "./wire/encode.ts";

/** The most rows that a writing statement may touch, `rows_written` of a target. */
export class RowCap {
  readonly rows: number | undefined;

  constructor(rows: number | undefined) {
    this.rows = rows;
  }

  /** A count that begins; `done` resolves when the statement has ended, well or not. */
  begin(): { readonly cap: Capped; readonly done: Promise<void> } {
    const { promise, resolve: done } = Promise.withResolvers<void>();
    return { cap: { limit: this.rows ?? 0, count: 0, failed: false, withheld: [], done }, done: promise };
  }

  /** An infinite count: the statement was not told to run to its end, so its tag never came. */
  refusal(count: number): ErrorFields {
    if (!Number.isFinite(count))
      return denialFields(
        refused("rows that are not all asked for cannot be counted", "fetch all rows at once"),
      );
    return denialFields({
      rule: "rows-written-cap",
      reason: `the statement touched ${count} rows, ${this.rows ?? 0} are allowed; it was undone`,
      hint: "narrow the statement",
    });
  }

  /** Tells the client how a capped Query ended, having kept or undone it. `own`: it ran in a transaction of ours. */
  async conclude(
    cap: Capped,
    own: boolean,
    at: {
      hidden: (sql: string) => Promise<void>;
      poison: () => void;
      answers: Pick<Answers, "status" | "hiddenError">;
      output: Output;
    },
  ): Promise<void> {
    const exceeded = !cap.failed && cap.count > cap.limit;
    if (!own) {
      if (exceeded) return at.poison();
      for (const frame of cap.withheld) at.output.interject(frame);
      return at.output.interject(readyForQuery(at.answers.status));
    }
    await at.hidden(exceeded || cap.failed ? "ROLLBACK" : "COMMIT");
    const { hiddenError } = at.answers;
    if (exceeded) at.output.interject(errorResponse(this.refusal(cap.count)));
    else if (hiddenError) at.output.interject(hiddenError);
    else for (const frame of cap.withheld) at.output.interject(frame);
    at.output.interject(readyForQuery(at.answers.status));
  }
}

/** Whether the cap concerns these statements. */
export function isCapped(cap: RowCap, statements: readonly Statement[]): boolean {
  return cap.rows !== undefined && statements.some(({ writes }) => writes !== undefined);
}

/** What the cap cannot count it cannot allow. */
export function uncountable(cap: RowCap, statements: readonly Statement[]): Refusal | undefined {
  if (!isCapped(cap, statements)) return undefined;
  if (statements.some(({ does }) => does.kind === "copy-in"))
    return refused("COPY FROM STDIN cannot be counted before it is done", "use INSERT");
  if (statements.some(({ writes }) => writes === "uncounted"))
    return refused(
      "rows written inside WITH, COPY or EXPLAIN, or by a cascade, cannot be counted",
      "write them in a statement of their own, the dependent rows first",
    );
  if (statements.some(({ writes, does }) => writes !== undefined && does.kind === "fetch"))
    return refused("rows written behind FETCH cannot be counted", "execute the portal to its end");
  if (statements.length > 1 && statements.some(({ node }) => node === "TransactionStmt"))
    return refused("a string with both a writing statement and transaction control", "send them one by one");
  return undefined;
}

function refused(reason: string, hint: string): Refusal {
  return { rule: "rows-written-cap", reason, hint };
}
