import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { login } from "../../../src/agent/identity/login.ts";
import { IhcError } from "../../../src/base/errors.ts";
import { logInAs } from "../../../src/demo/cast.ts";
import { type Client, startTestGateway, type TestGateway } from "../../gateway/support/gateway.ts";
import { ihc, runCli, startCli } from "../../support/cli.ts";
import { newLaptop } from "../../support/idp.ts";
import { startCaseIssuer } from "./support/issuer.ts";
import { playsOf } from "./support/plays.ts";
import { filed, rawHeaders, rawRequest, reviews, upgradeLines } from "./support/scene.ts";

const { plays, rate } = playsOf("api-token");

let g: TestGateway;
let alice: Client;
let home: string;

before(async () => {
  home = mkdtempSync(join(tmpdir(), "ihc-token-"));
  g = await startTestGateway({
    change: (config) => ({
      ...config,
      requests: { review_amr: ["mfa", "hwk"], review_auth_age: "15m" },
    }),
  });
  alice = await g.person("alice", ["oncall"]);
});
after(async () => {
  await g.stop();
  rmSync(home, { recursive: true, force: true });
});

plays("api-token-039", "deny", async () => {
  for (const name of ["access_token", "token", "id_token", "Access_Token", "jwt", "authorization", "DPoP"]) {
    const path = `/v1/requests?${name}=${alice.token}`;
    assert.equal((await fetch(`${g.url}${path}`)).status, 400, name);
    const withHeader = await alice.call("GET", path);
    assert.equal(withHeader.status, 400, "also beside a good header");
  }
  assert.ok(!g.log().includes(alice.token.slice(0, 40)), "and it is in no log of ours");
});

plays("api-token-040", "deny", async () => {
  const path = "/v1/tunnel/ses_AAAAAAAAAAAA";
  for (const query of ["?token=", "?access_token=", "?ticket="])
    assert.match(
      await rawRequest(g, `GET ${path}${query}${alice.token} HTTP/1.1\r\nHost: HOST\r\n${upgradeLines}`),
      /^HTTP\/1\.1 400 /,
    );
  const protocol = `Sec-WebSocket-Protocol: bearer, ${alice.token}\r\n`;
  const answer = await rawRequest(g, `GET ${path} HTTP/1.1\r\nHost: HOST\r\n${upgradeLines}${protocol}`);
  assert.match(answer, /^HTTP\/1\.1 401 /);
});

plays("api-token-042", "deny", async () => {
  const path = "/v1/whoami";
  const sent = await rawHeaders(g, alice, "GET", path);
  const [, proof = ""] = /dpop: (\S+)/.exec(sent) ?? [];
  const token = alice.token;
  for (const authorization of [
    `Authorization: dpop  ${token}`,
    `Authorization: DPoP  ${token}`,
    `Authorization: bearer ${token}`,
    `Authorization: DPoP ${token},DPoP x.y.z`,
    `Authorization: DPoP ${token}, Bearer x.y.z`,
    `Authorization: DPoP ${token}\r\nAuthorization: DPoP ${token}`,
    `Authorization: DPoP x.y.z\r\nAuthorization: DPoP ${token}`,
    `Authorization: DPoP ${token}\r\nDPoP: ${proof}`,
    `Authorization: "DPoP ${token}"`,
    `Authorization : DPoP ${token}`,
    `Authorization: DPoP ${token}.`,
  ]) {
    const answer = await rawRequest(
      g,
      `GET ${path} HTTP/1.1\r\nHost: HOST\r\n${authorization}\r\ndpop: ${proof}\r\n`,
    );
    assert.match(answer, /^HTTP\/1\.1 40[01] /, authorization.replaceAll(token, "TOKEN"));
  }
  assert.match(await rawRequest(g, `GET ${path} HTTP/1.1\r\nHost: HOST\r\n${sent}`), /^HTTP\/1\.1 200 /);
});

plays("api-token-045", "safe", async () => {
  const env = homeOf("victim");
  const gateway = await startTestGateway();
  const attacker = startCli(["login", "--gateway", gateway.url, "--insecure-storage", "--json"], { env });
  try {
    const [, line = ""] = await attacker.until(/^(\{.*"event":"code".*\})$/m);
    const code = JSON.parse(line);
    const life = Date.parse(code.expires_at) - Date.now();
    assert.ok(life > 0 && life <= 600_000, "ten minutes at most");
    await attacker.until(/for ihc on \S+ at http\S+; type it only if you started this yourself/);
    const page = await confirmationPage(code.complete_address);
    assert.match(page, /ihc asks, from \S+\./, "the page names client and place");
    assert.ok(page.includes(code.user_code));
    assert.match(page, /only if you started this login yourself/);
  } finally {
    await attacker.end();
    await gateway.stop();
  }
  // Whoever falls for it gives away no review: that takes a login of the last minutes with a second factor.
  const request = await filed(alice);
  const strong = { amr: ["pwd", "mfa"] };
  for (const [claims, rule] of [
    [{ amr: ["pwd"], auth_time: seconds() }, "review-amr"],
    [strong, "review-auth-age"],
    [{ ...strong, auth_time: seconds() - 3600 }, "review-auth-age"],
  ] as const) {
    const phished = await g.person("lee", ["leads"], claims);
    const answer = await reviews(phished, request);
    assert.equal(answer.status, 403);
    assert.equal(answer.body["rule"], rule);
  }
  const fresh = await g.person("lee", ["leads"], { ...strong, auth_time: seconds() });
  assert.equal((await reviews(fresh, request)).status, 200);
});

plays("api-token-048", "deny", async () => {
  const issuer = await startCaseIssuer();
  const claims = { aud: "ihc-api", sub: "alice", exp: seconds() + 600, groups: ["oncall"] };
  const mixed = await startTestGateway({
    change: (config) => ({
      ...config,
      issuer: { ...config.issuer, url: issuer.url, audience: "ihc-api", dpop: "optional" },
    }),
  });
  const laptop = await newLaptop(mixed.url);
  try {
    for (const named of [`${issuer.url}/`, "https://attacker.example", `${issuer.url}.attacker.example`]) {
      Object.assign(issuer.document, { issuer: named });
      for (const iss of [issuer.url, named]) {
        const authorization = `Bearer ${await issuer.sign({ ...claims, iss })}`;
        const answer = await fetch(`${mixed.url}/v1/whoami`, { headers: { authorization } });
        assert.ok([401, 503].includes(answer.status), `${named} ${answer.status}`);
      }
      await assert.rejects(
        login({ ...laptop, on: () => undefined, insecureStorage: true }),
        (error: unknown) => error instanceof IhcError && ["config", "unavailable"].includes(error.code),
      );
    }
  } finally {
    await mixed.stop();
    await laptop.dispose();
    issuer.stop();
  }
});

plays("api-token-051", "deny", async () => {
  const gateway = await startTestGateway();
  try {
    const env = homeOf("ana");
    const scene = { gateway: gateway.url, ihc, home: { environment: () => ({ ...env, NO_COLOR: "1" }) } };
    await logInAs(scene, "ana");
    const folder = join(env.XDG_STATE_HOME, "ihc", "profiles");
    const [profile = ""] = readdirSync(folder);
    const whoami = () => runCli(["whoami"], { env });
    assert.equal((await whoami()).code, 0);
    for (const name of ["login.sealed", "dpop.sealed", "key"]) {
      const file = join(folder, profile, name);
      chmodSync(file, 0o644);
      const open = await whoami();
      assert.notEqual(open.code, 0, name);
      assert.match(open.stderr, /open to other users/);
      chmodSync(file, 0o600);
      renameSync(file, join(home, `moved-${name}`));
      symlinkSync(join(home, `moved-${name}`), file);
      const linked = await whoami();
      assert.notEqual(linked.code, 0, name);
      assert.match(linked.stderr, /symbolic link/);
      rmSync(file);
      renameSync(join(home, `moved-${name}`), file);
    }
    chmodSync(join(folder, profile), 0o755);
    assert.notEqual((await whoami()).code, 0, "a folder open to others");
    chmodSync(join(folder, profile), 0o700);
    assert.equal((await whoami()).code, 0);
  } finally {
    await gateway.stop();
  }
});

rate();

function seconds(): number {
  return Math.floor(Date.now() / 1000);
}

function homeOf(name: string) {
  const at = (folder: string) => join(home, name, folder);
  return {
    HOME: at(""),
    XDG_CONFIG_HOME: at("config"),
    XDG_STATE_HOME: at("state"),
    XDG_RUNTIME_DIR: at("run"),
  };
}

/** What the victim sees who opens the address that the attacker sends. */
async function confirmationPage(address: string): Promise<string> {
  const first = await fetch(address, { redirect: "manual" });
  const cookie = first.headers
    .getSetCookie()
    .map((line) => line.split(";")[0])
    .join("; ");
  const form = await first.text();
  const fields = [...form.matchAll(/<input[^>]*name="([^"]*)"[^>]*value="([^"]*)"/g)].map(
    ([, name = "", value = ""]): [string, string] => [name, value],
  );
  const action = /action="([^"]*)"/.exec(form)?.[1] ?? "";
  const body = new URLSearchParams(fields);
  const answer = await fetch(new URL(action, address), { method: "POST", headers: { cookie }, body });
  return answer.text();
}
