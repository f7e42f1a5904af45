import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { sha256 } from "../../src/base/bytes.ts";
import { newId, parseId, type SessionId } from "../../src/base/ids.ts";
import { packChunk } from "../../src/core/journal/chunk.ts";
import type { JournalEvent } from "../../src/core/journal/event.ts";
import { encodeFrame } from "../../src/core/journal/frame.ts";
import { opened } from "../bypass/api/support/scene.ts";
import { type Client, startTestGateway, type TestGateway } from "./support/gateway.ts";

let g: TestGateway;
let alice: Client;
before(async () => {
  g = await startTestGateway();
  alice = await g.person("alice", ["oncall"]);
});
after(() => g.stop());

const opening = (session: SessionId): JournalEvent => ({
  type: "session",
  session,
  person: "alice",
  target: "staging",
  protocol: "lines",
  reason: "",
  approvedBy: [],
  breakGlass: false,
  policyVersion: "",
});
const note: JournalEvent = { type: "note", text: "what the terminal showed" };
const end: JournalEvent = { type: "end", reason: "the command has ended", complete: true };

/** A part as the agent packs it. */
const part = async (first: number, ...events: JournalEvent[]): Promise<Buffer> => {
  const at = new Date();
  const frames = events.flatMap((event, place) => [...encodeFrame({ seq: first + place, at, event })]);
  return Buffer.from(await packChunk(Buffer.concat(frames)));
};
const send = async (
  who: Client,
  session: string,
  number: number | string,
  previous: string,
  bytes: Buffer,
) => {
  const body = { previous, bytes: bytes.toString("base64") };
  return await who.call("POST", `/v1/sessions/${session}/chunks/client/${number}`, { body });
};
const session = async (): Promise<SessionId> => {
  const id = parseId("ses", await opened(alice, "staging"));
  assert.ok(id);
  return id;
};
const endIt = async (id: string): Promise<void> => {
  assert.equal((await alice.call("POST", `/v1/sessions/${id}/end`, { body: {} })).status, 200);
};
const files = (id: string): readonly string[] =>
  readdirSync(join(g.folder, "state", "journals", id)).filter((name) => name.startsWith("client-"));

test("a client's parts are taken in order, answered again when they are sent again, and sealed by their end", async () => {
  const id = await session();
  const [first, second, other] = [await part(0, opening(id)), await part(1, note), await part(1, note, note)];
  assert.equal((await send(alice, id, 0, "", first)).status, 201);
  assert.equal((await send(alice, id, 1, sha256(first), second)).status, 201);
  assert.equal((await send(alice, id, 1, sha256(first), second)).status, 201, "the answer was lost");
  const changed = await send(alice, id, 1, sha256(first), other);
  assert.equal(changed.status, 409);
  assert.match(changed.text, /never replaced/);
  assert.equal((await send(alice, id, 3, sha256(second), await part(2, note))).status, 409, "a gap");
  assert.equal((await send(alice, id, 2, sha256(first), await part(2, note))).status, 409, "another chain");
  const last = await part(2, end);
  assert.equal((await send(alice, id, 2, sha256(second), last)).status, 201);
  const after = await send(alice, id, 3, sha256(last), await part(3, note));
  assert.equal(after.status, 409);
  assert.match(after.text, /sealed/);
  assert.equal(files(id).length, 3);
  const journal = await alice.call("GET", `/v1/sessions/${id}/journal?track=client`);
  const types = journal.text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).event.type);
  assert.deepEqual(types, ["session", "note", "end"]);
  const own = await alice.call("GET", `/v1/sessions/${id}/journal`);
  assert.doesNotMatch(own.text, /what the terminal showed/);
});

test("two uploads of one part at once leave one part", async () => {
  const id = await session();
  const [one, two] = [await part(0, opening(id)), await part(0, opening(id), note)];
  const sent = await Promise.all([send(alice, id, 0, "", one), send(alice, id, 0, "", two)]);
  assert.deepEqual(sent.map(({ status }) => status).sort(), [201, 409]);
  assert.equal(files(id).length, 1);
});

test("only the owner's client adds to a recording", async () => {
  const id = await session();
  const auditor = await g.person("aud", ["auditors"]);
  const stranger = await g.person("mallory", ["oncall"]);
  const bytes = await part(0, opening(id));
  assert.equal((await send(stranger, id, 0, "", bytes)).status, 404);
  assert.ok([403, 404].includes((await send(auditor, id, 0, "", bytes)).status));
  assert.deepEqual(files(id), []);
});

test("after the session a track that had begun is finished and marked late; one that had not is refused", async () => {
  const [begun, fresh] = [await session(), await session()];
  const first = await part(0, opening(begun));
  assert.equal((await send(alice, begun, 0, "", first)).status, 201);
  await Promise.all([endIt(begun), endIt(fresh)]);
  const late = await send(alice, begun, 1, sha256(first), await part(1, end));
  assert.equal(late.status, 201);
  assert.equal(JSON.parse(late.text).late, true);
  const refused = await send(alice, fresh, 0, "", await part(0, opening(fresh)));
  assert.equal(refused.status, 409);
  assert.match(refused.text, /sealed/);
  assert.deepEqual(files(fresh), []);
});

test("what is no honest part is refused and leaves nothing behind", async () => {
  const id = await session();
  const verdict: JournalEvent = {
    type: "verdict",
    operation: newId("op"),
    verdict: "allow",
    rule: "forged",
  };
  const bad: readonly Buffer[] = [
    Buffer.from("not zstd"),
    Buffer.alloc(0),
    await part(0, note),
    await part(1, opening(id)),
    await part(0, opening(newId("ses"))),
    await part(0, opening(id), verdict),
    await part(0, opening(id), end, note),
    await part(0, opening(id), opening(id)),
    Buffer.from(await packChunk(Buffer.concat([await part(0, opening(id)), Buffer.from("rest")]))),
    Buffer.from(await packChunk(Buffer.alloc(64 * 1024 * 1024))),
  ];
  for (const [at, bytes] of bad.entries()) {
    const answer = await send(alice, id, 0, "", bytes);
    assert.equal(answer.status, 400, `${at}: ${answer.text}`);
  }
  for (const number of ["-1", "1e3", "x", "0/../gateway/0", "9999999999"])
    assert.ok(
      [400, 404].includes((await send(alice, id, number, "", await part(0, opening(id)))).status),
      number,
    );
  assert.deepEqual(files(id), []);
});
