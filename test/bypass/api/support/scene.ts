import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { createInterface, type Interface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import type { TunnelEnd } from "../../../../src/tunnel/tunnel.ts";
import type { Answer, Body, Client, TestGateway } from "../../../gateway/support/gateway.ts";

/** Files a request for a grant and returns its id. */
export async function filed(
  who: Client,
  target = "prod",
  more: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const answer = await who.call("POST", "/v1/requests", { body: { target, reason: "INC-1", ...more } });
  assert.equal(answer.status, 201, answer.text);
  return String(answer.body["id"]);
}

/** Reviews what is shown now. */
export async function reviews(who: Client, request: string, answer = "approve"): Promise<Answer> {
  const shown = (await who.call("GET", `/v1/requests/${request}`)).body;
  return who.call("POST", `/v1/requests/${request}/reviews`, {
    version: Number(shown["version"]),
    body: { answer, digest: shown["digest"] },
  });
}

/** A grant for `who`, approved by `reviewer`; returns its id. */
export async function granted(
  who: Client,
  reviewer: Client,
  target = "prod",
  more: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const reviewed = await reviews(reviewer, await filed(who, target, more));
  assert.equal(reviewed.status, 200, reviewed.text);
  return String(reviewed.body["grant"]);
}

export async function opened(who: Client, target: string, grant?: string): Promise<string> {
  const body = { target, reason: "look", ...(grant === undefined ? {} : { grant }) };
  const answer = await who.call("POST", "/v1/sessions", { body });
  assert.equal(answer.status, 201, answer.text);
  return sessionId(answer.body);
}

export function sessionId({ session }: Body): string {
  assert.ok(typeof session === "object" && session !== null && "id" in session);
  return String(session.id);
}

/** One connection of the toy protocol. */
export interface Lines {
  readonly end: TunnelEnd;
  ask(line: string): Promise<string>;
  next(): Promise<string>;
}

export async function connected(who: Client, session: string): Promise<Lines> {
  const end = await who.tunnel(session);
  end.stream.on("error", () => end.stream.destroy());
  const reader: Interface = createInterface({ input: end.stream });
  const lines = reader[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const step = await lines.next();
    return step.done === true ? "(over)" : step.value;
  };
  return {
    end,
    next,
    ask: (line) => {
      end.stream.write(`${line}\n`);
      return next();
    },
  };
}

/** Sends bytes that fetch would not and returns all that comes back; HOST stands for the gateway's address. */
export async function rawRequest(g: Pick<TestGateway, "url">, head: string, body = ""): Promise<string> {
  const { host, port } = new URL(g.url);
  const socket = connect(Number(port), "127.0.0.1");
  await once(socket, "connect");
  let answer = "";
  socket.on("data", (bytes) => {
    answer += bytes.toString("latin1");
  });
  // A refusal may come, and the connection go, before all of the body is sent.
  socket.on("error", () => socket.destroy());
  socket.setTimeout(5000, () => socket.destroy());
  socket.write(`${head.replaceAll("HOST", host)}Connection: close\r\n\r\n${body}`);
  if (!socket.closed) await new Promise((resolve) => socket.once("close", resolve));
  return answer;
}

export const upgradeLines =
  "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/** Sends an upgrade by hand and returns the answer's head, with the socket if it was taken. */
export function upgraded(
  g: Pick<TestGateway, "url">,
  head: string,
): Promise<{ answer: string; socket: Socket }> {
  const { host, port } = new URL(g.url);
  const socket = connect(Number(port), "127.0.0.1");
  socket.on("error", () => socket.destroy());
  socket.write(`${head.replaceAll("HOST", host)}\r\n`);
  return new Promise((resolve, reject) => {
    let answer = "";
    const deadline = setTimeout(() => reject(new Error("no answer to the upgrade")), 5000);
    socket.on("data", (bytes) => {
      answer += bytes.toString("latin1");
      if (!answer.includes("\r\n\r\n")) return;
      clearTimeout(deadline);
      resolve({ answer, socket });
    });
  });
}

/** The caller's Authorization and DPoP headers as raw header lines. */
export async function rawHeaders(g: TestGateway, who: Client, method: string, path: string): Promise<string> {
  const sent = await who.headers(method, `${g.url}${path}`);
  return Object.entries(sent)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("");
}

export interface Entry {
  readonly kind: string;
  readonly actor: string;
  readonly index: number;
  readonly at: string;
  readonly detail: { readonly [key: string]: unknown };
}

/** The audit log as an auditor reads it. */
export async function entries(auditor: Client): Promise<readonly Entry[]> {
  const found: Entry[] = [];
  for (;;) {
    const { leaves, size } = (await auditor.call("GET", `/v1/audit/entries?from=${found.length}`)).body;
    assert.ok(Array.isArray(leaves));
    found.push(...leaves.map((leaf): Entry => JSON.parse(String(leaf))));
    if (leaves.length === 0 || found.length >= Number(size)) return found;
  }
}

/** Waits until it is so, at most ten seconds unless told otherwise. */
export async function until(condition: () => Promise<boolean> | boolean, ms = 10_000): Promise<void> {
  const deadline = performance.now() + ms;
  while (!(await condition())) {
    assert.ok(performance.now() < deadline, "it did not come to pass");
    await sleep(20);
  }
}
