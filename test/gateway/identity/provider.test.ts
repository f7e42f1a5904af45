import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { systemClock } from "../../../src/base/clock.ts";
import { IhcError } from "../../../src/base/errors.ts";
import { signatureAlgorithms } from "../../../src/gateway/identity/algorithms.ts";
import { providerKeys } from "../../../src/gateway/identity/provider.ts";
import { identity } from "../../../src/gateway/identity/verify.ts";

const timeout = 20_000;
let server: Server;
let origin: string;
let pair: Awaited<ReturnType<typeof generateKeyPair>>;
let jwks: { keys: JWK[] };
let document: Record<string, unknown>;
const asked = new Map<string, number>();

before(async () => {
  pair = await generateKeyPair("ES256");
  jwks = { keys: [{ ...(await exportJWK(pair.publicKey)), kid: "one", alg: "ES256" }] };
  server = createServer((request, response) => {
    const path = request.url ?? "";
    asked.set(path, (asked.get(path) ?? 0) + 1);
    const redirect = path === "/elsewhere/jwks";
    const body = path.endsWith("/jwks") ? jwks : document;
    response.writeHead(redirect ? 302 : 200, {
      "content-type": "application/json",
      ...(redirect ? { location: `${origin}/jwks` } : {}),
    });
    response.end(JSON.stringify(body));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  document = { issuer: origin, jwks_uri: `${origin}/jwks` };
});
after(() => {
  server.close();
  server.closeAllConnections();
});

function verifier(issuer: string) {
  const rules = {
    issuer,
    audience: "ihc-api",
    clientId: "ihc",
    groupsClaim: "groups",
    dpop: "optional",
    algorithms: [...signatureAlgorithms],
    requiredAmr: [],
  } as const;
  const verify = identity(rules, systemClock, providerKeys(issuer));
  return async (kid: string, iss = issuer) => {
    const token = await new SignJWT({ iss, sub: "ana", aud: "ihc-api", groups: [] })
      .setProtectedHeader({ alg: "ES256", kid })
      .setExpirationTime("5m")
      .sign(pair.privateKey);
    return verify({
      method: "GET",
      url: new URL("https://ihc.test/"),
      authorization: `Bearer ${token}`,
      proof: undefined,
    });
  };
}

function failsWith(code: string) {
  return (error: unknown) => error instanceof IhcError && error.code === code;
}

test("keys are found through discovery and kept", { timeout }, async () => {
  asked.clear();
  const verify = verifier(origin);
  await Promise.all(Array.from({ length: 20 }, () => verify("one")));
  assert.equal(asked.get("/.well-known/openid-configuration"), 1);
  assert.equal(asked.get("/jwks"), 1);
});

test("a thousand unknown key ids make one more question, not a thousand", { timeout }, async () => {
  const verify = verifier(origin);
  await verify("one");
  asked.clear();
  for (let n = 0; n < 200; n++) await assert.rejects(verify(`unknown-${n}`), failsWith("unauthenticated"));
  assert.ok((asked.get("/jwks") ?? 0) <= 1, String(asked.get("/jwks")));
});

test("a discovery document for another issuer stops everything", { timeout }, async () => {
  document = { issuer: `${origin}/`, jwks_uri: `${origin}/jwks` };
  try {
    await assert.rejects(verifier(origin)("one"), failsWith("unavailable"));
  } finally {
    document = { issuer: origin, jwks_uri: `${origin}/jwks` };
  }
});

test("keys at a redirect or at a plain address elsewhere are not followed", { timeout }, async () => {
  try {
    document = { issuer: origin, jwks_uri: `${origin}/elsewhere/jwks` };
    await assert.rejects(verifier(origin)("one"), failsWith("unavailable"));
    document = { issuer: origin, jwks_uri: "http://169.254.169.254/jwks" };
    await assert.rejects(verifier(origin)("one"), failsWith("config"));
  } finally {
    document = { issuer: origin, jwks_uri: `${origin}/jwks` };
  }
});

test("a provider that is away is an outage, and asked again when it is back", { timeout }, async () => {
  await assert.rejects(verifier("http://127.0.0.1:1")("one"), failsWith("unavailable"));
  assert.throws(() => providerKeys("http://idp.example"), failsWith("config"));
});
