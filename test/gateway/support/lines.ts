import { createInterface } from "node:readline";
import type { Effect, Operation } from "../../../src/core/session/operation.ts";
import type { Protocol } from "../../../src/protocols/protocol.ts";

/**
 * The smallest protocol: each line is an operation, `read x` or `write x` and so on; what is admitted comes back as
 * `ok x`, what is denied as `no <rule>`. A held line is announced as `held <request>`.
 */
export const lines: Protocol<{ readonly database: string }> = {
  name: "lines",
  parseSettings: () => ({ database: "toy" }),
  publicSettings: ({ database }) => ({ database }),
  async serve(client, session) {
    const input = createInterface({ input: client });
    const end = (): void => {
      client.end("ended\n");
      input.close();
    };
    session.signal.addEventListener("abort", end, { once: true });
    const gone = new AbortController();
    client.on("close", () => gone.abort());
    try {
      for await (const line of input) {
        const admission = await session.admit(operation(line), {
          signal: gone.signal,
          onHold: ({ request }) => client.write(`held ${request}\n`),
        });
        if (client.writable) client.write(admission.ok ? `ok ${line}\n` : `no ${admission.denial.rule}\n`);
      }
      client.end();
    } finally {
      session.signal.removeEventListener("abort", end);
    }
  },
  check: async () => [],
  harden: async () => "",
  clientHelp: () => ({ lines: [], environment: {}, dsn: "", files: [] }),
};

const known: readonly Effect[] = ["read", "write", "destroy", "admin"];

function operation(text: string): Operation {
  const effect = known.find((word) => text.startsWith(word)) ?? "unknown";
  return { kind: "line", text, parameters: [], effect, resources: [], traits: [] };
}
