import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compileMasks } from "../../../src/core/masking/compile.ts";
import { ownStatus, readExecStatus } from "../../../src/protocols/kubernetes/exec-status.ts";

const masks = compileMasks(
  { rules: [{ detect: ["email"], how: "redact" }], mode: "strict" },
  Buffer.alloc(32),
);
const read = (value: unknown) => readExecStatus(Buffer.from(JSON.stringify(value)), masks);
const sent = (value: unknown): unknown => JSON.parse(Buffer.from(read(value)?.bytes ?? []).toString("utf8"));

describe("the end of a command", () => {
  it("has exit code 0 for a success and the one of its cause for a failure", () => {
    assert.equal(read({ metadata: {}, status: "Success" })?.exitCode, 0);
    const failure = {
      metadata: {},
      status: "Failure",
      message: "command terminated with exit code 3",
      reason: "NonZeroExitCode",
      details: { causes: [{ reason: "ExitCode", message: "3" }] },
    };
    assert.equal(read(failure)?.exitCode, 3);
    assert.equal(read(failure)?.text, "exit 3");
    assert.deepEqual(sent(failure), failure);
  });

  it("has no exit code when the command was not started", () => {
    const failed = read({
      status: "Failure",
      reason: "InternalError",
      message: "no such program",
      code: 500,
    });
    assert.equal(failed?.exitCode, undefined);
    assert.equal(failed?.text, "failed: InternalError");
    const odd = { status: "Failure", details: { causes: [{ reason: "ExitCode", message: "3; rm" }] } };
    assert.equal(read(odd)?.exitCode, undefined);
  });

  it("reaches the client masked, in the fields that a Status of an exec has", () => {
    const message = 'exec failed: "echo alice@example.com": not found';
    const given = {
      status: "Failure",
      message,
      details: { causes: [{ reason: "x", message: "bob@example.com" }], other: "carol@example.com" },
      extra: "dave@example.com",
    };
    const text = JSON.stringify(sent(given));
    assert.doesNotMatch(text, /example/);
    assert.match(text, /exec failed/);
  });

  it("is not known before all of it has come, and never from what is no Status", () => {
    const whole = Buffer.from(JSON.stringify({ metadata: {}, status: "Success" }));
    for (let cut = 0; cut < whole.length; cut++)
      assert.equal(readExecStatus(whole.subarray(0, cut), masks), undefined);
    for (const value of [null, 1, "Success", [], {}, { status: "success" }])
      assert.equal(read(value), undefined);
  });

  it("can be the gateway's own", () => {
    const status = readExecStatus(ownStatus("ihc: alice@example.com", masks), masks);
    assert.equal(status?.exitCode, undefined);
    assert.doesNotMatch(Buffer.from(status?.bytes ?? []).toString(), /example/);
  });
});
