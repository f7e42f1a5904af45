import type { Refusal } from "../../../core/session/operation.ts";

/** A request that cannot be read in one way only, or that the gateway has no use for. Never sent; answered with a `Status`. */
export class BadRequest extends Error implements Refusal {
  override readonly name = "BadRequest";
  readonly rule: string;
  readonly reason: string;
  readonly hint: string;

  constructor(rule: string, reason: string, hint: string) {
    super(reason);
    this.rule = rule;
    this.reason = reason;
    this.hint = hint;
  }
}
