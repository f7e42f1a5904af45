import { visible } from "../../base/text.ts";
import type { JournalEvent, Recorded } from "../../core/journal/event.ts";
import { type Line, type Of, partOf, type Teller, type Telling, type Told } from "./line.ts";
import { requestTeller } from "./requests.ts";
import { statementTeller } from "./statements.ts";

const plainly: Telling = { terminal: false, full: false };

/**
 * A recording as a transcript: what was asked, verdicts and approvals with names, masked answers, counts. Every text from
 * outside is made safe for a terminal.
 */
export function story(events: readonly Recorded[], how: Telling = plainly): readonly Line[] {
  return events.flatMap(storyteller(how));
}

/** The same, one event after the other, for a session that goes on. */
export function storyteller(how: Telling = plainly): (recorded: Recorded) => readonly Line[] {
  let teller: Teller = statementTeller("ihc");
  return (recorded) => {
    const { at, event } = recorded;
    if (event.type === "session") teller = tellerOf(event, how);
    return [...teller(recorded), { part: partOf(event), told: framing(event) }].flatMap(({ part, told }) =>
      told.map(([tone, text]) => ({ at, part, tone, text })),
    );
  };
}

function tellerOf({ protocol, target }: Of<"session">, how: Telling): Teller {
  return protocol === "kubernetes" ? requestTeller(how) : statementTeller(visible(target));
}

/** What is told of any session, whatever its protocol. */
function framing(event: JournalEvent): Told {
  switch (event.type) {
    case "session":
      return opening(event);
    case "identity":
      return [["note", `-- the target sees ${visible(event.user)}${groupsText(event.groups)}`]];
    case "note":
      return [["note", `-- ${visible(event.text)}`]];
    case "end":
      return [
        [
          event.complete ? "note" : "bad",
          `-- the session ended: ${visible(event.reason)}${event.complete ? "" : " (the recording is incomplete)"}`,
        ],
      ];
    default:
      return [];
  }
}

function groupsText(groups: readonly string[]): string {
  return groups.length === 0 ? "" : `, groups ${groups.map(visible).join(", ")}`;
}

function opening(event: Of<"session">): Told {
  const via = event.via === undefined ? "" : ` via ${visible(event.via)}`;
  const incident = event.incident === undefined ? "" : ` (${visible(event.incident)})`;
  const approved =
    event.approvedBy.length === 0
      ? []
      : [["good", `-- approved by ${event.approvedBy.map(visible).join(", ")}`] as const];
  return [
    [
      "note",
      `-- ${event.session}: ${visible(event.person)}${via} on ${visible(event.target)} (${visible(event.protocol)})`,
    ],
    ["note", `-- reason: ${visible(event.reason)}${incident}`],
    ...(event.breakGlass ? [["bad", "-- BREAK-GLASS"] as const] : []),
    ...approved,
  ];
}
