import { hash } from "node:crypto";

const blockSize = 64;
const letters = "abcdefghijklmnop";

/**
 * `[hash:` and sixteen letters for 64 bits of HMAC-SHA-256 (RFC 2104): equal values stay recognisable, digits could look
 * like a card. The two padded keys are made once; an HMAC object for each value would cost ten times as much.
 */
export function keyedHash(key: Uint8Array): (value: string) => string {
  const block = Buffer.alloc(blockSize);
  block.set(key.length > blockSize ? hash("sha256", key, "buffer") : key);
  const [inner, outer] = [block.map((byte) => byte ^ 0x36), block.map((byte) => byte ^ 0x5c)];
  const second = Buffer.concat([outer, Buffer.alloc(32)]);
  return (value) => {
    const message = Buffer.from(value);
    const first = Buffer.allocUnsafe(blockSize + message.length);
    first.set(inner);
    first.set(message, blockSize);
    second.set(hash("sha256", first, "buffer"), blockSize);
    const digest = hash("sha256", second, "buffer");
    let text = "";
    for (let i = 0; i < 8; i++) {
      const byte = digest[i] ?? 0;
      text += letters.charAt(byte >> 4) + letters.charAt(byte & 15);
    }
    return `[hash:${text}]`;
  };
}
