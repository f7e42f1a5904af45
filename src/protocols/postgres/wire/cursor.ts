/** The peer broke the protocol; the connection cannot be kept in step. `sqlstate` is for the ErrorResponse. */
export class WireError extends Error {
  override readonly name = "WireError";
  readonly sqlstate: string;

  constructor(message: string, sqlstate = "08P01") {
    super(message);
    this.sqlstate = sqlstate;
  }
}

/** Reads one message body; every read is checked, so a lying count cannot read past the end. */
export class Cursor {
  readonly bytes: Buffer;
  at: number;

  constructor(bytes: Buffer, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  int16(): number {
    this.#need(2);
    const value = this.bytes.readInt16BE(this.at);
    this.at += 2;
    return value;
  }

  /** Counts are signed on the wire in some versions of the documents and unsigned in all servers. */
  uint16(): number {
    this.#need(2);
    const value = this.bytes.readUInt16BE(this.at);
    this.at += 2;
    return value;
  }

  int32(): number {
    this.#need(4);
    const value = this.bytes.readInt32BE(this.at);
    this.at += 4;
    return value;
  }

  uint32(): number {
    this.#need(4);
    const value = this.bytes.readUInt32BE(this.at);
    this.at += 4;
    return value;
  }

  byte(): number {
    this.#need(1);
    const value = this.bytes.readUInt8(this.at);
    this.at += 1;
    return value;
  }

  take(length: number): Buffer {
    if (length < 0) throw new WireError("negative length in message");
    this.#need(length);
    const part = this.bytes.subarray(this.at, this.at + length);
    this.at += length;
    return part;
  }

  /** A NUL-terminated UTF-8 string; ill-formed UTF-8 is refused because the server would read other characters. */
  text(): string {
    const end = this.bytes.indexOf(0, this.at);
    if (end < 0) throw new WireError("unterminated string in message");
    const raw = this.bytes.subarray(this.at, end);
    this.at = end + 1;
    return utf8(raw);
  }

  end(): void {
    if (this.at !== this.bytes.length) throw new WireError("data left over in message");
  }

  get rest(): number {
    return this.bytes.length - this.at;
  }

  #need(length: number): void {
    if (this.at + length > this.bytes.length) throw new WireError("insufficient data left in message");
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Decodes strictly; throws WireError 22021 as PostgreSQL does. */
export function utf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new WireError(
      cause instanceof TypeError ? "invalid byte sequence for encoding UTF8" : "unreadable text",
      "22021",
    );
  }
}
