import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { clusterDiscovery } from "../../../src/protocols/kubernetes/discovery.ts";
import { parseRequest } from "../../../src/protocols/kubernetes/wire/request-info.ts";
import { classified } from "./requests.ts";

const widgets = "/apis/example.com/v1/namespaces/a/widgets";
const document = {
  kind: "APIResourceList",
  groupVersion: "example.com/v1",
  resources: [
    { name: "widgets", namespaced: true, kind: "Widget", verbs: ["get"] },
    { name: "widgets/status", namespaced: true, kind: "Widget", verbs: ["get"] },
    { name: "planets", namespaced: false, kind: "Planet", verbs: ["get"] },
    { name: 7, namespaced: true },
  ],
};

function cluster(answer: (path: string) => unknown = () => document) {
  const asked: string[] = [];
  const time = { now: 1_000_000 };
  const read = async (path: string): Promise<unknown> => {
    asked.push(path);
    return answer(path);
  };
  const clock = { now: () => new Date(time.now), monotonic: () => time.now };
  const discovery = clusterDiscovery(read, clock);
  const judge = async (line: string) => {
    const [method = "", target = ""] = line.split(" ");
    return classified(line, { discovery: await discovery.of(parseRequest(method, target)) });
  };
  return { asked, time, judge };
}

suite("discovery", () => {
  test("asks nothing for what Kubernetes itself has", async () => {
    const { asked, judge } = cluster();
    assert.equal((await judge("GET /api/v1/namespaces/a/pods/x/log")).refusal, undefined);
    assert.equal((await judge("GET /apis")).refusal, undefined);
    assert.deepEqual(asked, []);
  });

  test("lets a custom resource pass to policy, which must name it", async () => {
    const { asked, judge } = cluster();
    const list = await judge(`GET ${widgets}`);
    assert.equal(list.refusal, undefined);
    assert.deepEqual(list.traits, ["custom:widgets.example.com"]);
    const status = await judge(`GET ${widgets}/x/status`);
    assert.ok(status.traits.includes("custom:widgets/status.example.com"));
    assert.equal((await judge("GET /apis/example.com/v1/planets/x")).refusal, undefined);
    assert.deepEqual(asked, ["/apis/example.com/v1"]);
  });

  test("refuses resources, subresources and versions that the cluster does not have", async () => {
    const { judge } = cluster((path) => (path === "/apis/example.com/v1" ? document : undefined));
    for (const path of [
      `${widgets}/x/proxyish`,
      "/apis/example.com/v2/widgets",
      "/apis/example.com/v1/moons",
    ])
      assert.equal((await judge(`GET ${path}`)).refusal?.rule, "unknown-resource", path);
    assert.equal((await judge("GET /api/v1/namespaces/a/pods/x/shell")).refusal?.rule, "unknown-resource");
  });

  test("refuses where the cluster gives no answer that can be read, and asks again soon", async () => {
    let answer: () => unknown = () => Promise.reject(new Error("down"));
    const { asked, time, judge } = cluster(() => answer());
    const rule = async () => (await judge(`GET ${widgets}`)).refusal?.rule;
    assert.equal(await rule(), "unknown-resource");
    for (const odd of [null, 7, [], { resources: 1 }, { resources: [null, "x", { name: "widgets" }] }]) {
      answer = () => odd;
      time.now += 6000;
      assert.equal(await rule(), "unknown-resource");
    }
    answer = () => document;
    assert.equal(await rule(), "unknown-resource");
    time.now += 6000;
    assert.equal(await rule(), undefined);
    assert.equal(asked.length, 7);
  });

  test("remembers for a minute", async () => {
    const { asked, time, judge } = cluster();
    await judge(`GET ${widgets}`);
    time.now += 59_000;
    await judge(`GET ${widgets}`);
    assert.equal(asked.length, 1);
    time.now += 2000;
    await judge(`GET ${widgets}`);
    assert.equal(asked.length, 2);
  });

  test("asks once for requests that come together", async () => {
    const { asked, judge } = cluster();
    await Promise.all([judge(`GET ${widgets}`), judge(`GET ${widgets}/x`), judge(`DELETE ${widgets}/x`)]);
    assert.equal(asked.length, 1);
  });
});
