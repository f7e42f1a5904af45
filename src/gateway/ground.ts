import { IhcError } from "../base/errors.ts";
import { grantUnusable } from "../core/access/grant.ts";
import type { InForce } from "./in-force.ts";
import type { LiveSession } from "./live-session.ts";

/** Why a session must end by the time alone, or because its grant has; undefined while it stands. Cheap. */
export function outOfTime(live: LiveSession, now: Date): IhcError | undefined {
  const { principal, grant, record } = live.state;
  if (live.overdue) return new IhcError("denied", grant ? "the grant has ended" : "the session's time is up");
  if (grant?.state === "revoked")
    return new IhcError("denied", `the grant was revoked by ${grant.endedBy ?? "the gateway"}`);
  if (grant && grantUnusable(grant, principal, record.target, now))
    return new IhcError("denied", "the grant has ended");
  return undefined;
}

/** Why policy, the target or its settings do not carry a session any more; undefined while they do. */
export function lostGround(live: LiveSession, inForce: InForce, now: Date): IhcError | undefined {
  const { served, principal, grant, record } = live.state;
  const target = inForce.targets.get(record.target);
  if (!target) return new IhcError("denied", "the target was taken away");
  if (target.fingerprint !== served.fingerprint)
    return new IhcError("denied", "the target's settings have changed: connect again");
  const { breakGlass, incident = "" } = record;
  const access = inForce.policy.access(principal, target.target, grant?.effects, breakGlass, now, incident);
  if (access.kind === "deny")
    return new IhcError("denied", `policy does not allow it any more: ${access.reason}`);
  if (access.kind === "needs-grant" && !grant) return new IhcError("denied", "policy asks for a grant now");
  return undefined;
}
