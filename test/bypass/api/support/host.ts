import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import type { TestGateway } from "../../../gateway/support/gateway.ts";
import { type Finished, runCli } from "../../../support/cli.ts";

/** `ihc audit verify` on the gateway's own host, beside the running gateway or after it. */
export function verifyHost(
  g: Pick<TestGateway, "folder" | "idp">,
  more: Readonly<Record<string, unknown>> = {},
): Promise<Finished> {
  const config = join(g.folder, "host.yaml");
  // The same state; the CLI does not know the tests' toy protocol.
  const target = { postgres: { host: "127.0.0.1", database: "app", tls: "disable", user: "ihc" } };
  writeFileSync(
    config,
    stringify({
      issuer: { url: g.idp.issuer, client_id: g.idp.clientId, audience: "https://ihc.test" },
      store: { sqlite: "./state" },
      policy: "./policy",
      targets: { prod: { ...target, labels: { env: "prod" } } },
      ...more,
    }),
  );
  const env = { HOME: g.folder, XDG_RUNTIME_DIR: g.folder };
  return runCli(["audit", "verify", "--config", config], { env });
}
