import { type WebSocket, WebSocketServer } from "ws";
import { IhcError } from "../../base/errors.ts";
import type { Admission } from "../../core/session/session.ts";
import { earlierAnswer, rememberAnswer } from "./attempts.ts";
import { type CommandEnd, close, relayCommand } from "./command-relay.ts";
import { denied, failed } from "./denial.ts";
import type {
  KubernetesResponse,
  ServeStream,
  StatusAnswer,
  StreamAnswer,
  StreamRequest,
} from "./exchange.ts";
import { withCommand } from "./exec-command.ts";
import { warning } from "./headers.ts";
import type { KubernetesOperation } from "./operation.ts";
import { type PortEnd, relayPorts } from "./port-relay.ts";
import { withoutQuotedValues } from "./status-text.ts";
import { type ChannelProtocol, portTunnel, protocolV4, protocolV5 } from "./wire/channels.ts";

/**
 * Serves an exec, attach or port-forward to its end: judged, its command read, opened upstream, and only then accepted, so
 * that a refusal is an answer kubectl prints. Never rejects for what a peer did.
 */
export const serveStream: ServeStream = async (stream) => {
  const { operation, upgrade } = stream;
  if (operation.kind === "request") return await refuseOther(stream);
  if (upgrade === "spdy") return await refuseSpdy(stream);
  const protocols = protocolsFor(operation.kind, offeredBy(stream));
  const [front] = protocols;
  if (front === undefined) return stream.refuse(denied(noProtocol));
  try {
    const admission = await stream.admit(await withCommand(operation, stream.parser));
    if (!admission.ok) return refuse(stream, denied(admission.denial));
    await serveAdmitted(stream, admission, protocols, front);
  } catch (error) {
    refuse(stream, failed(error));
  }
};

/** What is spoken with the cluster, in order of preference; the first is what is spoken with the client. */
function protocolsFor(kind: KubernetesOperation["kind"], offered: ReadonlySet<string>): readonly string[] {
  if (kind === "portforward") return [portTunnel, protocolV4].filter((name) => offered.has(name)).slice(0, 1);
  if (offered.has(protocolV5)) return [protocolV5, protocolV4];
  return offered.has(protocolV4) ? [protocolV4] : [];
}

function offeredBy({ request }: StreamRequest): ReadonlySet<string> {
  const header = request.headers["sec-websocket-protocol"] ?? "";
  return new Set(header.split(",").map((name) => name.trim()));
}

/** Which kubectl to use, or what the same exec was told a moment ago over its WebSocket. */
async function refuseSpdy(stream: StreamRequest): Promise<void> {
  const earlier = earlierAnswer(stream);
  if (earlier) return stream.refuse(earlier);
  // With a refusal it is not judged and not held, but it is on record.
  const admission = await stream.admit({ ...stream.operation, refusal: noSpdy });
  stream.refuse(denied(admission.ok ? noSpdy : admission.denial));
}

/** Watches and logs over a WebSocket come in frames that nothing masks; other upgrades are none at all. */
async function refuseOther(stream: StreamRequest): Promise<void> {
  const { operation } = stream;
  const admission = await stream.admit({ ...operation, refusal: operation.refusal ?? noUpgrade });
  stream.refuse(denied(admission.ok ? noUpgrade : admission.denial));
}

function refuse(stream: StreamRequest, answer: StatusAnswer): void {
  rememberAnswer(stream, answer);
  stream.refuse(answer);
}

type Admitted = Extract<Admission<KubernetesOperation>, { ok: true }>;

async function serveAdmitted(
  stream: StreamRequest,
  admission: Admitted,
  protocols: readonly string[],
  front: string,
): Promise<void> {
  const record = (status: string, bytes: number, input: number): void =>
    recordEnd(stream, admission, status, bytes, input);
  let answer: StreamAnswer;
  try {
    answer = await stream.open(admission.op, protocols);
  } catch (error) {
    record("not opened", 0, 0);
    throw error;
  }
  if (answer.kind === "refused") {
    const status = await statusOf(answer.response);
    record(`${status.code} ${status.reason}`, 0, 0);
    return refuse(stream, status);
  }
  const cluster = answer.socket;
  const client = await accept(stream, front);
  if (!client) {
    close(cluster);
    return record("the client has gone", 0, 0);
  }
  const end = await relay(stream, client, cluster, front);
  record(end.status, end.bytes, end.input);
}

function relay(
  stream: StreamRequest,
  client: WebSocket,
  cluster: WebSocket,
  front: string,
): Promise<CommandEnd | PortEnd> {
  const { session, operation, settings } = stream;
  if (operation.kind === "portforward") return relayPorts(session, client, cluster);
  return relayCommand({
    session,
    client,
    cluster,
    front: channels(front),
    back: channels(cluster.protocol),
    stdin: isSet(operation, "stdin"),
    tty: isSet(operation, "tty"),
    recordStdin: settings.record_stdin,
  });
}

function channels(name: string): ChannelProtocol {
  return name === protocolV5 ? protocolV5 : protocolV4;
}

/** As the API server reads a boolean: everything but `false` and `0` is true. */
function isSet({ info }: KubernetesOperation, name: string): boolean {
  const given = info.parameters.find(([key]) => key === name)?.[1];
  return given !== undefined && !/^(false|0)$/i.test(given);
}

const largestMessage = 1024 * 1024;

/** Switches the client's connection to a WebSocket; undefined when it has gone. */
function accept({ request, socket, head }: StreamRequest, protocol: string): Promise<WebSocket | undefined> {
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: largestMessage,
    handleProtocols: () => protocol,
  });
  // The name of the tunnel holds a slash, which ws does not take in a header: it is answered by hand.
  const tunnel = protocol === portTunnel;
  if (tunnel) delete request.headers["sec-websocket-protocol"];
  server.on("headers", (headers) => {
    if (tunnel) headers.push(`Sec-WebSocket-Protocol: ${portTunnel}`);
    headers.push(`Warning: ${warning("this session is recorded")}`);
  });
  return new Promise((resolve) => {
    socket.once("close", () => resolve(undefined));
    if (socket.destroyed) resolve(undefined);
    else server.handleUpgrade(request, socket, head, resolve);
  });
}

function recordEnd(
  { session }: StreamRequest,
  { id }: Admitted,
  status: string,
  bytes: number,
  input: number,
): void {
  const text = session.masks.text(`${status}, ${input} bytes in, ${bytes} bytes out`);
  session.record({
    type: "result",
    operation: id,
    status: text,
    rows: 0,
    bytes,
    recordedRows: 0,
    maskedColumns: [],
  });
}

const longestAnswer = 64 * 1024;

/** What the cluster said instead of switching protocols; anything but a Status is not passed on. */
async function statusOf({ status, body }: KubernetesResponse): Promise<StatusAnswer> {
  const unknown = {
    code: status >= 400 ? status : 502,
    reason: "InternalError",
    message: `the cluster answered ${status}`,
  };
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of body) {
    if (!Buffer.isBuffer(piece)) break;
    size += piece.length;
    if (size > longestAnswer) return unknown;
    pieces.push(piece);
  }
  const { reason, message } = parsed(Buffer.concat(pieces).toString("utf8"));
  if (typeof message !== "string") return unknown;
  return {
    code: unknown.code,
    reason: typeof reason === "string" && /^\w{1,64}$/.test(reason) ? reason : unknown.reason,
    message: withoutQuotedValues(message),
  };
}

function parsed(text: string): { readonly reason?: unknown; readonly message?: unknown } {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch (error) {
    if (error instanceof SyntaxError)
      return { message: text.trim() === "" ? undefined : text.slice(0, 1024) };
    throw new IhcError("internal", "the cluster's answer could not be read", { cause: error });
  }
}

const next = "use kubectl 1.30 or later for exec and attach, 1.31 or later for port-forward";

const noSpdy = { rule: "websocket-only", reason: "SPDY is not spoken here", hint: next } as const;

const noUpgrade = {
  rule: "upgrade",
  reason: "only exec, attach and port-forward switch protocols",
  hint: "send the request without Upgrade",
} as const;

const noProtocol = {
  rule: "stream-protocol",
  reason: "none of the offered WebSocket protocols is spoken here",
  hint: next,
} as const;
