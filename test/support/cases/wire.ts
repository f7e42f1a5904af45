import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";

/** One message as the case files write it. */
export interface CaseMessage {
  readonly t: string;
  readonly sql?: string;
  readonly name?: string;
  readonly types?: readonly number[];
  readonly portal?: string;
  readonly stmt?: string;
  readonly params?: readonly (string | null)[];
  readonly resfmt?: readonly number[];
  readonly what?: string;
  readonly max?: number;
  readonly oid?: number;
  readonly args?: readonly string[];
  readonly hex?: string;
}

export interface WireMessage {
  readonly type: string;
  readonly body: Buffer;
}

/**
 * A PostgreSQL client that shares no code with the product and keeps every byte the other side sent, so that a test can say
 * what a client could have seen. Every wait has a deadline.
 */
export class Wire {
  readonly messages: WireMessage[] = [];
  readonly bytes: Buffer[] = [];
  closed = false;
  #buffer: Buffer = Buffer.alloc(0);
  #waiting: (() => void)[] = [];
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (data: Buffer) => this.#take(data));
    socket.on("error", () => this.#end());
    socket.on("close", () => this.#end());
  }

  static async open(port: number, host = "127.0.0.1"): Promise<Wire> {
    const socket = connect(port, host);
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    return new Wire(socket);
  }

  send(bytes: Uint8Array): void {
    if (!this.closed) this.#socket.write(bytes);
  }

  count(type: string): number {
    return this.messages.filter((m) => m.type === type).length;
  }

  /** Waits until `done` or the connection closes; false when the deadline passed first. */
  async until(done: () => boolean, milliseconds: number): Promise<boolean> {
    const deadline = performance.now() + milliseconds;
    while (!done() && !this.closed) {
      const left = deadline - performance.now();
      if (left <= 0) return false;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    return done();
  }

  /** Start-up and SCRAM-SHA-256; resolves when ReadyForQuery or an error came. */
  async login(
    parameters: Readonly<Record<string, string>>,
    password: string,
    deadline = 8000,
  ): Promise<void> {
    this.send(startup(parameters));
    await this.until(() => this.messages.some((m) => m.type === "R" || m.type === "E"), deadline);
    const offer = this.messages.find((m) => m.type === "R");
    if (offer?.body.readInt32BE(0) === 10) await this.#scram(password, deadline);
    await this.until(() => this.count("Z") > 0 || this.count("E") > 0, deadline);
  }

  errors(): Readonly<Record<string, string>>[] {
    return this.messages.filter((m) => m.type === "E").map((m) => fields(m.body));
  }

  notices(): Readonly<Record<string, string>>[] {
    return this.messages.filter((m) => m.type === "N").map((m) => fields(m.body));
  }

  all(): Buffer {
    return Buffer.concat(this.bytes);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  async #scram(password: string, deadline: number): Promise<void> {
    const nonce = randomBytes(18).toString("base64");
    const bare = `n=*,r=${nonce}`;
    const first = Buffer.from(`n,,${bare}`);
    this.send(frame("p", cstring("SCRAM-SHA-256"), int32(first.length), first));
    const challenge = await this.#authentication(11, deadline);
    if (challenge === undefined) return;
    const parts = new Map(challenge.split(",").map((p) => [p[0], p.slice(2)]));
    const salted = pbkdf2Sync(
      password,
      Buffer.from(parts.get("s") ?? "", "base64"),
      Number(parts.get("i")),
      32,
      "sha256",
    );
    const clientKey = createHmac("sha256", salted).update("Client Key").digest();
    const storedKey = createHash("sha256").update(clientKey).digest();
    const withoutProof = `c=biws,r=${parts.get("r")}`;
    const signature = createHmac("sha256", storedKey).update(`${bare},${challenge},${withoutProof}`).digest();
    const proof = Buffer.from(clientKey.map((byte, i) => byte ^ (signature[i] ?? 0)));
    this.send(frame("p", Buffer.from(`${withoutProof},p=${proof.toString("base64")}`)));
  }

  async #authentication(code: number, deadline: number): Promise<string | undefined> {
    const found = () => this.messages.find((m) => m.type === "R" && m.body.readInt32BE(0) === code);
    await this.until(() => found() !== undefined || this.count("E") > 0, deadline);
    return found()?.body.subarray(4).toString("utf8");
  }

  #take(data: Buffer): void {
    this.bytes.push(data);
    this.#buffer = Buffer.concat([this.#buffer, data]);
    while (this.#buffer.length >= 5) {
      const length = this.#buffer.readInt32BE(1);
      if (length < 4 || this.#buffer.length < length + 1) break;
      this.messages.push({
        type: String.fromCharCode(this.#buffer[0] ?? 0),
        body: this.#buffer.subarray(5, length + 1),
      });
      this.#buffer = this.#buffer.subarray(length + 1);
    }
    this.#wake();
  }

  #end(): void {
    this.closed = true;
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

/** StartupMessage of protocol 3.0. Pairs as a list may repeat a key. */
export function startup(
  parameters: Readonly<Record<string, string>> | readonly (readonly [string, string])[],
  version = 196_608,
): Buffer {
  const pairs: readonly (readonly [string, string])[] = isList(parameters)
    ? parameters
    : Object.entries(parameters);
  const body = Buffer.concat([
    int32(version),
    ...pairs.flatMap(([key, value]) => [cstring(key), cstring(value)]),
    Buffer.from([0]),
  ]);
  return Buffer.concat([int32(body.length + 4), body]);
}

/** Encodes a message of a case. */
export function encode(message: CaseMessage): Buffer {
  const encoder = encoders[message.t];
  if (encoder === undefined) throw new Error(`the case has a message of unknown kind ${message.t}`);
  return encoder(message);
}

const encoders: Readonly<Record<string, (m: CaseMessage) => Buffer>> = {
  Q: (m) => frame("Q", cstring(m.sql ?? "")),
  P: (m) =>
    frame(
      "P",
      cstring(m.name ?? ""),
      cstring(m.sql ?? ""),
      int16(m.types?.length ?? 0),
      ...(m.types ?? []).map(int32),
    ),
  B: (m) =>
    frame(
      "B",
      cstring(m.portal ?? ""),
      cstring(m.stmt ?? ""),
      int16(0),
      int16(m.params?.length ?? 0),
      ...(m.params ?? []).flatMap((p) =>
        p === null ? [int32(-1)] : [int32(Buffer.byteLength(p)), Buffer.from(p)],
      ),
      int16(m.resfmt?.length ?? 0),
      ...(m.resfmt ?? []).map(int16),
    ),
  D: (m) => frame("D", Buffer.from(m.what ?? "P"), cstring(m.name ?? "")),
  E: (m) => frame("E", cstring(m.portal ?? ""), int32(m.max ?? 0)),
  C: (m) => frame("C", Buffer.from(m.what ?? "S"), cstring(m.name ?? "")),
  S: () => frame("S"),
  H: () => frame("H"),
  X: () => frame("X"),
  F: (m) =>
    frame(
      "F",
      int32(m.oid ?? 0),
      int16(1),
      int16(0),
      int16(m.args?.length ?? 0),
      ...(m.args ?? []).flatMap((a) => [int32(Buffer.byteLength(a)), Buffer.from(a)]),
      int16(0),
    ),
  hex: (m) => Buffer.from((m.hex ?? "").replaceAll(" ", ""), "hex"),
};

function frame(type: string, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body]);
}

function fields(body: Buffer): Record<string, string> {
  const texts = body.toString("utf8").split("\0").filter(Boolean);
  return Object.fromEntries(texts.map((text) => [text[0] ?? "", text.slice(1)]));
}

function cstring(text: string): Buffer {
  return Buffer.concat([Buffer.from(text, "utf8"), Buffer.from([0])]);
}

function int32(n: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(n | 0);
  return buffer;
}

function int16(n: number): Buffer {
  const buffer = Buffer.alloc(2);
  buffer.writeUInt16BE(n & 0xffff);
  return buffer;
}

function isList(value: unknown): value is readonly (readonly [string, string])[] {
  return Array.isArray(value);
}
