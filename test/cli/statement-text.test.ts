import assert from "node:assert/strict";
import { test } from "node:test";
import { shownText } from "../../src/cli/statement-text.ts";

const shown = (text: string): string => shownText(text).lines.join("\n");

test("an ordinary statement is shown as it is, without warnings", () => {
  const text = "update orders\n   set status = 'retry'\n where id = 4711";
  assert.deepEqual(shownText(text), { lines: text.split("\n"), warnings: [] });
});

test("escape sequences, carriage returns and bidirectional controls are written out, with a warning", () => {
  for (const hidden of [
    "\u001b[2K",
    "\r",
    "\u202e",
    "\u2066",
    "\u200b",
    "\u00ad",
    "\u{e0041}",
    "\u009b1A",
    "\u2028",
  ]) {
    const { lines, warnings } = shownText(`select 1${hidden} -- safe`);
    assert.ok(!lines.join("\n").includes(hidden), JSON.stringify(hidden));
    assert.match(lines.join("\n"), /\\(u|r)/);
    assert.equal(warnings.length, 1);
  }
});

test("text pushed out of sight by blanks comes back into sight", () => {
  const text = `select 1;${" ".repeat(1200)}drop table orders`;
  assert.equal(shown(text), "select 1;⟨1200 blanks⟩drop table orders");
  assert.equal(shownText(text).warnings.length, 1);
});

test("text pushed out of sight by empty lines comes back into sight", () => {
  const text = `select 1;${"\n".repeat(60)}drop table orders`;
  assert.equal(shown(text), "select 1;\n⟨59 empty lines⟩\ndrop table orders");
});

test("blanks that are no ASCII space are named", () => {
  for (const blank of ["\u00a0", "\u3000", "\u2003", "\u2800", "\u3164"])
    assert.equal(shown(`a${blank}b`), `a\\u${(blank.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}b`);
});

test("piled up accents cannot cover the neighbouring lines", () => {
  const pile = "\u0301".repeat(30);
  assert.ok(!shown(`a${pile}`).includes(pile));
  assert.equal(shown("é e\u0301"), "é e\u0301");
});
