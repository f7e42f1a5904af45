import type { IncomingMessage } from "node:http";
import { type ApiServer, isRedirect, redirected, withCredential } from "./api-server.ts";
import { dialSpdy } from "./dial-spdy.ts";
import { type Dialling, dialWebSocket } from "./dial-websocket.ts";
import type { StreamAnswer, StreamRefusal } from "./exchange.ts";
import { webSocketLine } from "./message-line.ts";
import type { KubernetesOperation } from "./operation.ts";
import { byteLine, spdyLine } from "./spdy-line.ts";
import { type StreamFlags, streamFlags } from "./stream-flags.ts";
import { readRefusal } from "./stream-refusal.ts";
import { portTunnel, protocolV4, protocolV5, type StreamProtocol } from "./wire/channels.ts";

/**
 * Opens a stream at the API server for a client that speaks `front`: a WebSocket, or SPDY where a cluster before 1.30 has no
 * WebSocket that says the same. There, v4.channel.k8s.io cannot tell a command that its input has ended, and a port-forward
 * cannot be tunnelled. Throws IhcError `unavailable`.
 */
export async function openStream(
  server: ApiServer,
  { info }: Pick<KubernetesOperation, "info">,
  front: StreamProtocol,
  how: Omit<Dialling, "target">,
): Promise<StreamAnswer> {
  const dialling = { ...how, target: info.target };
  const flags = streamFlags(info);
  const answer = await overWebSocket(server, dialling, spokenFor(front, flags));
  // What the API server itself says is its answer; whoever says less has not understood the question.
  if (answer.kind === "open" || answer.byApiServer || front === protocolV4) return answer;
  return await overSpdy(server, dialling, front, flags);
}

/** In order of preference. */
function spokenFor(front: StreamProtocol, { stdin }: StreamFlags): readonly StreamProtocol[] {
  return front === protocolV5 && !stdin ? [protocolV5, protocolV4] : [front];
}

function overWebSocket(
  server: ApiServer,
  dialling: Dialling,
  protocols: readonly StreamProtocol[],
): Promise<StreamAnswer> {
  return withCredential(server, async (reach) => {
    const dialled = await dialWebSocket(reach, protocols, dialling);
    if (dialled.kind === "refused") return await refusal(dialled.response);
    return { kind: "open", line: webSocketLine(dialled.socket), protocol: dialled.protocol };
  });
}

function overSpdy(
  server: ApiServer,
  dialling: Dialling,
  front: StreamProtocol,
  flags: StreamFlags,
): Promise<StreamAnswer> {
  const tunnel = front === portTunnel;
  return withCredential(server, async (reach) => {
    const dialled = await dialSpdy(reach, tunnel ? "portforward.k8s.io" : protocolV4, dialling);
    if (dialled.kind === "refused") return await refusal(dialled.response);
    const { socket, head } = dialled;
    const line = tunnel ? byteLine(socket, head) : spdyLine(socket, head, flags);
    return { kind: "open", line, protocol: front };
  });
}

/** Undefined when it is the gateway that was not let in. */
async function refusal(response: IncomingMessage): Promise<StreamRefusal | undefined> {
  const { statusCode = 0 } = response;
  if (isRedirect(statusCode)) {
    response.destroy();
    throw redirected();
  }
  if (statusCode !== 401) return await readRefusal(response);
  response.resume();
  return undefined;
}
