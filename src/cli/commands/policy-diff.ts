import { resolve } from "node:path";
import { IhcError } from "../../base/errors.ts";
import { visible } from "../../base/text.ts";
import type { Policy } from "../../core/access/policy.ts";
import type { Target } from "../../core/access/target.ts";
import type { Verdict } from "../../core/session/verdict.ts";
import { loadPolicies } from "../../gateway/policy-files.ts";
import type { Context } from "../context.ts";
import { withHostStore } from "../host-store.ts";
import { validFiles } from "../operator.ts";
import type { Invocation } from "../options.ts";
import { type Change, changed, type RecordedQuestion, recordedQuestions } from "../recorded-questions.ts";
import { excerpt } from "../show.ts";

/** On the gateway's host: asks another folder of policies about what was recorded, and says what would be otherwise. */
export async function run(context: Context, typed: Invocation): Promise<number | undefined> {
  const { config, policy } = await validFiles(typed);
  const targets = config.targets.map(({ target }) => target);
  const next = await compiled(resolve(typed.argument(0)), targets);
  const limit = typed.integer("sessions", 1, 10_000) ?? 100;
  const found = await withHostStore(typed, async (host) => {
    const compared: Compared[] = [];
    for (const session of await host.store.sessions.list({ limit }))
      compared.push(await compare(recordedQuestions(host, session, targets), policy, next));
    return compared;
  });
  const changes = found.flatMap((one) => one.changes);
  const counts = {
    sessions: found.length,
    operations: found.reduce((sum, one) => sum + one.operations, 0),
    unreadable: found.filter((one) => one.unreadable).length,
  };
  if (context.json) context.io.json({ v: 1, ...counts, changes: changes.map(plain) });
  else print(context, changes, counts);
  return changes.length === 0 ? undefined : 1;
}

async function compiled(folder: string, targets: readonly Target[]): Promise<Policy> {
  const { policy, issues } = await loadPolicies(folder, targets);
  if (policy !== undefined) return policy;
  const [first] = issues;
  const message = first ? `${first.file}:${first.line}: ${first.message}` : "the policies are not valid";
  throw new IhcError("config", message, { hint: first?.hint ?? "see docs/policy.md" });
}

interface Compared {
  readonly changes: readonly Change[];
  readonly operations: number;
  readonly unreadable: boolean;
}

async function compare(
  questions: AsyncIterable<RecordedQuestion>,
  before: Policy,
  after: Policy,
): Promise<Compared> {
  const changes: Change[] = [];
  let operations = 0;
  try {
    for await (const recorded of questions) {
      operations += 1;
      changes.push(...changed(recorded, before, after));
    }
  } catch (error) {
    if (!(error instanceof IhcError)) throw error;
    return { changes, operations, unreadable: true };
  }
  return { changes, operations, unreadable: false };
}

function print(
  { io }: Context,
  changes: readonly Change[],
  counts: { readonly sessions: number; readonly operations: number; readonly unreadable: number },
): void {
  for (const { recorded, before, after } of changes) {
    const { session, question, text } = recorded;
    const who = `${visible(session.principal.name)} on ${question.target.name}`;
    io.print(`${session.id} ${who}: ${word(before)} → ${io.out.bold(word(after))}   ${excerpt(text, 60)}`);
  }
  const unread = counts.unreadable > 0 ? `; ${counts.unreadable} recordings could not be read` : "";
  const of = `${counts.operations} operations in ${counts.sessions} sessions`;
  io.say(`${changes.length} of ${of} would be judged otherwise${unread}`);
}

function plain({ recorded, before, after }: Change): object {
  const { effect, target, resources, traits } = recorded.question;
  const { id, principal } = recorded.session;
  const about = { session: id, person: principal.name, target: target.name, effect, resources, traits };
  return { ...about, text: recorded.text, before, after };
}

function word(verdict: Verdict): string {
  if (verdict.kind === "hold") return `held (${visible(verdict.rule)})`;
  return `${verdict.kind === "deny" ? "denied" : "allowed"} (${visible(verdict.rule)})`;
}
