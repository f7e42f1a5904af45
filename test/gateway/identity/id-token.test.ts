import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Client, startTestGateway, type TestGateway } from "../support/gateway.ts";
import { accessToken, newHolder } from "../support/tokens.ts";

const timeout = 20_000;
let g: TestGateway;
let ana: Client;
before(async () => {
  g = await startTestGateway({
    change: (config) => ({ ...config, issuer: { ...config.issuer, groups_source: "id_token" } }),
  });
  ana = await g.person("ana", ["from-the-access-token"]);
});
after(() => g.stop());

async function idToken(claims: Readonly<Record<string, unknown>> = {}, subject = "ana"): Promise<string> {
  const own = { aud: g.idp.clientId, cnf: undefined, client_id: undefined, groups: ["oncall"], ...claims };
  return accessToken(g.idp, await newHolder(subject), own, { typ: "JWT" });
}

async function whoami(headers: Readonly<Record<string, string>>) {
  return ana.call("GET", "/v1/whoami", { headers });
}

test("groups come from the ID token beside the access token, and from nowhere else", {
  timeout,
}, async () => {
  const answer = await whoami({ "ihc-id-token": await idToken() });
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(answer.body["groups"], ["oncall"]);
});

test("without an ID token there is no access", { timeout }, async () => {
  assert.equal((await whoami({})).status, 401);
});

const past = Math.floor(Date.now() / 1000) - 3600;
for (const [what, claims] of [
  ["of another client", { aud: "another" }],
  ["of another issuer", { iss: "https://elsewhere.test" }],
  ["that has expired", { exp: past }],
  ["that does not say when it was issued", { iat: undefined }],
  ["for several clients without the one it was issued to", { aud: ["ihc", "another"] }],
  ["issued to another client", { azp: "another" }],
  ["whose groups were left out", { hasgroups: true }],
] as const)
  test(`an ID token ${what} is refused`, { timeout }, async () => {
    assert.equal((await whoami({ "ihc-id-token": await idToken(claims) })).status, 401);
  });

test("an ID token about somebody else gives nobody their groups", { timeout }, async () => {
  assert.equal((await whoami({ "ihc-id-token": await idToken({}, "lee") })).status, 401);
});

test("an ID token alone is no access token", { timeout }, async () => {
  const token = await idToken();
  const answer = await whoami({ authorization: `Bearer ${token}`, "ihc-id-token": token });
  assert.equal(answer.status, 401);
});
