import { createHash } from "node:crypto";
import type { Socket } from "node:net";
import { IhcError } from "../../base/errors.ts";
import { dial, type Line } from "./dial.ts";
import { FrameReader } from "./frame-reader.ts";
import type { Credential, PostgresSettings } from "./settings.ts";
import {
  type Field,
  parseErrorFields,
  parseParameterStatus,
  parseRowDescription,
  parseTextRow,
} from "./wire/backend.ts";
import { Cursor, WireError } from "./wire/cursor.ts";
import {
  cancelRequest,
  cstring,
  describe,
  frame,
  int32,
  parseMessage,
  query,
  startupMessage,
  sync,
} from "./wire/encode.ts";
import { ScramClient } from "./wire/scram.ts";

/** A connection to the database on which the gateway has logged in with the injected secret. */
export interface Link {
  readonly socket: Socket;
  readonly processId: number;
  readonly secretKey: Buffer;
  /** What the server reported at login. */
  readonly parameters: ReadonlyMap<string, string>;
  /** One question of the gateway's own, while nothing else is under way: rows of text values. */
  ask(sql: string): Promise<readonly (readonly (string | null)[])[]>;
  /** Parse and Describe without running: the columns that the statement would give. */
  columns(sql: string): Promise<readonly Field[]>;
  /** Hands the socket over for serving: what has been read beyond the login; `ask` must not be used any more. */
  handOver(): readonly Buffer[];
  close(): void;
}

export interface LoginOptions {
  readonly credential: Credential;
  /** Resolves a secret reference. */
  readonly secret: (reference: string) => Promise<string>;
  /** Sent with the StartupMessage, so that RESET and DISCARD fall back to them. */
  readonly parameters: ReadonlyMap<string, string>;
  readonly signal: AbortSignal;
}

/**
 * Dials and logs in. The string settings that classification relies on are pinned and verified. Throws IhcError
 * `unavailable`, whose message never holds the secret.
 */
export async function logIn(settings: PostgresSettings, options: LoginOptions): Promise<Link> {
  const line = await dial(settings, options.signal);
  const reader = new FrameReader(line.socket);
  try {
    const parameters = new Map([
      ["user", options.credential.user],
      ["database", settings.database],
      ...options.parameters,
      ["client_encoding", "UTF8"],
      ["standard_conforming_strings", "on"],
    ]);
    line.socket.write(startupMessage(parameters));
    await authenticate(line, reader, options);
    return await ready(line, reader, options.signal);
  } catch (cause) {
    line.socket.destroy();
    throw asUnavailable(cause);
  }
}

/** Asks the server to stop what the backend does; resolves when the server has taken notice. */
export async function cancelBackend(
  settings: PostgresSettings,
  link: Pick<Link, "processId" | "secretKey">,
  signal: AbortSignal,
): Promise<void> {
  const { socket } = await dial(settings, signal);
  const reader = new FrameReader(socket);
  socket.write(cancelRequest(link.processId, link.secretKey));
  await reader.next(signal).catch(() => undefined);
  socket.destroy();
}

async function authenticate(line: Line, reader: FrameReader, options: LoginOptions): Promise<void> {
  for (;;) {
    const { type, frame: message } = await reader.next(options.signal);
    if (type === "E") throw loginRefused(message);
    if (type === "v" || type === "N") continue;
    if (type !== "R") throw new WireError("the server broke off the login");
    const cursor = new Cursor(message, 5);
    const method = cursor.int32();
    if (method === 0) return;
    await answer(method, cursor, line, reader, options);
  }
}

async function answer(
  method: number,
  cursor: Cursor,
  line: Line,
  reader: FrameReader,
  options: LoginOptions,
): Promise<void> {
  const { user, password: reference } = options.credential;
  if (reference === undefined)
    throw new IhcError("unavailable", `the database asks for a password for user ${user}`, {
      hint: "give the target a password reference",
    });
  const password = await options.secret(reference);
  if (method === 10) return scram(cursor, password, line, reader, options.signal);
  if (method === 5) {
    const salt = cursor.take(4);
    const text = `md5${md5(Buffer.concat([Buffer.from(md5(Buffer.from(password + user))), salt]))}`;
    line.socket.write(frame("p", cstring(text)));
    return;
  }
  if (method === 3) {
    if (!line.encrypted)
      throw new IhcError("unavailable", "the database asks for the password in the clear without TLS", {
        hint: "use scram-sha-256 in pg_hba.conf",
      });
    line.socket.write(frame("p", cstring(password)));
    return;
  }
  throw new IhcError("unavailable", `the database asks for an authentication method (${method}) ihc has not`);
}

async function scram(
  cursor: Cursor,
  password: string,
  line: Line,
  reader: FrameReader,
  signal: AbortSignal,
): Promise<void> {
  const offered: string[] = [];
  for (let name = cursor.text(); name !== ""; name = cursor.text()) offered.push(name);
  const bound = line.endPoint !== undefined && offered.includes("SCRAM-SHA-256-PLUS");
  if (!bound && !offered.includes("SCRAM-SHA-256"))
    throw new IhcError("unavailable", "the database offers no SCRAM-SHA-256 login");
  const client = new ScramClient(password, bound ? line.endPoint : undefined);
  const first = Buffer.from(client.first());
  const mechanism = cstring(bound ? "SCRAM-SHA-256-PLUS" : "SCRAM-SHA-256");
  line.socket.write(frame("p", mechanism, int32(first.length), first));
  const serverFirst = await saslMessage(reader, 11, signal);
  line.socket.write(frame("p", Buffer.from(await client.final(serverFirst))));
  const serverFinal = await saslMessage(reader, 12, signal);
  if (!client.proves(serverFinal))
    throw new IhcError(
      "unavailable",
      "the database does not know the password itself: it may be an impostor",
    );
}

async function saslMessage(reader: FrameReader, method: number, signal: AbortSignal): Promise<string> {
  const { type, frame: message } = await reader.next(signal);
  if (type === "E") throw loginRefused(message);
  const cursor = new Cursor(message, 5);
  if (type !== "R" || cursor.int32() !== method) throw new WireError("the server broke off the login");
  return cursor.take(cursor.rest).toString("utf8");
}

async function ready(line: Line, reader: FrameReader, signal: AbortSignal): Promise<Link> {
  const parameters = new Map<string, string>();
  let key: { processId: number; secretKey: Buffer } | undefined;
  for (;;) {
    const { type, frame: message } = await reader.next(signal);
    if (type === "E") throw loginRefused(message);
    if (type === "S") {
      const { name, value } = parseParameterStatus(message);
      parameters.set(name, value);
    } else if (type === "K") {
      const cursor = new Cursor(message, 5);
      key = { processId: cursor.int32(), secretKey: Buffer.from(cursor.take(cursor.rest)) };
    } else if (type === "Z") break;
  }
  for (const [name, value] of pinned)
    if (parameters.get(name) !== value)
      throw new IhcError("unavailable", `the database did not take ${name}=${value}`);
  return {
    socket: line.socket,
    processId: key?.processId ?? 0,
    secretKey: key?.secretKey ?? Buffer.alloc(4),
    parameters,
    ask: async (sql) => (await converse(line.socket, reader, query(sql))).rows,
    columns: async (sql) =>
      (await converse(line.socket, reader, Buffer.concat([parseMessage("", sql), describe("S", ""), sync()])))
        .fields,
    handOver: () => reader.detach(),
    close: () => {
      line.socket.end(frame("X"));
      line.socket.destroySoon();
    },
  };
}

/** What the SQL parser takes for granted. A change later ends the connection. */
export const pinned: ReadonlyMap<string, string> = new Map([
  ["client_encoding", "UTF8"],
  ["standard_conforming_strings", "on"],
]);

interface Answer {
  readonly rows: readonly (readonly (string | null)[])[];
  readonly fields: readonly Field[];
}

/** How long a question of the gateway's own may take, milliseconds. */
const patience = 20_000;

async function converse(socket: Socket, reader: FrameReader, question: Buffer): Promise<Answer> {
  const signal = AbortSignal.timeout(patience);
  socket.write(question);
  const rows: (readonly (string | null)[])[] = [];
  let fields: readonly Field[] = [];
  let refused: IhcError | undefined;
  for (;;) {
    const { type, frame: message } = await reader.next(signal);
    if (type === "D") rows.push(parseTextRow(message));
    else if (type === "T") fields = parseRowDescription(message);
    else if (type === "E") {
      const code = parseErrorFields(message).get("C") ?? "unknown";
      refused = new IhcError(
        "unavailable",
        `the database refused a question of the gateway (SQLSTATE ${code})`,
      );
    } else if (type === "Z") break;
  }
  if (refused) throw refused;
  return { rows, fields };
}

function loginRefused(message: Buffer): IhcError {
  const code = parseErrorFields(message).get("C") ?? "unknown";
  const hint = /^28/.test(code)
    ? "the operator must mend the target's user, password or pg_hba.conf"
    : undefined;
  return new IhcError("unavailable", `the database refused the gateway's login (SQLSTATE ${code})`, {
    ...(hint === undefined ? {} : { hint }),
  });
}

function asUnavailable(cause: unknown): IhcError {
  if (cause instanceof IhcError) return cause;
  const message = cause instanceof WireError ? cause.message : "the login at the database failed";
  return new IhcError("unavailable", message);
}

function md5(bytes: Buffer): string {
  return createHash("md5").update(bytes).digest("hex");
}
