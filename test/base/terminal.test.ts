import assert from "node:assert/strict";
import { test } from "node:test";
import { DrawingOnly, withoutControls } from "../../src/base/terminal.ts";

const reaching: readonly string[] = [
  "\u001b]0;title\u0007",
  "\u001b]52;c;c2VjcmV0\u001b\\",
  "\u001b]8;;https://evil.example\u001b\\",
  "\u001bP$q q\u001b\\",
  "\u001b_G...\u001b\\",
  "\u001b[c",
  "\u001b[6n",
  "\u001b[21t",
  "\u001b[?1000h",
  "\u001b[?2004h",
  "\u001bc",
  "\u009b6n",
  "\u009d0;x\u009c",
  "\u0007",
  "\u0000",
  "\u0085",
];
const drawn: readonly string[] = [
  "\u001b[1;32mgreen\u001b[0m",
  "\u001b[2J\u001b[H",
  "\u001b[?1049h\u001b[?25l",
  "\u001b[5;20r",
  "\u001b(0lqk\u001b(B",
  "\u001b7\u001b8",
  "tab\tback\b\r\n",
];

test("what draws passes, what reaches further does not, however it is cut", () => {
  for (const text of [...reaching, ...drawn]) {
    const expected = drawn.includes(text) ? text : "";
    for (let cut = 0; cut <= text.length; cut += 1) {
      const drawing = new DrawingOnly();
      const passed = drawing.push(`a${text.slice(0, cut)}`) + drawing.push(`${text.slice(cut)}b`);
      assert.equal(passed, `a${expected}b`, JSON.stringify([text, cut]));
    }
  }
});

test("a sequence that never ends does not hold back what follows for ever", () => {
  const drawing = new DrawingOnly();
  const text = drawing.push(`\u001b]0;${"x".repeat(70_000)}`) + drawing.push("after");
  assert.match(text, /after$/);
  assert.ok(!text.includes("\u001b"));
});

test("text of a terminal has no sequences, and what was written over stays readable", () => {
  for (const text of [...reaching, ...drawn]) assert.doesNotMatch(withoutControls(text), /[^\P{Cc}\t\n]/u);
  assert.equal(withoutControls("secret\rxxxxxx\r"), "secret\nxxxxxx");
  assert.equal(withoutControls("a\r\nb"), "a\nb");
});
