import type { MaskPlan } from "../../core/masking/plan.ts";
import { withoutQuotedValues } from "./status-text.ts";

/** How a command ended, from the error channel: a Status, whose message may quote the command and its values. */
export interface ExecStatus {
  /** What goes to the client, masked. */
  readonly bytes: Uint8Array;
  /** Undefined when the command did not get as far as to have one. */
  readonly exitCode: number | undefined;
  /** For the recording: `exit 0`, or the reason. */
  readonly text: string;
}

/** The longest Status that is read; a longer one is not passed on. */
export const longestStatus = 64 * 1024;

/** Undefined while the channel has not said all of it. */
export function readExecStatus(bytes: Uint8Array, masks: Pick<MaskPlan, "text">): ExecStatus | undefined {
  const status = parsed(bytes);
  if (status === undefined) return undefined;
  const { exitCode } = status;
  return {
    bytes: Buffer.from(JSON.stringify(masked(status, masks))),
    exitCode,
    text: exitCode === undefined ? `failed: ${status.reason ?? "unknown"}` : `exit ${exitCode}`,
  };
}

/** A Status of the gateway's own, in the words of the error channel. */
export function ownStatus(message: string, masks: Pick<MaskPlan, "text">): Uint8Array {
  const status = {
    metadata: {},
    status: "Failure",
    message: masks.text(message),
    reason: "Forbidden",
    code: 403,
  };
  return Buffer.from(JSON.stringify(status));
}

interface Status {
  readonly success: boolean;
  readonly message: string | undefined;
  readonly reason: string | undefined;
  readonly code: number | undefined;
  readonly causes: readonly { readonly reason: string; readonly message: string }[];
  readonly exitCode: number | undefined;
}

function parsed(bytes: Uint8Array): Status | undefined {
  const raw = fields(jsonOf(bytes));
  const success = raw.status === "Success";
  if (!success && raw.status !== "Failure") return undefined;
  const given = fields(raw.details).causes;
  const causes = (Array.isArray(given) ? given.slice(0, 16) : []).map((cause: unknown) => {
    const { reason, message } = fields(cause);
    return { reason: text(reason) ?? "", message: text(message) ?? "" };
  });
  const exit = causes.find(({ reason, message }) => reason === "ExitCode" && /^\d{1,5}$/.test(message));
  return {
    success,
    message: text(raw.message),
    reason: text(raw.reason),
    code: typeof raw.code === "number" ? raw.code : undefined,
    causes,
    exitCode: success ? 0 : exit && Number(exit.message),
  };
}

function masked({ success, message, reason, code, causes }: Status, masks: Pick<MaskPlan, "text">): object {
  const clean = (each: string): string => masks.text(withoutQuotedValues(each).toWellFormed());
  const details = causes.map((cause) => ({ reason: clean(cause.reason), message: clean(cause.message) }));
  return {
    metadata: {},
    status: success ? "Success" : "Failure",
    ...(message === undefined ? {} : { message: clean(message) }),
    ...(reason === undefined ? {} : { reason: clean(reason) }),
    ...(details.length > 0 ? { details: { causes: details } } : {}),
    ...(code === undefined ? {} : { code }),
  };
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

interface Fields {
  readonly status?: unknown;
  readonly message?: unknown;
  readonly reason?: unknown;
  readonly code?: unknown;
  readonly details?: unknown;
  readonly causes?: unknown;
}

function fields(value: unknown): Fields {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
