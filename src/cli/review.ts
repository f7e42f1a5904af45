import process from "node:process";
import { IhcError } from "../base/errors.ts";
import { visible } from "../base/text.ts";
import type { RequestView, ReviewInput } from "../core/api/schema.ts";
import type { Context } from "./context.ts";
import type { Invocation } from "./options.ts";
import { isHighRisk, requestText } from "./review-text.ts";

/**
 * Shows one request in full and gives one answer to exactly what was shown. Asks on a terminal; without one it refuses unless
 * --yes comes with the digest of what somebody has seen. There is no way to answer several requests at once.
 */
export async function review(
  context: Context,
  typed: Invocation,
  answer: ReviewInput["answer"],
): Promise<void> {
  const { io } = context;
  const digest = typed.text("digest");
  const yes = typed.flag("yes");
  const control = await context.control();
  const request = await control.request(typed.argument(0));
  if (!context.json || io.interactive) await showPaged(context, request, yes);
  if (!request.reviewable.ok) throw notReviewable(request);
  if (digest !== undefined && digest !== request.digest)
    throw new IhcError("conflict", "the digest is not that of this request", {
      hint: `look again: ihc requests ${request.id}`,
    });
  if (yes && digest === undefined)
    throw new IhcError("usage", "--yes needs the digest of what you have seen", {
      hint: "add --digest sha256:…",
    });
  if (!yes)
    await confirm(context, request, answer).catch((error: unknown) => {
      throw error instanceof Error && error.name === "ExitPromptError" ? undecided(request) : error;
    });
  const input: ReviewInput = {
    answer,
    digest: request.digest,
    ...shortened(typed),
    ...commented(typed, answer),
  };
  const reviewed = await control.review(request, input).catch(async (error: unknown) => {
    throw await explained(context, request, error);
  });
  if (context.json) io.json({ v: 1, request: reviewed });
  io.say(`${io.err.green("✓")} ${outcome(reviewed, answer)}`);
}

function shortened(typed: Invocation): { readonly duration?: number } {
  const duration = typed.duration("for");
  return duration === undefined ? {} : { duration };
}

function commented(typed: Invocation, answer: ReviewInput["answer"]): { readonly comment?: string } {
  const comment = typed.text(answer === "approve" ? "comment" : "reason");
  return comment === undefined ? {} : { comment };
}

function notReviewable(request: RequestView): IhcError {
  if (request.state !== "pending" && !request.review_owed)
    return new IhcError("conflict", decided(request), {
      hint:
        request.grant === undefined || request.state !== "approved"
          ? `see ihc requests ${request.id}`
          : `end what it gave: ihc revoke ${request.grant}`,
    });
  return new IhcError(
    "denied",
    `you cannot review ${request.id}: ${request.reviewable.why ?? "policy asks for others"}`,
    {
      hint: "see who can: ihc requests " + request.id,
    },
  );
}

function undecided(request: RequestView): IhcError {
  return new IhcError("canceled", "nothing was decided", {
    hint: `${request.id} is as it was: ihc approve ${request.id} or ihc deny ${request.id}`,
  });
}

function decided(request: RequestView): string {
  const last = request.reviews.at(-1);
  const by = last === undefined ? "" : ` by ${last.name}`;
  return `${request.id} is ${request.state} already${request.state === "approved" || request.state === "denied" ? by : ""}`;
}

/** Two reviewers at once: one wins, and the other is told who. */
async function explained(context: Context, request: RequestView, error: unknown): Promise<unknown> {
  if (!(error instanceof IhcError) || error.code !== "conflict") return error;
  const now = await (await context.control()).request(request.id);
  const message = now.state === "pending" ? `${request.id} changed while you looked` : decided(now);
  return new IhcError("conflict", message, { hint: `look again: ihc requests ${request.id}`, cause: error });
}

function outcome(request: RequestView, answer: ReviewInput["answer"]): string {
  if (answer === "deny") return `${request.id} denied`;
  if (request.state !== "pending")
    return `${request.id} approved${request.grant === undefined ? "" : ` (${request.grant})`}`;
  const given = request.reviews.filter((review) => review.answer === "approve").length;
  const needed = request.slots.reduce((sum, slot) => sum + slot.people, 0);
  return `your approval of ${request.id} counts (${given} of ${needed}); it waits for the others`;
}

/** In pages of the terminal's height: the end of a long text is reached only by going through it. */
async function showPaged(context: Context, request: RequestView, yes: boolean): Promise<void> {
  const { io } = context;
  const lines = requestText(request, io.err, context.clock.now()).split("\n");
  const page = Math.max(10, io.rows - 2);
  if (yes || !io.interactive) {
    for (const line of lines) io.say(line);
    return;
  }
  const { input } = await import("@inquirer/prompts");
  for (let from = 0; from < lines.length; from += page) {
    for (const line of lines.slice(from, from + page)) io.say(line);
    const left = lines.length - from - page;
    if (left > 0)
      await input(
        { message: `${left} more lines; Enter shows them, Ctrl-C stops` },
        { signal: context.signal, output: process.stderr },
      );
  }
}

async function confirm(context: Context, request: RequestView, answer: ReviewInput["answer"]): Promise<void> {
  if (!context.io.interactive)
    throw new IhcError("usage", "a review is asked for on a terminal", {
      hint: `without one: read ihc requests ${request.id}, then add --yes --digest sha256:… of what you read`,
    });
  const prompts = await import("@inquirer/prompts");
  const how = { signal: context.signal, output: process.stderr };
  if (answer === "approve" && isHighRisk(request)) {
    const message = `High risk. Type the target's name (${visible(request.target)}) to approve:`;
    const said = await prompts.input({ message }, how);
    if (said.trim() !== request.target)
      throw new IhcError("canceled", "that is not the target's name; nothing was approved", {
        hint: `look again: ihc approve ${request.id}`,
      });
    return;
  }
  const word = answer === "approve" ? "Approve" : "Deny";
  const sure = await prompts.confirm({ message: `${word} exactly this?`, default: false }, how);
  if (!sure) throw undecided(request);
}
