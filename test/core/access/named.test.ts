import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { compilePolicy } from "../../../src/core/access/cedar.ts";
import { noon, person } from "./people.ts";

const target = { name: "prod-k8s", protocol: "kubernetes", labels: {} };
const broad = `@id("broad") permit (principal, action, resource);`;
const named = `@id("named") permit (principal, action, resource)
  when { context.traits.contains("uses-secret") && context.namespace == "prod-app" };`;
const widgets = `@id("widgets") permit (principal, action, resource)
  when { context.traits.contains("custom:widgets.example.com") };`;

const never = `@id("never") permit (principal, action, resource) when { false };`;

suite("a trait that must be named", () => {
  const rows: readonly [string, string, readonly string[], string][] = [
    ["is no matter to what has none", broad, ["apply"], "broad"],
    ["is denied to a permit of everything", broad, ["apply", "uses-secret"], "must-be-named"],
    ["passes by the permit that names it", broad + named, ["uses-secret"], "named"],
    ["must each be named", broad + named, ["uses-secret", "custom:widgets.example.com"], "must-be-named"],
    ["passes for the resource that is named", broad + widgets, ["custom:widgets.example.com"], "widgets"],
    ["is not named by its beginning", broad + widgets, ["custom:widgets.example.com.evil"], "must-be-named"],
    ["asks nothing of what no permit would let pass", never, ["uses-secret"], "no-permit"],
  ];
  for (const [name, text, traits, rule] of rows)
    test(name, () => {
      const { policy } = compilePolicy([{ file: "p.cedar", text }], [target]);
      const verdict = policy?.judge({
        principal: person("alice", ["oncall"]),
        target,
        effect: "write",
        kind: "request",
        resources: ["prod-app/deployments.apps/web"],
        traits,
        attributes: { verb: "create", namespace: "prod-app" },
        approvedBy: [],
        now: noon,
      });
      assert.equal(verdict?.rule, rule);
      assert.equal(verdict.kind, rule === "must-be-named" || rule === "no-permit" ? "deny" : "allow");
    });
});
