/** Every way ihc can fail, as one closed set. Nobody matches on `message`. */
export type ErrorCode =
  | "usage"
  | "config"
  | "invalid"
  | "not-found"
  | "conflict"
  | "denied"
  | "unauthenticated"
  | "login-needed"
  | "pending"
  | "approval-refused"
  | "canceled"
  | "too-large"
  | "rate-limited"
  | "unavailable"
  | "storage"
  | "corrupt"
  | "internal";

export interface ErrorDetails {
  /** The next thing to type or to do, lower case, no full stop. */
  readonly hint?: string;
  /** The policy rule or built-in rule that decided. */
  readonly rule?: string;
  readonly cause?: unknown;
}

/**
 * The only error ihc throws on purpose. Messages are lower case without a full stop and never hold a secret.
 * `cli/failure` turns it into text and an exit code, `gateway/server` into a problem document.
 */
export class IhcError extends Error {
  override readonly name = "IhcError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly rule: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
    this.rule = details.rule;
  }
}
