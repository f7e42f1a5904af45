import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { forwarded, impersonation } from "../../../src/protocols/kubernetes/headers.ts";
import { parseSettings } from "../../../src/protocols/kubernetes/settings.ts";

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

suite("who the cluster is told is asking", () => {
  const told = (name: string, groups: readonly string[], more: object = {}) => {
    const server = { server: "https://10.0.0.1", credential: { token: "env:T" } };
    return impersonation({ name, groups }, parseSettings({ ...server, ...more }), { session: "ses_1" });
  };
  const refused = { code: "denied", rule: "reserved-identity" };

  test("is the person by name and prefix, and each of their groups, mapped or with its prefix, once", () => {
    const settings = { user_prefix: "ihc:", group_prefix: "idp:", groups: { sre: "cluster-sre" } };
    assert.deepEqual(told("ana@acme.io", ["oncall", "sre", "oncall"], settings), {
      "Impersonate-User": "ihc:ana@acme.io",
      "Impersonate-Group": ["idp:oncall", "cluster-sre"],
      "Impersonate-Extra-ihc-session": "ses_1",
    });
  });

  test("is nobody whom Kubernetes keeps for itself, whatever prefix or mapping there is", () => {
    const lenient = { user_prefix: "ihc:", groups: { toString: "a" } };
    for (const name of ["system:masters", " system:masters", "\tSystem:masters", "SYSTEM:NODES", "system:"]) {
      assert.throws(() => told(name, []), refused, name);
      assert.throws(() => told(name, [], lenient), refused, name);
      assert.throws(() => told("ana", [name], lenient), refused, name);
    }
  });

  test("is nobody of Kubernetes' own by joining a prefix and a claim", () => {
    assert.throws(() => told(":masters", [], { user_prefix: "system" }), refused);
    assert.throws(() => told("ana", [":masters"], { group_prefix: "system" }), refused);
    assert.throws(() => told("ana", ["em:masters"], { group_prefix: "syst" }), refused);
  });

  test("is no name that the server would trim, or that a reader could take for another", () => {
    for (const name of [
      "ana ",
      "ana\u00a0",
      "a\r\nImpersonate-Group: b",
      "a\0",
      "a\u0085",
      "a\u200bna",
      "\u202eana",
      "a\ud800",
      "",
    ]) {
      assert.throws(() => told(name, []), { code: "denied", rule: "impersonation" }, JSON.stringify(name));
      if (name !== "")
        assert.throws(() => told("ana", [name]), { rule: "impersonation" }, JSON.stringify(name));
    }
  });

  test("has no group by a name that every object has", () => {
    assert.deepEqual(told("ana", ["toString", "__proto__"])["Impersonate-Group"], [
      "ihc:toString",
      "ihc:__proto__",
    ]);
  });

  test("has only the named groups where the others are left out, and is refused for one of Kubernetes' own all the same", () => {
    const settings = { groups: { sre: "cluster-sre" }, other_groups: "leave_out" };
    assert.deepEqual(told("ana", ["oncall", "sre", "every one "], settings)["Impersonate-Group"], [
      "cluster-sre",
    ]);
    assert.equal(told("ana", ["oncall"], settings)["Impersonate-Group"], undefined);
    assert.throws(() => told("ana", ["oncall", "system:masters"], settings), refused);
  });

  test("is one of the people whom the settings name, where they name any", () => {
    const settings = { user_prefix: "ihc:", users: ["ana@acme.io"] };
    assert.equal(told("ana@acme.io", [], settings)["Impersonate-User"], "ihc:ana@acme.io");
    for (const name of ["lee@acme.io", "ANA@acme.io", "ana@acme.io ", ""])
      assert.throws(() => told(name, [], settings), { code: "denied", rule: "impersonation" });
  });
});
