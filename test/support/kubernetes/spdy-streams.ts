import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { sizeOf, statusOf } from "./channels.ts";
import { endRunning, type Running } from "./containers.ts";
import { type SpdyStream, serveSpdy } from "./spdy-server.ts";

/** kubectl opens an error and a data stream for each connection to a port. */
export function serveForwarding(wire: Duplex): void {
  serveSpdy(wire, (stream) => {
    const { streamtype, port } = stream.headers;
    if (streamtype !== "data") return;
    const connection = connect(Number(port), "127.0.0.1");
    connection.on("error", (error) => stream.destroy(error));
    stream.on("close", () => connection.destroy());
    stream.pipe(connection).pipe(stream);
  });
}

/** As a kubelet, waits for all streams before the command runs. `wanted` has input, output, error and tty. */
export function serveCommandOverSpdy(wire: Duplex, wanted: ReadonlySet<string>, run: () => Running): void {
  const streams = new Map<string, SpdyStream>();
  const tty = wanted.has("tty");
  const expected =
    1 + ["input", "output"].filter((name) => wanted.has(name)).length + (tty || wanted.has("error") ? 1 : 0);
  let running: Running | undefined;
  const connection = serveSpdy(wire, (stream) => {
    streams.set(stream.headers["streamtype"] ?? "", stream);
    if (streams.size < expected || running) return;
    running = run();
    join(running, streams, () => connection.close());
  });
  wire.on("close", () => {
    if (running) endRunning(running);
  });
}

function join(
  { process: child, ended, sizes }: Running,
  streams: ReadonlyMap<string, SpdyStream>,
  close: () => void,
): void {
  const stdin = streams.get("stdin");
  if (stdin) stdin.pipe(child.stdin);
  else child.stdin.end();
  // It says how the command ended only when all output is on its way.
  const flowing = (["stdout", "stderr"] as const).map((name) => {
    const stream = streams.get(name);
    if (!stream) return Promise.resolve(child[name].resume());
    child[name].pipe(stream);
    return new Promise((resolve) => stream.once("finish", resolve).once("close", resolve));
  });
  streams.get("resize")?.on("data", (data: Buffer) => sizes.push(sizeOf(data)));
  void Promise.all([ended, ...flowing]).then(([code]) => {
    streams.get("error")?.end(JSON.stringify(statusOf(code)), close);
  });
}
