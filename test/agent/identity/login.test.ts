import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { decodeJwt, decodeProtectedHeader } from "jose";
import { openCredentials } from "../../../src/agent/identity/credentials.ts";
import { type Idp, startIdp } from "../../../src/demo/idp.ts";
import { serveDiscovery } from "../../support/discovery.ts";
import { logIn, newLaptop } from "../../support/idp.ts";

let idp: Idp;
before(async () => {
  idp = await startIdp({ audience: "https://ihc.acme.io" });
});
after(() => idp.stop());

test("the device flow gives a bound access token with the person's groups for the gateway's audience", async () => {
  const gateway = await serveDiscovery(idp);
  const laptop = await newLaptop(gateway.url);
  try {
    const done = await logIn(laptop, "ana");
    assert.deepEqual(
      { name: done.name, groups: done.groups, keyBound: done.keyBound },
      { name: "ana@acme.io", groups: ["oncall", "sre"], keyBound: true },
    );
    const credentials = await openCredentials(laptop.paths, laptop.profile);
    const headers = await credentials.headers("get", new URL("/v1/whoami?x=1", gateway.url));
    const token = headers["authorization"]?.replace(/^DPoP /, "") ?? "";
    assert.equal(decodeProtectedHeader(token).typ, "at+jwt");
    const claims = decodeJwt(token);
    assert.deepEqual(
      [claims.iss, claims.aud, claims["groups"]],
      [idp.issuer, idp.audience, ["oncall", "sre"]],
    );
    const proof = decodeJwt(headers["dpop"] ?? "");
    assert.deepEqual([proof["htm"], proof["htu"]], ["GET", `${gateway.url.origin}/v1/whoami`]);
  } finally {
    await laptop.dispose();
    await gateway.stop();
  }
});
