import type { Duplex } from "node:stream";
import type { SessionLogin } from "../protocol.ts";
import { error, fatal } from "./denial.ts";
import type { Inbox } from "./inbox.ts";
import { type ClientParameters, readParameters } from "./parameters.ts";
import { Cursor, WireError } from "./wire/cursor.ts";
import { authentication, cstring, errorResponse, negotiateProtocolVersion } from "./wire/encode.ts";
import { Gather } from "./wire/gather.ts";
import { ScramServer } from "./wire/scram.ts";
import { StartupDecoder, type StartupPacket } from "./wire/startup.ts";

export type Greeting =
  | { readonly kind: "login"; readonly parameters: ClientParameters; readonly minor: number }
  | { readonly kind: "cancel"; readonly processId: number; readonly secretKey: Buffer }
  | { readonly kind: "gone" };

/** The newest minor version of protocol 3 that we speak. */
const newestMinor = 2;

/**
 * Takes a client through the startup phase up to AuthenticationOk: encryption is answered `N` (the tunnel is encrypted),
 * the user proves the session secret by SCRAM-SHA-256. Throws WireError for what must be refused with a FATAL error.
 */
export async function greet(
  client: Duplex,
  inbox: Inbox,
  login: SessionLogin,
  database: string,
  deadline: AbortSignal,
): Promise<Greeting> {
  const packet = await firstPacket(client, inbox, deadline);
  if (packet === undefined) return { kind: "gone" };
  if (packet.kind === "cancel") return packet;
  const parameters = readParameters(packet.parameters);
  if (packet.minor > newestMinor || parameters.extensions.length > 0)
    client.write(negotiateProtocolVersion(Math.min(packet.minor, newestMinor), parameters.extensions));
  if (parameters.user !== login.user)
    throw new WireError(`user must be "${login.user}": the gateway logs in to the database itself`, "28000");
  if (parameters.database !== undefined && parameters.database !== database)
    throw new WireError(`this target has the one database "${database}"`, "3D000");
  if (!(await authenticate(client, inbox, login, deadline))) return { kind: "gone" };
  return { kind: "login", parameters, minor: Math.min(packet.minor, newestMinor) };
}

/** Writes the FATAL error that a WireError stands for. */
export function refuse(client: Duplex, cause: WireError): void {
  client.write(fatal(cause.sqlstate, `ihc: ${cause.message}`));
}

type FirstPacket = Exclude<StartupPacket, { kind: "ssl" | "gss" }>;

/** Encryption may be asked for once each way; whatever comes in the same breath as the question is not waited for. */
async function firstPacket(
  client: Duplex,
  inbox: Inbox,
  deadline: AbortSignal,
): Promise<FirstPacket | undefined> {
  const asked = new Set<string>();
  for (;;) {
    const packet = await readPacket(inbox, deadline);
    if (packet === undefined) return undefined;
    if (packet.kind !== "ssl" && packet.kind !== "gss") return packet;
    if (asked.has(packet.kind)) throw new WireError("encryption was asked for twice");
    asked.add(packet.kind);
    client.write("N");
  }
}

async function readPacket(inbox: Inbox, deadline: AbortSignal): Promise<StartupPacket | undefined> {
  const decoder = new StartupDecoder();
  for (;;) {
    const chunk = await inbox.next(deadline);
    if (chunk === undefined) return undefined;
    const found = decoder.push(chunk);
    if (!found) continue;
    if (found.rest.length > 0 || !inbox.empty) throw new WireError("data sent before it was asked for");
    return found.packet;
  }
}

async function authenticate(
  client: Duplex,
  inbox: Inbox,
  login: SessionLogin,
  deadline: AbortSignal,
): Promise<boolean> {
  const scram = new ScramServer(login.scram);
  client.write(authentication(10, Buffer.concat([cstring("SCRAM-SHA-256"), Buffer.of(0)])));
  const initial = await readResponse(inbox, deadline);
  if (initial === undefined) return false;
  client.write(authentication(11, Buffer.from(scram.first(initialResponse(initial)))));
  const response = await readResponse(inbox, deadline);
  if (response === undefined) return false;
  const proof = scram.final(new Cursor(response).bytes.toString("utf8"));
  if (proof === undefined) {
    const hint = "the password is the session's; it changes with every ihc connect";
    const refusal = error("28P01", "ihc: password authentication failed", hint);
    client.write(errorResponse({ ...refusal, S: "FATAL", V: "FATAL" }));
    return false;
  }
  client.write(Buffer.concat([authentication(12, Buffer.from(proof)), authentication(0)]));
  return true;
}

function initialResponse(body: Buffer): string {
  const cursor = new Cursor(body);
  if (cursor.text() !== "SCRAM-SHA-256") throw new WireError("client selected an invalid SASL mechanism");
  const message = cursor.take(cursor.int32()).toString("utf8");
  cursor.end();
  return message;
}

/** The longest password message; SCRAM's are about 200 bytes. */
const longestResponse = 4096;

async function readResponse(inbox: Inbox, deadline: AbortSignal): Promise<Buffer | undefined> {
  const gather = new Gather();
  let total = 5;
  for (;;) {
    const chunk = await inbox.next(deadline);
    if (chunk === undefined) return undefined;
    let at = gather.fill(chunk, 0, 5);
    if (gather.filled >= 5) {
      total = responseLength(gather.bytes);
      at += gather.fill(chunk, at, total);
    }
    if (at < chunk.length) throw new WireError("data sent before it was asked for");
    if (gather.filled === total && total > 5) return gather.release().subarray(5);
  }
}

function responseLength(header: Buffer): number {
  if (header.readUInt8(0) !== 0x70) throw new WireError("expected a password message");
  const length = header.readInt32BE(1);
  if (length <= 4 || length > longestResponse) throw new WireError("invalid length of password message");
  return length + 1;
}
