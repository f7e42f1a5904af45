import { promisify } from "node:util";
import { constants, zstdCompress, zstdDecompress } from "node:zlib";
import { Decrypter, Encrypter } from "age-encryption";
import { IhcError } from "../../base/errors.ts";

/**
 * A sealed chunk: frames in one zstd frame (Node reads only the first of several), and that in an age file when there are
 * recipients. Compression runs off the main thread.
 */
export async function packChunk(frames: Uint8Array, recipients: readonly string[] = []): Promise<Uint8Array> {
  const packed = await compress(frames, {
    params: { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 },
  });
  if (recipients.length === 0) return packed;
  const encrypter = new Encrypter();
  for (const recipient of recipients) encrypter.addRecipient(recipient);
  return encrypter.encrypt(packed);
}

/**
 * The frames of a chunk, of `most` bytes. Throws IhcError `denied` when it is encrypted for somebody else, `corrupt` when it
 * is damaged or longer.
 */
export async function unpackChunk(
  chunk: Uint8Array,
  identities: readonly string[] = [],
  most: number = largestChunk,
): Promise<Buffer> {
  const packed = isEncrypted(chunk) ? await decrypt(chunk, identities) : chunk;
  try {
    return await decompress(packed, { maxOutputLength: most });
  } catch (cause) {
    throw new IhcError("corrupt", "this part of the recording cannot be read", { cause });
  }
}

function isEncrypted(chunk: Uint8Array): boolean {
  return Buffer.from(chunk.subarray(0, ageMark.length)).equals(ageMark);
}

/** Bytes: a chunk's own limit is small, but one event may be as large as a frame. */
const largestChunk = 256 * 1024 * 1024;
const ageMark = Buffer.from("age-encryption.org/v1\n");
const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

async function decrypt(chunk: Uint8Array, identities: readonly string[]): Promise<Uint8Array> {
  if (identities.length === 0)
    throw new IhcError("denied", "the recording is encrypted for its auditors", {
      hint: "read it with the auditor's key: ihc evidence <session>, then ihc replay --file <bundle> --identity <age key>",
    });
  const decrypter = new Decrypter();
  for (const identity of identities) decrypter.addIdentity(identity);
  try {
    return await decrypter.decrypt(chunk);
  } catch (cause) {
    throw new IhcError("denied", "this identity does not open the recording", { cause });
  }
}
