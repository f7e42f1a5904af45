import type { Context } from "../context.ts";
import type { Invocation } from "../options.ts";
import { review } from "../review.ts";

export async function run(context: Context, typed: Invocation): Promise<undefined> {
  await review(context, typed, "approve");
  return undefined;
}
