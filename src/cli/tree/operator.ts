import { Argument, type Command } from "commander";
import { shells } from "../completion-scripts.ts";
import { examples, type Finish } from "./define.ts";

const group = "Run it:";

export function addOperator(program: Command, finish: Finish): void {
  finish(
    program.command("version").helpGroup(group).description("print the versions of ihc and of the gateway"),
    () => import("../commands/version.ts"),
  );
  finish(
    examples(
      program
        .command("completion")
        .helpGroup(group)
        .description("print the completion script for a shell")
        .addArgument(new Argument("<shell>", "which").choices(shells)),
      "source <(ihc completion bash)",
      "ihc completion fish | source",
    ),
    () => import("../commands/completion.ts"),
  );
  finish(
    program.command("doctor").helpGroup(group).description("check what ihc needs on this machine, and how to mend it"),
    () => import("../commands/doctor.ts"),
  );
}
