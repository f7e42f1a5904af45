import type { Session } from "../../core/session/session.ts";
import { isIndirect, proposeAction } from "./actions.ts";
import type { Answers } from "./answers.ts";
import { error } from "./denial.ts";
import type { Judge } from "./judge.ts";
import type { Names, Prepared } from "./names.ts";
import { boundParameters } from "./operation.ts";
import type { Output } from "./output.ts";
import type { Capped, OwedQueue } from "./owed.ts";
import type { Portal, QueryRun, Step } from "./portal.ts";
import { Result } from "./result.ts";
import { isCapped, type RowCap } from "./row-cap.ts";
import type { Classified, Statement } from "./statement.ts";
import { WireError } from "./wire/cursor.ts";
import { describe, type ErrorFields, flush, parseMessage, query, sync } from "./wire/encode.ts";
import type { BindMessage, FrontendMessage } from "./wire/frontend.ts";

type Message<Type extends FrontendMessage["type"]> = Extract<FrontendMessage, { type: Type }>;

export interface RequestsOptions {
  readonly session: Session;
  readonly judge: Judge;
  readonly owed: OwedQueue;
  readonly statements: Names<Prepared>;
  readonly portals: Names<Portal>;
  readonly answers: Pick<Answers, "status" | "hiddenError">;
  readonly output: Output;
  readonly cap: RowCap;
  /** Sends to the server. */
  readonly send: (bytes: Buffer) => void;
  /** Grows when names may have changed their meaning. */
  readonly generation: () => number;
}

/** Not SQL, so it fails in every state; sent in place of a refused message, it fails where that would have run. */
const refused = "/* refused by ihc */ !";

/**
 * Takes a client's messages in order: judges, waits where policy holds, and forwards exactly what was admitted. A refusal
 * is a message that fails at the server, whose error is replaced: so answers keep their order, an open transaction is
 * really aborted, and the server itself skips to Sync.
 */
export class Requests {
  readonly #o: RequestsOptions;
  #batch = 0;
  /** After a refusal in the extended protocol: the server skips too. */
  #discarding = false;
  #copyIn = false;
  /** Sync messages that came during COPY data: the server would ignore them, but after an error it needs one. */
  #swallowed = 0;

  constructor(options: RequestsOptions) {
    this.#o = options;
  }

  /** The server waits for COPY data, or has stopped waiting because of an error. */
  copyIn(waits: boolean): void {
    this.#copyIn = waits;
    if (waits || this.#swallowed === 0) return;
    this.#swallowed = 0;
    this.#sync(sync());
  }

  async take(message: FrontendMessage): Promise<void> {
    if (this.#discarding && message.type !== "sync") return;
    if (this.#copyIn) {
      this.#duringCopy(message);
      return;
    }
    switch (message.type) {
      case "query":
        return this.#query(message);
      case "parse":
        return this.#parse(message);
      case "bind":
        return this.#bind(message);
      case "describe":
        return this.#describe(message);
      case "execute":
        return this.#execute(message);
      case "close":
        return this.#close(message);
      case "sync":
        return this.#sync(message.frame);
      case "flush":
        return this.#o.send(message.frame);
      case "copy-data":
        return this.#o.send(message.frame);
      case "copy-done":
      case "copy-fail":
        return this.#copyEnd(message.frame);
      case "function-call":
        return this.#poisonQuery(
          error("0A000", "ihc: function calls outside SQL are refused", "use a SELECT"),
        );
      case "malformed":
        return this.#malformed(message);
      case "terminate":
        return;
    }
  }

  /** What cannot be read cannot be judged; the frame's end is known, so both sides stay in step. */
  #malformed({ error: { sqlstate, message }, alone }: Message<"malformed">): void {
    this.#o.session.record({ type: "note", text: `refused a message that cannot be read: ${message}` });
    const fields = error(sqlstate, `ihc: ${message}`);
    if (alone) this.#poisonQuery(fields);
    else this.#poison(fields);
  }

  #duringCopy(message: FrontendMessage): void {
    if (message.type === "copy-data") this.#o.send(message.frame);
    else if (message.type === "sync") this.#swallowed++;
    else if (message.type === "copy-done" || message.type === "copy-fail") this.#copyEnd(message.frame);
    else if (message.type !== "flush") throw new WireError("a message was sent into a COPY FROM STDIN");
  }

  #copyEnd(frame: Buffer): void {
    this.#copyIn = false;
    this.#swallowed = 0;
    this.#o.send(frame);
    if (!this.#o.owed.empty) this.#o.owed.push({ kind: "copy-end" });
  }

  #sync(frame: Buffer): void {
    this.#discarding = false;
    this.#o.send(frame);
    this.#o.owed.push({ kind: "sync", batch: this.#batch });
    this.#batch++;
  }

  async #query(message: Message<"query">): Promise<void> {
    const classified = await this.#o.judge.classify(message.sql);
    const batch = this.#batch;
    const steps = await this.#steps(message.sql, classified, batch);
    const shown = steps.map((step) => step.shown);
    const admission = await this.#o.judge.admit(message.sql, shown, [], classified);
    if (!admission.ok) return this.#poisonQuery(this.#o.judge.refusal(admission));
    const run: QueryRun = { said: [message.sql], operation: admission.id, steps, at: 0, result: undefined };
    this.#o.judge.sending(shown);
    this.#o.statements.propose("", undefined, batch);
    this.#o.portals.propose("", undefined, batch);
    if (!isCapped(this.#o.cap, shown)) return this.#sendQuery(message.frame, run, undefined);
    await this.#cappedQuery(message.frame, run);
  }

  /** Later statements of a string see the names that earlier ones propose. */
  async #steps(sql: string, classified: Classified, batch: number): Promise<readonly Step[]> {
    const steps: Step[] = [];
    for (const [i, own] of classified.statements.entries()) {
      const at = this.#o.judge.context(sql, (c) => c.statements[i], batch);
      const shown = await this.#o.judge.resolve(own, at);
      steps.push({ own, shown, settle: proposeAction(own, at) });
    }
    return steps;
  }

  #sendQuery(frame: Buffer, run: QueryRun | undefined, cap: Capped | undefined, hidden = false): void {
    this.#o.owed.push({ kind: "query", batch: this.#batch, run, poison: undefined, hidden, cap });
    this.#batch++;
    this.#o.send(frame);
  }

  async #parse(message: Message<"parse">): Promise<void> {
    const classified = await this.#o.judge.classify(message.sql);
    if (classified.refusal) {
      const admission = await this.#o.judge.admit(message.sql, classified.statements, [], classified);
      return this.#poison(admission.ok ? cannotPrepare : this.#o.judge.refusal(admission));
    }
    const prepared: Prepared = {
      sql: message.sql,
      pick: ({ statements }) => (statements.length > 1 ? undefined : (statements[0] ?? emptyStatement)),
      types: message.types,
      description: undefined,
      describedIn: -1,
    };
    this.#o.statements.propose(message.name, prepared, this.#batch);
    this.#o.owed.push({ kind: "parse", name: message.name, prepared });
    this.#o.send(message.frame);
  }

  async #bind(message: BindMessage): Promise<void> {
    const prepared = await this.#o.judge.find(this.#o.statements, message.statement, this.#batch);
    if (!prepared)
      return this.#poison(error("26000", `prepared statement "${message.statement}" does not exist`));
    const classified = await this.#o.judge.classify(prepared.sql);
    const own = prepared.pick(classified);
    if (!own) return this.#poison(cannotPrepare);
    const at = this.#o.judge.context(prepared.sql, prepared.pick, this.#batch);
    const shown = await this.#o.judge.resolve(own, at);
    const parameters = boundParameters(message, prepared.types);
    const whole = {
      traits: classified.traits,
      effect: shown.effect,
      ...(classified.refusal ? { refusal: classified.refusal } : {}),
    };
    const admission = await this.#o.judge.admit(prepared.sql, [shown], parameters, whole);
    if (!admission.ok) return this.#poison(this.#o.judge.refusal(admission));
    const portal: Portal = {
      said: [prepared.sql, ...parameters.filter((value) => typeof value === "string")],
      statement: shown,
      operation: admission.id,
      prepared,
      resultFormats: message.resultFormats,
      held: false,
      description: undefined,
      describedIn: -1,
      result: undefined,
      ended: false,
      act: (batch) => proposeAction(own, { ...at, batch }),
      meant: await this.#o.judge.meaning(own, this.#batch),
    };
    this.#o.judge.sending([shown]);
    this.#o.portals.propose(message.portal, portal, this.#batch);
    this.#o.owed.push({ kind: "bind", portal: message.portal, value: portal });
    this.#o.send(message.frame);
  }

  async #describe(message: Message<"describe">): Promise<void> {
    const names: Names<Prepared | Portal> = message.what === "S" ? this.#o.statements : this.#o.portals;
    const of = await this.#o.judge.find(names, message.name, this.#batch);
    if (of) of.describedIn = this.#batch;
    this.#o.owed.push({ kind: "describe", what: message.what, of, hidden: false });
    this.#o.send(message.frame);
  }

  async #execute(message: Message<"execute">): Promise<void> {
    const portal = await this.#o.judge.find(this.#o.portals, message.portal, this.#batch);
    if (!portal) return this.#poison(error("34000", `portal "${message.portal}" does not exist`));
    if ((await this.#o.judge.meaning(portal.statement, this.#batch)) !== portal.meant)
      return this.#poison(
        error("55000", "ihc: what the portal runs has changed since Bind", "bind it again"),
      );
    const result = await this.#resultOf(portal, message);
    if (result === "refused") return;
    this.#o.judge.sending([portal.statement]);
    this.#askForColumns(portal, message.portal);
    if (isCapped(this.#o.cap, [portal.statement])) return this.#cappedExecute(message, portal, result);
    const settle = portal.act?.(this.#batch);
    this.#o.owed.push({ kind: "execute", portal, result, cap: undefined, settle });
    this.#o.send(message.frame);
  }

  /** Where the rows belong: to the portal's one operation, or, for a cursor of SQL, to an operation of this fetch. */
  async #resultOf(portal: Portal, message: Message<"execute">): Promise<Result | undefined | "refused"> {
    const { session, judge } = this.#o;
    if (portal.operation !== undefined) {
      if (!portal.ended) portal.result ??= new Result(session, portal.operation);
      return portal.result;
    }
    const name = message.portal.replaceAll('"', '""');
    const text = `FETCH FORWARD ${message.limit > 0 ? message.limit : "ALL"} FROM "${name}"`;
    const admission = await judge.admit(text, [portal.statement], [], { ...portal.statement });
    if (admission.ok) return new Result(session, admission.id);
    this.#poison(judge.refusal(admission));
    return "refused";
  }

  /** Rows of a portal come without their columns: unless someone has asked or asks in this batch, we do. */
  #askForColumns(portal: Portal, name: string): void {
    if (portal.description || portal.describedIn === this.#batch) return;
    const prepared = isIndirect(portal.statement) ? undefined : portal.prepared;
    if (prepared?.describedIn === this.#batch) return;
    if (prepared?.description?.generation === this.#o.generation() && !this.#o.judge.unsettled) return;
    portal.describedIn = this.#batch;
    this.#o.owed.push({ kind: "describe", what: "P", of: portal, hidden: true });
    this.#o.send(describe("P", name));
  }

  #close(message: Message<"close">): void {
    const names: Names<Prepared | Portal> = message.what === "S" ? this.#o.statements : this.#o.portals;
    names.propose(message.name, undefined, this.#batch);
    this.#o.owed.push({ kind: "close", what: message.what, name: message.name });
    this.#o.send(message.frame);
  }

  async #cappedExecute(
    message: Message<"execute">,
    portal: Portal,
    result: Result | undefined,
  ): Promise<void> {
    const { promise, resolve: done } = Promise.withResolvers<void>();
    const cap: Capped = { limit: this.#o.cap.rows ?? 0, count: 0, failed: false, withheld: [], done };
    this.#o.owed.push({ kind: "execute", portal, result, cap, settle: portal.act?.(this.#batch) });
    this.#o.send(Buffer.concat([message.frame, flush()]));
    await promise;
    if (cap.failed) return;
    if (cap.count > cap.limit) return this.#poison(this.#o.cap.refusal(cap.count));
    for (const frame of cap.withheld) this.#o.output.interject(frame);
  }

  /** Outside a transaction the string runs in one of ours, which is committed only when the count is known. */
  async #cappedQuery(frame: Buffer, run: QueryRun): Promise<void> {
    await this.#o.judge.settled();
    if (this.#o.owed.skipping) return;
    const own = this.#o.answers.status === "I";
    if (own) this.#sendQuery(query("BEGIN"), undefined, undefined, true);
    const { promise, resolve: done } = Promise.withResolvers<void>();
    const cap: Capped = { limit: this.#o.cap.rows ?? 0, count: 0, failed: false, withheld: [], done };
    this.#sendQuery(frame, run, cap);
    await promise;
    await this.#o.cap.conclude(cap, own, {
      hidden: async (sql) => {
        this.#sendQuery(query(sql), undefined, undefined, true);
        await this.#o.judge.settled();
      },
      poison: () => this.#poisonQuery(this.#o.cap.refusal(cap.count)),
      answers: this.#o.answers,
      output: this.#o.output,
    });
  }

  /** In place of a refused Query: the server answers with an error and is ready again. */
  #poisonQuery(fields: ErrorFields): void {
    this.#o.owed.push({
      kind: "query",
      batch: this.#batch,
      run: undefined,
      poison: fields,
      hidden: false,
      cap: undefined,
    });
    this.#batch++;
    this.#o.send(query(refused));
  }

  /** In place of a refused extended message: fails, drops the unnamed statement, and everything is skipped to Sync. */
  #poison(fields: ErrorFields): void {
    this.#o.owed.push({ kind: "poison", fields });
    this.#o.send(parseMessage("", refused));
    this.#discarding = true;
  }
}

const cannotPrepare = error("42601", "cannot insert multiple commands into a prepared statement");

/** What Parse of an empty string prepares. */
const emptyStatement: Statement = {
  node: "EmptyStmt",
  effect: "read",
  resources: [],
  traits: [],
  masking: { kind: "origin" },
  does: { kind: "plain" },
};
