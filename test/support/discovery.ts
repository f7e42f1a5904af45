import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Discovery } from "../../src/core/api/schema.ts";
import type { Idp } from "../../src/demo/idp.ts";

/** Serves a gateway's `/.well-known/ihc` and nothing else, for tests of the login alone. */
export async function serveDiscovery(
  idp: Pick<Idp, "issuer" | "clientId" | "audience">,
  change: (found: Discovery) => Partial<Discovery> = () => ({}),
): Promise<{ readonly url: URL; stop(): Promise<void> }> {
  const server = createServer((request, response) => {
    const found: Discovery = {
      issuer: idp.issuer,
      client_id: idp.clientId,
      audience: idp.audience,
      scopes: ["openid", "email", "groups", "offline_access"],
      public_url: url.href,
      dpop: "required",
      version: "0.0.0",
      log_key: "test+00000000+AAAA",
    };
    response.setHeader("content-type", "application/json");
    response.writeHead(request.url === "/.well-known/ihc" ? 200 : 404);
    response.end(JSON.stringify({ ...found, ...change(found) }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url, stop };
}
