import { Argument, type Command } from "commander";
import { shells } from "../completion-scripts.ts";
import { examples, type Finish } from "./define.ts";

const group = "Run it:";

export function addOperator(program: Command, finish: Finish): void {
  const gateway = program
    .command("gateway")
    .helpGroup(group)
    .description("run a gateway; SIGHUP reads configuration and policy again, SIGTERM drains")
    .option("--config <file>", "configuration (default: ./ihc.yaml)")
    .option("--dev", "let secrets stand in the configuration, for trying things out");
  finish(examples(gateway, "ihc gateway --config /etc/ihc/ihc.yaml"), () => import("../commands/gateway.ts"));
  finish(
    gateway
      .command("init")
      .description("write a commented configuration and policy to begin with")
      .argument("[folder]", "where (default: here)"),
    () => import("../commands/gateway-init.ts"),
  );
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
