import {
  createHash,
  createPrivateKey,
  createPublicKey,
  hkdfSync,
  type KeyObject,
  sign,
  verify,
} from "node:crypto";
import { IhcError } from "../../base/errors.ts";
import { type Hash, hashBytes } from "./tree.ts";

/**
 * Checkpoints of https://c2sp.org/tlog-checkpoint: `origin`, size and root, a line each, as a signed note
 * (https://c2sp.org/signed-note) with Ed25519. Keys are written as Go's sumdb/note writes them:
 * `name+hash+base64` to verify, `PRIVATE+KEY+name+hash+base64` to sign.
 */
export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Hash;
}

export interface LogKey {
  readonly name: string;
  /** The verifier key, for whoever is to check the log. */
  readonly verifier: string;
  readonly privateKey: KeyObject;
  /** Derived from the private key: authenticates entries that wait to be signed. */
  readonly queueKey: Buffer;
}

export function signCheckpoint(checkpoint: Checkpoint, key: LogKey): string {
  const text = `${checkpoint.origin}\n${checkpoint.size}\n${checkpoint.root.toString("base64")}\n`;
  const { hash } = parseVerifier(key.verifier);
  const signature = Buffer.concat([hash, sign(null, Buffer.from(text), key.privateKey)]);
  return `${text}\n— ${key.name} ${signature.toString("base64")}\n`;
}

/** Reads a checkpoint and checks the signature of that verifier key; throws IhcError `corrupt` when it is not its work. */
export function openCheckpoint(note: string, verifier: string): Checkpoint {
  const { name, hash, publicKey } = parseVerifier(verifier);
  const end = note.lastIndexOf("\n\n");
  const text = note.slice(0, end + 1);
  const signatures = note.slice(end + 2);
  if (end < 0 || !signatures.endsWith("\n")) throw corrupt("this is not a signed checkpoint");
  const good = signatures
    .slice(0, -1)
    .split("\n")
    .some((line) => {
      const signature = signatureOf(line, name);
      if (!signature?.subarray(0, 4).equals(hash)) return false;
      return verify(null, Buffer.from(text), publicKey, signature.subarray(4));
    });
  if (!good) throw corrupt("the checkpoint is not signed by this key");
  return parseText(text, name);
}

/** A log key from its text; throws IhcError `config`. */
export function parseLogKey(text: string): LogKey {
  const [marker, kind, name = "", hash = "", data = ""] = text.trim().split("+", 5);
  const rest = text.trim().slice(`${marker}+${kind}+${name}+${hash}+`.length);
  const seed = decodeBase64(data === "" ? "" : rest);
  if (marker !== "PRIVATE" || kind !== "KEY" || !isName(name) || seed?.length !== 33 || seed[0] !== ed25519)
    throw new IhcError("config", "the log key cannot be read", { hint: "restore it from the backup" });
  const privateKey = createPrivateKey({
    key: Buffer.concat([pkcs8, seed.subarray(1)]),
    format: "der",
    type: "pkcs8",
  });
  const verifier = verifierOf(name, createPublicKey(privateKey));
  if (verifier.split("+", 2)[1] !== hash) throw new IhcError("config", "the log key does not fit its name");
  const queueKey = Buffer.from(hkdfSync("sha256", seed.subarray(1), "", "ihc audit queue 1", 32));
  return { name, verifier, privateKey, queueKey };
}

/** The text of a log key with that name and 32 random bytes. Secret. */
export function formatLogKey(name: string, seed: Uint8Array): string {
  if (!isName(name) || seed.length !== 32)
    throw new IhcError("config", "a log's name has neither blanks nor plus signs");
  const key = createPrivateKey({ key: Buffer.concat([pkcs8, seed]), format: "der", type: "pkcs8" });
  const hash = verifierOf(name, createPublicKey(key)).split("+", 2)[1];
  return `PRIVATE+KEY+${name}+${hash}+${Buffer.concat([Buffer.of(ed25519), seed]).toString("base64")}`;
}

const ed25519 = 1;
/** What stands before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410) and in SubjectPublicKeyInfo. */
const pkcs8 = Buffer.from("302e020100300506032b657004220420", "hex");
const spki = Buffer.from("302a300506032b6570032100", "hex");

function verifierOf(name: string, publicKey: KeyObject): string {
  const raw = publicKey.export({ format: "der", type: "spki" }).subarray(spki.length);
  const data = Buffer.concat([Buffer.of(ed25519), raw]);
  return `${name}+${keyHash(name, data).toString("hex")}+${data.toString("base64")}`;
}

function parseVerifier(text: string): { name: string; hash: Buffer; publicKey: KeyObject } {
  const [name = "", hex = ""] = text.split("+", 2);
  const data = decodeBase64(text.slice(name.length + hex.length + 2));
  if (!isName(name) || data?.length !== 33 || data[0] !== ed25519)
    throw new IhcError("invalid", "this is not a verifier key", {
      hint: "it looks like name+0123abcd+base64",
    });
  const hash = keyHash(name, data);
  if (hash.toString("hex") !== hex) throw new IhcError("invalid", "the verifier key does not fit its name");
  const der = Buffer.concat([spki, data.subarray(1)]);
  return { name, hash, publicKey: createPublicKey({ key: der, format: "der", type: "spki" }) };
}

function keyHash(name: string, data: Uint8Array): Buffer {
  return createHash("sha256").update(`${name}\n`).update(data).digest().subarray(0, 4);
}

function signatureOf(line: string, name: string): Buffer | undefined {
  const start = `— ${name} `;
  return line.startsWith(start) ? decodeBase64(line.slice(start.length)) : undefined;
}

function parseText(text: string, name: string): Checkpoint {
  const [origin = "", size = "", root = "", ...rest] = text.split("\n");
  const hash = decodeBase64(root);
  if (
    origin !== name ||
    !/^(0|[1-9]\d{0,14})$/.test(size) ||
    hash?.length !== hashBytes ||
    rest.at(-1) !== ""
  )
    throw corrupt("the signed text is not a checkpoint of this log");
  return { origin, size: Number(size), root: hash };
}

function isName(name: string): boolean {
  return /^[^\s+]{1,255}$/u.test(name) && name.isWellFormed();
}

/** Undefined unless it is base64 in its one canonical spelling. */
function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : undefined;
}

function corrupt(message: string): IhcError {
  return new IhcError("corrupt", message);
}
