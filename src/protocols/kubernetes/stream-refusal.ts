import type { IncomingMessage } from "node:http";
import { IhcError } from "../../base/errors.ts";
import type { StreamRefusal } from "./exchange.ts";
import { withoutQuotedValues } from "./status-text.ts";

const longest = 64 * 1024;

/** Reads a refusal to its end. Anything but a Status and short text is not passed on. */
export async function readRefusal(response: IncomingMessage): Promise<StreamRefusal> {
  const { statusCode = 0 } = response;
  const code = statusCode >= 400 ? statusCode : 502;
  const { kind, reason, message } = fields(await bodyOf(response));
  const status = {
    code,
    reason: typeof reason === "string" && /^\w{1,64}$/.test(reason) ? reason : "InternalError",
    message:
      typeof message === "string" ? withoutQuotedValues(message) : `the cluster answered ${statusCode}`,
  };
  return { kind: "refused", status, byApiServer: kind === "Status" };
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of response) {
    const bytes: Buffer = piece;
    size += bytes.length;
    if (size > longest) return "";
    pieces.push(bytes);
  }
  return Buffer.concat(pieces).toString("utf8");
}

interface Fields {
  readonly kind?: unknown;
  readonly reason?: unknown;
  readonly message?: unknown;
}

function fields(text: string): Fields {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch (error) {
    if (error instanceof SyntaxError) return text.trim() === "" ? {} : { message: text.slice(0, 1024) };
    throw new IhcError("internal", "the cluster's answer could not be read", { cause: error });
  }
}
