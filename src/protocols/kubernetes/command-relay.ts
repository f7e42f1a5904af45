import { IhcError } from "../../base/errors.ts";
import { maskStream } from "../../core/masking/stream.ts";
import type { Session } from "../../core/session/session.ts";
import { whyEnded } from "./denial.ts";
import { longestStatus, ownStatus, readExecStatus } from "./exec-status.ts";
import { Brake, pacer, sender } from "./flow.ts";
import type { MessageLine } from "./message-line.ts";
import { StreamOutput } from "./stream-output.ts";
import {
  type ChannelProtocol,
  channelFrame,
  endFrame,
  protocolV5,
  readClientFrame,
  readServerFrame,
  resizeFrame,
} from "./wire/channels.ts";

export interface CommandRelay {
  readonly session: Session;
  readonly client: MessageLine;
  readonly cluster: MessageLine;
  /** What each side speaks: v5 in front is told to an older server as far as v4 has words for it. */
  readonly front: ChannelProtocol;
  readonly back: ChannelProtocol;
  readonly stdin: boolean;
  readonly tty: boolean;
  readonly recordStdin: boolean;
}

export interface CommandEnd {
  /** `exit 0`, or why there is no exit code. */
  readonly status: string;
  /** To the client. */
  readonly bytes: number;
  /** From the client. */
  readonly input: number;
}

/** Passes an exec or attach between client and cluster until either ends. Never rejects. */
export function relayCommand(relay: CommandRelay): Promise<CommandEnd> {
  return new Promise((resolve) => new Relay(relay, resolve).run());
}

class Relay {
  readonly #relay: CommandRelay;
  readonly #done: (end: CommandEnd) => void;
  readonly #toClient: (message: Uint8Array) => void;
  readonly #toCluster: (message: Uint8Array) => void;
  readonly #pace: (bytes: number) => void;
  readonly #out: { readonly stdout: StreamOutput; readonly stderr: StreamOutput };
  readonly #typed;
  #status: Buffer = Buffer.alloc(0);
  #told: string | undefined;
  #bytes = 0;
  #input = 0;
  #typedAt = Number.NEGATIVE_INFINITY;
  #ended = false;

  constructor(relay: CommandRelay, done: (end: CommandEnd) => void) {
    const { session, client, cluster } = relay;
    this.#relay = relay;
    this.#done = done;
    const fromCluster = new Brake(cluster);
    this.#toClient = sender(client, fromCluster);
    this.#toCluster = sender(cluster, new Brake(client));
    this.#pace = pacer(fromCluster, () => session.recorded());
    this.#out = { stdout: this.#output("out"), stderr: this.#output("err") };
    this.#typed = relay.recordStdin ? maskStream(session.masks) : undefined;
  }

  run(): void {
    const { session, client, cluster } = this.#relay;
    const cut = (): void => this.#cut(whyEnded(session.signal));
    session.signal.addEventListener("abort", cut, { once: true });
    client.listen({
      message: (message, binary) => this.#guarded(() => this.#fromClient(message, binary)),
      // What keeps the way to the gateway open keeps the way behind it open too.
      ping: (data) => cluster.ping(data),
      closed: () => {
        this.#end("the client has gone");
        session.signal.removeEventListener("abort", cut);
      },
    });
    cluster.listen({
      message: (message, binary) => this.#guarded(() => this.#fromCluster(message, binary)),
      ping: () => undefined,
      closed: () => this.#end("the cluster closed the stream"),
    });
    cluster.resume();
    if (session.signal.aborted) cut();
  }

  #fromCluster(message: Buffer, binary: boolean): void {
    if (this.#ended) return;
    if (!binary && message.length > 0)
      throw new IhcError("invalid", "the cluster sent text where channels are binary");
    // Empty messages tell that the stream is up.
    if (message.length === 0) return;
    const frame = readServerFrame(message, this.#relay.back);
    if (frame.kind === "end") this.#endOf(frame.of);
    else if (frame.kind === "error") this.#statusPart(frame.data);
    else if (frame.data.length === 0) this.#toClient(channelFrame(frame.kind, frame.data));
    else {
      this.#out[frame.kind].push(frame.data);
      this.#pace(frame.data.length);
    }
  }

  #fromClient(message: Buffer, binary: boolean): void {
    if (this.#ended || message.length === 0) return;
    if (!binary) throw new IhcError("invalid", "the client sent text where channels are binary");
    const { session, front, stdin } = this.#relay;
    const frame = readClientFrame(message, front);
    if (frame.kind === "resize") {
      const { columns, rows } = frame;
      session.record({ type: "resize", connection: session.connection, columns, rows });
      this.#toCluster(resizeFrame(columns, rows));
    } else if (frame.kind === "end-of-stdin") this.#endOfStdin();
    else if (stdin) this.#type(frame.data);
  }

  #type(data: Uint8Array): void {
    const { session } = this.#relay;
    this.#input += data.length;
    this.#typedAt = performance.now();
    const typed = this.#typed?.push(data);
    if (typed && typed.length > 0)
      session.record({ type: "output", connection: session.connection, stream: "in", data: typed });
    this.#toCluster(channelFrame("stdin", data));
  }

  /** v4 has no word for it, and is not spoken to a cluster that a v5 client sends input to. */
  #endOfStdin(): void {
    const { back, stdin } = this.#relay;
    if (stdin && back === protocolV5) this.#toCluster(endFrame("stdin"));
  }

  #endOf(channel: "stdout" | "stderr" | "error"): void {
    if (channel !== "error") this.#out[channel].end();
    if (this.#relay.front === protocolV5) this.#toClient(endFrame(channel));
  }

  /** A Status may come in pieces; nothing of it goes out before all of it can be masked. */
  #statusPart(data: Uint8Array): void {
    this.#status = Buffer.concat([this.#status, data]);
    if (this.#status.length > longestStatus)
      throw new IhcError("invalid", "the cluster's status is too long");
    const status = readExecStatus(this.#status, this.#relay.session.masks);
    if (!status || this.#told !== undefined) return;
    this.#told = status.text;
    this.#out.stdout.end();
    this.#out.stderr.end();
    this.#toClient(channelFrame("error", status.bytes));
  }

  #output(stream: "out" | "err"): StreamOutput {
    const { session, stdin, tty } = this.#relay;
    const channel = stream === "out" ? "stdout" : "stderr";
    return new StreamOutput({
      session,
      stream,
      interactive: stdin || tty,
      typed: () => this.#typedAt,
      // A terminal is recorded whole; what a command pours out, up to the session's limit.
      limit: tty ? Number.MAX_SAFE_INTEGER : session.recording.bytes,
      send: (bytes) => {
        this.#bytes += bytes.length;
        this.#toClient(channelFrame(channel, bytes));
      },
    });
  }

  #guarded(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#cut(error instanceof IhcError ? error.message : "the stream could not be read");
    }
  }

  /** Ends both sides, and tells the client why where its protocol can. */
  #cut(why: string): void {
    if (this.#ended) return;
    const { session } = this.#relay;
    this.#tell(`ihc: ${why}`);
    this.#toClient(channelFrame("error", ownStatus(`ihc: ${why}`, session.masks)));
    this.#end(why);
  }

  #tell(text: string): void {
    const { session, tty } = this.#relay;
    const line = session.masks.text(`\r\n${text}\r\n`.slice(tty ? 0 : 2));
    this.#toClient(channelFrame(tty ? "stdout" : "stderr", Buffer.from(line)));
  }

  #end(why: string): void {
    if (this.#ended) return;
    this.#ended = true;
    const { session, client, cluster } = this.#relay;
    this.#out.stdout.end();
    this.#out.stderr.end();
    const typed = this.#typed?.end();
    if (typed && typed.length > 0)
      session.record({ type: "output", connection: session.connection, stream: "in", data: typed });
    cluster.terminate();
    client.close();
    this.#done({ status: this.#told ?? why, bytes: this.#bytes, input: this.#input });
  }
}
