import { writeFileSync } from "node:fs";
import { startTestGateway } from "../gateway/support/gateway.ts";
import { renderApiDocs } from "./api-docs.ts";

const gateway = await startTestGateway();
try {
  const openapi: unknown = await (await fetch(`${gateway.url}/openapi.json`)).json();
  writeFileSync(new URL("../../docs/api.md", import.meta.url), renderApiDocs(openapi));
} finally {
  await gateway.stop();
}
