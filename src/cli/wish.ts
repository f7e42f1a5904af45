import type { AccessEvent, Wish } from "../agent/access.ts";
import { formatDuration } from "../base/duration.ts";
import { IhcError } from "../base/errors.ts";
import { visible } from "../base/text.ts";
import { type Effect, effects } from "../core/session/operation.ts";
import type { Context } from "./context.ts";
import type { Progress } from "./io.ts";
import type { Invocation } from "./options.ts";
import { accessText, approvedText, slotsText } from "./show.ts";

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
      case "needs-approval": {
        const { target } = event;
        const rule =
          target.access.kind === "needs-grant"
            ? `policy ${visible(target.access.rule)}: ${slotsText(target.access.slots)}`
            : "";
        const what = rule === "" ? accessText(target, io.err) : `needs approval (${rule})`;
        io.say(`  ${visible(target.name)}  ${visible(target.protocol)}  ${what}`);
        break;
      }
      case "filed":
      case "found": {
        const { request } = event;
        emit("waiting_approval", {
          request: request.id,
          digest: request.digest,
          slots: request.slots,
          expires_at: request.expires_at,
        });
        const word = event.kind === "filed" ? "filed" : "filed before, picked up again";
        if (request.state !== "pending") break;
        progress = io.progress(
          `  → request ${request.id} ${word}; waiting for ${slotsText(request.slots)}… (${formatDuration(request.duration)})`,
        );
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
