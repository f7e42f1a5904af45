import type { IhcError } from "../base/errors.ts";
import type { SessionView } from "../core/api/schema.ts";
import type { ConnectionEvent } from "./listener.ts";

export type LiveEvent =
  | { readonly kind: "connection"; readonly event: ConnectionEvent }
  | { readonly kind: "ends-soon"; readonly left: number }
  /** The session ended although the access stands (the gateway was restarted): there is a new one on the same port. */
  | { readonly kind: "reopened"; readonly session: SessionView; readonly reason: string }
  | { readonly kind: "unreachable"; readonly error: IhcError }
  /** ~/.pg_service.conf was left alone: it has an entry of that name, or cannot be changed. */
  | { readonly kind: "no-service"; readonly name: string }
  | { readonly kind: "reachable" };

/** Why a session is over: its time was up, somebody or something ended it. */
export interface Ending {
  readonly kind: "expired" | "ended";
  readonly reason: string;
}
