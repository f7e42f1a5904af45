import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTestGateway, type TestGateway } from "../../gateway/support/gateway.ts";
import { casesOf } from "../../support/cases/case.ts";
import { type CaseIssuer, startCaseIssuer } from "./support/issuer.ts";
import { playsOf } from "./support/plays.ts";

/** The exact cases: each token, as the file has it or signed as it says, is sent to a gateway that takes bearer tokens. */
const { plays, rate } = playsOf("api-token");

const policy = `
@id("oncall-reads") @grant("security")
permit (principal in Group::"oncall", action == Action::"read", resource);
`;

let issuer: CaseIssuer;
let g: TestGateway;

before(async () => {
  issuer = await startCaseIssuer();
  g = await startTestGateway({
    policy,
    change: (config) => ({
      ...config,
      issuer: { ...config.issuer, url: issuer.url, audience: "ihc-api", dpop: "optional" },
      requests: { review_amr: ["mfa", "hwk"] },
      // The failures of all cases come from one address.
      limits: { requests_per_minute: 6000 },
    }),
  });
});
after(async () => {
  await g.stop();
  issuer.stop();
});

for (const { id, input, expected } of casesOf("api-token").filter(({ form }) => form === "exact"))
  plays(id, expected.verdict, async (one) => {
    const { token = await issuer.sign(claimsOf(input.claims ?? {})) } = input;
    const who = await call(token, "GET", "/v1/whoami");
    if (one.expected.verdict === "safe") {
      assert.equal(who.status, 200);
      await anotherPerson(token);
    } else if (input.claims?.["amr"] === undefined) await refused(token, who, one.why);
    else await reviewsNothing(token, input.claims);
  });

test("a token as the cases have it, without the fault, is let in", async () => {
  const who = await call(await issuer.sign(claimsOf(good)), "GET", "/v1/whoami");
  assert.equal(who.status, 200, await who.text());
});

rate();

const good = {
  iss: "https://idp.test",
  sub: "alice",
  aud: "ihc-api",
  exp: 4102444800,
  iat: 1700000000,
  groups: ["oncall", "security"],
};

/** The cases' issuer has no address; ours has, and everything else about the claim stays as it is. */
function claimsOf(claims: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { iss } = claims;
  return {
    ...claims,
    ...(typeof iss === "string" ? { iss: iss.replace("https://idp.test", issuer.url) } : {}),
  };
}

function call(token: string, method: string, path: string, body?: object, version = 1): Promise<Response> {
  return fetch(`${g.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body ? { "content-type": "application/json", "if-match": `"${version}"` } : {}),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
    signal: AbortSignal.timeout(10_000),
  });
}

async function refused(token: string, who: Response, why: string): Promise<void> {
  assert.equal(who.status, 401, why);
  const { code } = JSON.parse(await who.text());
  assert.equal(code, "unauthenticated");
  const filing = await call(token, "POST", "/v1/requests", { target: "prod", reason: "x" });
  assert.equal(filing.status, 401);
  if (!why.includes("unknown kids")) return;
  const before = issuer.keyRequests();
  const claims = { ...good, iss: issuer.url };
  for (let n = 0; n < 60; n += 1) {
    const { status } = await call(await issuer.sign(claims, { kid: `unknown-${n}` }), "GET", "/v1/whoami");
    assert.ok(status === 401 || status === 429, String(status));
  }
  assert.ok(issuer.keyRequests() - before <= 1, "unknown key ids do not make us ask the provider each time");
}

/** Alice with a capital letter is somebody else: she sees nothing of alice's and is named as herself. */
async function anotherPerson(token: string): Promise<void> {
  const alice = await issuer.sign({ ...good, iss: issuer.url, groups: ["oncall"] });
  const other = await issuer.sign({ ...claimsFrom(token), groups: ["oncall"] });
  const filed = await call(alice, "POST", "/v1/requests", { target: "prod", reason: "mine" });
  assert.equal(filed.status, 201);
  const { id } = JSON.parse(await filed.text());
  assert.equal((await call(alice, "GET", `/v1/requests/${id}`)).status, 200);
  assert.equal((await call(other, "GET", `/v1/requests/${id}`)).status, 404);
  assert.equal((await call(other, "POST", `/v1/requests/${id}/cancel`, {})).status, 404);
}

/** A login without the second factor may ask; it reviews nothing. With it the same review counts. */
async function reviewsNothing(token: string, claims: Readonly<Record<string, unknown>>): Promise<void> {
  const bob = await issuer.sign({ ...good, iss: issuer.url, sub: "bob", groups: ["oncall"] });
  const filed = await call(bob, "POST", "/v1/requests", { target: "prod", reason: "x" });
  const { id, digest } = JSON.parse(await filed.text());
  const answer = { answer: "approve", digest };
  const weak = await call(token, "POST", `/v1/requests/${id}/reviews`, answer);
  assert.equal(weak.status, 403);
  assert.equal(JSON.parse(await weak.text()).rule, "review-amr");
  const strong = await issuer.sign({ ...claimsOf(claims), amr: ["pwd", "mfa"] });
  assert.equal((await call(strong, "POST", `/v1/requests/${id}/reviews`, answer)).status, 200);
}

function claimsFrom(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
}
