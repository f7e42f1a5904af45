import { z } from "zod";
import type { PolicyIssue } from "../core/access/cedar/issue.ts";
import { compilePolicy } from "../core/access/cedar.ts";

const input = z.object({
  files: z.array(z.object({ file: z.string(), text: z.string() })),
  targets: z.array(
    z.object({
      name: z.string(),
      protocol: z.string(),
      labels: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
    }),
  ),
});

/** Runs in the parser worker: compiles the policies there first, so that a trap of the WASM costs only the worker. */
export function handle(raw: unknown): readonly PolicyIssue[] {
  const { files, targets } = input.parse(raw);
  return compilePolicy(files, targets).issues ?? [];
}
