import assert from "node:assert/strict";
import { test } from "node:test";
import { isDigest, sha256 } from "../../src/base/bytes.ts";

test("a digest is sha256 in its one spelling", () => {
  const empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  assert.equal(sha256(""), empty);
  assert.equal(sha256(new Uint8Array()), empty);
  assert.equal(sha256("ü"), sha256(Buffer.from("ü")));
  assert.ok(isDigest(empty));
  for (const text of [
    "",
    empty.slice(7),
    empty.toUpperCase(),
    `${empty}0`,
    empty.slice(0, -1),
    `${empty}\n`,
    ` ${empty}`,
  ])
    assert.ok(!isDigest(text), text);
});
