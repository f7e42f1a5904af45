import { decision, issuedGrant, obtain } from "../../agent/access.ts";
import { IhcError } from "../../base/errors.ts";
import type { RequestView } from "../../core/api/schema.ts";
import type { Context } from "../context.ts";
import type { Invocation } from "../options.ts";
import { approvedText, slotsText } from "../show.ts";
import { accessTeller, wishOf } from "../wish.ts";

export async function run(context: Context, typed: Invocation): Promise<undefined> {
  const { io } = context;
  const control = await context.control();
  const wait = typed.flag("wait");
  let filed: RequestView | undefined;
  const teller = accessTeller(context, () => undefined);
  const wish = wishOf(context, typed, false);
  try {
    const access = await obtain(
      control,
      wish,
      (event) => {
        if (event.kind === "filed" || event.kind === "found") filed = event.request;
        if (event.kind !== "filed" && event.kind !== "found") teller.tell(event);
        else if (wait) teller.tell({ ...event, waits: true });
      },
      context.clock,
      context.signal,
    );
    if (context.json) io.json({ v: 1, request: filed, grant: access.grant });
    io.say(
      access.grant === undefined
        ? `${access.target.name} needs no request: ihc connect ${access.target.name}`
        : next(access.target.name, wish.breakGlass),
    );
    return undefined;
  } catch (error) {
    // Filing without waiting is what was asked for here, so a pending request is success.
    if (filed === undefined || !(error instanceof IhcError) || error.code !== "pending") throw error;
    if (!wait) tellFiled(context, filed);
    else await waited(context, filed, teller.tell);
    return undefined;
  } finally {
    teller.stop();
  }
}

async function waited(
  context: Context,
  filed: RequestView,
  tell: ReturnType<typeof accessTeller>["tell"],
): Promise<void> {
  const control = await context.control();
  const request = await decision(control, filed, tell, context.signal);
  const grant = await issuedGrant(control, request);
  if (context.json) context.io.json({ v: 1, request, grant });
  context.io.say(`${context.io.err.green("✓")} ${approvedText(grant, context.clock.now())}`);
  context.io.say(next(request.target, request.break_glass));
}

function tellFiled(context: Context, request: RequestView): void {
  if (context.json) context.io.json({ v: 1, request });
  else context.io.print(request.id);
  context.io.say(`→ request ${request.id} filed; it needs ${slotsText(request.slots)}`);
  context.io.say(`  a reviewer runs ihc approve ${request.id}; then you run ihc connect ${request.target}`);
}

function next(target: string, breakGlass: boolean): string {
  return `  go on with ihc connect ${target}${breakGlass ? " --break-glass" : ""}`;
}
