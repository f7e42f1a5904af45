import type { Operation } from "../../core/session/operation.ts";
import type { Admission, Session } from "../../core/session/session.ts";
import { type ActionContext, type Change, changeOf, meaning, resolve } from "./actions.ts";
import { denialFields, error } from "./denial.ts";
import type { Hold } from "./hold.ts";
import type { Names, Prepared } from "./names.ts";
import { statementOperation } from "./operation.ts";
import type { OwedQueue } from "./owed.ts";
import type { Portal } from "./portal.ts";
import { type RowCap, uncountable } from "./row-cap.ts";
import type { Classified, Classifier, Statement } from "./statement.ts";
import { type ErrorFields, flush } from "./wire/encode.ts";

export interface JudgeOptions {
  readonly session: Session;
  readonly classifier: Classifier;
  readonly owed: OwedQueue;
  readonly statements: Names<Prepared>;
  readonly portals: Names<Portal>;
  readonly hold: Hold;
  readonly cap: RowCap;
  readonly send: (bytes: Buffer) => void;
  /** The meaning of names may have changed. */
  readonly changed: (what: Change) => void;
}

/** Says what a message's text and names mean and asks the session for admission, waiting for the server where it must. */
export class Judge {
  readonly #o: JudgeOptions;
  /** Something on its way may change what names mean: nothing is judged before it is answered. */
  #unsettled = false;

  constructor(options: JudgeOptions) {
    this.#o = options;
  }

  get unsettled(): boolean {
    return this.#unsettled;
  }

  /** Notes what is about to be sent. */
  sending(statements: readonly Statement[]): void {
    this.#unsettled ||= statements.some((statement) => changeOf(statement) !== undefined);
  }

  async classify(sql: string): Promise<Classified> {
    if (this.#unsettled) await this.settled();
    this.#unsettled = false;
    return this.#o.classifier.cached(sql) ?? (await this.#o.classifier.classify(sql));
  }

  /** The statement as it counts, EXECUTE and FETCH as what they run. */
  async resolve(statement: Statement, at: ActionContext): Promise<Statement> {
    const classify = (sql: string): Promise<Classified> => this.classify(sql);
    const resolved = await resolve(statement, at, classify);
    if (resolved) return resolved;
    await this.settled();
    const settled = await resolve(statement, at, classify);
    return settled ?? { ...statement, effect: "unknown", refusal: uncertain };
  }

  /** What EXECUTE or FETCH runs if it is executed now. */
  async meaning(statement: Statement, batch: number): Promise<Prepared | Portal | undefined> {
    const at = { statements: this.#o.statements, portals: this.#o.portals, batch };
    const found = meaning(statement, at);
    if (found.known) return found.value;
    await this.settled();
    const settled = meaning(statement, at);
    return settled.known ? settled.value : undefined;
  }

  async find<T>(names: Names<T>, name: string, batch: number): Promise<T | undefined> {
    const found = names.find(name, batch);
    if (found.known) return found.value;
    await this.settled();
    const settled = names.find(name, batch);
    return settled.known ? settled.value : undefined;
  }

  /** Waits until everything sent is answered. */
  async settled(): Promise<void> {
    const { owed, send } = this.#o;
    if (owed.empty) return;
    if (!owed.closed) send(flush());
    await owed.idle();
  }

  context(sql: string, pick: ActionContext["pick"], batch: number): ActionContext {
    const { statements, portals, changed } = this.#o;
    return { statements, portals, batch, sql, pick, changed };
  }

  /** Asks for admission of what statementOperation makes of its arguments. */
  admit(...parts: Parameters<typeof statementOperation>): Promise<Admission<Operation>> {
    const { session, hold, cap } = this.#o;
    const plain = statementOperation(...parts);
    const refusal = plain.refusal ?? uncountable(cap, parts[1]);
    const operation = refusal ? { ...plain, refusal } : plain;
    return hold.during((options) => session.admit(operation, options));
  }

  refusal(admission: Extract<Admission<Operation>, { ok: false }>): ErrorFields {
    if (this.#o.hold.canceled)
      return error("57014", "ihc: canceling statement due to user request", admission.denial.reason);
    return denialFields(admission.denial);
  }
}

const uncertain = {
  rule: "unknown-name",
  reason: "what the name stands for is not certain yet",
  hint: "send the statement again",
};
