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
        .argument("<session>", "id, or its unique beginning")
        .option("--format <format>", "text, json or cast (asciicast v3); default: play it in the terminal")
        .option("--speed <factor>", "play faster or slower (default: 1)")
        .option("--idle-limit <duration>", "longest silence (default: 2s)")
        .option("--grep <text>", "only operations that hold this text")
        .option("--web", "play it in a browser, served by this machine to one browser only"),
      "ihc replay ses_9XK4",
      "ihc replay ses_9XK4 --format text --grep orders",
      "ihc replay ses_9XK4 --format cast > incident.cast",
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
  const evidence = program
    .command("evidence")
    .helpGroup(group)
    .description("one session as a bundle that proves itself");
  finish(
    examples(
      evidence
        .command("write")
        .description("on the gateway's host: write everything about a session into one file")
        .argument("<session>", "id, or its unique beginning")
        .argument("[file]", "default: <session>.evidence.json")
        .option("--config <file>", "configuration of the gateway (default: ./ihc.yaml)"),
      "ihc evidence write ses_9XK4 --config /etc/ihc/ihc.yaml",
    ),
    () => import("../commands/evidence-write.ts"),
  );
  finish(
    evidence
      .command("verify")
      .description("check a bundle offline")
      .argument("<file>", "the bundle")
      .option("--key <key>", "the log's verifier key, known from elsewhere"),
    () => import("../commands/evidence-verify.ts"),
  );
}
