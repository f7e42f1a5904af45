import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, request } from "node:https";
import { text } from "node:stream/consumers";
import { describe, test } from "node:test";
import { answerJson, ask, messageOf, open, pods } from "./api-server.ts";
import { inProdApp, rig } from "./rig.ts";

const gateways = rig();
const withMail = { masking: { rules: [{ detect: ["email"], how: "redact" }], mode: "strict" } } as const;

describe("what comes back", () => {
  test("cookies and places stay with the gateway; what it says about the recording comes with every answer", () =>
    gateways.withGateway(async (gateway) => {
      gateways.api.answer((_received, response) => {
        response.setHeader("set-cookie", "a=b");
        response.setHeader("location", "https://elsewhere.example/");
        response.setHeader("warning", '299 - "mail ana.smith@example.com first"');
        answerJson(response, 200, pods);
      });
      const { headers } = await ask(gateway, inProdApp);
      assert.equal(headers["set-cookie"], undefined);
      assert.equal(headers.location, undefined);
      const said = String(headers.warning);
      assert.match(said, /299 - "ihc: this session is recorded/);
      assert.match(said, /first/);
      assert.doesNotMatch(said, /ana\.smith/);
    }, withMail));

  test("a redirect is neither followed nor passed on", () =>
    gateways.withGateway(async (gateway) => {
      gateways.api.answer((_received, response) =>
        response.writeHead(302, { location: "https://127.0.0.1:1/" }).end(),
      );
      const answer = await ask(gateway, inProdApp);
      assert.equal(answer.status, 503);
      assert.match(messageOf(answer), /redirect/);
    }));

  test("an answer that cannot be masked does not leave", () =>
    gateways.withGateway(async (gateway) => {
      gateways.api.answer((_received, response) => {
        response.writeHead(200, { "content-type": "application/vnd.kubernetes.protobuf" }).end("k8s\0secret");
      });
      const answer = await ask(gateway, inProdApp);
      assert.equal(answer.status, 502);
      assert.doesNotMatch(answer.text, /k8s\0/);
      assert.match(messageOf(answer), /cannot be masked/);
    }));

  test("a client that takes no JSON gets 406, one that takes it as an alternative gets it", () =>
    gateways.withGateway(async (gateway) => {
      const protobuf = "application/vnd.kubernetes.protobuf";
      assert.equal((await ask(gateway, inProdApp, { headers: { accept: protobuf } })).status, 406);
      const answer = await ask(gateway, inProdApp, { headers: { accept: `${protobuf},application/json` } });
      assert.equal(answer.status, 200);
      assert.equal(gateways.api.received.at(-1)?.headers.accept, "application/json");
    }));

  test("several requests share a connection, and HEAD has no body", () =>
    gateways.withGateway(async ({ port, ca, token }) => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1, ca });
      const ports = new Set<number | undefined>();
      for (const method of ["GET", "HEAD", "GET"]) {
        const outgoing = request({ port, host: "127.0.0.1", path: inProdApp, method, agent });
        outgoing.setHeader("authorization", `Bearer ${token}`);
        outgoing.end();
        const [incoming] = await once(outgoing, "response");
        ports.add(outgoing.socket?.localPort);
        const body = await text(incoming);
        assert.equal(incoming.statusCode, 200);
        assert.equal(body === "", method === "HEAD");
      }
      agent.destroy();
      assert.equal(ports.size, 1);
    }));

  test("an API server that does not answer is a Status that names no address", async () => {
    await gateways.withGateway(
      async (gateway) => {
        const answer = await ask(gateway, inProdApp);
        assert.equal(answer.status, 503);
        assert.match(messageOf(answer), /does not answer/);
        assert.doesNotMatch(answer.text, /127\.0\.0\.1|ECONN/);
      },
      { settings: { server: "https://127.0.0.1:1" } },
    );
  });

  test("an API server with another name is not trusted", () =>
    gateways.withGateway(
      async (gateway) => {
        assert.equal((await ask(gateway, inProdApp)).status, 503);
      },
      { settings: { server_name: "api.prod.example" } },
    ));
});

describe("limits", () => {
  test("a body over the limit is refused before it is read whole", () =>
    gateways.withGateway(
      async (gateway) => {
        const path = "/api/v1/namespaces/prod-app/configmaps";
        const answer = await ask(gateway, path, { method: "POST", body: "x".repeat(2000) });
        assert.equal(answer.status, 413);
        const sent = gateways.api.received.length;
        const chunked = await ask(gateway, path, {
          method: "POST",
          body: "x".repeat(2000),
          headers: { "transfer-encoding": "chunked" },
        });
        assert.equal(chunked.status, 413);
        assert.equal(gateways.api.received.length, sent);
      },
      { settings: { body_limit: 1000 } },
    ));

  test("a compressed body is not judged and not sent", () =>
    gateways.withGateway(async (gateway) => {
      const answer = await ask(gateway, "/api/v1/namespaces/prod-app/configmaps", {
        method: "POST",
        body: "{}",
        headers: { "content-encoding": "gzip" },
      });
      assert.equal(answer.status, 400);
      assert.match(messageOf(answer), /compressed/);
    }));

  test("headers without end are cut off", () =>
    gateways.withGateway(async (gateway) => {
      const answer = await ask(gateway, inProdApp, { headers: { "x-long": "a".repeat(40_000) } }).catch(
        (error: unknown) => error,
      );
      assert.ok(answer instanceof Error || (typeof answer === "object" && answer !== null));
      if (!(answer instanceof Error)) assert.match(JSON.stringify(answer), /malformed-request|"status":4/);
    }));

  test("requests at once are counted over all connections, and each one that ends makes room", () =>
    gateways.withGateway(
      async (gateway) => {
        gateways.api.answer((_received, response) => {
          response.writeHead(200, { "content-type": "application/json" });
          response.flushHeaders();
        });
        const watch = await open(gateway, `${inProdApp}?watch=1`);
        const answer = await ask(gateway, inProdApp);
        assert.equal(answer.status, 429);
        assert.match(messageOf(answer), /requests under way/);
        watch.on("error", () => undefined);
        watch.destroy();
        gateways.api.answer((_received, response) => answerJson(response, 200, pods));
        for (let tries = 0; tries < 100; tries += 1)
          if ((await ask(gateway, inProdApp)).status === 200) return;
        assert.fail("the watch that ended still counts");
      },
      { settings: { requests_at_once: 1 } },
    ));

  test("an upgrade to anything but a stream is refused and on record", () =>
    gateways.withGateway(async (gateway) => {
      const answer = await ask(gateway, `${inProdApp}?watch=1`, {
        headers: {
          connection: "Upgrade",
          upgrade: "websocket",
          "sec-websocket-key": "x",
          "sec-websocket-version": "13",
        },
      });
      assert.equal(answer.status, 403);
      assert.match(messageOf(answer), /upgrade/);
    }));
});
