import type { Clock } from "../base/clock.ts";
import { IhcError } from "../base/errors.ts";
import { visible } from "../base/text.ts";
import type { GrantView, RequestInput, RequestView, TargetView } from "../core/api/schema.ts";
import type { Effect } from "../core/session/operation.ts";
import type { ControlClient } from "./control-client.ts";
import { pause } from "./pause.ts";

export interface Wish {
  readonly target: string;
  /** Undefined: what policy offers. */
  readonly effects?: readonly Effect[] | undefined;
  readonly incident?: string | undefined;
  readonly duration?: number | undefined;
  readonly breakGlass: boolean;
  /** Asked for only when a request has to be filed. */
  readonly reason: () => Promise<string>;
  /** False: file the request and throw `pending`. */
  readonly wait: boolean;
}

/** What stands between the wish and the session, told as it happens. */
export type AccessEvent =
  | { readonly kind: "needs-approval"; readonly target: TargetView; readonly breakGlass: boolean }
  | { readonly kind: "filed" | "found"; readonly request: RequestView; readonly waits: boolean }
  | { readonly kind: "approved"; readonly request: RequestView; readonly grant: GrantView }
  | { readonly kind: "using"; readonly grant: GrantView }
  | { readonly kind: "trouble"; readonly error: IhcError };

export interface Access {
  readonly target: TargetView;
  /** Absent when policy permits without a grant. */
  readonly grant?: GrantView;
}

/**
 * Gets leave to open a session: an active grant, a pending request of ours, or a new request, in that order, so that a
 * restarted CLI goes on where the last one stopped. Throws IhcError `denied`, `pending`, `approval-refused`, `canceled`.
 */
export async function obtain(
  control: ControlClient,
  wish: Wish,
  tell: (event: AccessEvent) => void,
  clock: Clock,
  signal: AbortSignal,
): Promise<Access> {
  const target = await findTarget(control, wish.target);
  const { access } = target;
  const plain =
    !wish.breakGlass &&
    (wish.effects ?? []).every((e) => access.kind !== "deny" && access.effects.includes(e));
  if (access.kind === "allow" && plain) return { target };
  const usable = (held: {
    readonly effects: readonly Effect[];
    readonly break_glass: boolean;
    readonly target: string;
  }): boolean =>
    held.target === target.name &&
    held.break_glass === wish.breakGlass &&
    (wish.effects ?? []).every((effect) => held.effects.includes(effect));
  const grants = (await control.grants({ scope: "mine", state: "active", target: target.name })).filter(
    (grant) =>
      grant.mine &&
      grant.state === "active" &&
      usable(grant) &&
      Date.parse(grant.expires_at) > clock.now().getTime(),
  );
  const grant = grants.toSorted((a, b) => Date.parse(b.expires_at) - Date.parse(a.expires_at))[0];
  if (grant !== undefined) {
    tell({ kind: "using", grant });
    return { target, grant };
  }
  const pending = (await control.requests({ scope: "mine", state: "pending", target: target.name })).find(
    (request) => request.mine && request.state === "pending" && request.kind === "access" && usable(request),
  );
  if (pending === undefined && access.kind === "deny" && !wish.breakGlass) throw refused(target);
  if (pending === undefined) tell({ kind: "needs-approval", target, breakGlass: wish.breakGlass });
  const request = pending ?? (await control.fileRequest(await input(wish, target)));
  tell({ kind: pending === undefined ? "filed" : "found", request, waits: wish.wait });
  if (request.state === "pending" && !wish.wait)
    throw new IhcError("pending", `${request.id} waits for approval`, {
      hint: `a reviewer runs ihc approve ${request.id}`,
    });
  const decided = await decision(control, request, tell, signal);
  const issued = await issuedGrant(control, decided);
  tell({ kind: "approved", request: decided, grant: issued });
  return { target, grant: issued };
}

/** The target by its name. Throws IhcError `not-found` with the nearest names. */
export async function findTarget(control: ControlClient, name: string): Promise<TargetView> {
  const targets = await control.targets();
  const found = targets.find((target) => target.name === name);
  if (found !== undefined) return found;
  const near = targets.filter(
    (target) => target.name.startsWith(name) || name.startsWith(target.name) || target.name.includes(name),
  );
  throw new IhcError("not-found", `there is no target ${visible(name)} for you`, {
    hint:
      near.length > 0
        ? `did you mean ${near.map((target) => target.name).join(" or ")}?`
        : "list them with ihc targets",
  });
}

function refused(target: TargetView): IhcError {
  const { access } = target;
  if (access.kind !== "deny") return new IhcError("denied", `policy refuses ${target.name}`);
  return new IhcError("denied", `${target.name}: ${access.reason}`, {
    rule: access.rule,
    hint: access.hint ?? `in an emergency: ihc request ${target.name} --break-glass`,
  });
}

async function input(wish: Wish, target: TargetView): Promise<RequestInput> {
  return {
    target: target.name,
    reason: await wish.reason(),
    ...(wish.effects === undefined ? {} : { effects: [...wish.effects] }),
    ...(wish.incident === undefined ? {} : { incident: wish.incident }),
    ...(wish.duration === undefined ? {} : { duration: wish.duration }),
    ...(wish.breakGlass ? { break_glass: true } : {}),
  };
}

const longPoll = 25_000;

/** Waits until the request is decided; a gateway that restarts meanwhile is asked again. */
export async function decision(
  control: ControlClient,
  request: RequestView,
  tell: (event: AccessEvent) => void,
  signal: AbortSignal,
): Promise<RequestView> {
  let current = request;
  let troubled = false;
  while (current.state === "pending") {
    try {
      const before = current.version;
      current = await control.request(request.id, { wait: longPoll, version: before, signal });
      troubled = false;
      // A gateway that answers at once without news must not be asked in a tight loop.
      if (current.state === "pending") await pause(500, signal);
    } catch (error) {
      if (!(error instanceof IhcError) || !passing.has(error.code) || signal.aborted)
        throw stopped(error, request, signal);
      if (!troubled) tell({ kind: "trouble", error });
      troubled = true;
      await pause(2000, signal).catch((cause: unknown) => {
        throw stopped(cause, request, signal);
      });
    }
  }
  return current;
}

const passing: ReadonlySet<string> = new Set(["unavailable", "rate-limited"]);

function stopped(error: unknown, request: RequestView, signal: AbortSignal): unknown {
  if (!signal.aborted) return error;
  return new IhcError("canceled", `stopped waiting; ${request.id} is still pending`, {
    hint: `go on with ihc connect ${request.target}, or take it back: ihc cancel ${request.id}`,
    cause: error,
  });
}

/** The grant of a decided request. Throws IhcError `approval-refused` when there is none. */
export async function issuedGrant(control: ControlClient, request: RequestView): Promise<GrantView> {
  if (request.state === "approved" && request.grant !== undefined) return await control.grant(request.grant);
  throw refusedRequest(request);
}

export function refusedRequest(request: RequestView): IhcError {
  if (request.state === "expired")
    return new IhcError("approval-refused", `${request.id} timed out before anybody reviewed it`, {
      hint: `ask again: ihc request ${request.target}`,
    });
  if (request.state === "canceled") return new IhcError("canceled", `${request.id} was canceled`);
  const denial = request.reviews.find((review) => review.answer === "deny");
  const said = denial?.comment === undefined ? "" : `: ${denial.comment}`;
  return new IhcError(
    "approval-refused",
    `${request.id} was denied${denial === undefined ? "" : ` by ${denial.name}`}${said}`,
    {
      hint: "talk to the reviewer before you ask again",
    },
  );
}
