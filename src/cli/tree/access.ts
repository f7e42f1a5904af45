import type { Command } from "commander";
import { examples, type Finish } from "./define.ts";

const group = "Ask and review:";

export function addAccess(program: Command, finish: Finish): void {
  const request = program
    .command("request")
    .helpGroup(group)
    .description("ask for access without connecting yet")
    .argument("<target>", "name of the target")
    .option("--reason <text>", "why, shown to reviewers")
    .option("--incident <id>", "incident this belongs to")
    .option("--for <duration>", "how long, such as 30m or 1h30m")
    .option("--effect <effect...>", "only these effects: read, write, destroy, admin, unknown")
    .option("--break-glass", "emergency access, alarmed and reviewed afterwards")
    .option("--wait", "wait for the decision; 6 is the exit code of a refusal");
  finish(
    examples(request, 'ihc request prod-db --reason "INC-4021" --for 1h --wait'),
    () => import("../commands/request.ts"),
  );
  const requests = program
    .command("requests")
    .helpGroup(group)
    .description("list requests: yours and those you may review")
    .argument("[request]", "show one in full")
    .option("--mine", "only yours")
    .option("--to-review", "only those that wait for you")
    .option("--state <state>", "pending, approved, denied, expired, canceled or used; all shows every state");
  finish(
    examples(requests, "ihc requests", "ihc requests --to-review", "ihc requests req_7Q2M"),
    () => import("../commands/requests.ts"),
  );
  const approve = program
    .command("approve")
    .helpGroup(group)
    .description("show a request in full and approve it")
    .argument("<request>", "id, or its unique beginning")
    .option("--for <duration>", "shorten the access")
    .option("--comment <text>", "kept with the review")
    .option("--yes", "do not ask; needs --digest")
    .option("--digest <sha256>", "digest of what you have seen");
  finish(
    examples(approve, "ihc approve req_7Q2M", "ihc approve req_7Q2M --yes --digest sha256:…"),
    () => import("../commands/approve.ts"),
  );
  const deny = program
    .command("deny")
    .helpGroup(group)
    .description("show a request in full and deny it")
    .argument("<request>", "id, or its unique beginning")
    .option("--reason <text>", "why; the requester reads it")
    .option("--yes", "do not ask; needs --digest")
    .option("--digest <sha256>", "digest of what you have seen");
  finish(examples(deny, 'ihc deny req_7Q2M --reason "use the replica"'), () => import("../commands/deny.ts"));
  finish(
    program
      .command("cancel")
      .helpGroup(group)
      .description("take back a request of yours")
      .argument("<request>", "id"),
    () => import("../commands/cancel.ts"),
  );
  finish(
    program
      .command("grants")
      .helpGroup(group)
      .description("list access that has been given")
      .option("--mine", "only yours")
      .option("--all", "ended ones too"),
    () => import("../commands/grants.ts"),
  );
  finish(
    examples(
      program
        .command("revoke")
        .helpGroup(group)
        .description("end a grant now; its sessions are cut within a second")
        .argument("<grant>", "id, or its unique beginning"),
      "ihc revoke gra_5T1B",
    ),
    () => import("../commands/revoke.ts"),
  );
}
