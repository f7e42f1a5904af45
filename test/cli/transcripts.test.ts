import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { runCli } from "../support/cli.ts";
import { play } from "./transcript.ts";

const home = mkdtempSync(join(tmpdir(), "ihc-cli-"));
after(() => rmSync(home, { recursive: true, force: true }));

const folder = new URL("./offline/", import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith(".txt"));

test("there are transcripts", () => assert.ok(files.length >= 3));

for (const name of files)
  test(`transcript ${name}`, async () => {
    const own = mkdtempSync(join(home, "home-"));
    const env = {
      HOME: own,
      XDG_CONFIG_HOME: join(own, "c"),
      XDG_STATE_HOME: join(own, "s"),
      XDG_RUNTIME_DIR: own,
    };
    await play(new URL(name, folder), (args) => runCli(args, { env }));
  });
