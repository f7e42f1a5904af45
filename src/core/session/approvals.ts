import type { Digest } from "../../base/bytes.ts";
import type { RequestId } from "../../base/ids.ts";
import type { AuditEntry } from "../audit/entry.ts";
import type { Operation } from "./operation.ts";
import type { Held } from "./session.ts";
import type { Hold } from "./verdict.ts";

/** Where held operations go for review. Implemented by the gateway over the store. */
export interface Approvals {
  /**
   * Files an operation approval and resolves with its outcome. Calls `onHold` once it is filed. When `signal` aborts, the
   * request is cancelled and the outcome is `canceled`.
   */
  review(
    op: Operation,
    hold: Hold,
    digest: Digest,
    options: { readonly signal: AbortSignal; readonly onHold: (held: Held) => void },
  ): Promise<Reviewed>;
  /**
   * Spends the approval by compare-and-set, once. False when it was spent, is not approved, or its digest differs: then
   * nothing may run.
   */
  use(request: RequestId, digest: Digest): Promise<boolean>;
}

export type Reviewed =
  /** `by`: names of the people who approved, every slot of the hold being full. */
  | { readonly kind: "approved"; readonly request: RequestId; readonly by: readonly string[] }
  | {
      readonly kind: "denied";
      readonly request: RequestId;
      readonly by: readonly string[];
      readonly comment?: string;
    }
  | { readonly kind: "expired" | "canceled"; readonly request: RequestId };

/** Resolves when the entry is durably queued for the audit log. */
export interface Audit {
  enqueue(entry: AuditEntry): Promise<void>;
}
