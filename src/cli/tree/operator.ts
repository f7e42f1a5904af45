import { Argument, type Command } from "commander";
import { effects } from "../../core/session/operation.ts";
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
    files(gateway.command("check"))
      .description(
        "validate configuration and policy, and see what each target's role could do behind the gateway's back",
      )
      .option("--offline", "do not connect to the targets"),
    () => import("../commands/gateway-check.ts"),
  );
  addPolicy(program, finish);
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
    program
      .command("demo")
      .helpGroup(group)
      .description("a whole ihc on this machine, with people, a database and a gateway, to try")
      .option("--script", "play the story by itself and end"),
    () => import("../commands/demo.ts"),
  );
  finish(
    program
      .command("doctor")
      .helpGroup(group)
      .description("check what ihc needs on this machine, and how to mend it"),
    () => import("../commands/doctor.ts"),
  );
}

function addPolicy(program: Command, finish: Finish): void {
  const policy = program.command("policy").helpGroup(group).description("what the gateway's policies say");
  finish(
    files(policy.command("check")).description("validate them, with file and line of each mistake"),
    () => import("../commands/policy-check.ts"),
  );
  finish(
    examples(
      files(policy.command("test"))
        .description(
          "ask them what a file of cases expects; 1 is the exit code when one is answered otherwise",
        )
        .argument("<file>", "YAML: a list of person, groups, effect, target and what to expect"),
      "ihc policy test policy/cases.yaml",
    ),
    () => import("../commands/policy-test.ts"),
  );
  finish(
    examples(
      files(policy.command("diff"))
        .description("on the gateway's host: judge recorded operations by another folder of policies")
        .argument("<folder>", "the new policies")
        .option("--sessions <number>", "how many of the newest sessions (default: 100)"),
      "ihc policy diff ./policy-next --config /etc/ihc/ihc.yaml",
    ),
    () => import("../commands/policy-diff.ts"),
  );
  const explain = files(policy.command("explain"))
    .description("say which policies decide about a person, an effect and a target")
    .argument("<person>", "name of the person")
    .addArgument(new Argument("<effect>", "what they would do").choices(effects))
    .argument("<target>", "name of the target")
    .option("--group <name...>", "groups of the person")
    .option("--trait <name...>", "traits of the operation, such as no-where")
    .option("--table <name...>", "what the operation touches, such as public.orders")
    .option(
      "--attribute <name=value...>",
      "attributes of the operation, such as verb=get or namespace=prod-app",
    )
    .option("--kind <word>", "kind of the operation (default: statement)")
    .option("--via <client>", "name of the MCP client that acts for the person")
    .option("--incident <id>", "incident")
    .option("--approved-by <slot...>", "reviews that the operation has already")
    .option("--break-glass", "as emergency access");
  finish(
    examples(
      explain,
      "ihc policy explain ana write prod-db --group oncall",
      "ihc policy explain ana write prod-db --group oncall --approved-by sre-leads",
    ),
    () => import("../commands/policy-explain.ts"),
  );
}

/** Options of commands that read the gateway's own files. */
export function files(command: Command): Command {
  return command
    .option("--config <file>", "configuration of the gateway (default: ./ihc.yaml)")
    .option("--dev", "let secrets stand in the configuration, for trying things out");
}
