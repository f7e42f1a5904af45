import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { classified } from "./requests.ts";

const line = "PATCH /apis/apps/v1/namespaces/a/deployments/x";
const container = "/spec/template/spec/containers/0";
const ruleOf = (body: unknown, target = line): string | undefined =>
  classified(target, { type: "application/json-patch+json", body }).refusal?.rule;

suite("a JSON patch", () => {
  test("tests only what no mask hides", () => {
    for (const [path, value] of [
      ["/metadata/resourceVersion", "1"],
      ["/metadata/labels/app", "web"],
      [`${container}/name`, "c"],
      [`${container}/image`, "app:1"],
      [`${container}/env/1/name`, "DB_PASSWORD"],
      ["/spec/replicas", 2],
    ])
      assert.equal(ruleOf([{ op: "test", path, value }]), undefined, String(path));
    for (const [path, value] of [
      [`${container}/env/1/value`, "guess"],
      [`${container}/ENV/1/VALUE`, "guess"],
      [`${container}/env/-1/value`, "guess"],
      [`${container}/env/1`, { name: "DB_PASSWORD", value: "guess" }],
      [`${container}/env`, []],
      [`${container}/args/0`, "guess"],
      ["/metadata/annotations/image", "guess"],
      ["/metadata/annotations", { a: "b" }],
      ["/spec/data/image", "guess"],
      ["/spec/password", "guess"],
      ["", {}],
    ])
      assert.equal(ruleOf([{ op: "test", path, value }]), "json-patch-test", String(path));
  });

  test("gives no variable another name, by which its value would be shown", () => {
    for (const op of ["replace", "add", "remove"])
      for (const path of [
        "env/1/name",
        "env/+1/name",
        "env/-1/name",
        "ENV/01/NAME",
        "env/1/n~061me",
        "args/0/name",
      ]) {
        const refused = ruleOf([{ op, path: `${container}/${path}`, value: "PLAIN" }]);
        assert.equal(refused, path.includes("~") ? undefined : "json-patch-rename", path);
      }
    const custom = "PATCH /apis/apps/v1/namespaces/a/daemonsets/x";
    assert.equal(
      ruleOf([{ op: "replace", path: "/spec/variables/3/name", value: "x" }], custom),
      "json-patch-rename",
    );
  });

  test("changes entries as a whole, and names of what holds no value", () => {
    for (const path of [
      `${container}/env/1`,
      `${container}/env/-`,
      `${container}/name`,
      "/spec/template/spec/imagePullSecrets/0/name",
    ])
      assert.equal(ruleOf([{ op: "replace", path, value: "x" }]), undefined, path);
  });
});
