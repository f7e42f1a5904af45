import assert from "node:assert/strict";
import { createInterface, type Interface } from "node:readline";
import { IhcError } from "../../../src/base/errors.ts";
import type { TunnelEnd } from "../../../src/tunnel/tunnel.ts";
import type { Body, Client } from "./gateway.ts";

export async function review(who: Client, id: string, answer = "approve"): Promise<Body> {
  const shown = (await who.call("GET", `/v1/requests/${id}`)).body;
  const done = await who.call("POST", `/v1/requests/${id}/reviews`, {
    version: Number(shown["version"]),
    body: { answer, digest: shown["digest"] },
  });
  assert.equal(done.status, 200, done.text);
  return done.body;
}

export async function opened(who: Client, target = "prod"): Promise<string> {
  const answer = await who.call("POST", "/v1/sessions", { body: { target, reason: "look" } });
  assert.equal(answer.status, 201, answer.text);
  return sessionId(answer.body);
}

export function sessionId(body: Body): string {
  const { session } = body;
  assert.ok(typeof session === "object" && session !== null && "id" in session);
  return String(session.id);
}

export class Lines {
  readonly end: TunnelEnd;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;
  constructor(end: TunnelEnd) {
    this.end = end;
    end.stream.on("error", () => end.stream.destroy());
    this.#reader = createInterface({ input: end.stream });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }
  send(line: string): void {
    this.end.stream.write(`${line}\n`);
  }
  async next(): Promise<string> {
    const step = await this.#lines.next();
    return step.done === true ? "(over)" : step.value;
  }
  async ask(line: string): Promise<string> {
    this.send(line);
    return this.next();
  }
}

export async function connected(who: Client, session: string): Promise<Lines> {
  return new Lines(await who.tunnel(session));
}

export function refusedWith(code: string) {
  return (error: unknown) => error instanceof IhcError && error.code === code;
}
