import type { Session } from "../../core/session/session.ts";
import { isIndirect, proposeAction } from "./actions.ts";
import type { Answers } from "./answers.ts";
import { error } from "./denial.ts";
import type { Judge } from "./judge.ts";
import { Lane } from "./lane.ts";
import type { Names, Prepared } from "./names.ts";
import { boundParameters } from "./operation.ts";
import type { Output } from "./output.ts";
import type { OwedQueue } from "./owed.ts";
import type { Portal, QueryRun, Step } from "./portal.ts";
import { Result } from "./result.ts";
import { isCapped, type RowCap } from "./row-cap.ts";
import { type Classified, emptyStatement } from "./statement.ts";
import { WireError } from "./wire/cursor.ts";
import { describe, flush, query, sync } from "./wire/encode.ts";
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

/**
 * Takes a client's messages in order: judges, waits where policy holds, and forwards exactly what was admitted.
 */
export class Requests {
  readonly #o: RequestsOptions;
  readonly #lane: Lane;
  #copyIn = false;
  /** Sync messages that came during COPY data: the server would ignore them, but after an error it needs one. */
  #swallowed = 0;

  constructor(options: RequestsOptions) {
    this.#o = options;
    this.#lane = new Lane(options.owed, options.send);
  }

  /** The server waits for COPY data, or has stopped waiting because of an error. */
  copyIn(waits: boolean): void {
    this.#copyIn = waits;
    if (waits || this.#swallowed === 0) return;
    this.#swallowed = 0;
    this.#lane.sync(sync());
  }

  async take(message: FrontendMessage): Promise<void> {
    if (this.#lane.discarding && message.type !== "sync") return;
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
        return this.#lane.sync(message.frame);
      case "flush":
        return this.#o.send(message.frame);
      case "copy-data":
        return this.#o.send(message.frame);
      case "copy-done":
      case "copy-fail":
        return this.#copyEnd(message.frame);
      case "function-call":
        return this.#lane.poisonQuery(
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
    if (alone) this.#lane.poisonQuery(fields);
    else this.#lane.poison(fields);
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

  async #query(message: Message<"query">): Promise<void> {
    const classified = await this.#o.judge.classify(message.sql);
    const batch = this.#lane.batch;
    const steps = await this.#steps(message.sql, classified, batch);
    const shown = steps.map((step) => step.shown);
    const admission = await this.#o.judge.admit(message.sql, shown, [], classified);
    if (!admission.ok) return this.#lane.poisonQuery(this.#o.judge.refusal(admission));
    const run: QueryRun = { said: [message.sql], operation: admission.id, steps, at: 0, result: undefined };
    this.#o.judge.sending(shown);
    this.#o.statements.propose("", undefined, batch);
    this.#o.portals.propose("", undefined, batch);
    if (!isCapped(this.#o.cap, shown)) return this.#lane.query(message.frame, run, undefined);
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

  async #parse(message: Message<"parse">): Promise<void> {
    const classified = await this.#o.judge.classify(message.sql);
    if (classified.refusal) {
      const admission = await this.#o.judge.admit(message.sql, classified.statements, [], classified);
      return this.#lane.poison(admission.ok ? cannotPrepare : this.#o.judge.refusal(admission));
    }
    const prepared: Prepared = {
      sql: message.sql,
      pick: ({ statements }) => (statements.length > 1 ? undefined : (statements[0] ?? emptyStatement)),
      types: message.types,
      description: undefined,
      describedIn: -1,
    };
    this.#o.statements.propose(message.name, prepared, this.#lane.batch);
    this.#o.owed.push({ kind: "parse", name: message.name, prepared });
    this.#o.send(message.frame);
  }

  async #bind(message: BindMessage): Promise<void> {
    const prepared = await this.#o.judge.find(this.#o.statements, message.statement, this.#lane.batch);
    if (!prepared)
      return this.#lane.poison(error("26000", `prepared statement "${message.statement}" does not exist`));
    const classified = await this.#o.judge.classify(prepared.sql);
    const own = prepared.pick(classified);
    if (!own) return this.#lane.poison(cannotPrepare);
    const at = this.#o.judge.context(prepared.sql, prepared.pick, this.#lane.batch);
    const shown = await this.#o.judge.resolve(own, at);
    const parameters = boundParameters(message, prepared.types);
    const whole = {
      traits: classified.traits,
      effect: shown.effect,
      ...(classified.refusal ? { refusal: classified.refusal } : {}),
    };
    const admission = await this.#o.judge.admit(prepared.sql, [shown], parameters, whole);
    if (!admission.ok) return this.#lane.poison(this.#o.judge.refusal(admission));
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
      meant: await this.#o.judge.meaning(own, this.#lane.batch),
    };
    this.#o.judge.sending([shown]);
    this.#o.portals.propose(message.portal, portal, this.#lane.batch);
    this.#o.owed.push({ kind: "bind", portal: message.portal, value: portal });
    this.#o.send(message.frame);
  }

  async #describe(message: Message<"describe">): Promise<void> {
    const names: Names<Prepared | Portal> = message.what === "S" ? this.#o.statements : this.#o.portals;
    const of = await this.#o.judge.find(names, message.name, this.#lane.batch);
    if (of) of.describedIn = this.#lane.batch;
    this.#o.owed.push({ kind: "describe", what: message.what, of, hidden: false });
    this.#o.send(message.frame);
  }

  async #execute(message: Message<"execute">): Promise<void> {
    const portal = await this.#o.judge.find(this.#o.portals, message.portal, this.#lane.batch);
    if (!portal) return this.#lane.poison(error("34000", `portal "${message.portal}" does not exist`));
    if ((await this.#o.judge.meaning(portal.statement, this.#lane.batch)) !== portal.meant)
      return this.#lane.poison(
        error("55000", "ihc: what the portal runs has changed since Bind", "bind it again"),
      );
    const result = await this.#resultOf(portal, message);
    if (result === "refused") return;
    this.#o.judge.sending([portal.statement]);
    this.#askForColumns(portal, message.portal);
    if (isCapped(this.#o.cap, [portal.statement])) return this.#cappedExecute(message, portal, result);
    const settle = portal.act?.(this.#lane.batch);
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
    this.#lane.poison(judge.refusal(admission));
    return "refused";
  }

  /** Rows of a portal come without their columns: unless someone has asked or asks in this batch, we do. */
  #askForColumns(portal: Portal, name: string): void {
    if (portal.description || portal.describedIn === this.#lane.batch) return;
    const prepared = isIndirect(portal.statement) ? undefined : portal.prepared;
    if (prepared?.describedIn === this.#lane.batch) return;
    if (prepared?.description?.generation === this.#o.generation() && !this.#o.judge.unsettled) return;
    portal.describedIn = this.#lane.batch;
    this.#o.owed.push({ kind: "describe", what: "P", of: portal, hidden: true });
    this.#o.send(describe("P", name));
  }

  #close(message: Message<"close">): void {
    const names: Names<Prepared | Portal> = message.what === "S" ? this.#o.statements : this.#o.portals;
    names.propose(message.name, undefined, this.#lane.batch);
    this.#o.owed.push({ kind: "close", what: message.what, name: message.name });
    this.#o.send(message.frame);
  }

  async #cappedExecute(
    message: Message<"execute">,
    portal: Portal,
    result: Result | undefined,
  ): Promise<void> {
    const { cap, done } = this.#o.cap.begin();
    this.#o.owed.push({ kind: "execute", portal, result, cap, settle: portal.act?.(this.#lane.batch) });
    this.#o.send(Buffer.concat([message.frame, flush()]));
    await done;
    if (cap.failed) return;
    if (cap.count > cap.limit) return this.#lane.poison(this.#o.cap.refusal(cap.count));
    for (const frame of cap.withheld) this.#o.output.interject(frame);
  }

  /** Outside a transaction the string runs in one of ours, which is committed only when the count is known. */
  async #cappedQuery(frame: Buffer, run: QueryRun): Promise<void> {
    await this.#o.judge.settled();
    if (this.#o.owed.skipping) return;
    const own = this.#o.answers.status === "I";
    if (own) this.#lane.query(query("BEGIN"), undefined, undefined, true);
    const { cap, done } = this.#o.cap.begin();
    this.#lane.query(frame, run, cap);
    await done;
    await this.#o.cap.conclude(cap, own, {
      hidden: async (sql) => {
        this.#lane.query(query(sql), undefined, undefined, true);
        await this.#o.judge.settled();
      },
      poison: () => this.#lane.poisonQuery(this.#o.cap.refusal(cap.count)),
      answers: this.#o.answers,
      output: this.#o.output,
    });
  }
}

const cannotPrepare = error("42601", "cannot insert multiple commands into a prepared statement");
