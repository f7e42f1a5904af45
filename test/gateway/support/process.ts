import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { IhcError } from "../../../src/base/errors.ts";
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
const [, , fault] = process.argv;
if (fault === "rejection") void Promise.reject(new Error("what went wrong"));
if (fault === "error")
  setImmediate(() => {
    throw new Error("what went wrong");
  });
await gateway.stopped.catch((error: unknown) => {
  if (!(error instanceof IhcError)) throw error;
  process.stdout.write(`${error.name} ${error.code}\n`);
  process.exitCode = 1;
});
rmSync(folder, { recursive: true });
