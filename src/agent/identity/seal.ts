import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { IhcError } from "../../base/errors.ts";

/**
 * AES-256-GCM with a fresh 96-bit nonce. Layout: version byte 1, nonce (12), tag (16), ciphertext. `context` is
 * authenticated, not stored: what was sealed for one profile and gateway opens for no other.
 */
export function seal(key: Uint8Array, context: string, plain: string): Buffer {
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  cipher.setAAD(Buffer.from(context));
  const body = Buffer.concat([cipher.update(plain, "utf8"), cipher.final()]);
  return Buffer.concat([Buffer.of(1), nonce, cipher.getAuthTag(), body]);
}

/** Throws IhcError `corrupt` when key, context or bytes do not fit. */
export function unseal(key: Uint8Array, context: string, sealed: Uint8Array): string {
  const bytes = Buffer.from(sealed);
  try {
    if (bytes.length < 29 || bytes[0] !== 1) throw new Error("not a sealed file");
    const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(1, 13), { authTagLength: 16 });
    decipher.setAAD(Buffer.from(context));
    decipher.setAuthTag(bytes.subarray(13, 29));
    return Buffer.concat([decipher.update(bytes.subarray(29)), decipher.final()]).toString("utf8");
  } catch (cause) {
    throw new IhcError("corrupt", "the stored login cannot be opened", {
      cause,
      hint: "run ihc login again",
    });
  }
}
