import { hash } from "node:crypto";
import type { Brand } from "./brand.ts";

/** `sha256:` and 64 hexadecimal digits. */
export type Digest = Brand<string, "Digest">;

export function sha256(bytes: Uint8Array | string): Digest {
  return `sha256:${hash("sha256", bytes, "hex")}` as Digest;
}

export function isDigest(text: string): text is Digest {
  return /^sha256:[0-9a-f]{64}$/.test(text);
}
