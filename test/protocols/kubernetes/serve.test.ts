import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { describe, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { ask, messageOf, pods } from "./api-server.ts";
import { ana, inProdApp, rig } from "./rig.ts";

const gateways = rig();

describe("who is let in", () => {
  test("the session's token opens the way, and TLS ends at the gateway", () =>
    gateways.withGateway(async (gateway) => {
      const answer = await ask(gateway, inProdApp);
      assert.equal(answer.status, 200);
      assert.deepEqual(JSON.parse(answer.text), pods);
    }));

  test("no token, another token and other schemes get 401 and nothing is sent", () =>
    gateways.withGateway(async (gateway) => {
      const sent = gateways.api.received.length;
      for (const authorization of [
        "",
        "Bearer",
        "Bearer x",
        `Basic ${gateway.token}`,
        `Bearer ${gateway.token}x`,
      ]) {
        const answer = await ask(gateway, inProdApp, { headers: { authorization } });
        assert.equal(answer.status, 401, authorization);
        assert.match(messageOf(answer), /not the session's token/);
      }
      assert.equal(gateways.api.received.length, sent);
    }));

  test("only HTTP/1.1 is offered, and nothing below TLS 1.2", () =>
    gateways.withGateway(async ({ port, ca }) => {
      const socket = connectTls({ port, ca, host: "127.0.0.1", ALPNProtocols: ["h2", "http/1.1"] });
      await once(socket, "secureConnect");
      assert.equal(socket.alpnProtocol, "http/1.1");
      socket.destroy();
      for (const wrong of [
        { ALPNProtocols: ["h2"] },
        { maxVersion: "TLSv1.1", minVersion: "TLSv1.1" } as const,
      ]) {
        const refused = connectTls({ port, ca, host: "127.0.0.1", ...wrong });
        const [error] = await once(refused, "error");
        assert.ok(error instanceof Error);
      }
    }));

  test("what is no TLS ends the connection", () =>
    gateways.withGateway(async ({ port }) => {
      const socket = connect({ port, host: "127.0.0.1" });
      socket.on("error", () => socket.destroy());
      socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
      await once(socket.resume(), "close");
    }));

  test("one session's authority says nothing about another's", () =>
    gateways.withGateway(async (gateway) => {
      await gateways.withGateway(async (other) => {
        await assert.rejects(ask({ ...gateway, ca: other.ca }, inProdApp), /certificate|signature/i);
        assert.equal((await ask({ ...gateway, token: other.token }, inProdApp)).status, 401);
      });
    }));
});

describe("what is sent on", () => {
  test("the person, one line for each group, session and incident, and the gateway's own token", () =>
    gateways.withGateway(
      async (gateway) => {
        const headers = {
          "user-agent": "kubectl/v1.32",
          "kubectl-session": "s1",
          "kubectl-command": "kubectl get",
        };
        await ask(gateway, inProdApp, { headers });
        const received = gateways.api.received.at(-1);
        const lines = received?.lines.filter(([name]) => name.startsWith("impersonate-"));
        assert.deepEqual(lines, [
          ["impersonate-user", "ana@acme.io"],
          ["impersonate-group", "ihc:oncall"],
          ["impersonate-group", "cluster-sre"],
          ["impersonate-extra-ihc-session", gateway.session],
          ["impersonate-extra-ihc-incident", "INC-1"],
        ]);
        assert.equal(received?.headers.authorization, "Bearer gateway-token");
        assert.equal(received?.headers["user-agent"], "kubectl/v1.32");
        assert.equal(received?.headers["kubectl-session"], "s1");
      },
      {
        incident: "INC-1",
        settings: { groups: { sre: "cluster-sre" } },
        principal: () => ({ ...ana, groups: ["oncall", "sre"] }),
      },
    ));

  test("no identity, cookie or other header of the client's ever reaches the cluster", () =>
    gateways.withGateway(async (gateway) => {
      const foreign = {
        "x-remote-user": "root",
        "x-remote-group": "system:masters",
        "x-remote-extra-a": "b",
        "proxy-authorization": "Bearer x",
        cookie: "a=b",
        "x-forwarded-for": "10.0.0.1",
        "audit-id": "mine",
        "accept-encoding": "gzip",
        "x-http-method-override": "DELETE",
        "x-anything": "1",
      };
      await ask(gateway, inProdApp, { headers: foreign });
      const received = gateways.api.received.at(-1);
      assert.ok(received);
      for (const name of Object.keys(foreign)) assert.equal(received.headers[name], undefined, name);
      assert.doesNotMatch(JSON.stringify(received.lines), new RegExp(gateway.token));
    }));

  test("impersonation by the client is refused with 403, on record, and not sent", () =>
    gateways.withGateway(async (gateway) => {
      for (const name of [
        "impersonate-user",
        "Impersonate-Group",
        "impersonate-uid",
        "Impersonate-Extra-Scopes",
      ]) {
        const sent = gateways.api.received.length;
        const answer = await ask(gateway, inProdApp, { headers: { [name]: "system:masters" } });
        assert.equal(answer.status, 403);
        assert.match(messageOf(answer), /inbound-impersonation/);
        assert.equal(gateways.api.received.length, sent);
      }
      const denials = gateway.events.filter((e) => e.type === "verdict" && e.verdict === "deny");
      assert.equal(denials.length, 4);
    }));

  test("a header that may stand once and stands twice is refused", () =>
    gateways.withGateway(async (gateway) => {
      const answer = await ask(gateway, inProdApp, {
        method: "POST",
        body: "{}",
        headers: { "content-type": ["application/json", "application/yaml"] },
      });
      assert.equal(answer.status, 400);
      assert.match(messageOf(answer), /content-type may stand once/);
    }));

  test("a group that Kubernetes keeps for itself is never claimed", async () => {
    for (const group of ["system:masters", " system:masters", "SYSTEM:nodes"])
      await assert.rejects(
        gateways.withGateway(async () => undefined, { principal: () => ({ ...ana, groups: [group] }) }),
        { code: "denied", rule: "reserved-identity" },
      );
    await assert.rejects(
      gateways.withGateway(async () => undefined, { principal: () => ({ ...ana, name: "system:admin" }) }),
      { code: "denied", rule: "reserved-identity" },
    );
  });

  test("a group that appears during the session is refused on the next request", async () => {
    let groups = ["oncall"];
    await gateways.withGateway(
      async (gateway) => {
        assert.equal((await ask(gateway, inProdApp)).status, 200);
        groups = ["oncall", "system:masters"];
        const answer = await ask(gateway, inProdApp);
        assert.equal(answer.status, 403);
        assert.match(messageOf(answer), /system:/);
      },
      { principal: () => ({ ...ana, groups }) },
    );
  });

  test("names with letters of any language go out in UTF-8", () =>
    gateways.withGateway(
      async (gateway) => {
        await ask(gateway, inProdApp);
        const [, user = ""] =
          gateways.api.received.at(-1)?.lines.find(([name]) => name === "impersonate-user") ?? [];
        assert.equal(Buffer.from(user, "latin1").toString("utf8"), "zoë@acme.io");
      },
      { principal: () => ({ ...ana, name: "zoë@acme.io" }) },
    ));

  test("a target that can be read in two ways is answered with 400, is on record and is not sent", () =>
    gateways.withGateway(async (gateway) => {
      for (const path of [
        "/api/v1/namespaces//secrets",
        "/api/v1/pods/../secrets",
        "/api/v1/x%2Fy",
        "/api\\v1",
      ]) {
        const sent = gateways.api.received.length;
        const answer = await ask(gateway, path);
        assert.equal(answer.status, 400, path);
        assert.match(messageOf(answer), /denied by rule/);
        assert.equal(gateways.api.received.length, sent);
      }
      assert.equal(gateway.events.filter((e) => e.type === "verdict" && e.verdict === "deny").length, 4);
    }));
});
