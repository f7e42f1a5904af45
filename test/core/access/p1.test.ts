import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { GrantId, RequestId } from "../../../src/base/ids.ts";
import { compilePolicy } from "../../../src/core/access/cedar.ts";
import type { Effect } from "../../../src/core/session/operation.ts";
import { p1Grants, p1People, p1Policy } from "../../support/p1/p1.ts";
import { later, noon, person } from "./people.ts";

const target = { name: "prod-db", protocol: "postgres", labels: { env: "prod" } };
const { policy } = compilePolicy([p1Policy()], [target]);
const alice = person("alice", p1People.alice);

suite("policy P1", () => {
  const both = ["senior", "security"];
  const table: readonly [string, "ro" | "rw", Effect, readonly string[], readonly string[], string][] = [
    ["ro reads", "ro", "read", [], [], "allow"],
    ["ro writes nothing", "ro", "write", [], [], "deny"],
    ["ro runs nothing unknown", "ro", "unknown", ["do-block"], [], "deny"],
    ["ro gets no approval either", "ro", "admin", ["ddl"], both, "deny"],
    ["rw changes bounded rows", "rw", "write", [], [], "allow"],
    ["rw never all rows", "rw", "write", ["no-where"], both, "deny"],
    ["rw never unbounded rows", "rw", "write", ["unbounded"], both, "deny"],
    ["rw drops after approval only", "rw", "destroy", ["ddl"], [], "hold"],
    ["by two groups", "rw", "destroy", ["ddl"], ["senior"], "hold"],
    ["both of them", "rw", "destroy", ["ddl"], both, "allow"],
    ["COPY FROM is held", "rw", "write", ["copy-in"], [], "hold"],
    ["a function with side effects is held", "rw", "read", ["function-side-effect"], [], "hold"],
    ["what is not understood is held", "rw", "unknown", [], [], "hold"],
  ];
  for (const [name, held, effect, traits, approvedBy, kind] of table)
    test(name, () => {
      const grant = {
        id: "gra_AAAAAAAAAAAA" as GrantId,
        version: 1,
        state: "active",
        request: "req_AAAAAAAAAAAA" as RequestId,
        principal: alice,
        target: "prod-db",
        effects: p1Grants[held],
        reason: "x",
        breakGlass: false,
        approvedBy: ["bob"],
        slots: [{ group: "senior", people: 1 }],
        startsAt: noon,
        expiresAt: later(60_000),
      } as const;
      const question = { principal: alice, target, effect, traits, approvedBy, grant, now: noon };
      assert.equal(policy?.judge({ ...question, kind: "statement", resources: ["app.orders"] }).kind, kind);
    });

  test("gives grants that bob or dave can approve, and carol cannot", () => {
    const access = policy?.access(alice, target, p1Grants.rw, false, noon);
    assert.deepEqual(access?.kind === "needs-grant" && access.slots, [{ group: "senior", people: 1 }]);
  });
});
