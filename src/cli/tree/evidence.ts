import type { Command } from "commander";
import type { Finish } from "./define.ts";

const group = "Look back:";

export function addEvidence(program: Command, finish: Finish): void {
  finish(
    program
      .command("sessions")
      .helpGroup(group)
      .description("list sessions")
      .option("--mine", "only yours")
      .option("--target <name>", "only on this target")
      .option("--state <state>", "open or ended"),
    () => import("../commands/sessions.ts"),
  );
}
