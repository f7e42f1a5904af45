import type { Masked } from "../../core/masking/rule.ts";
import type { Session } from "../../core/session/session.ts";
import type { CopyMask } from "./copy.ts";
import type { Names, Prepared } from "./names.ts";
import type { Capped, Owed, OwedQueue } from "./owed.ts";
import type { Portal, QueryRun } from "./portal.ts";
import { Result, type RowMask } from "./result.ts";
import type { Statement } from "./statement.ts";
import { pinned } from "./upstream.ts";
import {
  BackendWalker,
  type Field,
  type FrameSink,
  parseErrorFields,
  parseParameterStatus,
  parseRowDescription,
  parseTag,
  tagCount,
} from "./wire/backend.ts";
import { WireError } from "./wire/cursor.ts";
import { errorResponse, frame as frameOf, readyForQuery } from "./wire/encode.ts";

/** What masks a session's answers. Built by `masks.ts` from the session's plan and the classifier. */
export interface AnswerMasks {
  rows(fields: readonly Field[], statement: Statement): RowMask;
  /** The data of one COPY TO STDOUT. */
  copy(statement: Statement): CopyMask;
  /** A whole Error, Notice, Notification or ParameterStatus frame; `said` are the client's own words. */
  text(frame: Buffer, said: readonly string[]): Masked<Uint8Array>;
}

export interface AnswersOptions {
  readonly session: Session;
  readonly owed: OwedQueue;
  readonly statements: Names<Prepared>;
  readonly portals: Names<Portal>;
  readonly masks: AnswerMasks;
  readonly write: (bytes: Uint8Array) => void;
  /** Grows when the meaning of names may have changed. */
  readonly generation: () => number;
  /** Called after each ReadyForQuery that the client has seen or would have seen. */
  readonly onReady: (status: string) => void;
  /** COPY FROM STDIN has begun; `ended` when its data's end is on the way already. */
  readonly onCopyIn: (ended: boolean) => void;
}

/** The longest frame that is masked whole, bytes: a row must be seen whole to be masked. */
const longestMasked = 64 * 1024 * 1024;

const letter = (text: string): number => text.charCodeAt(0);
const [dataRow, copyData] = [letter("D"), letter("d")];

/**
 * Reads what the server answers, matches it with what it owes, masks and records it, and writes it to the client in the
 * same order. Frames that need nothing are written as the very bytes that came, runs of them in one piece. Throws
 * WireError when the server does not keep to the protocol.
 */
export class Answers implements FrameSink {
  readonly #o: AnswersOptions;
  readonly #walker = new BackendWalker();
  #run: { bytes: Buffer; start: number; end: number } | undefined;
  /** Messages of the gateway's own that wait for the end of a frame that goes out in pieces. */
  #waiting: Uint8Array[] = [];
  #copyOut: CopyMask | undefined;
  /** Transaction status of the last ReadyForQuery: I, T or E. */
  status = "I";
  recordedBytes = 0;
  /** The error that the last query of the gateway's own met, masked. */
  hiddenError: Uint8Array | undefined;
  /** Whether the server has said a last word, which the client has seen. */
  fatal = false;

  constructor(options: AnswersOptions) {
    this.#o = options;
  }

  push(chunk: Buffer): void {
    this.#walker.push(chunk, this);
    this.#flush();
    if (this.#waiting.length > 0 && !this.#walker.inPieces)
      for (const message of this.#waiting.splice(0)) this.#o.write(message);
  }

  /** Writes a message of the gateway's own between two frames. */
  interject(message: Uint8Array): void {
    if (this.#walker.inPieces) this.#waiting.push(message);
    else this.#o.write(message);
  }

  /** Whether the client can be told something now. */
  get betweenFrames(): boolean {
    return !this.#walker.inPieces;
  }

  wants(_type: number, length: number): "whole" | "pieces" {
    if (length > longestMasked)
      throw new WireError(
        "a row of the result is too long to be masked: ask for fewer or shorter columns",
        "54000",
      );
    return "whole";
  }

  piece(_type: number, bytes: Buffer): void {
    this.#flush();
    this.#o.write(bytes);
  }

  frame(type: number, bytes: Buffer, start: number, end: number): void {
    if (type === dataRow) this.#row(bytes, start, end);
    else if (type === copyData) this.#copy(bytes, start, end);
    else this.#message(String.fromCharCode(type), bytes.subarray(start, end), bytes, start, end);
  }

  #row(bytes: Buffer, start: number, end: number): void {
    const result = this.#result();
    const mask = result.mask ?? this.#shapeLate(result);
    const row = mask.row(bytes, start, end);
    const keep = result.count(end - start);
    if (row === "untouched") {
      this.#pass(bytes, start, end);
      if (keep) this.#record(result, mask.untouched(bytes.subarray(start, end)));
    } else {
      this.#emit(row);
      if (keep) this.#record(result, row);
    }
  }

  #record(result: Result, row: ReturnType<RowMask["untouched"]>): void {
    result.record(row);
    this.recordedBytes += row.length;
  }

  /** The result that rows belong to now. */
  #result(): Result {
    const head = this.#o.owed.head;
    if (head?.kind === "execute" && head.portal.result) return head.portal.result;
    if (head?.kind === "query" && head.run?.result) return head.run.result;
    throw new WireError("the server sent rows that nothing asked for");
  }

  /** Rows of a portal: its shape is known from a Describe of it or of its statement. */
  #shapeLate(result: Result): RowMask {
    const head = this.#o.owed.head;
    if (head?.kind !== "execute") throw new WireError("the server sent rows without their description");
    const fields = portalFields(head.portal);
    if (!fields) throw new WireError("the columns of the rows are not known, so they cannot be masked");
    const mask = this.#o.masks.rows(fields, head.portal.statement);
    result.shape(fields, mask);
    return mask;
  }

  #copy(bytes: Buffer, start: number, end: number): void {
    if (!this.#copyOut) throw new WireError("the server sent COPY data that nothing asked for");
    const data = bytes.subarray(start + 5, end);
    const masked = this.#copyOut.push(data);
    const changed = !Object.is(masked, data);
    if (!changed) this.#pass(bytes, start, end);
    this.#copied(masked, changed);
  }

  #copyEnd(frame: Buffer): void {
    if (this.#copyOut) this.#copied(this.#copyOut.end(), true);
    this.#copyOut = undefined;
    this.#emit(frame);
  }

  #copied(masked: Masked<Uint8Array>, changed: boolean): void {
    if (masked.length === 0) return;
    if (changed) this.#emit(frameOf("d", masked));
    const { head } = this.#o.owed;
    const result =
      head?.kind === "query" ? head.run?.result : head?.kind === "execute" ? head.portal.result : undefined;
    if (result?.count(masked.length)) this.#record(result, masked);
  }

  #message(type: string, frame: Buffer, bytes: Buffer, start: number, end: number): void {
    switch (type) {
      case "1":
      case "2":
      case "3":
        return this.#done(type, bytes, start, end);
      case "t":
        return this.#expect("describe").hidden ? undefined : this.#pass(bytes, start, end);
      case "T":
      case "n":
        return this.#described(type === "T" ? parseRowDescription(frame) : undefined, bytes, start, end);
      case "C":
      case "I":
      case "s":
        return this.#completed(type, frame);
      case "E":
        return this.#failed(frame);
      case "Z":
        return this.#ready(frame);
      case "G":
      case "H":
        return this.#copying(type, frame);
      case "c":
        return this.#copyEnd(frame);
      case "S":
        return this.#parameter(frame);
      case "N":
      case "A":
        return this.#emit(this.#o.masks.text(frame, this.#said()));
      default:
        throw new WireError(`the server sent a message of type ${type} that ihc does not know`);
    }
  }

  #done(type: "1" | "2" | "3", bytes: Buffer, start: number, end: number): void {
    const head = this.#o.owed.head;
    if (type === "1" && head?.kind === "parse") this.#o.statements.settle(head.name, head.prepared);
    else if (type === "2" && head?.kind === "bind") this.#o.portals.settle(head.portal, head.value);
    else if (type === "3" && head?.kind === "close") {
      if (head.what === "S") this.#o.statements.settle(head.name, undefined);
      else this.#o.portals.settle(head.name, undefined);
    } else throw new WireError("the server answered out of turn");
    this.#o.owed.pop();
    this.#pass(bytes, start, end);
  }

  #described(fields: readonly Field[] | undefined, bytes: Buffer, start: number, end: number): void {
    const head = this.#o.owed.head;
    if (head?.kind === "query" && fields) {
      this.#shapeQuery(head.run, fields);
      return this.#pass(bytes, start, end);
    }
    const entry = this.#expect("describe");
    if (entry.of) entry.of.description = { fields, generation: this.#o.generation() };
    this.#o.owed.pop();
    if (!entry.hidden) this.#pass(bytes, start, end);
  }

  #shapeQuery(run: QueryRun | undefined, fields: readonly Field[]): void {
    const step = run?.steps[run.at];
    if (!run || !step) throw new WireError("the server sent a result that nothing asked for");
    run.result ??= new Result(this.#o.session, run.operation);
    run.result.shape(fields, this.#o.masks.rows(fields, step.shown));
  }

  #completed(type: "C" | "I" | "s", frame: Buffer): void {
    const head = this.#o.owed.head;
    const tag = type === "C" ? parseTag(frame) : "";
    if (head?.kind === "execute") {
      if (type !== "s") this.#endPortal(head.portal, tag);
      this.#o.owed.pop();
      return this.#tell(head.cap, frame, tag);
    }
    if (head?.kind !== "query") throw new WireError("the server completed something that nothing asked for");
    if (head.hidden) {
      this.hiddenError = undefined;
      return;
    }
    if (head.run) this.#endStep(head.run, tag);
    this.#tell(head.cap, frame, tag);
  }

  #endPortal(portal: Portal, tag: string): void {
    portal.result?.end(tag, counted(tag, portal.result));
    portal.result = undefined;
    portal.ended = true;
    portal.settle?.();
  }

  #endStep(run: QueryRun, tag: string): void {
    const step = run.steps[run.at];
    if (!step) throw new WireError("the server completed more statements than were sent");
    const result = run.result ?? new Result(this.#o.session, run.operation);
    result.end(tag, counted(tag, result));
    run.result = undefined;
    run.at++;
    step.settle?.();
  }

  #tell(cap: Capped | undefined, frame: Buffer, tag: string): void {
    if (!cap) return this.#emit(frame);
    if (/^(INSERT|UPDATE|DELETE|MERGE) /.test(tag)) cap.count = Math.max(cap.count, tagCount(tag));
    cap.withheld.push(Buffer.from(frame));
    if (this.#o.owed.head?.kind !== "query") cap.done();
  }

  #failed(frame: Buffer): void {
    const { owed } = this.#o;
    const { head } = owed;
    this.#copyOut = undefined;
    const fields = parseErrorFields(frame);
    if (/^(FATAL|PANIC)$/.test(fields.get("V") ?? "")) this.fatal = true;
    const replaced = head?.kind === "poison" ? head.fields : head?.kind === "query" ? head.poison : undefined;
    const hidden = head?.kind === "query" && head.hidden && !replaced;
    const said: Uint8Array = replaced ? errorResponse(replaced) : this.#o.masks.text(frame, this.#said());
    const cap = head?.kind === "query" ? head.cap : undefined;
    for (const earlier of cap?.withheld.splice(0) ?? []) this.#emit(earlier);
    if (!hidden || this.fatal) this.#emit(said);
    else this.hiddenError = said;
    const status = errorStatus(said);
    if (head?.kind === "query") {
      if (head.cap) head.cap.failed = true;
      if (head.run) (head.run.result ?? new Result(this.#o.session, head.run.operation)).end(status);
      if (head.run) head.run.result = undefined;
    } else if (head && head.kind !== "sync") this.#skip(status);
  }

  #skip(status: string): void {
    const [failed, ...never] = this.#o.owed.skipToSync();
    if (failed) this.#endFailed(failed, status);
    for (const entry of failed ? [failed, ...never] : []) {
      if ((entry.kind === "execute" || entry.kind === "query") && entry.cap) {
        entry.cap.failed = true;
        entry.cap.done();
      }
    }
  }

  /** Only the one that failed has a result to record; what was skipped never ran. */
  #endFailed(entry: Owed, status: string): void {
    if (entry.kind === "poison" || (entry.kind === "parse" && entry.name === ""))
      this.#o.statements.settle("", undefined);
    const portal = entry.kind === "execute" ? entry.portal : entry.kind === "bind" ? entry.value : undefined;
    if (!portal) return;
    const { operation } = portal;
    const result = portal.result ?? (operation ? new Result(this.#o.session, operation) : undefined);
    portal.result = undefined;
    if (!portal.ended) result?.end(status);
    portal.ended = true;
  }

  #ready(frame: Buffer): void {
    const { owed, statements, portals } = this.#o;
    const { head } = owed;
    if (head?.kind !== "sync" && head?.kind !== "query")
      throw new WireError("the server is ready out of turn");
    this.status = String.fromCharCode(frame.readUInt8(5));
    this.#copyOut = undefined;
    if (head.kind === "query") {
      statements.settle("", undefined);
      portals.settle("", undefined);
    }
    if (this.status === "I") portals.retain((_name, portal) => portal.held);
    statements.endBatch(head.batch);
    portals.endBatch(head.batch);
    const quiet = head.kind === "query" && (head.hidden || head.cap !== undefined);
    if (!quiet) this.#emit(readyForQuery(this.status));
    owed.pop();
    this.#o.onReady(this.status);
    if (head.kind === "query") head.cap?.done();
  }

  #copying(type: "G" | "H", frame: Buffer): void {
    const head = this.#o.owed.head;
    const run = head?.kind === "query" ? head.run : undefined;
    const portal = head?.kind === "execute" ? head.portal : undefined;
    const statement = portal?.statement ?? run?.steps[run.at]?.shown;
    if (!statement) throw new WireError("the server began a COPY that nothing asked for");
    if (type === "H") {
      if (run) run.result ??= new Result(this.#o.session, run.operation);
      (run?.result ?? portal?.result)?.asCopy();
      this.#copyOut = this.#o.masks.copy(statement);
    } else {
      const { strays, ended } = this.#o.owed.enterCopy();
      if (strays) throw new WireError("messages were sent into a COPY FROM STDIN");
      this.#o.onCopyIn(ended);
    }
    this.#emit(frame);
  }

  #parameter(frame: Buffer): void {
    const { name, value } = parseParameterStatus(frame);
    const due = pinned.get(name);
    if (due !== undefined && due !== value)
      throw new WireError(`${name} was changed, which ihc must rely on`, "55000");
    this.#emit(this.#o.masks.text(frame, this.#said()));
  }

  /** The client's own words that the server may be answering to. */
  #said(): readonly string[] {
    const { head } = this.#o.owed;
    switch (head?.kind) {
      case "query":
        return head.run?.said ?? [];
      case "parse":
        return [head.prepared.sql];
      case "bind":
        return head.value.said;
      case "execute":
        return head.portal.said;
      case "describe":
        return head.of === undefined ? [] : "said" in head.of ? head.of.said : [head.of.sql];
      default:
        return [];
    }
  }

  #expect<Kind extends Owed["kind"]>(kind: Kind): Extract<Owed, { kind: Kind }> {
    const head = this.#o.owed.head;
    if (head?.kind !== kind) throw new WireError("the server answered out of turn");
    return head as Extract<Owed, { kind: Kind }>;
  }

  /** Writes bytes as they came, joined with what stands right before them. */
  #pass(bytes: Buffer, start: number, end: number): void {
    const run = this.#run;
    if (run?.bytes === bytes && run.end === start) run.end = end;
    else {
      this.#flush();
      this.#run = { bytes, start, end };
    }
  }

  #emit(bytes: Uint8Array): void {
    this.#flush();
    this.#o.write(bytes);
  }

  #flush(): void {
    const run = this.#run;
    this.#run = undefined;
    if (run) this.#o.write(run.bytes.subarray(run.start, run.end));
  }
}

/** The columns a portal gives, with the formats that Bind chose. */
function portalFields(portal: Portal): readonly Field[] | undefined {
  if (portal.description) return portal.description.fields;
  const fields = portal.prepared?.description?.fields;
  const { resultFormats } = portal;
  return fields?.map((field, i) => ({
    ...field,
    format: (resultFormats.length === 1 ? resultFormats[0] : resultFormats[i]) ?? 0,
  }));
}

function counted(tag: string, result: Result): number {
  return / \d+$/.test(tag) ? tagCount(tag) : result.rows;
}

/** For the recording: of the frame as the client got it, masked. */
function errorStatus(said: Uint8Array): string {
  const fields = parseErrorFields(Buffer.from(said.buffer, said.byteOffset, said.byteLength));
  return `ERROR ${fields.get("C") ?? "XX000"}: ${fields.get("M") ?? ""}`;
}
