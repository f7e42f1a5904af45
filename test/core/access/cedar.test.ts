import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { GrantId, RequestId } from "../../../src/base/ids.ts";
import { compilePolicy } from "../../../src/core/access/cedar.ts";
import type { Grant } from "../../../src/core/access/grant.ts";
import type { Policy, Question } from "../../../src/core/access/policy.ts";
import type { Effect } from "../../../src/core/session/operation.ts";
import { labDb, later, noon, person, prodDb } from "./people.ts";

const ana = person("ana", ["oncall", "sre"]);
const eve = person("eve", ["sales"]);
const hour = 3_600_000;

const text = `
// who may look at the lab
@id("lab-is-free")
permit (principal in Group::"oncall", action in [Action::"read", Action::"write"], resource)
when { resource.labels.env == "lab" };

@id("responders") @grant("sre-leads") @max("4h")
permit (principal in Group::"oncall", action in [Action::"read", Action::"write", Action::"destroy"], resource)
when { resource.labels.env == "prod" };

@id("admins") @grant("sre-leads:2, security") @max("1h")
permit (principal in Group::"sre", action == Action::"admin", resource);

@id("emergency") @break_glass @grant("sre-leads") @max("30m")
permit (principal in Group::"oncall", action, resource);

@id("writes-need-a-second-person") @approve("sre-leads") @within("30m")
forbid (principal, action == Action::"write", resource)
when { resource.labels.env == "prod" }
unless { context.approvedBy.contains("sre-leads") || context.breakGlass };

@id("pii-needs-security") @approve("security:2") @within("10m") @reason("salaries are for security to show")
forbid (principal, action, resource)
when { context.tables.contains("hr.salaries") }
unless { context.approvedBy.contains("security") };

@id("no-unbounded-delete") @reason("DELETE without WHERE")
forbid (principal, action, resource) when { context.traits.contains("no-where") } unless { context.breakGlass };

@id("no-agents-at-night") @reason("nobody watches") @hint("wait for the morning")
forbid (principal, action, resource) when { context.via != "" && (context.hour < 6 || context.hour >= 22) };
`;

const policy = compiled(text);

function compiled(source: string): Policy {
  const result = compilePolicy([{ file: "p.cedar", text: source }], [prodDb, labDb]);
  assert.deepEqual(result.issues, undefined);
  assert.ok(result.policy);
  return result.policy;
}

function grant(effects: readonly Effect[], more: Partial<Grant> = {}): Grant {
  return {
    id: "gra_AAAAAAAAAAAA" as GrantId,
    version: 1,
    state: "active",
    request: "req_AAAAAAAAAAAA" as RequestId,
    principal: ana,
    target: "prod-db",
    effects,
    reason: "because",
    breakGlass: false,
    approvedBy: ["lee"],
    slots: [{ group: "sre-leads", people: 1 }],
    startsAt: noon,
    expiresAt: later(hour),
    ...more,
  };
}

function ask(effect: Effect, more: Partial<Question> = {}): Question {
  return {
    principal: ana,
    target: prodDb,
    effect,
    kind: "statement",
    resources: ["public.orders"],
    traits: [],
    approvedBy: [],
    now: noon,
    ...more,
  };
}

const all: readonly Effect[] = ["read", "write", "destroy", "admin", "unknown"];
const full = grant(all);
const glass = grant(all, { breakGlass: true, approvedBy: [], slots: [] });
const claude = { via: { name: "claude-code", version: "2.1" } };

suite("the truth table of verdicts", () => {
  const table: readonly [string, Question, string, string][] = [
    ["a free permit needs no grant", ask("read", { target: labDb }), "allow", "lab-is-free"],
    ["a stranger gets nothing", ask("read", { principal: eve, target: labDb }), "deny", "no-permit"],
    ["an effect that no permit names", ask("destroy", { target: labDb }), "deny", "no-permit"],
    ["a permit with @grant denies without one", ask("read"), "deny", "responders"],
    ["and allows under one", ask("read", { grant: full }), "allow", "responders"],
    ["but not for an effect it lacks", ask("destroy", { grant: grant(["read"]) }), "deny", "responders"],
    [
      "not for another target",
      ask("read", { grant: grant(all, { target: "lab-db" }) }),
      "deny",
      "responders",
    ],
    ["not for another person", ask("read", { grant: grant(all, { principal: eve }) }), "deny", "responders"],
    ["not when revoked", ask("read", { grant: grant(all, { state: "revoked" }) }), "deny", "responders"],
    ["not when its time is up", ask("read", { grant: full, now: later(hour) }), "deny", "responders"],
    ["not with fewer reviews than asked", ask("admin", { grant: full }), "deny", "admins"],
    [
      "a forbid that approval lifts holds",
      ask("write", { grant: full }),
      "hold",
      "writes-need-a-second-person",
    ],
    ["it holds nothing that no permit covers", ask("write"), "deny", "responders"],
    ["approval lifts it", ask("write", { grant: full, approvedBy: ["sre-leads"] }), "allow", "responders"],
    [
      "another group's does not",
      ask("write", { grant: full, approvedBy: ["security"] }),
      "hold",
      "writes-need-a-second-person",
    ],
    [
      "it counts for worse effects too",
      ask("destroy", { grant: full }),
      "hold",
      "writes-need-a-second-person",
    ],
    [
      "a final forbid wins over all",
      ask("write", { grant: full, traits: ["no-where"], approvedBy: ["sre-leads"] }),
      "deny",
      "no-unbounded-delete",
    ],
    [
      "break-glass lifts what says so",
      ask("write", { grant: glass, traits: ["no-where"] }),
      "allow",
      "emergency",
    ],
    [
      "and nothing else",
      ask("read", { grant: glass, resources: ["hr.salaries"] }),
      "hold",
      "pii-needs-security",
    ],
    [
      "a break-glass grant fills no reviews",
      ask("read", { grant: grant(["read"], { breakGlass: true, slots: [] }), principal: ana }),
      "allow",
      "emergency",
    ],
    [
      "an agent may not use a person's grant",
      ask("read", { grant: full, principal: { ...ana, ...claude } }),
      "deny",
      "responders",
    ],
    [
      "an agent uses its own",
      ask("read", {
        grant: grant(all, { principal: { ...ana, ...claude } }),
        principal: { ...ana, ...claude },
      }),
      "allow",
      "responders",
    ],
    [
      "time of day counts",
      ask("read", { target: labDb, principal: { ...ana, ...claude }, now: new Date("2026-11-23T03:00:00Z") }),
      "deny",
      "no-agents-at-night",
    ],
    [
      "an unknown effect needs a permit that names it",
      ask("unknown", { target: labDb }),
      "deny",
      "no-permit",
    ],
  ];
  for (const [name, question, kind, rule] of table)
    test(name, () => {
      const verdict = policy.judge(question);
      assert.deepEqual([verdict.kind, verdict.rule], [kind, rule]);
    });
});

suite("access before there is an operation", () => {
  test("asks for the reviews of the least demanding permit and gives what they cover", () => {
    assert.deepEqual(policy.access(ana, prodDb, undefined, false, noon), {
      kind: "needs-grant",
      rule: "responders",
      slots: [{ group: "sre-leads", people: 1 }],
      effects: ["read", "write", "destroy"],
      longest: 4 * hour,
    });
  });

  test("asks for nothing where a permit is free", () => {
    const decision = policy.access(ana, labDb, undefined, false, noon);
    assert.deepEqual(decision, { kind: "allow", rule: "lab-is-free", effects: ["read", "write"] });
  });

  test("gives admin only when it is asked for by name, with its own reviews", () => {
    assert.deepEqual(policy.access(ana, prodDb, ["read", "admin"], false, noon), {
      kind: "needs-grant",
      rule: "responders",
      slots: [
        { group: "sre-leads", people: 2 },
        { group: "security", people: 1 },
      ],
      effects: ["read", "admin"],
      longest: hour,
    });
  });

  test("denies all when one effect asked for cannot be had", () => {
    const decision = policy.access(ana, labDb, ["read", "unknown"], false, noon);
    assert.deepEqual([decision.kind, decision.rule], ["deny", "no-permit"]);
  });

  test("denies a stranger, and an agent at night", () => {
    assert.equal(policy.access(eve, prodDb, undefined, false, noon).rule, "no-permit");
    const night = new Date("2026-11-23T23:00:00Z");
    assert.equal(
      policy.access({ ...ana, ...claude }, labDb, undefined, false, night).rule,
      "no-agents-at-night",
    );
  });

  test("gives break-glass only by a permit that says so, naming who must review it afterwards", () => {
    assert.deepEqual(policy.access(ana, prodDb, ["read"], true, noon), {
      kind: "needs-grant",
      rule: "emergency",
      slots: [{ group: "sre-leads", people: 1 }],
      effects: ["read"],
      longest: hour / 2,
    });
    assert.equal(policy.access(eve, prodDb, ["read"], true, noon).rule, "no-break-glass");
  });

  test("knows the time", () => {
    const past = compiled(`@id("until-2020") permit (principal, action == Action::"read", resource)
      when { context.time < datetime("2020-01-01") };`);
    assert.equal(past.access(ana, labDb, undefined, false, noon).rule, "no-permit");
    assert.equal(past.judge(ask("read")).rule, "no-permit");
    const now = compiled(`@id("from-2020") permit (principal, action == Action::"read", resource)
      when { context.time >= datetime("2020-01-01") };`);
    assert.equal(now.access(ana, labDb, undefined, false, noon).rule, "from-2020");
    assert.equal(now.judge(ask("read")).rule, "from-2020");
  });

  test("asks for the incident only once it is known whether there is one", () => {
    const strict = compiled(`@id("all") permit (principal, action == Action::"read", resource);
      @id("incident") forbid (principal, action, resource) when { context.incident == "" };`);
    assert.equal(strict.access(ana, labDb, undefined, false, noon).kind, "allow");
    assert.equal(strict.access(ana, labDb, undefined, false, noon, "").rule, "incident");
    assert.equal(strict.access(ana, labDb, undefined, false, noon, "INC-1").kind, "allow");
  });

  test("counts a permit that depends on the operation as possible", () => {
    const narrow = compiled(`@id("orders") @grant("dba")
      permit (principal, action == Action::"read", resource) when { context.tables.contains("public.orders") };`);
    const decision = narrow.access(eve, prodDb, undefined, false, noon);
    assert.deepEqual([decision.kind, decision.rule], ["needs-grant", "orders"]);
  });
});

suite("what a policy cannot do", () => {
  test("no policy allows nothing", () => {
    const empty = compilePolicy([], [prodDb]).policy;
    assert.equal(empty?.judge(ask("read")).kind, "deny");
    assert.equal(empty?.access(ana, prodDb, undefined, false, noon).kind, "deny");
  });

  test("a forbid that fails on a question denies it", () => {
    const overflow = compiled(`@id("all") permit (principal, action, resource);
      @id("sum") forbid (principal, action, resource) when { context.hour + 9223372036854775800 > 0 };`);
    const verdict = overflow.judge(ask("read"));
    assert.deepEqual([verdict.kind, verdict.rule], ["deny", "sum"]);
  });

  test("a permit that fails on a question does not count", () => {
    const overflow = compiled(`@id("sum")
      permit (principal, action, resource) when { context.hour + 9223372036854775800 > 0 };`);
    assert.equal(overflow.judge(ask("read")).rule, "no-permit");
  });

  test("several holds ask all their groups, and the shortest time counts", () => {
    const verdict = policy.judge(ask("write", { grant: full, resources: ["hr.salaries"] }));
    assert.ok(verdict.kind === "hold");
    assert.deepEqual(verdict.slots, [
      { group: "sre-leads", people: 1 },
      { group: "security", people: 2 },
    ]);
    assert.equal(verdict.within, 600_000);
  });

  test("explain names every policy that had a say, with its place", () => {
    const { verdict, reasons } = policy.explain(ask("write", { grant: full, traits: ["no-where"] }));
    assert.equal(verdict.kind === "deny" && verdict.reason, "DELETE without WHERE");
    assert.deepEqual(
      reasons.map(({ id, file, effect }) => [id, file, effect]),
      [
        ["writes-need-a-second-person", "p.cedar", "forbid"],
        ["no-unbounded-delete", "p.cedar", "forbid"],
        ["responders", "p.cedar", "permit"],
        ["emergency", "p.cedar", "permit"],
      ],
    );
    assert.equal(reasons[1]?.line, 27);
  });
});
