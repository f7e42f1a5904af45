import { IhcError } from "../base/errors.ts";
import { grantUnusable } from "../core/access/grant.ts";
import type { SessionEndCode } from "../core/access/session-record.ts";
import type { InForce } from "./in-force.ts";
import type { LiveSession } from "./live-session.ts";

/** Why a session has to end: the code for programs, the reason for people. */
export interface Cause {
  readonly code: SessionEndCode;
  readonly reason: IhcError;
}

/** Why a session must end by the time alone, or because its grant has; undefined while it stands. Cheap. */
export function outOfTime(live: LiveSession, now: Date): Cause | undefined {
  const { principal, grant, record } = live.state;
  if (live.overdue) return cause("expired", grant ? "the grant has ended" : "the session's time is up");
  if (grant?.state === "revoked")
    return cause("revoked", `the grant was revoked by ${grant.endedBy ?? "the gateway"}`);
  if (grant && grantUnusable(grant, principal, record.target, now))
    return cause("expired", "the grant has ended");
  return undefined;
}

/** Why policy, the target or its settings do not carry a session any more; undefined while they do. */
export function lostGround(live: LiveSession, inForce: InForce, now: Date): Cause | undefined {
  const { served, principal, grant, record } = live.state;
  const target = inForce.targets.get(record.target);
  if (!target) return cause("refused", "the target was taken away");
  if (target.fingerprint !== served.fingerprint)
    return cause("changed", "the target's settings have changed: connect again");
  const { breakGlass, incident = "" } = record;
  const access = inForce.policy.access(principal, target.target, grant?.effects, breakGlass, now, incident);
  if (access.kind === "deny") return cause("refused", `policy does not allow it any more: ${access.reason}`);
  if (access.kind === "needs-grant" && !grant) return cause("refused", "policy asks for a grant now");
  return undefined;
}

export const unrecordable: Cause = {
  code: "unrecorded",
  reason: new IhcError("unavailable", "the session cannot be recorded any more", {
    hint: "tell the gateway's operator",
  }),
};

function cause(code: SessionEndCode, message: string): Cause {
  return { code, reason: new IhcError("denied", message) };
}
