import { checkPinned, errorStatus, refusalOf, said } from "./answered.ts";
import { CopyOut } from "./copy-out.ts";
import type { Names, Prepared } from "./names.ts";
import type { Output } from "./output.ts";
import { abandon, type Capped, type Owed, type OwedQueue } from "./owed.ts";
import type { Portal } from "./portal.ts";
import type { AnswerMasks, Progress } from "./progress.ts";
import type { Shapes } from "./shapes.ts";
import {
  BackendWalker,
  type Field,
  type FrameSink,
  parseErrorFields,
  parseTag,
  tagCount,
} from "./wire/backend.ts";
import { WireError } from "./wire/cursor.ts";
import { errorResponse } from "./wire/encode.ts";

export interface AnswersOptions {
  readonly owed: OwedQueue;
  readonly statements: Names<Prepared>;
  readonly portals: Names<Portal>;
  readonly masks: AnswerMasks;
  readonly shapes: Shapes;
  readonly progress: Progress;
  readonly output: Output;
  /** Grows when the meaning of names may have changed. */
  readonly generation: () => number;
  /** Called after each ReadyForQuery, the gateway's own included. */
  readonly onReady: (status: string) => void;
  /** COPY FROM STDIN has begun and its data's end is not on the way yet; or, false, an error has ended it. */
  readonly onCopyIn: (waits: boolean) => void;
}

/** The longest frame that is masked whole, bytes: a row must be seen whole to be masked. */
const longestMasked = 64 * 1024 * 1024;

/** Rows up to this many bytes are gathered even where they could be passed on in pieces, so that they can be recorded. */
const longestHeld = 256 * 1024;

const dataRow = "D".charCodeAt(0);
const copyData = "d".charCodeAt(0);

/**
 * Reads what the server answers, matches it with what it owes, has it masked and recorded, and passes it on in the same
 * order. Throws WireError when the server does not keep to the protocol.
 */
export class Answers implements FrameSink {
  readonly #o: AnswersOptions;
  readonly #walker = new BackendWalker();
  readonly #copyOut: CopyOut;
  /** Transaction status of the last ReadyForQuery: I, T or E. */
  status = "I";
  /** The error that the last query of the gateway's own met, masked. */
  hiddenError: Uint8Array | undefined;
  /** Whether the server has said a last word, which the client has seen. */
  fatal = false;

  constructor(options: AnswersOptions) {
    this.#o = options;
    this.#copyOut = new CopyOut(options.output, options.progress);
  }

  push(chunk: Buffer): void {
    try {
      this.#walker.push(chunk, this);
    } finally {
      this.#o.output.flush();
    }
  }

  wants(type: number, length: number): "whole" | "pieces" {
    if (type === dataRow && length > longestHeld && this.#streams(length)) return "pieces";
    if (length > longestMasked)
      throw new WireError(
        "a row of the result is too long to be masked: ask for fewer or shorter columns",
        "54000",
      );
    return "whole";
  }

  /** A long row of a result that has no masks need not be seen whole; it is counted, not recorded. */
  #streams(length: number): boolean {
    const { result, mask } = this.#o.progress.rows();
    if (!mask.inert) return false;
    result.count(length);
    return true;
  }

  piece(_type: number, bytes: Buffer, last: boolean): void {
    this.#o.output.piece(bytes, last);
  }

  frame(type: number, bytes: Buffer, start: number, end: number): void {
    if (type === dataRow) this.#row(bytes, start, end);
    else if (type === copyData) this.#copyOut.data(bytes, start, end);
    else this.#message(String.fromCharCode(type), bytes.subarray(start, end));
  }

  #row(bytes: Buffer, start: number, end: number): void {
    const { progress, output } = this.#o;
    const { result, mask } = progress.rows();
    const row = mask.row(bytes, start, end);
    const keep = result.count(end - start);
    if (row === "untouched") {
      output.pass(bytes, start, end);
      if (keep) progress.record(result, mask.untouched(bytes.subarray(start, end)));
    } else {
      output.emit(row);
      if (keep) progress.record(result, row);
    }
  }

  #message(type: string, frame: Buffer): void {
    switch (type) {
      case "1":
      case "2":
      case "3":
        this.#done(type, frame);
        break;
      case "t":
        if (!this.#describing().hidden) this.#o.output.emit(frame);
        break;
      case "T":
      case "n":
        this.#described(type === "T" ? this.#o.shapes.fields(frame) : undefined, frame);
        break;
      case "C":
      case "I":
      case "s":
        this.#completed(type, frame);
        break;
      case "E":
        this.#failed(frame);
        break;
      case "Z":
        this.#ready(frame);
        break;
      default:
        this.#aside(type, frame);
    }
  }

  /** COPY, and what a server says whenever it likes. */
  #aside(type: string, frame: Buffer): void {
    const { masks, output } = this.#o;
    switch (type) {
      case "G":
      case "H":
        this.#copying(type, frame);
        break;
      case "c":
        this.#copyOut.end();
        output.emit(frame);
        break;
      case "S":
        checkPinned(frame);
        output.emit(masks.text(frame, said(this.#o.owed.head)));
        break;
      case "N":
      case "A":
        output.emit(masks.text(frame, said(this.#o.owed.head)));
        break;
      default:
        throw new WireError(`the server sent a message of type ${type} that ihc does not know`);
    }
  }

  #done(type: "1" | "2" | "3", frame: Buffer): void {
    const { owed, statements, portals, progress, output } = this.#o;
    const { head } = owed;
    if (type === "1" && head?.kind === "parse") statements.settle(head.name, head.prepared);
    else if (type === "2" && head?.kind === "bind") progress.abandon(portals.settle(head.portal, head.value));
    else if (type === "3" && head?.kind === "close" && head.what === "S")
      statements.settle(head.name, undefined);
    else if (type === "3" && head?.kind === "close") progress.abandon(portals.settle(head.name, undefined));
    else throw new WireError("the server answered out of turn");
    owed.pop();
    output.emit(frame);
  }

  #described(fields: readonly Field[] | undefined, frame: Buffer): void {
    const { owed, progress, output } = this.#o;
    if (owed.head?.kind === "query" && fields) progress.shapeQuery(owed.head.run, fields);
    else {
      const entry = this.#describing();
      if (entry.of) entry.of.description = { fields, generation: this.#o.generation() };
      owed.pop();
      if (entry.hidden) return;
    }
    output.emit(frame);
  }

  #describing(): Extract<Owed, { kind: "describe" }> {
    const { head } = this.#o.owed;
    if (head?.kind !== "describe") throw new WireError("the server answered out of turn");
    return head;
  }

  #completed(type: "C" | "I" | "s", frame: Buffer): void {
    const { owed, progress } = this.#o;
    const { head } = owed;
    const tag = type === "C" ? parseTag(frame) : "";
    if (head?.kind === "execute") {
      progress.endExecute(head, tag, type === "s");
      owed.pop();
      this.#tell(head.cap, frame, tag);
      head.cap?.done();
    } else if (head?.kind !== "query")
      throw new WireError("the server completed something that nothing asked for");
    else if (head.hidden) this.hiddenError = undefined;
    else {
      if (head.run) progress.endStep(head.run, tag);
      this.#tell(head.cap, frame, tag);
    }
  }

  #tell(cap: Capped | undefined, frame: Buffer, tag: string): void {
    if (!cap) {
      this.#o.output.emit(frame);
      return;
    }
    if (tag === "") cap.count = Number.POSITIVE_INFINITY;
    if (/^(INSERT|UPDATE|DELETE|MERGE) /.test(tag)) cap.count = Math.max(cap.count, tagCount(tag));
    cap.withheld.push(Buffer.from(frame));
  }

  #failed(frame: Buffer): void {
    const { owed, masks, output } = this.#o;
    const { head } = owed;
    this.#copyOut.drop();
    if (/^(FATAL|PANIC)$/.test(parseErrorFields(frame).get("V") ?? "")) this.fatal = true;
    const refusal = refusalOf(head);
    const told: Uint8Array = refusal ? errorResponse(refusal) : masks.text(frame, said(head));
    const hidden = head?.kind === "query" && head.hidden && !this.fatal;
    if (hidden) this.hiddenError = told;
    else {
      for (const earlier of (head?.kind === "query" && head.cap?.withheld.splice(0)) || [])
        output.emit(earlier);
      output.emit(told);
    }
    if (head) this.#afterError(head, errorStatus(told));
    this.#o.onCopyIn(false);
  }

  /** A failed Query is still owed its ReadyForQuery; a failed extended message takes all up to Sync with it. */
  #afterError(head: Owed, status: string): void {
    const { owed, progress, statements } = this.#o;
    progress.fail(head, status);
    if (head.kind === "query") {
      if (head.cap) head.cap.failed = true;
      return;
    }
    if (head.kind === "sync") return;
    if (head.kind === "poison" || (head.kind === "parse" && head.name === ""))
      statements.settle("", undefined);
    owed.skipToSync().forEach(abandon);
  }

  #ready(frame: Buffer): void {
    const { owed, statements, portals, progress, output } = this.#o;
    const { head } = owed;
    if (head?.kind !== "sync" && head?.kind !== "query")
      throw new WireError("the server is ready out of turn");
    if (frame.length !== 6) throw new WireError("the server sent a message of invalid length");
    this.status = String.fromCharCode(frame.readUInt8(5));
    this.#copyOut.drop();
    if (head.kind === "query") {
      statements.settle("", undefined);
      progress.abandon(portals.settle("", undefined));
    }
    if (this.status === "I")
      for (const portal of portals.retain(({ held }) => held)) progress.abandon(portal);
    statements.endBatch(head.batch);
    portals.endBatch(head.batch);
    const quiet = head.kind === "query" && (head.hidden || head.cap !== undefined);
    if (!quiet) output.emit(frame);
    owed.pop();
    this.#o.onReady(this.status);
    if (head.kind === "query") head.cap?.done();
  }

  #copying(type: "G" | "H", frame: Buffer): void {
    const { owed, progress, output } = this.#o;
    if (type === "H") this.#copyOut.begin(progress.beginCopyOut());
    else {
      progress.statement();
      const { strays, ended } = owed.enterCopy();
      if (strays) throw new WireError("messages were sent into a COPY FROM STDIN");
      this.#o.onCopyIn(!ended);
    }
    output.emit(frame);
  }
}
