import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { stringify } from "yaml";
import { systemClock } from "../../src/base/clock.ts";
import { newId } from "../../src/base/ids.ts";
import { compilePolicy } from "../../src/core/access/cedar.ts";
import { type Grant, revokeGrant } from "../../src/core/access/grant.ts";
import { auditWatch } from "../../src/gateway/audit-watch.ts";
import { cancelRegistry } from "../../src/gateway/cancels.ts";
import { parseConfig } from "../../src/gateway/config.ts";
import type { InForce } from "../../src/gateway/in-force.ts";
import { LiveSessions } from "../../src/gateway/live-sessions.ts";
import { openLog } from "../../src/gateway/log.ts";
import { notifier } from "../../src/gateway/notify.ts";
import { createParser } from "../../src/gateway/parser.ts";
import { openRoster } from "../../src/gateway/roster.ts";
import { inForceOf } from "../../src/gateway/serve-targets.ts";
import { openJournals } from "../../src/storage/journals.ts";
import { type OpenStore, openStore } from "../../src/storage/open.ts";
import { person } from "../core/access/people.ts";
import { lines } from "./support/lines.ts";

const timeout = 20_000;
const ana = person("ana", ["oncall"]);
const who = { principal: ana, tokenExpiresAt: new Date(0), tokenIssuedAt: new Date(0) };
const allowed = '@id("reads") permit (principal, action == Action::"read", resource);';
const granted = `@grant("leads") ${allowed}`;

test("a grant that is revoked while its session is being opened opens none", { timeout }, async (t) => {
  const { live, store } = await setUp(t, granted, async ({ store: own }) => {
    const [grant] = await own.grants.list({});
    assert.ok(grant);
    await own.grants.replace(revokeGrant(grant, "lee", new Date()));
  });
  const grant = await activeGrant(store);
  await assert.rejects(live.open(who, { target: "toy", grant: grant.id }), /revoked by lee/);
  assert.equal(live.size, 0);
  const [session] = await store.sessions.list({});
  assert.equal(session?.state, "ended");
});

test("a policy that closes the target while a session is being opened opens none", { timeout }, async (t) => {
  const { live } = await setUp(t, allowed, async ({ apply }) => apply(""));
  await assert.rejects(live.open(who, { target: "toy" }), /policy does not allow it any more/);
  assert.equal(live.size, 0);
});

interface Meanwhile {
  readonly store: OpenStore;
  readonly apply: (policy: string) => void;
}

/** Live sessions over a real store and real journals; `meanwhile` happens between the check and the journal's first event. */
async function setUp(t: TestContext, policy: string, meanwhile: (parts: Meanwhile) => Promise<void>) {
  const folder = await mkdtemp(join(tmpdir(), "ihc-opening-"));
  const store = await openStore({ sqlite: join(folder, "state") });
  const journals = await openJournals({
    folder: join(folder, "journals"),
    store,
    clock: systemClock,
    freeSpaceFloor: 1,
  });
  const parser = createParser();
  t.after(async () => {
    await parser.close();
    journals.close();
    await store.close();
    await rm(folder, { recursive: true, force: true });
  });
  let inForce = served(folder, policy);
  const live = new LiveSessions({
    records: {
      store,
      clock: systemClock,
      notify: notifier(),
      roster: openRoster(),
      shown: () => ({ text: "", parameters: [] }),
      masked: (_target, text) => text,
    },
    current: () => inForce,
    parser,
    cancels: cancelRegistry(),
    secret: async () => "",
    log: openLog(undefined, "silent"),
    limits: { sessionsPerPerson: 5, connectionsPerSession: 5 },
    audit: auditWatch({ problem: () => undefined }, systemClock),
    openJournal: async (session) => {
      const apply = (text: string): void => {
        inForce = served(folder, text);
        live.sweep();
      };
      await meanwhile({ store, apply });
      return journals.open(session);
    },
  });
  return { live, store };
}

function served(folder: string, text: string): InForce {
  const issuer = { url: "https://login.test", client_id: "ihc", audience: "https://ihc.test" };
  const yaml = stringify({ issuer, targets: { toy: { lines: {} } } });
  const { config, issues } = parseConfig(join(folder, "ihc.yaml"), yaml, { protocols: [lines] });
  assert.deepEqual(issues, undefined);
  assert.ok(config);
  const compiled = compilePolicy(
    [{ file: "p.cedar", text }],
    config.targets.map(({ target }) => target),
  );
  assert.ok(compiled.policy, JSON.stringify(compiled.issues));
  return inForceOf(config, compiled.policy, [lines], Buffer.alloc(32));
}

async function activeGrant(store: OpenStore): Promise<Grant> {
  const now = Date.now();
  const grant: Grant = {
    id: newId("gra"),
    version: 1,
    state: "active",
    request: newId("req"),
    principal: ana,
    target: "toy",
    effects: ["read"],
    reason: "r",
    breakGlass: false,
    approvedBy: ["lee"],
    slots: [{ group: "leads", people: 1 }],
    startsAt: new Date(now - 1000),
    expiresAt: new Date(now + 60_000),
  };
  await store.grants.insert(grant);
  return grant;
}
