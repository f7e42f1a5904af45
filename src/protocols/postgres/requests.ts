import type { Operation } from "../../core/session/operation.ts";
import type { Admission, Session } from "../../core/session/session.ts";
import { type ActionContext, type Change, changeOf, proposeAction, resolve } from "./actions.ts";
import type { Answers } from "./answers.ts";
import { denialFields, error } from "./denial.ts";
import type { Hold } from "./hold.ts";
import type { Names, Prepared } from "./names.ts";
import { boundParameters, statementOperation } from "./operation.ts";
import type { Capped, OwedQueue } from "./owed.ts";
import type { Portal, QueryRun, Step } from "./portal.ts";
import { Result } from "./result.ts";
import { isCapped, type RowCap, uncountable } from "./row-cap.ts";
import type { Classified, Classifier, Statement } from "./statement.ts";
import { WireError } from "./wire/cursor.ts";
import { describe, type ErrorFields, flush, parseMessage, query } from "./wire/encode.ts";
import type { BindMessage, FrontendMessage } from "./wire/frontend.ts";

type Message<Type extends FrontendMessage["type"]> = Extract<FrontendMessage, { type: Type }>;

export interface RequestsOptions {
  readonly session: Session;
  readonly classifier: Classifier;
  readonly owed: OwedQueue;
  readonly statements: Names<Prepared>;
  readonly portals: Names<Portal>;
  readonly answers: Answers;
  readonly hold: Hold;
  readonly cap: RowCap;
  /** Sends to the server; waits while the server is slow. */
  readonly send: (bytes: Buffer) => void;
  /** Grows when names may have changed their meaning. */
  readonly generation: () => number;
  /** The meaning of names may have changed. */
  readonly changed: (what: Change) => void;
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
  /** Something on its way may change what names mean: judge nothing before it is answered. */
  #unsettled = false;

  constructor(options: RequestsOptions) {
    this.#o = options;
  }

  /** The server waits for COPY data. */
  copyIn(ended: boolean): void {
    this.#copyIn = !ended;
  }

  async take(message: FrontendMessage): Promise<void> {
    if (this.#discarding && message.type !== "sync") return;
    if (this.#copyIn) return this.#duringCopy(message);
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
      case "terminate":
        return;
    }
  }

  #duringCopy(message: FrontendMessage): void {
    if (message.type === "copy-data" || message.type === "flush" || message.type === "sync")
      return this.#o.send(message.frame);
    if (message.type === "copy-done" || message.type === "copy-fail") return this.#copyEnd(message.frame);
    throw new WireError("a message was sent into a COPY FROM STDIN");
  }

  #copyEnd(frame: Buffer): void {
    this.#copyIn = false;
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
    const classified = await this.#classify(message.sql);
    const batch = this.#batch;
    const steps = await this.#steps(message.sql, classified, batch);
    const shown = steps.map((step) => step.shown);
    const admission = await this.#admit(this.#operation(message.sql, shown, [], classified));
    if (!admission.ok) return this.#poisonQuery(this.#denied(admission));
    const run: QueryRun = { said: [message.sql], operation: admission.id, steps, at: 0, result: undefined };
    this.#unsettled ||= shown.some((statement) => changeOf(statement) !== undefined);
    this.#o.statements.propose("", undefined, batch);
    this.#o.portals.propose("", undefined, batch);
    if (!isCapped(this.#o.cap, shown)) return this.#sendQuery(message.frame, run, undefined);
    await this.#cappedQuery(message.frame, run);
  }

  /** Later statements of a string see the names that earlier ones propose. */
  async #steps(sql: string, classified: Classified, batch: number): Promise<readonly Step[]> {
    const steps: Step[] = [];
    for (const [i, own] of classified.statements.entries()) {
      const at = this.#context(sql, (c) => c.statements[i], batch);
      const shown = await this.#resolve(own, at);
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
    const classified = await this.#classify(message.sql);
    if (classified.refusal) {
      const operation = statementOperation(message.sql, classified.statements, [], classified);
      const admission = await this.#admit(operation);
      if (!admission.ok) return this.#poison(this.#denied(admission));
    }
    const prepared: Prepared = {
      sql: message.sql,
      pick: (c) => c.statements[0] ?? emptyStatement,
      types: message.types,
      description: undefined,
      describedIn: -1,
    };
    this.#o.statements.propose(message.name, prepared, this.#batch);
    this.#o.owed.push({ kind: "parse", name: message.name, prepared });
    this.#o.send(message.frame);
  }

  async #bind(message: BindMessage): Promise<void> {
    const prepared = await this.#find(this.#o.statements, message.statement);
    if (!prepared)
      return this.#poison(error("26000", `prepared statement "${message.statement}" does not exist`));
    const classified = await this.#classify(prepared.sql);
    const own = prepared.pick(classified);
    if (!own || classified.statements.length > 1) return this.#poison(cannotPrepare);
    const at = this.#context(prepared.sql, prepared.pick, this.#batch);
    const shown = await this.#resolve(own, at);
    const parameters = boundParameters(message, prepared.types);
    const whole = {
      traits: [],
      effect: shown.effect,
      ...(classified.refusal ? { refusal: classified.refusal } : {}),
    };
    const admission = await this.#admit(this.#operation(prepared.sql, [shown], parameters, whole));
    if (!admission.ok) return this.#poison(this.#denied(admission));
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
      settle: proposeAction(own, at),
    };
    this.#unsettled ||= changeOf(shown) !== undefined;
    this.#o.portals.propose(message.portal, portal, this.#batch);
    this.#o.owed.push({ kind: "bind", portal: message.portal, value: portal });
    this.#o.send(message.frame);
  }

  async #describe(message: Message<"describe">): Promise<void> {
    const names: Names<Prepared | Portal> = message.what === "S" ? this.#o.statements : this.#o.portals;
    const of = await this.#find(names, message.name);
    if (of) of.describedIn = this.#batch;
    this.#o.owed.push({ kind: "describe", what: message.what, of, hidden: false });
    this.#o.send(message.frame);
  }

  async #execute(message: Message<"execute">): Promise<void> {
    const portal = await this.#find(this.#o.portals, message.portal);
    if (!portal) return this.#poison(error("34000", `portal "${message.portal}" does not exist`));
    if (portal.operation === undefined) {
      const text = `FETCH ${message.limit > 0 ? message.limit : "ALL"} FROM "${message.portal.replaceAll('"', '""')}"`;
      const admission = await this.#admit(
        statementOperation(text, [portal.statement], [], { ...portal.statement }),
      );
      if (!admission.ok) return this.#poison(this.#denied(admission));
      portal.result = new Result(this.#o.session, admission.id);
    } else if (!portal.ended) portal.result ??= new Result(this.#o.session, portal.operation);
    this.#askForColumns(portal, message.portal);
    if (!isCapped(this.#o.cap, [portal.statement])) {
      this.#o.owed.push({ kind: "execute", portal, name: message.portal, cap: undefined });
      return this.#o.send(message.frame);
    }
    await this.#cappedExecute(message, portal);
  }

  /** Rows of a portal come without their columns: unless someone has asked or asks in this batch, we do. */
  #askForColumns(portal: Portal, name: string): void {
    const { prepared } = portal;
    if (portal.description || portal.describedIn === this.#batch) return;
    if (prepared?.describedIn === this.#batch) return;
    if (prepared?.description?.generation === this.#o.generation() && !this.#unsettled) return;
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

  async #cappedExecute(message: Message<"execute">, portal: Portal): Promise<void> {
    const { promise, resolve: done } = Promise.withResolvers<void>();
    const cap: Capped = { limit: this.#o.cap.rows ?? 0, count: 0, failed: false, withheld: [], done };
    this.#o.owed.push({ kind: "execute", portal, name: message.portal, cap });
    this.#o.send(Buffer.concat([message.frame, flush()]));
    await promise;
    if (cap.failed) return;
    if (cap.count > cap.limit) return this.#poison(this.#o.cap.refusal(cap.count));
    for (const frame of cap.withheld) this.#o.answers.interject(frame);
  }

  /** Outside a transaction the string runs in one of ours, which is committed only when the count is known. */
  async #cappedQuery(frame: Buffer, run: QueryRun): Promise<void> {
    await this.#settled();
    const own = this.#o.answers.status === "I";
    if (own) this.#sendQuery(query("BEGIN"), undefined, undefined, true);
    const { promise, resolve: done } = Promise.withResolvers<void>();
    const cap: Capped = { limit: this.#o.cap.rows ?? 0, count: 0, failed: false, withheld: [], done };
    this.#sendQuery(frame, run, cap);
    await promise;
    await this.#o.cap.conclude(cap, own, {
      hidden: async (sql) => {
        this.#sendQuery(query(sql), undefined, undefined, true);
        await this.#settled();
      },
      poison: () => this.#poisonQuery(this.#o.cap.refusal(cap.count)),
      answers: this.#o.answers,
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

  #operation(...parts: Parameters<typeof statementOperation>): Operation {
    const operation = statementOperation(...parts);
    const refusal = operation.refusal ?? uncountable(this.#o.cap, parts[1]);
    return refusal ? { ...operation, refusal } : operation;
  }

  async #admit(operation: Operation): Promise<Admission<Operation>> {
    const { session, hold } = this.#o;
    return hold.during((options) => session.admit(operation, options));
  }

  #denied(admission: Extract<Admission<Operation>, { ok: false }>): ErrorFields {
    if (this.#o.hold.canceled)
      return error("57014", "ihc: canceling statement due to user request", admission.denial.reason);
    return denialFields(admission.denial);
  }

  async #classify(sql: string): Promise<Classified> {
    if (this.#unsettled) await this.#settled();
    this.#unsettled = false;
    return this.#o.classifier.cached(sql) ?? (await this.#o.classifier.classify(sql));
  }

  async #resolve(statement: Statement, at: ActionContext): Promise<Statement> {
    const classify = (sql: string): Promise<Classified> => this.#classify(sql);
    const resolved = await resolve(statement, at, classify);
    if (resolved) return resolved;
    await this.#settled();
    return (await resolve(statement, at, classify)) ?? statement;
  }

  async #find<T>(names: Names<T>, name: string): Promise<T | undefined> {
    const found = names.find(name, this.#batch);
    if (found.known) return found.value;
    await this.#settled();
    const settled = names.find(name, this.#batch);
    return settled.known ? settled.value : undefined;
  }

  /** Waits until everything sent is answered. */
  async #settled(): Promise<void> {
    const { owed } = this.#o;
    if (owed.empty) return;
    if (!owed.closed) this.#o.send(flush());
    await owed.idle();
  }

  #context(sql: string, pick: ActionContext["pick"], batch: number): ActionContext {
    const { statements, portals, changed } = this.#o;
    return { statements, portals, batch, sql, pick, changed };
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
