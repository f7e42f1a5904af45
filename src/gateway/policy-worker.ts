import { z } from "zod";
import type { PolicyFile, PolicyIssue } from "../core/access/cedar/issue.ts";
import { compilePolicy } from "../core/access/cedar.ts";
import type { Target } from "../core/access/target.ts";

/** What the worker is given. */
export interface PolicyWork {
  readonly files: readonly PolicyFile[];
  readonly targets: readonly Target[];
}

const input: z.ZodType<PolicyWork> = z.object({
  files: z.array(z.object({ file: z.string(), text: z.string() })),
  targets: z.array(
    z.object({
      name: z.string(),
      protocol: z.string(),
      labels: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
    }),
  ),
});

/** Runs in the parser worker: compiles the policies there first, so that a trap of the WASM costs only the worker. @public */
export function handle(raw: unknown): readonly PolicyIssue[] {
  const { files, targets } = input.parse(raw);
  return compilePolicy(files, targets).issues ?? [];
}
