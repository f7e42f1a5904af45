import type { OperationId } from "../../base/ids.ts";
import type { Description, Prepared } from "./names.ts";
import type { Result } from "./result.ts";
import type { Statement } from "./statement.ts";

/** Something that gives rows when executed: a bound portal, or a cursor that SQL DECLARE made. */
export interface Portal {
  /** What the client said to make it: words that an error may say back. */
  readonly said: readonly string[];
  readonly statement: Statement;
  /** Undefined for a cursor: its rows are admitted each time they are fetched. */
  readonly operation: OperationId | undefined;
  readonly prepared: Prepared | undefined;
  readonly resultFormats: readonly number[];
  /** A cursor WITH HOLD outlives its transaction. */
  readonly held: boolean;
  description: Description | undefined;
  describedIn: number;
  /** The rows under way; undefined before the first Execute. */
  result: Result | undefined;
  /** Whether a result has been recorded. */
  ended: boolean;
  readonly act: Act | undefined;
  /** What EXECUTE or FETCH meant at Bind: the server looks the name up again at Execute. */
  readonly meant: Prepared | Portal | undefined;
}

/** Proposes in a batch what a statement does to names; returns what to do when the server has completed it. */
export type Act = (batch: number) => (() => void) | undefined;

/** One admitted Query message: its statements answer one after the other. */
export interface QueryRun {
  readonly said: readonly string[];
  readonly operation: OperationId;
  readonly steps: readonly Step[];
  /** The step that is being answered. */
  at: number;
  result: Result | undefined;
}

/** One statement of a Query with what it does to names, to be settled when the server says it is done. */
export interface Step {
  /** As masked and recorded: the inner statement for EXECUTE and FETCH. */
  readonly shown: Statement;
  readonly own: Statement;
  /** What to do when the server has completed it. */
  readonly settle: (() => void) | undefined;
}
