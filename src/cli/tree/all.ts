import type { Command } from "commander";
import { addAccess } from "./access.ts";
import type { Finish } from "./define.ts";
import { addEvidence } from "./evidence.ts";
import { addIdentity } from "./identity.ts";
import { addOperator } from "./operator.ts";
import { addSession } from "./session.ts";

/** Every command, in the order in which help shows them. */
export function addCommands(program: Command, finish: Finish): void {
  addIdentity(program, finish);
  addSession(program, finish);
  addAccess(program, finish);
  addEvidence(program, finish);
  addOperator(program, finish);
}
