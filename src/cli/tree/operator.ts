import type { Command } from "commander";
import type { Finish } from "./define.ts";

const group = "Run it:";

export function addOperator(program: Command, finish: Finish): void {
  finish(
    program.command("version").helpGroup(group).description("print the versions of ihc and of the gateway"),
    () => import("../commands/version.ts"),
  );
}
