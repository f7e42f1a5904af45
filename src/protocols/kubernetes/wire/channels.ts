import { IhcError } from "../../../base/errors.ts";

/**
 * channel.k8s.io, the messages of exec and attach over a WebSocket: one byte names the channel, the rest is its data.
 *
 *   00 stdin   01 stdout   02 stderr   03 error: a Status as JSON, the last thing a server says
 *   04 resize: {"Width":80,"Height":24}   FF close (v5 only): one byte, the channel that has ended
 *
 * v4 knows no FF, so that a client cannot say that its input has ended without ending everything.
 * https://github.com/kubernetes/kubernetes/blob/master/staging/src/k8s.io/apimachinery/pkg/util/remotecommand/constants.go
 */
export const protocolV5 = "v5.channel.k8s.io";
export const protocolV4 = "v4.channel.k8s.io";

/** kubectl's port-forward since 1.31: SPDY inside of WebSocket messages. */
export const portTunnel = "SPDY/3.1+portforward.k8s.io";

export type ChannelProtocol = typeof protocolV5 | typeof protocolV4;
export type StreamProtocol = ChannelProtocol | typeof portTunnel;

const numbers = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

export type ClientFrame =
  | { readonly kind: "stdin"; readonly data: Uint8Array }
  | { readonly kind: "resize"; readonly columns: number; readonly rows: number }
  | { readonly kind: "end-of-stdin" };

export type ServerFrame =
  | { readonly kind: "stdout" | "stderr" | "error"; readonly data: Uint8Array }
  | { readonly kind: "end"; readonly of: "stdout" | "stderr" | "error" };

/** What a client may say. Throws IhcError `invalid` for everything else. */
export function readClientFrame(message: Uint8Array, protocol: ChannelProtocol): ClientFrame {
  const data = message.subarray(1);
  switch (message[0]) {
    case numbers.stdin:
      return { kind: "stdin", data };
    case numbers.resize:
      return { kind: "resize", ...sizeOf(data) };
    case numbers.close:
      if (protocol !== protocolV5 || data.length !== 1 || data[0] !== numbers.stdin) break;
      return { kind: "end-of-stdin" };
    default:
  }
  throw malformed("the client wrote to a channel that is not its own");
}

/** What a server may say. Throws IhcError `invalid` for everything else. */
export function readServerFrame(message: Uint8Array, protocol: ChannelProtocol): ServerFrame {
  const kind = kindOf(message[0]);
  const data = message.subarray(1);
  if (kind !== undefined) return { kind, data };
  const of =
    message[0] === numbers.close && protocol === protocolV5 && data.length === 1
      ? kindOf(data[0])
      : undefined;
  if (of === undefined) throw malformed("the cluster wrote to a channel that is not its own");
  return { kind: "end", of };
}

/** A message for a client or a server. */
export function channelFrame(channel: "stdin" | "stdout" | "stderr" | "error", data: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(numbers[channel]), data]);
}

export function resizeFrame(columns: number, rows: number): Buffer {
  return Buffer.concat([
    Buffer.of(numbers.resize),
    Buffer.from(JSON.stringify({ Width: columns, Height: rows })),
  ]);
}

/** v5 only. */
export function endFrame(channel: "stdin" | "stdout" | "stderr" | "error"): Buffer {
  return Buffer.of(numbers.close, numbers[channel]);
}

function kindOf(number: number | undefined): "stdout" | "stderr" | "error" | undefined {
  if (number === numbers.stdout) return "stdout";
  if (number === numbers.stderr) return "stderr";
  return number === numbers.error ? "error" : undefined;
}

/** `{"Width":80,"Height":24}`, rebuilt before it goes on. Names are matched as Go does, without regard to case. */
function sizeOf(data: Uint8Array): { readonly columns: number; readonly rows: number } {
  const text = data.length > 200 ? "" : Buffer.from(data).toString("utf8");
  const columns = /"width"\s*:\s*(\d{1,5})\b/i.exec(text)?.[1];
  const rows = /"height"\s*:\s*(\d{1,5})\b/i.exec(text)?.[1];
  if (columns === undefined || rows === undefined || Number(columns) > 65_535 || Number(rows) > 65_535)
    throw malformed("the size of the terminal is not readable");
  return { columns: Number(columns), rows: Number(rows) };
}

function malformed(message: string): IhcError {
  return new IhcError("invalid", message, { rule: "malformed-channel" });
}
