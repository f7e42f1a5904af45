import assert from "node:assert/strict";
import { test } from "node:test";
import { isIdPrefix, newId, parseId } from "../../src/base/ids.ts";

test("a new id has its kind as prefix, reads back as that kind and no other, and comes once", () => {
  const ids = Array.from({ length: 2000 }, () => newId("ses"));
  assert.equal(new Set(ids).size, ids.length);
  for (const id of ids) {
    assert.equal(parseId("ses", id), id);
    assert.equal(parseId("req", id), undefined);
  }
});

test("what came from outside is an id only whole and in its alphabet", () => {
  const id = newId("req");
  const digits = id.slice(4);
  const wrong = [
    "",
    "req",
    "req_",
    id.slice(0, -1),
    `${id}0`,
    id.toLowerCase(),
    ` ${id}`,
    `${id}\n`,
    digits,
    `gra_${digits}`,
  ];
  const foul = [
    "req_../../../../x",
    "req_ILOU00000000",
    "req_00000000000/",
    "req_00000000000\u0000",
    "req_０00000000000",
  ];
  for (const text of [...wrong, ...foul]) assert.equal(parseId("req", text), undefined, JSON.stringify(text));
});

test("the beginning of an id is one from the first character after the prefix on", () => {
  const id = newId("gra");
  for (let end = 5; end <= id.length; end++) assert.ok(isIdPrefix("gra", id.slice(0, end)));
  for (const text of ["", "gra", "gra_", `${id}0`, id.slice(4), "gra_%", "gra_I", "req_0"])
    assert.ok(!isIdPrefix("gra", text), text);
});
