import { createHash, createHmac, pbkdf2, randomBytes } from "node:crypto";
import { promisify } from "node:util";
import { z } from "zod";
import { canonicalJson } from "../base/json.ts";
import type { SessionLogin } from "../protocols/protocol.ts";

const derive = promisify(pbkdf2);

/** RFC 7677's least count: the secret is 256 random bits, so more rounds would guard nothing. */
const iterations = 4096;

/** A fresh session secret and the verifier (RFC 5802) that is all the gateway keeps of it. */
export async function newSessionSecret(user: string): Promise<{ secret: string; login: SessionLogin }> {
  const secret = randomBytes(32).toString("base64url");
  const salt = randomBytes(16);
  const salted = await derive(secret, salt, iterations, 32, "sha256");
  const clientKey = hmac(salted, "Client Key");
  return {
    secret,
    login: {
      user,
      scram: {
        salt: salt.toString("base64"),
        iterations,
        storedKey: createHash("sha256").update(clientKey).digest("base64"),
        serverKey: hmac(salted, "Server Key").toString("base64"),
      },
      sha256: createHash("sha256").update(secret).digest("base64"),
    },
  };
}

export function loginText(login: SessionLogin): string {
  return canonicalJson({ user: login.user, scram: { ...login.scram }, sha256: login.sha256 });
}

const base64 = z.string().regex(/^[A-Za-z0-9+/]+=*$/);
const loginSchema = z.strictObject({
  user: z.string(),
  scram: z.strictObject({ salt: base64, iterations: z.int(), storedKey: base64, serverKey: base64 }),
  sha256: base64,
});

export function parseLogin(text: string): SessionLogin {
  return loginSchema.parse(JSON.parse(text));
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
