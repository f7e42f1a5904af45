import type { ChalkInstance } from "chalk";
import type { AccessEvent, Wish } from "../agent/access.ts";
import { formatDuration } from "../base/duration.ts";
import { IhcError } from "../base/errors.ts";
import { visible } from "../base/text.ts";
import type { RequestView, TargetView } from "../core/api/schema.ts";
import { type Effect, effects } from "../core/session/operation.ts";
import type { Context } from "./context.ts";
import type { Progress } from "./io.ts";
import type { Invocation } from "./options.ts";
import { accessText, approvedText, slotsText } from "./show.ts";
import { relative } from "./table.ts";

/** What `connect` and `request` were asked for. */
export function wishOf(context: Context, typed: Invocation, wait: boolean): Wish {
  const wanted = typed.list("effect").flatMap((item) => item.split(","));
  const reason = typed.text("reason");
  return {
    target: typed.argument(0),
    effects: wanted.length === 0 ? undefined : wanted.map(effectOf),
    incident: typed.text("incident"),
    duration: typed.duration("for"),
    breakGlass: typed.flag("breakGlass"),
    wait,
    reason: async () => checked(reason ?? (await askReason(context))),
  };
}

function effectOf(word: string): Effect {
  const found = effects.find((effect) => effect === word);
  if (found === undefined)
    throw new IhcError("usage", `there is no effect ${visible(word)}`, {
      hint: `one of: ${effects.join(", ")}`,
    });
  return found;
}

function checked(reason: string): string {
  const text = reason.trim();
  if (text === "")
    throw new IhcError("usage", "the reason is empty", { hint: 'say why: --reason "INC-4021 orders stuck"' });
  return text;
}

async function askReason(context: Context): Promise<string> {
  if (!context.io.interactive)
    throw new IhcError("usage", "a reason is needed to ask for access", {
      hint: 'add --reason "INC-4021 orders stuck"',
    });
  const { input } = await import("@inquirer/prompts");
  return await input(
    { message: "Why do you need it?", required: true },
    { signal: context.signal, output: process.stderr },
  );
}

/** Tells the way to access as it goes: on stderr for people, on `emit` for programs. */
export function accessTeller(
  context: Context,
  emit: (event: string, fields: object) => void,
): { tell(event: AccessEvent): void; stop(): void } {
  const { io } = context;
  let progress: Progress | undefined;
  const stop = (): void => {
    progress?.stop();
    progress = undefined;
  };
  const tell = (event: AccessEvent): void => {
    stop();
    switch (event.kind) {
      case "needs-approval":
        io.say(`  ${needsText(event.target, event.breakGlass, io.err)}`);
        break;
      case "filed":
      case "found": {
        const { request } = event;
        emit("waiting_approval", {
          request: request.id,
          digest: request.digest,
          slots: request.slots,
          expires_at: request.expires_at,
        });
        if (request.state !== "pending") break;
        io.say(filedText(request, event.kind, context.clock.now()));
        if (event.waits) progress = io.progress(`  waiting for ${slotsText(request.slots)}…`);
        break;
      }
      case "approved":
        emit("approved", {
          request: event.request.id,
          grant: event.grant.id,
          expiration: event.grant.expires_at,
        });
        io.say(`${io.err.green("✓")} ${approvedText(event.grant, context.clock.now())}`);
        break;
      case "using":
        io.say(`${io.err.green("✓")} ${approvedText(event.grant, context.clock.now())} (${event.grant.id})`);
        break;
      case "trouble":
        io.say(`  ${visible(event.error.message)}; still waiting`);
        break;
    }
  };
  return { tell, stop };
}

function needsText(target: TargetView, breakGlass: boolean, style: ChalkInstance): string {
  const what = `${visible(target.name)}  ${visible(target.protocol)}`;
  if (breakGlass) return `${what}  ${style.red("break-glass: nobody is waited for, and a review is owed")}`;
  if (target.access.kind !== "needs-grant") return `${what}  ${accessText(target, style)}`;
  const { rule, slots } = target.access;
  return `${what}  needs approval (policy ${visible(rule)}: ${slotsText(slots)})`;
}

/** One that was filed before keeps what it asked for, whatever was typed now. */
function filedText(request: RequestView, kind: "filed" | "found", now: Date): string {
  const asks = formatDuration(request.duration);
  if (kind === "filed")
    return `  → request ${request.id} filed (${asks}, ${slotsText(request.slots)}); a reviewer runs ihc approve ${request.id}`;
  const filed = `filed ${relative(request.created_at, now)} for ${asks}`;
  return `  → request ${request.id}, ${filed}, is picked up again; to ask for something else: ihc cancel ${request.id}`;
}
