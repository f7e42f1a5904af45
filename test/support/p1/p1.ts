import { readFileSync } from "node:fs";
import type { PolicyFile } from "../../../src/core/access/cedar/issue.ts";
import type { Effect } from "../../../src/core/session/operation.ts";

/** Policy P1 of test/cases/policy.md: its Cedar text. `within` shortens how long a held statement waits. */
export function p1Policy(within = "15m"): PolicyFile {
  const text = readFileSync(new URL("./p1.cedar", import.meta.url), "utf8");
  return { file: "p1.cedar", text: text.replace('@within("15m")', `@within("${within}")`) };
}

/** P1 for the cases' cluster. */
export function p1KubernetesPolicy(within = "15m"): PolicyFile {
  const text = readFileSync(new URL("./p1-kubernetes.cedar", import.meta.url), "utf8");
  return { file: "p1-kubernetes.cedar", text: text.replace('@within("15m")', `@within("${within}")`) };
}

/** The effects of the cases' grants `viewer` and `debugger`: a command may turn out to be anything. */
export const p1KubernetesGrants: Readonly<Record<"viewer" | "debugger", readonly Effect[]>> = {
  viewer: ["read"],
  debugger: ["read", "write", "destroy", "admin", "unknown"],
};

/** The effects of the cases' grants `ro` and `rw`. */
export const p1Grants: Readonly<Record<"ro" | "rw", readonly Effect[]>> = {
  ro: ["read"],
  rw: ["read", "write", "destroy", "admin", "unknown"],
};

export const p1People = {
  alice: ["oncall"],
  bob: ["senior"],
  carol: ["security"],
  dave: ["senior", "security"],
} as const;

const masked = ["email", "ssn", "card", "secret_pin", "dob", "prefs", "tags", "doc", "hs"];

export interface P1Upstream {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  /** A secret reference. */
  readonly password?: string;
}

/** P1's target `prod-db` as ihc.yaml has it. */
export function p1Target(upstream: P1Upstream) {
  return {
    // The cases' role is a superuser, so that nothing but the gate stands between.
    postgres: { ...upstream, tls: "disable", rows_written: 10, allow_superuser: true },
    labels: { env: "prod" },
    masking: [
      {
        columns: [
          ...masked.map((column) => `app.customers.${column}`),
          "app.api_tokens.token",
          "app.part*.ssn",
        ],
        how: "redact",
      },
      { detect: ["email", "ssn", "card", "api-key", "aws-key", "private-key"], how: "redact" },
    ],
    masking_mode: "strict",
    recording: { rows: 1000, bytes: "4MiB" },
  };
}
