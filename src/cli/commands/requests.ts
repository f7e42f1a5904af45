import { visible } from "../../base/text.ts";
import type { RequestView } from "../../core/api/schema.ts";
import type { Context } from "../context.ts";
import type { Invocation } from "../options.ts";
import { requestText } from "../review-text.ts";
import { excerpt, personText } from "../show.ts";
import { relative, table } from "../table.ts";

const states = ["pending", "approved", "denied", "expired", "canceled", "used", "all"] as const;

export async function run(context: Context, typed: Invocation): Promise<undefined> {
  const control = await context.control();
  const id = typed.args[0];
  if (id === undefined) {
    const state = typed.choice("state", states);
    const found = await control.requests(state === undefined || state === "all" ? {} : { state });
    list(
      context,
      found.filter((request) => wanted(request, typed, state)),
    );
  } else {
    const request = await control.request(id);
    if (context.json) context.io.json({ v: 1, request });
    else context.io.print(requestText(request, context.io.out, context.clock.now()));
  }
  return undefined;
}

/** Without options: what is pending, and what of one's own was decided today. */
function wanted(request: RequestView, typed: Invocation, state: string | undefined): boolean {
  if (typed.flag("mine") && !request.mine) return false;
  if (typed.flag("toReview") && !(request.state === "pending" && request.reviewable.ok)) return false;
  return state !== undefined || request.mine || request.state === "pending" || request.review_owed;
}

function list(context: Context, items: readonly RequestView[]): void {
  const { io } = context;
  if (context.json) io.json({ v: 1, items });
  else if (items.length === 0) io.say("no requests");
  else {
    const now = context.clock.now();
    const rows = items.map((request) => [
      request.id,
      personText(request.requester),
      visible(request.target),
      request.kind === "operation" ? (request.operation?.effect ?? "operation") : request.effects.join(","),
      stateText(request, now),
      action(request),
      excerpt(request.operation?.text ?? request.reason, 48),
    ]);
    io.print(table(["REQUEST", "PERSON", "TARGET", "FOR", "STATE", "YOU", "REASON OR STATEMENT"], rows));
  }
}

function stateText(request: RequestView, now: Date): string {
  const approvals = request.reviews.filter((review) => review.answer === "approve").length;
  const needed = request.slots.reduce((sum, slot) => sum + slot.people, 0);
  if (request.state === "pending")
    return `pending ${approvals} of ${needed}, times out ${relative(request.expires_at, now)}`;
  return request.review_owed ? `${request.state}, review owed` : request.state;
}

function action(request: RequestView): string {
  if (request.mine) return "yours";
  return request.reviewable.ok ? "may review" : "-";
}
