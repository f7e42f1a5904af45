import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Configuration } from "openid-client";
import { IhcError } from "../../base/errors.ts";
import { resourceOf, type TokenRequest, targetOf } from "./token-request.ts";
import type { Tokens } from "./tokens.ts";

/**
 * Authorization code with PKCE and state, redirected to a fresh port on 127.0.0.1 (RFC 8252). The listener answers `/callback`
 * with our own state once and closes. It stops after ten minutes.
 */
export async function browserFlow(config: Configuration, request: TokenRequest): Promise<Tokens> {
  const client = await import("openid-client");
  const verifier = client.randomPKCECodeVerifier();
  const [state, nonce] = [client.randomState(), client.randomNonce()];
  const callback = await listen(state, request.signal);
  try {
    const address = client.buildAuthorizationUrl(config, {
      ...targetOf(request),
      redirect_uri: callback.redirect,
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      state,
      nonce,
      dpop_jkt: await request.DPoP.calculateThumbprint(),
      // Without it many providers give no refresh token for offline_access.
      prompt: "consent",
    });
    request.on({ kind: "browser", address: address.href });
    const checks = {
      pkceCodeVerifier: verifier,
      expectedState: state,
      expectedNonce: nonce,
      idTokenExpected: true,
    };
    const { DPoP } = request;
    return await client.authorizationCodeGrant(
      config,
      await callback.arrived,
      checks,
      resourceOf(request.audience),
      { DPoP },
    );
  } finally {
    await callback.close();
  }
}

interface Callback {
  readonly redirect: string;
  readonly arrived: Promise<URL>;
  close(): Promise<void>;
}

async function listen(state: string, signal: AbortSignal | undefined): Promise<Callback> {
  const deadline = AbortSignal.timeout(600_000);
  const over = signal === undefined ? deadline : AbortSignal.any([signal, deadline]);
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const arrived = new Promise<URL>((resolve, reject) => {
    over.addEventListener("abort", () => reject(new IhcError("canceled", "the login was not finished")), {
      once: true,
    });
    server.on("request", (request, response) => {
      const url = URL.parse(`http://${host}${request.url ?? ""}`);
      const fits = request.method === "GET" && request.headers.host === host && url?.pathname === "/callback";
      // A page elsewhere may guess the port, never the state.
      const ours = fits && url.searchParams.get("state") === state;
      const text = ours
        ? "You can close this window and go back to your terminal.\n"
        : "This is not the login that ihc waits for.\n";
      response.writeHead(ours ? 200 : 400, {
        "content-type": "text/plain",
        "cache-control": "no-store",
        connection: "close",
      });
      response.end(text, () => {
        if (ours) resolve(url);
      });
    });
  });
  arrived.catch(() => undefined); // Awaited by the caller; an abort before that must not be "unhandled".
  return { redirect: `http://${host}/callback`, arrived, close: () => close(server) };
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
