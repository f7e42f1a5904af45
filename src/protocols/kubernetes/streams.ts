import { type WebSocket, WebSocketServer } from "ws";
import type { Admission } from "../../core/session/session.ts";
import { earlierAnswer, rememberAnswer } from "./attempts.ts";
import { type CommandEnd, relayCommand } from "./command-relay.ts";
import { denied, failed } from "./denial.ts";
import type { ServeStream, StatusAnswer, StreamAnswer, StreamRequest } from "./exchange.ts";
import { withCommand } from "./exec-command.ts";
import { warning } from "./headers.ts";
import { type MessageLine, webSocketLine } from "./message-line.ts";
import type { KubernetesOperation } from "./operation.ts";
import { type PortEnd, relayPorts } from "./port-relay.ts";
import { streamFlags } from "./stream-flags.ts";
import {
  type ChannelProtocol,
  portTunnel,
  protocolV4,
  protocolV5,
  type StreamProtocol,
} from "./wire/channels.ts";

/**
 * Serves an exec, attach or port-forward to its end: judged, its command read, opened upstream, and only then accepted, so
 * that a refusal is an answer kubectl prints. Never rejects for what a peer did.
 */
export const serveStream: ServeStream = async (stream) => {
  const { operation, upgrade } = stream;
  if (operation.kind === "request") return await refuseOther(stream);
  if (upgrade === "spdy") return await refuseSpdy(stream);
  const front = frontOf(operation.kind, offeredBy(stream));
  if (front === undefined) return stream.refuse(denied(noProtocol));
  try {
    const admission = await stream.admit(await withCommand(operation, stream.parser));
    if (!admission.ok) return refuse(stream, denied(admission.denial));
    await serveAdmitted(stream, admission, front);
  } catch (error) {
    refuse(stream, failed(error));
  }
};

/** What is spoken with the client. */
function frontOf(
  kind: KubernetesOperation["kind"],
  offered: ReadonlySet<string>,
): StreamProtocol | undefined {
  const spoken = [kind === "portforward" ? portTunnel : protocolV5, protocolV4] as const;
  return spoken.find((name) => offered.has(name));
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
  front: StreamProtocol,
): Promise<void> {
  const record = (status: string, bytes: number, input: number): void =>
    recordEnd(stream, admission, status, bytes, input);
  let answer: StreamAnswer;
  try {
    answer = await stream.open(admission.op, front);
  } catch (error) {
    record("not opened", 0, 0);
    throw error;
  }
  if (answer.kind === "refused") {
    const { status } = answer;
    record(`${status.code} ${status.reason}`, 0, 0);
    return refuse(stream, status);
  }
  const client = await accept(stream, front);
  if (!client) {
    answer.line.close();
    return record("the client has gone", 0, 0);
  }
  const end = await relay(stream, { line: webSocketLine(client), protocol: front }, answer);
  record(end.status, end.bytes, end.input);
}

function relay(
  { session, operation, settings }: StreamRequest,
  client: StreamEnd,
  cluster: StreamEnd,
): Promise<CommandEnd | PortEnd> {
  if (operation.kind === "portforward") return relayPorts(session, client.line, cluster.line);
  return relayCommand({
    session,
    client: client.line,
    cluster: cluster.line,
    front: channels(client.protocol),
    back: channels(cluster.protocol),
    ...streamFlags(operation.info),
    recordStdin: settings.record_stdin,
  });
}

interface StreamEnd {
  readonly line: MessageLine;
  readonly protocol: StreamProtocol;
}

function channels(protocol: StreamProtocol): ChannelProtocol {
  return protocol === protocolV5 ? protocolV5 : protocolV4;
}

const largestMessage = 1024 * 1024;

/** Switches the client's connection to a WebSocket; undefined when it has gone. */
function accept(
  { request, socket, head }: StreamRequest,
  protocol: StreamProtocol,
): Promise<WebSocket | undefined> {
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
