import type { Command } from "commander";
import { examples, type Finish } from "./define.ts";

const group = "Look back:";

export function addEvidence(program: Command, finish: Finish): void {
  const sessions = program
    .command("sessions")
    .helpGroup(group)
    .description("list sessions")
    .option("--mine", "only yours")
    .option("--target <name>", "only on this target")
    .option("--state <state>", "open or ended");
  finish(sessions, () => import("../commands/sessions.ts"));
  finish(
    sessions
      .command("end")
      .description("end a session now: your own, or as an admin anybody's; its connections are cut")
      .argument("<session>", "id, or its unique beginning"),
    () => import("../commands/sessions-end.ts"),
  );
  finish(
    examples(
      program
        .command("replay")
        .helpGroup(group)
        .description("play a session's recording; replaying is itself audited")
        .argument("[session]", "id, or its unique beginning")
        .option("--file <bundle>", "play what ihc evidence wrote, offline, if it holds")
        .option("--key <key>", "with --file: the log's verifier key, known from elsewhere")
        .option(
          "--identity <file>",
          "with --file: the auditor's age identity, where recordings are encrypted",
        )
        .option(
          "--track <track>",
          "gateway: what counts (default); client: what the person's own terminal showed, as their machine says",
        )
        .option("--follow", "go on with what happens until the session ends")
        .option("--format <format>", "text, json or cast (asciicast v3); default: play it in the terminal")
        .option("--speed <factor>", "play faster or slower (default: 1)")
        .option("--idle-limit <duration>", "longest silence (default: 2s)")
        .option("--grep <text>", "only operations that hold this text")
        .option("--full", "of a cluster: bodies and answers whole, discovery too")
        .option(
          "--exec <number>",
          "of a cluster: only this command in a container, as its terminal showed it",
        )
        .option("--web", "play it in a browser, served by this machine to one browser only"),
      "ihc replay ses_9XK4",
      "ihc replay ses_9XK4 --format text --grep orders",
      "ihc replay ses_9XK4 --format cast > incident.cast",
      "ihc replay ses_9XK4 --exec 1 --speed 2",
      "ihc replay --file ses_9XK4.evidence.json",
    ),
    () => import("../commands/replay.ts"),
  );
  const audit = program
    .command("audit")
    .helpGroup(group)
    .description("the audit log, provable without trusting the gateway");
  finish(
    examples(
      audit
        .command("verify")
        .description(
          "check every entry against the signed head, and the head against what this machine saw before",
        )
        .argument("[file]", "an export, checked offline")
        .option("--key <key>", "the log's verifier key, known from elsewhere")
        .option("--config <file>", "on the gateway's host: also check the database and the recordings"),
      "ihc audit verify",
      "ihc audit verify audit.json --key ihc+1a2b3c4d+…",
    ),
    () => import("../commands/audit-verify.ts"),
  );
  finish(
    audit.command("checkpoint").description("print the newest signed checkpoint"),
    () => import("../commands/audit-checkpoint.ts"),
  );
  finish(
    audit
      .command("export")
      .description("write the log to a file that verifies offline")
      .argument("[file]", "default: stdout"),
    () => import("../commands/audit-export.ts"),
  );
  const evidence = bundle(
    program
      .command("evidence")
      .helpGroup(group)
      .description("write everything about a session into one file that proves itself; for auditors"),
  );
  const write = () => import("../commands/evidence-write.ts");
  finish(
    examples(
      evidence,
      "ihc evidence ses_9XK4",
      "ihc evidence verify ses_9XK4.evidence.json --key ihc+1a2b3c4d+…",
    ),
    write,
  );
  finish(bundle(evidence.command("write").description("the same, in full words")), write);
  finish(
    evidence
      .command("verify")
      .description("check a bundle offline")
      .argument("<file>", "the bundle")
      .option("--key <key>", "the log's verifier key, known from elsewhere"),
    () => import("../commands/evidence-verify.ts"),
  );
}

function bundle(command: Command): Command {
  return command
    .argument("<session>", "id, or its unique beginning")
    .argument("[file]", "default: <session>.evidence.json")
    .option("--config <file>", "on the gateway's host: read the gateway's own files instead of asking it")
    .option("--dev", "let secrets stand in the configuration, for trying things out");
}
