import type { Masked } from "../../core/masking/rule.ts";
import type { Session } from "../../core/session/session.ts";
import type { CopyMask } from "./copy.ts";
import type { Owed, OwedQueue } from "./owed.ts";
import type { Portal, QueryRun } from "./portal.ts";
import { Result, type RowMask } from "./result.ts";
import type { Shapes } from "./shapes.ts";
import type { Statement } from "./statement.ts";
import { type Field, tagCount } from "./wire/backend.ts";
import { WireError } from "./wire/cursor.ts";

/** What masks a session's answers. Built by `masks.ts` from the session's plan and the classifier. */
export interface AnswerMasks {
  rows(fields: readonly Field[], statement: Statement): RowMask;
  /** The data of one COPY TO STDOUT. */
  copy(statement: Statement): CopyMask;
  /** A whole Error, Notice, Notification or ParameterStatus frame; `said` are the client's own words. */
  text(frame: Buffer, said: readonly string[]): Masked<Uint8Array>;
}

/** Keeps, for what is being answered, its mask and its recording. */
export class Progress {
  readonly #session: Session;
  readonly #owed: OwedQueue;
  readonly #masks: AnswerMasks;
  readonly #shapes: Shapes;
  recordedBytes = 0;

  constructor(session: Session, owed: OwedQueue, masks: AnswerMasks, shapes: Shapes) {
    this.#session = session;
    this.#owed = owed;
    this.#masks = masks;
    this.#shapes = shapes;
  }

  /** The result that rows belong to now, with its mask. Rows that nothing asked for are a breach of protocol. */
  rows(): { readonly result: Result; readonly mask: RowMask } {
    const result = this.#current();
    if (!result) throw new WireError("the server sent rows that nothing asked for");
    return { result, mask: result.mask ?? this.#shapePortal(result) };
  }

  record(result: Result, rows: Masked<Uint8Array>): void {
    result.record(rows);
    this.recordedBytes += rows.length;
  }

  copied(data: Masked<Uint8Array>): void {
    const result = this.#current();
    if (result?.count(data.length)) this.record(result, data);
  }

  /** RowDescription within the answer to a Query. */
  shapeQuery(run: QueryRun | undefined, fields: readonly Field[]): void {
    const step = run?.steps[run.at];
    if (!run || !step) throw new WireError("the server sent a result that nothing asked for");
    run.result ??= new Result(this.#session, run.operation);
    run.result.shape(this.#mask(fields, step.shown));
  }

  /** The statement under way; for COPY its mask and recording begin. */
  beginCopyOut(): CopyMask {
    const statement = this.statement();
    const { head } = this.#owed;
    if (head?.kind === "query" && head.run) head.run.result ??= new Result(this.#session, head.run.operation);
    this.#current()?.asCopy();
    return this.#masks.copy(statement);
  }

  statement(): Statement {
    const { head } = this.#owed;
    const statement =
      head?.kind === "execute"
        ? head.portal.statement
        : head?.kind === "query"
          ? head.run?.steps[head.run.at]?.shown
          : undefined;
    if (!statement) throw new WireError("the server began a COPY that nothing asked for");
    return statement;
  }

  /** `suspended`: the client's limit is reached, the portal has more. */
  endExecute(entry: Extract<Owed, { kind: "execute" }>, tag: string, suspended: boolean): void {
    const { portal, result, settle } = entry;
    const cursor = portal.operation === undefined;
    if (suspended && !cursor) return;
    result?.end(suspended ? `FETCH ${result.rows}` : tag, result && counted(tag, result));
    if (cursor) return;
    portal.result = undefined;
    portal.ended = true;
    settle?.();
  }

  /** The portal goes away with rows left in it. */
  abandon(portal: Portal | undefined): void {
    if (!portal?.result || portal.ended) return;
    portal.result.end(`closed after ${portal.result.rows} rows`);
    portal.result = undefined;
    portal.ended = true;
  }

  endStep(run: QueryRun, tag: string): void {
    const step = run.steps[run.at];
    if (!step && run.steps.length > 0)
      throw new WireError("the server completed more statements than were sent");
    const result = run.result ?? new Result(this.#session, run.operation);
    result.end(tag, counted(tag, result));
    run.result = undefined;
    run.at++;
    step?.settle?.();
  }

  /** What has failed gets its error as result; what was skipped after it never ran. */
  fail(entry: Owed, status: string): void {
    if (entry.kind === "query" && entry.run) {
      const { run } = entry;
      (run.result ?? new Result(this.#session, run.operation)).end(status);
      run.result = undefined;
    }
    if (entry.kind === "execute" && entry.portal.operation === undefined) entry.result?.end(status);
    else if (entry.kind === "execute") this.#failPortal(entry.portal, status);
    if (entry.kind === "bind") this.#failPortal(entry.value, status);
  }

  #failPortal(portal: Portal, status: string): void {
    const { operation, ended } = portal;
    const result = portal.result ?? (operation && !ended ? new Result(this.#session, operation) : undefined);
    result?.end(status);
    portal.result = undefined;
    portal.ended = true;
  }

  #current(): Result | undefined {
    const { head } = this.#owed;
    if (head?.kind === "execute") return head.result;
    return head?.kind === "query" ? head.run?.result : undefined;
  }

  /** A portal's columns are known from a Describe of it or of its statement. */
  #shapePortal(result: Result): RowMask {
    const { head } = this.#owed;
    const fields = head?.kind === "execute" ? this.#portalFields(head.portal) : undefined;
    if (head?.kind !== "execute" || !fields)
      throw new WireError("the columns of the rows are not known, so they cannot be masked");
    const mask = this.#mask(fields, head.portal.statement);
    result.shape(mask);
    return mask;
  }

  #mask(fields: readonly Field[], statement: Statement): RowMask {
    return this.#shapes.mask(fields, statement, () => this.#masks.rows(fields, statement));
  }

  /** The columns a portal gives, with the formats that Bind chose. */
  #portalFields(portal: Portal): readonly Field[] | undefined {
    if (portal.description) return portal.description.fields;
    const fields = portal.prepared?.description?.fields;
    return fields && this.#shapes.formatted(fields, portal.resultFormats);
  }
}

function counted(tag: string, result: Result): number {
  return / \d+$/.test(tag) ? tagCount(tag) : result.rows;
}
