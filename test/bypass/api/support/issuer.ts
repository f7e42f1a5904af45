import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT } from "jose";

/** The provider of the token cases: discovery and keys on loopback, and a key that signs whatever a case says. */
export interface CaseIssuer {
  readonly url: string;
  /** Requests for keys so far. */
  readonly keyRequests: () => number;
  /** What its discovery document says; may be changed. */
  readonly document: Record<string, unknown>;
  sign(
    claims: Readonly<Record<string, unknown>>,
    header?: Readonly<Record<string, unknown>>,
  ): Promise<string>;
  stop(): void;
}

export async function startCaseIssuer(): Promise<CaseIssuer> {
  const { privateKey, publicKey } = await generateKeyPair("RS256");
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: "rsa", alg: "RS256", use: "sig" }] };
  const document: Record<string, unknown> = {};
  let keyRequests = 0;
  const server = createServer((request, response) => {
    const isKeys = request.url === "/jwks";
    if (isKeys) keyRequests += 1;
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(isKeys ? jwks : document));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  Object.assign(document, {
    issuer: url,
    jwks_uri: `${url}/jwks`,
    authorization_endpoint: `${url}/authorize`,
    token_endpoint: `${url}/token`,
    device_authorization_endpoint: `${url}/device`,
  });
  return {
    url,
    document,
    keyRequests: () => keyRequests,
    sign: (claims, header = {}) =>
      new SignJWT(claims).setProtectedHeader({ alg: "RS256", kid: "rsa", ...header }).sign(privateKey),
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
