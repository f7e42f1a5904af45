import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { renderApiDocs } from "../support/api-docs.ts";
import { startTestGateway } from "./support/gateway.ts";

test("docs/api.md is current", { timeout: 20_000 }, async () => {
  const gateway = await startTestGateway();
  try {
    const openapi: unknown = await (await fetch(`${gateway.url}/openapi.json`)).json();
    const kept = readFileSync(new URL("../../docs/api.md", import.meta.url), "utf8");
    assert.equal(kept, renderApiDocs(openapi), "run node test/support/write-api-docs.ts");
  } finally {
    await gateway.stop();
  }
});
