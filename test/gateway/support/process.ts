import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { openLog } from "../../../src/gateway/log.ts";
import { startGateway } from "../../../src/gateway/main.ts";
import { policy } from "./gateway.ts";

/** A gateway as a process of its own that listens to signals; its log is its output. */
const folder = mkdtempSync(join(tmpdir(), "ihc-process-"));
mkdirSync(join(folder, "policy"));
writeFileSync(join(folder, "policy", "test.cedar"), policy);
writeFileSync(
  join(folder, "ihc.yaml"),
  stringify({
    listen: "127.0.0.1:0",
    issuer: { url: "http://127.0.0.1:1", client_id: "ihc", audience: "a" },
    recording: { free_space_floor: "1MiB" },
    targets: {
      prod: {
        postgres: { host: "127.0.0.1", database: "app", tls: "disable", user: "ihc" },
        labels: { env: "prod" },
      },
    },
  }),
);
const gateway = await startGateway({ configPath: join(folder, "ihc.yaml"), log: openLog(process.stdout) });
await gateway.stopped;
rmSync(folder, { recursive: true });
