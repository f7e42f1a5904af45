import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { completionScript, scriptFiles, shells } from "../../src/cli/completion-scripts.ts";
import { cliDocument } from "../../src/cli/document.ts";
import { tree } from "../../src/cli/tree/all.ts";

const root = new URL("../../", import.meta.url);

for (const shell of shells)
  test(`completions/${scriptFiles[shell]} is what ihc completion ${shell} prints`, () => {
    assert.equal(
      readFileSync(new URL(`completions/${scriptFiles[shell]}`, root), "utf8"),
      completionScript(shell),
    );
  });

test("docs/cli.md is what ihc __docs prints", () => {
  const program = tree(() => () => Promise.resolve());
  assert.equal(readFileSync(new URL("docs/cli.md", root), "utf8"), cliDocument(program));
});
