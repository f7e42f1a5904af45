import { type Command, Option } from "commander";
import { examples, type Finish } from "./define.ts";

const group = "Work on a target:";

export function addSession(program: Command, finish: Finish): void {
  const targets = program
    .command("targets")
    .helpGroup(group)
    .description("list the targets you may see, and what each takes");
  finish(
    examples(targets, "ihc targets", "ihc targets --json | jq -r '.items[].name'"),
    () => import("../commands/targets.ts"),
  );
  finish(
    targets
      .command("harden")
      .description("on the gateway's host: print the statements that close what ihc gateway check found")
      .argument("<target>", "name of the target")
      .option("--config <file>", "configuration of the gateway (default: ./ihc.yaml)")
      .option("--dev", "let secrets stand in the configuration, for trying things out"),
    () => import("../commands/targets-harden.ts"),
  );
  const connect = program
    .command("connect")
    .helpGroup(group)
    .description("open a session on a target; asks for access when it is needed")
    .argument("<target>", "name of the target")
    .argument("[command...]", "after --: run this with the session, and end with its exit code")
    .option("--reason <text>", "why, shown to reviewers and kept in the recording")
    .option("--incident <id>", "incident this belongs to")
    .option("--for <duration>", "how long, such as 30m or 1h30m")
    .option("--effect <effect...>", "only these effects: read, write, destroy, admin, unknown")
    .option("--break-glass", "emergency access, alarmed and reviewed afterwards")
    .option(
      "--port <number>",
      "listen on this port of 127.0.0.1 instead of the remembered one; 0 picks a free one",
    )
    .option("--socket [folder]", "listen on a unix socket instead of a port")
    .option("--background", "leave it running and return; see ihc status and ihc disconnect")
    .addOption(new Option("--background-child").hideHelp())
    .option("--no-record", "do not record the terminal of the command here; the gateway records all the same")
    .option("--no-wait", "exit with code 5 when approval is pending")
    .option("--renew", "ask for access again, on the same port, when it ends");
  finish(
    examples(
      connect,
      'ihc connect prod-db --reason "INC-4021 orders stuck" --for 1h',
      "ihc connect prod-db -- psql -c 'select 1'",
      "ihc connect prod-k8s -- kubectl get pods",
      "ihc connect prod-db --background --json",
    ),
    () => import("../commands/connect.ts"),
  );
  finish(
    examples(
      program
        .command("kubeconfig")
        .helpGroup(group)
        .description("print a kubeconfig for a connected cluster, without a secret in it")
        .argument("<target>", "name of the target")
        .option("--merge", "add the context to your own kubeconfig instead of printing it")
        .option("--use", "with --merge: make it the current context"),
      "ihc kubeconfig prod-k8s --merge",
      "kubectl --context ihc-prod-k8s get pods",
    ),
    () => import("../commands/kubeconfig.ts"),
  );
  finish(
    program
      .command("k8s-credential")
      .helpGroup(group)
      .description("give kubectl the session's token; called by kubectl itself, see ihc kubeconfig")
      .argument("<target>", "name of the target"),
    () => import("../commands/k8s-credential.ts"),
  );
  finish(
    program.command("status").helpGroup(group).description("show the connections that run on this machine"),
    () => import("../commands/status.ts"),
  );
  finish(
    program
      .command("upload")
      .helpGroup(group)
      .description("send recordings of this machine's terminals that could not be sent before"),
    () => import("../commands/upload.ts"),
  );
  finish(
    examples(
      program
        .command("disconnect")
        .helpGroup(group)
        .description("end connections that run on this machine")
        .argument("[target]", "target or session")
        .option("--all", "end all of them"),
      "ihc disconnect prod-db",
    ),
    () => import("../commands/disconnect.ts"),
  );
}
