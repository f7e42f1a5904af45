import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { forwarded } from "../../../src/protocols/kubernetes/headers.ts";

suite("the client's headers that are sent on", () => {
  test("are the few by which a client says what program it is", () => {
    const own = { "user-agent": "kubectl/v1.31", "kubectl-command": "kubectl get", "kubectl-session": "1-2" };
    const others = { authorization: "Bearer x", cookie: "a=b", "audit-id": "1", "x-remote-user": "admin" };
    assert.deepEqual(forwarded({ ...own, ...others, "impersonate-user": "admin" }), own);
  });

  test("hold no control characters, nothing beyond ASCII, no second value, and are not long", () => {
    for (const value of [
      "a\r\nImpersonate-User: b",
      "a\nb",
      "a\tb",
      "a\0b",
      "caf\u00e9",
      "x".repeat(1025),
      ["a", "b"],
    ])
      assert.deepEqual(forwarded({ "user-agent": value }), {}, JSON.stringify(value));
    assert.deepEqual(forwarded({ "user-agent": undefined }), {});
  });
});
