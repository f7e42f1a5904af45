/**
 * SCRAM-SHA-256, both sides, as PostgreSQL speaks it (no user name in the exchange, it is in the StartupMessage).
 * RFC 5802, RFC 7677; channel binding tls-server-end-point RFC 5929.
 */
import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { WireError } from "./cursor.ts";

const derive = promisify(pbkdf2);

/** What a server keeps of a password; every value in base64. */
export interface ScramVerifier {
  readonly salt: string;
  readonly iterations: number;
  readonly storedKey: string;
  readonly serverKey: string;
}

/** The server's side of one login. `final` returns undefined when the proof is wrong. */
export class ScramServer {
  readonly #verifier: ScramVerifier;
  readonly #nonce: string;
  #clientFirstBare = "";
  #gs2 = "";
  #fullNonce = "";
  #serverFirst = "";

  constructor(verifier: ScramVerifier, nonce = randomBytes(18).toString("base64")) {
    this.#verifier = verifier;
    this.#nonce = nonce;
  }

  first(message: string): string {
    const parts = /^([ny]),,(n=[^,]*,r=([\x21-\x2b\x2d-\x7e]+)(?:,.*)?)$/s.exec(message);
    const [, flag = "", bare = "", clientNonce = ""] = parts ?? [];
    if (!parts) throw new WireError("malformed SCRAM message or channel binding that was not offered");
    this.#gs2 = `${flag},,`;
    this.#clientFirstBare = bare;
    this.#fullNonce = clientNonce + this.#nonce;
    this.#serverFirst = `r=${this.#fullNonce},s=${this.#verifier.salt},i=${this.#verifier.iterations}`;
    return this.#serverFirst;
  }

  final(message: string): string | undefined {
    const parts = /^(c=([^,]*),r=([^,]*)(?:,.*)?),p=([A-Za-z0-9+/=]+)$/s.exec(message);
    const [, withoutProof = "", binding = "", nonce = "", proofText = ""] = parts ?? [];
    if (!parts) throw new WireError("malformed SCRAM message");
    if (binding !== Buffer.from(this.#gs2).toString("base64") || nonce !== this.#fullNonce) return undefined;
    const authMessage = `${this.#clientFirstBare},${this.#serverFirst},${withoutProof}`;
    const storedKey = Buffer.from(this.#verifier.storedKey, "base64");
    const proof = Buffer.from(proofText, "base64");
    if (proof.length !== 32 || storedKey.length !== 32) return undefined;
    const clientKey = xor(proof, hmac(storedKey, authMessage));
    if (!timingSafeEqual(hash(clientKey), storedKey)) return undefined;
    return `v=${hmac(Buffer.from(this.#verifier.serverKey, "base64"), authMessage).toString("base64")}`;
  }
}

/** The client's side of one login. */
export class ScramClient {
  readonly #password: string;
  readonly #nonce: string;
  readonly #gs2: string;
  readonly #binding: Buffer;
  #expected = "";

  /** `endPoint` is the hash of the server's certificate: with it the login is bound to the TLS channel. */
  constructor(password: string, endPoint?: Buffer, nonce = randomBytes(18).toString("base64")) {
    this.#password = password;
    this.#nonce = nonce;
    this.#gs2 = endPoint ? "p=tls-server-end-point,," : "n,,";
    this.#binding = Buffer.concat([Buffer.from(this.#gs2), endPoint ?? Buffer.alloc(0)]);
  }

  first(): string {
    return `${this.#gs2}n=,r=${this.#nonce}`;
  }

  async final(serverFirst: string): Promise<string> {
    const parts = /^r=([^,]+),s=([A-Za-z0-9+/=]+),i=(\d{1,7})$/.exec(serverFirst);
    const [, nonce = "", salt = "", iterations = ""] = parts ?? [];
    if (!parts || !nonce.startsWith(this.#nonce) || nonce.length === this.#nonce.length)
      throw new WireError("the server sent a malformed SCRAM message");
    const salted = await saltPassword(this.#password, Buffer.from(salt, "base64"), Number(iterations));
    const withoutProof = `c=${this.#binding.toString("base64")},r=${nonce}`;
    const authMessage = `n=,r=${this.#nonce},${serverFirst},${withoutProof}`;
    const clientKey = hmac(salted, "Client Key");
    const proof = xor(clientKey, hmac(hash(clientKey), authMessage));
    this.#expected = `v=${hmac(hmac(salted, "Server Key"), authMessage).toString("base64")}`;
    return `${withoutProof},p=${proof.toString("base64")}`;
  }

  /** Whether the server has proved that it knows the password too. */
  proves(serverFinal: string): boolean {
    const [given, expected] = [hash(serverFinal), hash(this.#expected)];
    return this.#expected !== "" && timingSafeEqual(given, expected);
  }
}

/** Makes the verifier of a password, as CREATE ROLE would store it. */
export async function scramVerifier(
  password: string,
  salt: Buffer = randomBytes(16),
  iterations = 4096,
): Promise<ScramVerifier> {
  const salted = await saltPassword(password, salt, iterations);
  return {
    salt: salt.toString("base64"),
    iterations,
    storedKey: hash(hmac(salted, "Client Key")).toString("base64"),
    serverKey: hmac(salted, "Server Key").toString("base64"),
  };
}

/** NFKC is what SASLprep does to the characters that it allows; PostgreSQL takes others as they are. */
function saltPassword(password: string, salt: Buffer, iterations: number): Promise<Buffer> {
  return derive(password.normalize("NFKC"), salt, iterations, 32, "sha256");
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

function hash(bytes: Buffer | string): Buffer {
  return createHash("sha256").update(bytes).digest();
}

function xor(a: Buffer, b: Buffer): Buffer {
  return Buffer.from(a.map((byte, i) => byte ^ (b[i] ?? 0)));
}
