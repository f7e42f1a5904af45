import type { ConnectionEvent } from "../agent/listener.ts";
import type { Live } from "../agent/live.ts";
import type { LiveEvent } from "../agent/live-event.ts";
import { formatDuration } from "../base/duration.ts";
import { IhcError } from "../base/errors.ts";
import { visible } from "../base/text.ts";
import type { Context } from "./context.ts";

/** Says on stderr what happens to a live session; `emit` says it to programs. */
export function liveTeller(
  context: Context,
  live: () => Live,
  emit: (event: string, fields: object) => void,
): (event: LiveEvent) => void {
  const { io } = context;
  const warn = (text: string): void => io.say(`${io.err.yellow("!")} ${text}`);
  const refused = refusals(warn);
  return (event) => {
    if (event.kind !== "connection") refused.forget();
    switch (event.kind) {
      case "ends-soon":
        emit("ends_soon", { session_id: live().session().id, left: event.left });
        warn(
          `${visible(live().session().target)}: access ends in ${formatDuration(roundUp(event.left))}; connections are cut then`,
        );
        break;
      case "reopened":
        emit("reopened", { session_id: event.session.id, reason: event.reason });
        warn(`the session ended: ${visible(event.reason)}`);
        io.say(
          `${io.err.green("✓")} ${event.session.id} goes on at the same address; connect your client again`,
        );
        break;
      case "unreachable":
        emit("unreachable", { message: event.error.message });
        warn(`${visible(event.error.message)}; trying again`);
        break;
      case "reachable":
        emit("reachable", {});
        io.say(`${io.err.green("✓")} the gateway is back; connect your client again`);
        break;
      case "no-service":
        warn(
          `~/.pg_service.conf was left as it is; use: PGSERVICEFILE=<file> psql service=${visible(event.name)} (the file is in ihc status --json)`,
        );
        break;
      case "connection":
        connection(event.event, {
          warn,
          refused: refused.tell,
          detail: context.verbose ? io.say : () => undefined,
        });
        break;
    }
  };
}

interface Tell {
  readonly warn: (text: string) => void;
  readonly refused: (number: number, text: string) => void;
  readonly detail: (text: string) => void;
}

function connection(event: ConnectionEvent, { warn, refused, detail }: Tell): void {
  if (event.kind === "open") detail(`  connection ${event.number} opened`);
  if (event.kind === "refused") {
    const { error } = event;
    const known = error instanceof IhcError ? error : undefined;
    const hint = known?.hint === undefined ? "" : ` (${visible(known.hint)})`;
    refused(event.number, `${visible(known?.message ?? "it broke")}${hint}`);
  }
  if (event.kind === "closed" && event.reason !== undefined)
    warn(`connection ${event.number} ended by the gateway: ${visible(event.reason)}`);
  else if (event.kind === "closed" && event.lost)
    warn(`connection ${event.number} lost: the gateway or the network went away`);
  else if (event.kind === "closed") detail(`  connection ${event.number} closed`);
}

/** A pool that tries again and again is refused for the same reason each time: that is worth one line. */
function refusals(warn: (text: string) => void) {
  let last = "";
  return {
    tell: (number: number, text: string): void => {
      if (text !== last) warn(`connection ${number} refused: ${text}`);
      last = text;
    },
    forget: (): void => {
      last = "";
    },
  };
}

/** `4m59s` is what a watch that ticks once a second sees; people expect the round number. */
function roundUp(ms: number): number {
  return Math.ceil(ms / 5000) * 5000;
}
