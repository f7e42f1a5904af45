import { types } from "node:util";
import { type DestinationStream, type Logger, pino } from "pino";

export type Log = Logger;

const secrets = [
  "authorization",
  "dpop",
  "ihc-id-token",
  "cookie",
  "set-cookie",
  "token",
  "secret",
  "password",
  "query",
  "body",
];

/**
 * The operator's log: one JSON object a line. Nothing logs headers, bodies, SQL or rows; the redaction is a net below
 * that. An error is its class and code: messages of foreign errors may quote what they failed on.
 */
export function openLog(destination?: DestinationStream, level = "info"): Log {
  const options = {
    level,
    base: { service: "ihc-gateway" },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: secrets.flatMap((key) => [key, `*.${key}`]), censor: "[redacted]" },
    serializers: { err: errorFields },
  };
  return destination === undefined
    ? pino(options, pino.destination({ fd: 2, sync: false }))
    : pino(options, destination);
}

/** What of an error may stand in a log, causes included. */
export function errorFields(error: unknown): object {
  // Node's own fetch throws errors that are no instances of ours.
  if (!types.isNativeError(error)) return { type: typeof error };
  const { name, cause } = error;
  return {
    type: name,
    ...("code" in error ? { code: String(error.code) } : {}),
    ...(name === "IhcError" ? { message: error.message } : { at: frame(error.stack) }),
    ...(cause === undefined ? {} : { cause: errorFields(cause) }),
  };
}

function frame(stack: string | undefined): string | undefined {
  return stack
    ?.split("\n")
    .find((line) => line.startsWith("    at "))
    ?.trim();
}
