import { IhcError } from "../../base/errors.ts";
import type { Session } from "../../core/session/session.ts";
import type { Upstream } from "../protocol.ts";
import type { SessionState } from "./exchange.ts";
import type { objectMasks } from "./masks.ts";
import type { KubernetesSettings } from "./settings.ts";
import type { Cluster } from "./upstream.ts";

/** One client connection of a session. */
export interface Serving {
  readonly session: Session;
  readonly upstream: Upstream<KubernetesSettings, SessionState>;
  readonly state: SessionState;
  readonly cluster: Cluster;
  readonly masks: ReturnType<typeof objectMasks>;
}

/** Counts a request while it is under way. Throws IhcError `rate-limited`. */
export function take({ state, upstream }: Serving): () => void {
  const most = upstream.settings.requests_at_once;
  if (state.underway >= most)
    throw new IhcError("rate-limited", `this session has ${most} requests under way`, {
      rule: "requests-at-once",
      hint: "end some watches, then try again",
    });
  state.underway += 1;
  return () => {
    state.underway -= 1;
  };
}
